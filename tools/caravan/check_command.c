/* SPDX-License-Identifier: MIT */
#include "check_command.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_options.h"

#define DISK_SIZE (64u << 20) /* of an image whose size is not known */

struct making {
    struct check_command *to;
    GHashTable *sizes; /* node name -> its size as text */
    unsigned networks; /* hubs made so far */
    char *reason;
};

typedef void (*rewriter)(struct making *making, const char *option, const char *value);

static void put(struct making *making, const char *word)
{
    g_ptr_array_add(making->to->argv, g_strdup(word));
}

/* Takes the text. */
static void put_option(struct making *making, const char *option, char *text)
{
    put(making, option);
    g_ptr_array_add(making->to->argv, text);
}

static void put_options(struct making *making, const char *option, struct check_options *options)
{
    put_option(making, option, check_options_text(options));
}

/* A plain file's size, as an empty image gets it; whether it is there is noted. */
static char *image_size(struct making *making, const char *file)
{
    struct stat stat_of;
    guint64 size = DISK_SIZE;

    if (file && g_str_has_prefix(file, "file:"))
        file += strlen("file:");
    if (file && (*file == '/' || !strchr(file, ':'))) {
        if (stat(file, &stat_of) < 0)
            g_ptr_array_add(making->to->lacks, g_strdup(file));
        else if (S_ISREG(stat_of.st_mode) && stat_of.st_size > 0)
            size = ((guint64)stat_of.st_size + 511) / 512 * 512;
    }
    return g_strdup_printf("%" G_GUINT64_FORMAT, size);
}

static void make_empty(struct making *making, struct check_options *options, const char *file)
{
    char *size = image_size(making, file);

    check_options_set(options, "driver", "null-co");
    check_options_set(options, "size", size);
    check_options_set(options, "read-zeroes", "on");
    g_free(size);
}

static void rewrite_drive(struct making *making, const char *option, const char *value)
{
    static const char *const kept[] = {"if",       "bus",       "unit",   "index",  "media",  "id",
                                       "readonly", "read-only", "serial", "werror", "rerror", NULL};
    struct check_options *options = check_options_parse(value, "file");
    char *file = g_strdup(check_options_get(options, "file"));

    if (!file)
        file = g_strdup(check_options_get(options, "file.filename"));
    if (file || check_options_get(options, "driver")) {
        check_options_keep(options, kept);
        make_empty(making, options, file);
    }
    put_options(making, option, options);
    check_options_free(options);
    g_free(file);
}

static void rewrite_node(struct making *making, const char *option, const char *value)
{
    static const char *const kept[] = {"node-name", "read-only", "cache.*", "discard", NULL};
    struct check_options *options = check_options_parse(value, "driver");
    const char *name, *file, *known;
    char *size;

    if (!options) {
        making->reason = g_strdup_printf("%s %s is no JSON", option, value);
        return;
    }
    file = check_options_get(options, "file");
    known = file ? g_hash_table_lookup(making->sizes, file) : NULL;
    if (!file)
        file = check_options_get(options, "filename");
    if (!file)
        file = check_options_get(options, "file.filename");
    size = known ? g_strdup(known) : image_size(making, file);
    name = check_options_get(options, "node-name");
    if (name)
        g_hash_table_insert(making->sizes, g_strdup(name), g_strdup(size));
    check_options_keep(options, kept);
    check_options_set(options, "driver", "null-co");
    check_options_set(options, "size", size);
    check_options_set(options, "read-zeroes", "on");
    put_options(making, option, options);
    check_options_free(options);
    g_free(size);
}

/* -hda FILE and the like are short for -drive. */
static void rewrite_image(struct making *making, const char *option, const char *value)
{
    static const char *const long_form[][2] = {
        {"-hda", "if=ide,index=0,media=disk"},
        {"-hdb", "if=ide,index=1,media=disk"},
        {"-hdc", "if=ide,index=2,media=disk"},
        {"-hdd", "if=ide,index=3,media=disk"},
        {"-cdrom", "if=ide,index=2,media=cdrom"},
        {"-fda", "if=floppy,index=0"},
        {"-fdb", "if=floppy,index=1"},
        {"-pflash", "if=pflash"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(long_form); i++) {
        struct check_options *options;

        if (strcmp(long_form[i][0], option))
            continue;
        options = check_options_parse(long_form[i][1], NULL);
        make_empty(making, options, value);
        put_options(making, "-drive", options);
        check_options_free(options);
    }
}

static void rewrite_chardev(struct making *making, const char *option, const char *value)
{
    static const char *const harmless[] = {"null",      "ringbuf",      "msmouse", "spicevmc",
                                           "spiceport", "qemu-vdagent", NULL};
    static const char *const kept[] = {"id", "mux", NULL};
    struct check_options *options = check_options_parse(value, "backend");
    const char *backend = options ? check_options_get(options, "backend") : NULL;

    if (!backend) {
        making->reason = g_strdup_printf("%s %s names no back end", option, value);
    } else if (g_strv_contains(harmless, backend)) {
        put_option(making, option, g_strdup(value));
    } else {
        check_options_keep(options, kept);
        check_options_set(options, "backend", "null");
        put_options(making, option, options);
    }
    check_options_free(options);
}

static void rewrite_netdev(struct making *making, const char *option, const char *value)
{
    static const char *const outward[] = {"hostfwd", "guestfwd", "smb", "tftp", NULL};
    static const char *const kept[] = {"id", NULL};
    struct check_options *options = check_options_parse(value, "type");
    const char *type = options ? check_options_get(options, "type") : NULL;

    if (!type) {
        making->reason = g_strdup_printf("%s %s names no type", option, value);
    } else if (!strcmp(type, "user")) {
        check_options_drop(options, outward);
        put_options(making, option, options);
    } else {
        char *hub = g_strdup_printf("%u", 1000 + making->networks++);

        check_options_keep(options, kept);
        check_options_set(options, "type", "hubport");
        check_options_set(options, "hubid", hub);
        put_options(making, option, options);
        g_free(hub);
    }
    check_options_free(options);
}

/* -nic and -net: the device stays where it is, without a back end. */
static void rewrite_nic(struct making *making, const char *option, const char *value)
{
    static const char *const outward[] = {"hostfwd", "guestfwd", "smb", "tftp", NULL};
    static const char *const kept[] = {"model", "mac", "macaddr", "addr", "vectors", "id", NULL};
    struct check_options *options = check_options_parse(value, "type");
    const char *type = check_options_get(options, "type"), *mac;

    if (!type || !strcmp(type, "user") || !strcmp(type, "none") || !strcmp(type, "nic")) {
        check_options_drop(options, outward);
        put_options(making, option, options);
    } else if (!strcmp(option, "-nic")) {
        mac = check_options_get(options, "mac");
        if (mac)
            check_options_set(options, "macaddr", mac);
        check_options_keep(options, kept);
        check_options_drop(options, (const char *const[]){"mac", NULL});
        check_options_set(options, "type", "nic");
        put_options(making, "-net", options);
    }
    check_options_free(options);
}

static void rewrite_object(struct making *making, const char *option, const char *value)
{
    static const char *const files[] = {"memory-backend-file", "memory-backend-memfd",
                                        "memory-backend-shm", NULL};
    static const char *const kept[] = {"id", "size", "share",
                                       "x-use-canonical-path-for-ramblock-id", NULL};
    struct check_options *options = check_options_parse(value, "qom-type");
    const char *type = options ? check_options_get(options, "qom-type") : NULL;

    if (type && g_strv_contains(files, type)) {
        check_options_keep(options, kept);
        check_options_set(options, "qom-type", "memory-backend-ram");
        put_options(making, option, options);
    } else {
        put_option(making, option, g_strdup(value));
    }
    check_options_free(options);
}

/* Devices that take hold of something of the host's. */
static void rewrite_device(struct making *making, const char *option, const char *value)
{
    static const char *const hands_on[] = {"vfio-",       "usb-host",     "vhost-",
                                           "scsi-block",  "scsi-generic", "ivshmem-doorbell",
                                           "u2f-passthru"};
    struct check_options *options = check_options_parse(value, "driver");
    const char *driver = options ? check_options_get(options, "driver") : NULL;

    for (size_t i = 0; driver && i < G_N_ELEMENTS(hands_on); i++)
        if (g_str_has_prefix(driver, hands_on[i]))
            making->reason = g_strdup_printf(
                "-device %s takes hold of the host's own device, which check does not do; leave it "
                "out to check the rest",
                driver);
    if (!making->reason)
        put_option(making, option, g_strdup(value));
    check_options_free(options);
}

static void rewrite_serial(struct making *making, const char *option, const char *value)
{
    put_option(making, option, g_strdup(strcmp(value, "none") ? "null" : "none"));
}

static void rewrite_spice(struct making *making, const char *option, const char *value)
{
    put_option(making, option, g_strdup("unix=on,addr=@FOLDER@/spice,disable-ticketing=on"));
}

static const struct {
    const char *option;
    bool with_value;
    rewriter rewrite; /* NULL: left out */
} rewrites[] = {
    {"-drive", true, rewrite_drive},
    {"-blockdev", true, rewrite_node},
    {"-hda", true, rewrite_image},
    {"-hdb", true, rewrite_image},
    {"-hdc", true, rewrite_image},
    {"-hdd", true, rewrite_image},
    {"-cdrom", true, rewrite_image},
    {"-fda", true, rewrite_image},
    {"-fdb", true, rewrite_image},
    {"-pflash", true, rewrite_image},
    {"-chardev", true, rewrite_chardev},
    {"-netdev", true, rewrite_netdev},
    {"-nic", true, rewrite_nic},
    {"-net", true, rewrite_nic},
    {"-object", true, rewrite_object},
    {"-device", true, rewrite_device},
    {"-serial", true, rewrite_serial},
    {"-parallel", true, rewrite_serial},
    {"-debugcon", true, rewrite_serial},
    {"-spice", true, rewrite_spice},
    {"-incoming", true, NULL},
    {"-loadvm", true, NULL},
    {"-monitor", true, NULL},
    {"-mon", true, NULL},
    {"-qmp", true, NULL},
    {"-qmp-pretty", true, NULL},
    {"-vnc", true, NULL},
    {"-display", true, NULL},
    {"-pidfile", true, NULL},
    {"-D", true, NULL},
    {"-d", true, NULL},
    {"-trace", true, NULL},
    {"-gdb", true, NULL},
    {"-sandbox", true, NULL},
    {"-runas", true, NULL},
    {"-chroot", true, NULL},
    {"-mem-path", true, NULL},
    {"-plugin", true, NULL},
    {"-run-with", true, NULL},
    {"-dump-vmstate", true, NULL},
    {"-writeconfig", true, NULL},
    {"-dfilter", true, NULL},
    {"-S", false, NULL},
    {"-s", false, NULL},
    {"-daemonize", false, NULL},
    {"-snapshot", false, NULL},
    {"-preconfig", false, NULL},
    {"-nographic", false, NULL},
    {"-curses", false, NULL},
    {"-sdl", false, NULL},
    {"-mem-prealloc", false, NULL},
    {"-only-migratable", false, NULL},
    {"-full-screen", false, NULL},
};

/* Options without a value: what follows them is an image. Others are taken to have one. */
static const char *const bare[] = {
    "-enable-kvm", "-nodefaults", "-no-user-config", "-usb",        "-no-reboot",  "-no-shutdown",
    "-no-acpi",    "-no-hpet",    "-no-fd-bootchk",  "-singlestep", "-win2k-hack", "-no-quit",
    NULL,
};

/* One option with its value; returns how many words were used. */
static guint take_option(struct making *making, char **words)
{
    const char *word = words[0][1] == '-' ? words[0] + 1 : words[0];
    bool has_value = words[1] != NULL;

    for (size_t i = 0; i < G_N_ELEMENTS(rewrites); i++) {
        if (strcmp(word, rewrites[i].option))
            continue;
        if (!rewrites[i].with_value)
            return 1;
        if (!has_value)
            making->reason = g_strdup_printf("%s has no value", word);
        else if (rewrites[i].rewrite)
            rewrites[i].rewrite(making, word, words[1]);
        return has_value ? 2 : 1;
    }
    put(making, word);
    if (g_strv_contains(bare, word) || !has_value || words[1][0] == '-')
        return 1;
    put(making, words[1]);
    return 2;
}

static void take_words(struct making *making, char **words)
{
    while (*words && !making->reason) {
        if (words[0][0] == '-' && words[0][1]) {
            words += take_option(making, words);
        } else {
            rewrite_image(making, "-hda", words[0]);
            words++;
        }
    }
}

static char **program(struct making *making, char **words)
{
    while (*words && strchr(*words, '=') && (*words)[0] != '-' && (*words)[0] != '/')
        words++;
    if (*words && (*words)[0] != '-')
        put(making, *words++);
    else
        put(making, "qemu-system-x86_64");
    return words;
}

struct check_command *check_command_new(const char *line, char **reason)
{
    struct making making = {.to = g_new0(struct check_command, 1)};
    GError *error = NULL;
    char **words = NULL;

    making.to->argv = g_ptr_array_new_with_free_func(g_free);
    making.to->lacks = g_ptr_array_new_with_free_func(g_free);
    making.sizes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    if (!g_shell_parse_argv(line, NULL, &words, &error)) {
        making.reason = g_strdup_printf("no command line: %s", error->message);
        g_error_free(error);
    } else {
        take_words(&making, program(&making, words));
    }
    g_strfreev(words);
    g_hash_table_unref(making.sizes);
    *reason = making.reason;
    if (!making.reason)
        return making.to;
    check_command_free(making.to);
    return NULL;
}

void check_command_free(struct check_command *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->argv);
    g_ptr_array_unref(self->lacks);
    g_free(self);
}

static bool is_driver(const char *text, const char *driver)
{
    struct check_options *options = check_options_parse(text, "driver");
    const char *found = options ? check_options_get(options, "driver") : NULL;
    bool same = found && !strcmp(found, driver);

    check_options_free(options);
    return same;
}

bool check_command_drop_device(struct check_command *self, const char *driver)
{
    bool dropped = false;

    for (guint i = 0; i + 1 < self->argv->len;) {
        if (!strcmp(self->argv->pdata[i], "-device") &&
            is_driver(self->argv->pdata[i + 1], driver)) {
            g_ptr_array_remove_range(self->argv, i, 2);
            dropped = true;
        } else {
            i++;
        }
    }
    return dropped;
}
