/* SPDX-License-Identifier: MIT */
#include "demo.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "cli.h"

static const char *const vga_kinds[] = {"std", "virtio", "qxl", NULL};

/* Where the parts lie, seen from the folder of the program: build tree first. */
static const char *const library_places[] = {"../lib", "../src/abi", "..", CARAVAN_LIBDIR, NULL};
static const char *const guest_places[] = {"../guest", "..", CARAVAN_DATADIR, NULL};

#define LIBRARY_NAME "libspice-server.so.1"
#define GUEST_NAME   "guest.img"

#define DEMO_MOST_CLIENTS 8

static char *find_place(const char *const *places, const char *file)
{
    char *self = g_file_read_link("/proc/self/exe", NULL);
    char *folder = g_path_get_dirname(self ? self : ".");
    char *found = NULL;

    for (size_t i = 0; places[i] && !found; i++) {
        char *place = g_path_is_absolute(places[i]) ? g_strdup(places[i])
                                                    : g_build_filename(folder, places[i], NULL);
        char *path = g_build_filename(place, file, NULL);

        if (g_file_test(path, G_FILE_TEST_IS_REGULAR))
            found = g_canonicalize_filename(place, NULL);
        g_free(path);
        g_free(place);
    }
    g_free(folder);
    g_free(self);
    return found;
}

static int usage_error(const char *message)
{
    fprintf(stderr, "caravan demo: %s ('caravan demo --help' helps)\n", message);
    return DEMO_USAGE;
}

/* Fills in what was not given. NULL when all is well, else what is wrong. */
static const char *complete_options(struct demo_options *o)
{
    if (!o->out)
        o->out = g_strdup("demo-out");
    if (!o->vga)
        o->vga = g_strdup("std");
    if (!o->qemu)
        o->qemu = g_strdup("qemu-system-x86_64");
    if (o->clients < 1 || o->clients > DEMO_MOST_CLIENTS)
        return "--clients is 1 to 8";
    if (!g_strv_contains(vga_kinds, o->vga))
        return "--vga is std, virtio or qxl";
    if (!o->libdir)
        o->libdir = find_place(library_places, LIBRARY_NAME);
    if (!o->libdir)
        return LIBRARY_NAME " was not found: give --libdir DIR, or --libdir '' for the system's";
    if (!o->guest) {
        char *place = find_place(guest_places, GUEST_NAME);

        if (place)
            o->guest = g_build_filename(place, GUEST_NAME, NULL);
        g_free(place);
    }
    if (!o->guest || !g_file_test(o->guest, G_FILE_TEST_IS_REGULAR))
        return "the guest's image was not found: give --guest IMG";
    if (g_mkdir_with_parents(o->out, 0755))
        return "the folder for the pictures can't be made";
    return NULL;
}

static void print_head(const struct demo *demo)
{
    printf("%scaravan demo%s  a VM moves, its user stays  (%s VGA, TCG, all on this host)\n\n",
           term_style(&demo->term, TERM_BOLD), term_style(&demo->term, TERM_PLAIN),
           demo->options.vga);
}

static int report_failure(struct demo *demo, GError *error)
{
    bool stopped = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);

    printf("\n  %s %s\n", term_verdict(&demo->term, false), error->message);
    fflush(stdout);
    fprintf(stderr, "caravan demo: %s (QEMU's words are in %s/*.log)\n", error->message,
            demo->options.out);
    return stopped ? DEMO_INTERRUPTED : DEMO_BROKEN;
}

static bool gone(void *data)
{
    struct demo *demo = data;

    return demo_broken(demo, NULL);
}

static void keep_running(struct demo *demo)
{
    printf("\n  The VM runs on at spice://127.0.0.1:%d until Ctrl-C.\n",
           vm_spice_port(demo->target));
    fflush(stdout);
    while (loop_wait(demo->loop, gone, demo, 3600) == LOOP_TIMEOUT)
        ;
}

static int play(struct demo *demo)
{
    GError *error = NULL;
    bool good;
    int status;

    print_head(demo);
    if (!demo_story(demo, &error)) {
        status = report_failure(demo, error);
        g_error_free(error);
        return status;
    }
    good = demo_report(demo);
    if (demo->options.keep)
        keep_running(demo);
    return good ? DEMO_OK : DEMO_CHECK_FAILED;
}

/* The client leaves first: a server's end is no error then. */
static void clean_up(struct demo *demo)
{
    loop_clear_interrupt(demo->loop);
    demo->moving = false;
    window_free(demo->window);
    g_ptr_array_unref(demo->clients);
    vm_stop(demo->source);
    vm_stop(demo->target);
    g_rmdir(demo->run_dir);
    g_free(demo->run_dir);
    g_free(demo->library);
    g_free(demo->status);
    g_free(demo->trouble);
    image_free(demo->reference);
    timeline_free(demo->timeline);
    loop_free(demo->loop);
}

/* spice-gtk 0.42 may crash when a target dies while it links it. The QEMUs end with us. */
static void on_crash(int number)
{
    static const char text[] = "caravan demo: the client library (spice-gtk) crashed; it can when "
                               "the target dies while it "
                               "connects there\n";

    /* What could be done if it cannot be said? */
    ssize_t said = write(STDERR_FILENO, text, sizeof(text) - 1);

    (void)said;
    _exit(DEMO_BROKEN);
}

static int run_demo(const struct demo_options *options)
{
    struct demo demo = {.options = *options, .downtime_ms = -1};
    GError *error = NULL;
    int status;

    demo.run_dir = g_dir_make_tmp("caravan-XXXXXX", &error);
    if (!demo.run_dir) {
        fprintf(stderr, "caravan demo: %s\n", error->message);
        g_error_free(error);
        return DEMO_BROKEN;
    }
    signal(SIGSEGV, on_crash);
    demo.loop = loop_new();
    demo.term = term_open();
    demo.timeline = timeline_new(&demo.term);
    demo.clients = g_ptr_array_new_with_free_func(demo_client_free);
    status = play(&demo);
    clean_up(&demo);
    return status;
}

static GOptionContext *option_context(struct demo_options *o)
{
    const GOptionEntry entries[] = {
        {"window", 'w', 0, G_OPTION_ARG_NONE, &o->window, "show the screen in a window", NULL},
        {"out", 'o', 0, G_OPTION_ARG_FILENAME, &o->out, "folder for pictures and logs (demo-out)",
         "DIR"},
        {"clients", 'c', 0, G_OPTION_ARG_INT, &o->clients, "so many users watch (1)", "N"},
        {"vga", 0, 0, G_OPTION_ARG_STRING, &o->vga, "graphics card (std)", "std|virtio|qxl"},
        {"libdir", 0, 0, G_OPTION_ARG_FILENAME, &o->libdir,
         "folder of the " LIBRARY_NAME " to run; '' for the system's", "DIR"},
        {"guest", 0, 0, G_OPTION_ARG_FILENAME, &o->guest, "image to boot", "IMG"},
        {"qemu", 0, 0, G_OPTION_ARG_FILENAME, &o->qemu, "QEMU to run (qemu-system-x86_64)",
         "PROGRAM"},
        {"qemu-arg", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->arguments,
         "one more argument for both QEMUs, may be repeated", "ARG"},
        {"keep", 0, 0, G_OPTION_ARG_NONE, &o->keep, "keep the moved VM running until Ctrl-C", NULL},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    GOptionContext *context = g_option_context_new(NULL);

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(
        context, "Starts a small VM, connects a SPICE client to it, moves the VM to a second\n"
                 "QEMU while the client watches, and tells what its user saw.");
    g_option_context_set_description(context,
                                     "Exit: 0 all is well, 1 usage, 2 did not come to its end,\n"
                                     "      3 a check failed, 130 interrupted.\n");
    return context;
}

static void free_options(struct demo_options *o)
{
    g_free(o->out);
    g_free(o->vga);
    g_free(o->libdir);
    g_free(o->guest);
    g_free(o->qemu);
    g_strfreev(o->arguments);
}

int demo_main(int argc, char **argv)
{
    struct demo_options options = {.clients = 1};
    GOptionContext *context = option_context(&options);
    GError *error = NULL;
    const char *wrong;
    int status;

    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        status = usage_error(error->message);
        g_error_free(error);
    } else if (argc > 1) {
        status = usage_error("it takes no arguments");
    } else if ((wrong = complete_options(&options))) {
        status = usage_error(wrong);
    } else {
        status = run_demo(&options);
    }
    g_option_context_free(context);
    free_options(&options);
    return status;
}
