/* SPDX-License-Identifier: MIT */
/*
 * bench-host: plays QEMU's part for the libspice-server.so.1 that the dynamic linker finds, with
 * one of the workloads of workload.c. Says what happens as JSON lines; obeys lines on stdin:
 *   start SECONDS   plays the workload; "finished" follows
 *   report          what was used since "start"
 *   quit
 */
#include "core.h"
#include "player.h"
#include "stamp.h"
#include "usage.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <glib-unix.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct host {
    const struct workload *workload;
    GMainLoop *loop;
    SpiceServer *server;
    struct guest *guest;
    struct player *player;
    int port;
    double cpu_before;
    const char *log;
};

static struct {
    char *workload, *recording, *log;
    int port, seed;
    gboolean list;
} options = {.seed = 1};

static const GOptionEntry option_entries[] = {
    {"workload", 0, 0, G_OPTION_ARG_STRING, &options.workload, "what to play", "NAME"},
    {"recording", 0, 0, G_OPTION_ARG_FILENAME, &options.recording, "for replay workloads", "FILE"},
    {"log", 0, 0, G_OPTION_ARG_FILENAME, &options.log, "when each change was pushed", "FILE"},
    {"port", 0, 0, G_OPTION_ARG_INT, &options.port, "on 127.0.0.1; 0: a free one", "PORT"},
    {"seed", 0, 0, G_OPTION_ARG_INT, &options.seed, "of the pictures", "N"},
    {"list", 0, 0, G_OPTION_ARG_NONE, &options.list, "the workloads, as JSON lines", NULL},
    {NULL, 0, 0, 0, NULL, NULL, NULL},
};

static void fail(const char *why)
{
    fprintf(stderr, "bench-host: %s\n", why);
    exit(1);
}

static void list_workloads(void)
{
    const struct workload *workload;

    for (size_t i = 0; (workload = workload_at(i)); i++)
        printf("{\"name\": \"%s\", \"summary\": \"%s\", \"seconds\": %d, \"recording\": \"%s\"}\n",
               workload->name, workload->summary, workload->seconds,
               workload->recording ? workload->recording : "");
}

/* The server takes a number, not a socket: find one that is free just now. */
static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) ||
        getsockname(fd, (struct sockaddr *)&address, &size))
        fail("no free port");
    close(fd);
    return ntohs(address.sin_port);
}

static void start_server(struct host *host)
{
    host->port = options.port ? options.port : free_port();
    host->server = spice_server_new();
    spice_server_set_addr(host->server, "127.0.0.1", SPICE_ADDR_FLAG_IPV4_ONLY);
    spice_server_set_port(host->server, host->port);
    spice_server_set_noauth(host->server);
    spice_server_set_name(host->server, "bench");
    /* what QEMU sets when it is told nothing */
    spice_server_set_image_compression(host->server, SPICE_IMAGE_COMPRESSION_AUTO_GLZ);
    spice_server_set_jpeg_compression(host->server, SPICE_WAN_COMPRESSION_AUTO);
    spice_server_set_zlib_glz_compression(host->server, SPICE_WAN_COMPRESSION_AUTO);
    spice_server_set_streaming_video(host->server, host->workload->streaming);
    if (spice_server_init(host->server, core_interface()))
        fail("the server did not start");
}

static void key_push(SpiceKbdInstance *instance, uint8_t scancode)
{
    (void)instance;
    (void)scancode;
}

static uint8_t key_leds(SpiceKbdInstance *instance)
{
    (void)instance;
    return 0;
}

static void mouse_motion(SpiceMouseInstance *instance, int dx, int dy, int dz, uint32_t buttons)
{
    (void)instance;
    (void)dx;
    (void)dy;
    (void)dz;
    (void)buttons;
}

static void mouse_buttons(SpiceMouseInstance *instance, uint32_t buttons)
{
    (void)instance;
    (void)buttons;
}

static void add_inputs(SpiceServer *server)
{
    static const SpiceKbdInterface keyboard = {
        .base = {SPICE_INTERFACE_KEYBOARD, "bench", SPICE_INTERFACE_KEYBOARD_MAJOR,
                 SPICE_INTERFACE_KEYBOARD_MINOR},
        .push_scan_freg = key_push,
        .get_leds = key_leds,
    };
    static const SpiceMouseInterface mouse = {
        .base = {SPICE_INTERFACE_MOUSE, "bench", SPICE_INTERFACE_MOUSE_MAJOR,
                 SPICE_INTERFACE_MOUSE_MINOR},
        .motion = mouse_motion,
        .buttons = mouse_buttons,
    };
    static SpiceKbdInstance keyboard_instance = {.base.sif = &keyboard.base};
    static SpiceMouseInstance mouse_instance = {.base.sif = &mouse.base};

    spice_server_add_interface(server, &keyboard_instance.base);
    spice_server_add_interface(server, &mouse_instance.base);
}

static void say_ready(const struct host *host)
{
    const struct workload *workload = host->workload;
    Dl_info library = {0};
    char path[4096];

    /* the address in the library, not this program's entry for it */
    dladdr(dlsym(RTLD_NEXT, "spice_server_new"), &library);
    printf("{\"event\": \"ready\", \"port\": %d, \"library\": \"%s\", \"seconds\": %d, "
           "\"cell\": %d, \"stamps\": [",
           host->port, library.dli_fname && realpath(library.dli_fname, path) ? path : "",
           workload->seconds, workload->stamp_cell);
    for (int i = 0; i < workload->stamp_count; i++)
        printf("%s[%d, %d]", i ? ", " : "", workload->stamps[i].x, workload->stamps[i].y);
    printf("]}\n");
}

/* On the player's thread; stdout is the main thread's while nothing is played. */
static void playing_done(struct player *player)
{
    printf("{\"event\": \"finished\", \"t\": %.6f, \"changes\": %u}\n", usage_now(),
           player_changes(player));
}

static void report(const struct host *host)
{
    FILE *log = host->log ? fopen(host->log, "w") : NULL;

    if (log) {
        player_write_log(host->player, log);
        fclose(log);
    }
    printf("{\"event\": \"report\", \"process_cpu_ms\": %.3f, \"player_cpu_ms\": %.3f, "
           "\"peak_kib\": %ld, \"stalled_ms\": %.3f, \"held\": %u, \"longest_held_ms\": %.3f}\n",
           usage_process_ms() - host->cpu_before, player_cpu_ms(host->player), usage_peak_kib(),
           guest_stalled_ms(host->guest), guest_held(host->guest),
           guest_longest_held_ms(host->guest));
}

static gboolean command(GIOChannel *channel, GIOCondition condition, gpointer opaque)
{
    struct host *host = opaque;
    char *line = NULL;
    double seconds;

    (void)condition;
    if (g_io_channel_read_line(channel, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL ||
        g_str_has_prefix(line, "quit")) {
        g_main_loop_quit(host->loop);
    } else if (sscanf(line, "start %lf", &seconds) == 1) {
        host->cpu_before = usage_process_ms();
        player_start(host->player, seconds);
    } else if (g_str_has_prefix(line, "report")) {
        report(host);
    }
    g_free(line);
    return G_SOURCE_CONTINUE;
}

static void parse_options(int argc, char **argv, struct host *host)
{
    GOptionContext *context = g_option_context_new("- a guest for a SPICE server to show");
    GError *error = NULL;

    g_option_context_add_main_entries(context, option_entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        fail(error->message);
    g_option_context_free(context);
    if (options.list) {
        list_workloads();
        exit(0);
    }
    host->workload = options.workload ? workload_find(options.workload) : NULL;
    if (!host->workload)
        fail("which --workload? see --list");
    host->log = options.log;
}

int main(int argc, char **argv)
{
    struct host host = {0};
    FILE *recording = NULL;

    setvbuf(stdout, NULL, _IOLBF, 0);
    parse_options(argc, argv, &host);
    if (host.workload->recording) {
        recording = options.recording ? fopen(options.recording, "rb") : NULL;
        if (!recording)
            fail("this workload needs a --recording");
    }
    host.loop = g_main_loop_new(NULL, FALSE);
    start_server(&host);
    add_inputs(host.server);
    host.guest = guest_new(host.server);
    spice_server_vm_start(host.server);
    host.player =
        player_new(host.workload, host.guest, (uint64_t)options.seed, recording, playing_done);
    if (!host.player)
        fail("no recording");
    g_io_add_watch(g_io_channel_unix_new(STDIN_FILENO), G_IO_IN | G_IO_HUP, command, &host);
    say_ready(&host);
    g_main_loop_run(host.loop);
    /* The workers are still at it: let the process end take them along. */
    fflush(stdout);
    _exit(0);
}
