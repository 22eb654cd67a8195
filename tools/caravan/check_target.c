/* SPDX-License-Identifier: MIT */
#include "check_target.h"

#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "check_qemu.h"

#define DROPS_MOST 8
#define CHUNK      (256u << 10)

struct source {
    struct check_qemu *qemu;
    int fd;
};

static ssize_t read_source(void *source, void *to, size_t n)
{
    struct source *from = source;

    return check_qemu_read(from->qemu, from->fd, to, n);
}

/* ---- What the monitor tells ---- */

static gint64 number(JsonObject *object, const char *name)
{
    return json_object_get_int_member_with_default(object, name, 0);
}

static JsonArray *list_of(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static JsonObject *object_of(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static void learn_bars(struct check_target *self, JsonArray *devices, const char *stem);

static void learn_device(struct check_target *self, JsonObject *device, const char *stem)
{
    struct check_bars *bars = g_new0(struct check_bars, 1);
    JsonArray *regions = list_of(device, "regions");
    JsonObject *bridge = object_of(device, "pci_bridge");
    char *path = g_strdup_printf("%s:%02x.%x", stem, (unsigned)number(device, "slot") & 0xff,
                                 (unsigned)number(device, "function") & 0xf);

    for (guint i = 0; regions && i < json_array_get_length(regions); i++) {
        JsonObject *region = json_array_get_object_element(regions, i);
        gint64 bar = number(region, "bar");

        if (bar >= 0 && bar < CHECK_BARS)
            bars->size[bar] = (uint64_t)number(region, "size");
    }
    if (bridge && list_of(bridge, "devices"))
        learn_bars(self, list_of(bridge, "devices"), path);
    g_hash_table_insert(self->bars, path, bars);
}

static void learn_bars(struct check_target *self, JsonArray *devices, const char *stem)
{
    for (guint i = 0; i < json_array_get_length(devices); i++)
        learn_device(self, json_array_get_object_element(devices, i), stem);
}

static void learn_pci(struct check_target *self, JsonNode *node)
{
    JsonArray *buses = JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;

    for (guint i = 0; buses && i < json_array_get_length(buses); i++) {
        JsonObject *bus = json_array_get_object_element(buses, i);
        char *stem = g_strdup_printf("0000:%02x", (unsigned)number(bus, "bus") & 0xff);

        if (list_of(bus, "devices"))
            learn_bars(self, list_of(bus, "devices"), stem);
        g_free(stem);
    }
}

/* QEMU's table of blocks is for people: name, page, offset, used, total. */
static void learn_ram(struct check_target *self, JsonNode *node)
{
    const char *text = NULL;
    char **lines;

    if (JSON_NODE_HOLDS_OBJECT(node))
        text = json_object_get_string_member_with_default(json_node_get_object(node),
                                                          "human-readable-text", NULL);
    lines = g_strsplit(text ? text : "", "\n", -1);
    for (size_t i = 0; lines[i]; i++) {
        char **words = g_strsplit_set(g_strstrip(lines[i]), " \t", -1);
        const char *some[8] = {NULL};
        size_t n = 0;

        for (size_t k = 0; words[k] && n < G_N_ELEMENTS(some); k++)
            if (*words[k])
                some[n++] = words[k];
        if (n >= 6 && g_str_has_prefix(some[5], "0x")) {
            uint64_t *room = g_new(uint64_t, 1);

            *room = g_ascii_strtoull(some[5], NULL, 16);
            g_hash_table_insert(self->room, g_strdup(some[0]), room);
        }
        g_strfreev(words);
    }
    g_strfreev(lines);
}

static void learn_machine(struct check_target *self, JsonNode *node)
{
    static const char tail[] = "-machine";

    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
        return;
    self->machine = g_strdup(json_node_get_string(node));
    if (g_str_has_suffix(self->machine, tail))
        self->machine[strlen(self->machine) - strlen(tail)] = 0;
}

/* The tree is for people, too: "dev: TYPE, id ...". */
static void learn_types(struct check_target *self, JsonNode *node)
{
    static const char mark[] = "dev: ";
    const char *at;

    if (!JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
        return;
    at = json_node_get_string(node);
    while ((at = strstr(at, mark))) {
        char *type;
        guint n;

        at += strlen(mark);
        type = g_strndup(at, strcspn(at, ",\r\n"));
        n = GPOINTER_TO_UINT(g_hash_table_lookup(self->types, type));
        g_hash_table_insert(self->types, type, GUINT_TO_POINTER(n + 1));
    }
}

/* QEMUs that do not know a command are believed to have nothing to tell. */
static void learn(struct check_target *self, struct check_qemu *qemu)
{
    static const struct {
        const char *command;
        const char *arguments;
        void (*take)(struct check_target *self, JsonNode *node);
    } questions[] = {
        {"query-pci", NULL, learn_pci},
        {"x-query-ramblock", NULL, learn_ram},
        {"human-monitor-command", "{\"command-line\": \"info qtree\"}", learn_types},
        {"qom-get", "{\"path\": \"/machine\", \"property\": \"type\"}", learn_machine},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(questions); i++) {
        char *reason = NULL;
        JsonNode *node =
            check_qemu_ask(qemu, questions[i].command, questions[i].arguments, &reason);

        if (node) {
            questions[i].take(self, node);
            json_node_unref(node);
        }
        g_free(reason);
    }
}

/* ---- Its stream ---- */

static bool tell(struct check_qemu *qemu, const char *command, const char *arguments, char **reason)
{
    JsonNode *node = check_qemu_ask(qemu, command, arguments, reason);

    if (node)
        json_node_unref(node);
    return node != NULL;
}

static int start_saving(struct check_qemu *qemu, char **reason)
{
    char *ignored = NULL;
    int fd;

    /* machine types that write no description can do it all the same */
    if (!tell(qemu, "qom-set",
              "{\"path\": \"/machine\", \"property\": \"suppress-vmdesc\", \"value\": false}",
              &ignored))
        g_free(ignored);
    fd = check_qemu_give_pair(qemu, "caravan", reason);
    if (fd < 0)
        return -1;
    if (tell(qemu, "migrate", "{\"uri\": \"fd:caravan\"}", reason))
        return fd;
    close(fd);
    return -1;
}

static bool learn_stream(struct check_target *self, struct check_qemu *qemu, char **reason)
{
    struct source source = {qemu, start_saving(qemu, reason)};

    if (source.fd < 0)
        return false;
    self->view = check_view_read(read_source, &source, NULL);
    close(source.fd);
    if (!self->view->whole) {
        *reason = g_strdup_printf("what it saves cannot be read: %s", self->view->error.reason);
        return false;
    }
    for (guint i = 0; i < self->view->blocks->len; i++)
        self->ram += g_array_index(self->view->blocks, struct check_block, i).size;
    return true;
}

/* "State blocked by non-migratable device '0000:00:04.0/nvme'": the part behind the slash. */
static char *blocking_driver(const char *words)
{
    const char *name = strstr(words, "non-migratable device '");
    char *driver;

    if (!name)
        return NULL;
    name = strchr(name, '\'') + 1;
    driver = g_strndup(name, strcspn(name, "'"));
    name = check_leaf(driver);
    memmove(driver, name, strlen(name) + 1);
    return driver;
}

const struct check_schema *check_target_schema(struct check_target *self, double timeout_s)
{
    char *path = NULL, *reason = NULL;
    int fd = self->schema ? -1 : g_file_open_tmp("caravan-XXXXXX", &path, NULL);

    if (fd < 0)
        return self->schema;
    close(fd);
    if (check_qemu_run(self->command, (const char *const[]){"-dump-vmstate", path, NULL}, timeout_s,
                       &reason))
        self->schema = check_schema_read(path, &reason);
    g_free(reason);
    g_unlink(path);
    g_free(path);
    return self->schema;
}

/* The name of a section is mostly that of its driver. */
static bool drop_device(struct check_target *self, const char *name, double timeout_s)
{
    const struct check_schema *schema;
    GHashTableIter iter;
    gpointer type;

    if (check_command_drop_device(self->command, name))
        return true;
    schema = check_target_schema(self, timeout_s);
    g_hash_table_iter_init(&iter, self->types);
    while (schema && g_hash_table_iter_next(&iter, &type, NULL))
        if (check_schema_writes(schema, type, name) &&
            check_command_drop_device(self->command, type))
            return true;
    return false;
}

/* One try; false with *again when a device was left out and it may go better now. */
static bool try_machine(struct check_target *self, double timeout_s, bool *again, char **reason)
{
    static const char *const extra[] = {NULL};
    struct check_qemu *qemu = check_qemu_new(self->command, extra, timeout_s, reason);
    bool fine = false;
    char *driver;

    *again = false;
    if (!qemu)
        return false;
    learn(self, qemu);
    fine = learn_stream(self, qemu, reason);
    check_qemu_free(qemu);
    if (fine)
        return true;
    driver = *reason ? blocking_driver(*reason) : NULL;
    if (driver && drop_device(self, driver, timeout_s)) {
        g_ptr_array_add(self->dropped, driver);
        *again = true;
        return false;
    }
    g_free(driver);
    return false;
}

struct check_target *check_target_new(const char *line, double timeout_s, char **reason)
{
    struct check_target *self;
    struct check_command *command = check_command_new(line, reason);
    bool fine = false, again = true;

    if (!command)
        return NULL;
    self = g_new0(struct check_target, 1);
    self->command = command;
    self->bars = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->room = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->types = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    self->dropped = g_ptr_array_new_with_free_func(g_free);
    for (int i = 0; i < DROPS_MOST && !fine && again; i++) {
        g_clear_pointer(reason, g_free);
        g_clear_pointer(&self->machine, g_free);
        g_hash_table_remove_all(self->types);
        fine = try_machine(self, timeout_s, &again, reason);
    }
    if (fine)
        return self;
    check_target_free(self);
    return NULL;
}

void check_target_free(struct check_target *self)
{
    if (!self)
        return;
    check_command_free(self->command);
    check_view_free(self->view);
    g_free(self->machine);
    g_hash_table_unref(self->bars);
    g_hash_table_unref(self->room);
    g_hash_table_unref(self->types);
    check_schema_free(self->schema);
    g_ptr_array_unref(self->dropped);
    g_free(self);
}

/* ---- The rehearsal ---- */

static struct check_qemu *start_loading(const struct check_target *self, double timeout_s, int *fd,
                                        char **words)
{
    static const char *const extra[] = {"-incoming", "defer", NULL};
    struct check_qemu *qemu = check_qemu_new(self->command, extra, timeout_s, words);

    if (!qemu)
        return NULL;
    *fd = check_qemu_give_pair(qemu, "caravan", words);
    if (*fd >= 0 && tell(qemu, "migrate-incoming", "{\"uri\": \"fd:caravan\"}", words))
        return qemu;
    if (*fd >= 0)
        close(*fd);
    check_qemu_free(qemu);
    return NULL;
}

int check_target_rehearse(const struct check_target *self, check_reader reader, void *source,
                          double timeout_s, char **words)
{
    int fd, verdict = -1;
    struct check_qemu *qemu = start_loading(self, timeout_s, &fd, words);
    uint8_t *chunk;
    ssize_t n;

    if (!qemu)
        return -1;
    chunk = g_malloc(CHUNK);
    while ((n = reader(source, chunk, CHUNK)) > 0)
        if (!check_qemu_write(qemu, fd, chunk, (size_t)n))
            break;
    close(fd);
    if (n < 0)
        *words = g_strdup("the stream cannot be read to its end");
    else
        verdict = check_qemu_wait_migration(qemu, words);
    g_free(chunk);
    check_qemu_free(qemu);
    return verdict;
}

int check_target_rehearse_from(const struct check_target *self, const struct check_target *from,
                               double timeout_s, char **words)
{
    static const char *const extra[] = {NULL};
    struct source source = {check_qemu_new(from->command, extra, timeout_s, words), -1};
    int verdict = -1;

    if (!source.qemu)
        return -1;
    source.fd = start_saving(source.qemu, words);
    if (source.fd >= 0) {
        verdict = check_target_rehearse(self, read_source, &source, timeout_s, words);
        close(source.fd);
    }
    check_qemu_free(source.qemu);
    return verdict;
}
