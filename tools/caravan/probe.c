/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <unistd.h>
#include <gio/gunixinputstream.h>

#include "cli.h"
#include "follow.h"

const char probe_input_end[] = "\001end";

struct probe_options {
    char *password;
    char *script;
    char *channels;
    char **settings;
    gboolean json;
    gboolean text;
    gboolean pictures;
    gboolean keep_going;
    gboolean stay;
    gboolean follow;
};

#define PROBE_RATE_MS         1000
#define PROBE_CONNECT_TIMEOUT 15.0
#define PROBE_BYE_TIMEOUT     2.0
#define PROBE_LINE_TIMEOUT    0.25

static gpointer read_lines(gpointer data)
{
    struct {
        GAsyncQueue *lines;
        int fd;
    } *in = data;
    GInputStream *base = g_unix_input_stream_new(in->fd, TRUE);
    GDataInputStream *stream = g_data_input_stream_new(base);
    char *line;

    while ((line = g_data_input_stream_read_line(stream, NULL, NULL, NULL))) {
        /* nobody but the reader itself may say that the end has come */
        if (line[0] == probe_input_end[0])
            line[0] = ' ';
        g_async_queue_push(in->lines, line);
        g_main_context_wakeup(NULL);
    }
    g_async_queue_push(in->lines, g_strdup(probe_input_end));
    g_main_context_wakeup(NULL);
    g_async_queue_unref(in->lines);
    g_object_unref(stream);
    g_object_unref(base);
    g_free(in);
    return NULL;
}

static void start_reading(struct probe *probe, int fd)
{
    struct {
        GAsyncQueue *lines;
        int fd;
    } *in = g_malloc(sizeof *in);

    in->lines = g_async_queue_ref(probe->input.lines);
    in->fd = fd;
    g_thread_unref(g_thread_new("probe-input", read_lines, in));
}

static char *take_line(struct probe *probe)
{
    char *line = g_queue_pop_head(&probe->input.kept);

    return line ? line : g_async_queue_try_pop(probe->input.lines);
}

static bool something_to_do(void *data)
{
    struct probe *probe = data;

    return viewer_status(probe->viewer) >= VIEWER_QUIT || !g_queue_is_empty(&probe->input.kept) ||
           g_async_queue_length(probe->input.lines) > 0;
}

static gboolean on_rate(gpointer data)
{
    probe_print_rate(data);
    return G_SOURCE_CONTINUE;
}

static bool outcome_known(void *data)
{
    struct probe *probe = data;

    return viewer_status(probe->viewer) != VIEWER_CONNECTING;
}

/* A probe without commands tells at least whether it could connect. */
static bool wait_for_outcome(struct probe *probe)
{
    loop_wait(probe->loop, outcome_known, probe, PROBE_CONNECT_TIMEOUT);
    return true;
}

/* Runs the lines as they come, until quit, the end of the lines, the session, or a signal. */
static void run_lines(struct probe *probe, const struct probe_options *options)
{
    bool ended = false;

    while (!probe->quit && !loop_interrupted(probe->loop)) {
        char *line;

        loop_wait(probe->loop, ended ? NULL : something_to_do, probe, PROBE_LINE_TIMEOUT);
        if (viewer_status(probe->viewer) >= VIEWER_QUIT)
            return;
        line = ended ? NULL : take_line(probe);
        if (!line)
            continue;
        if (!strcmp(line, probe_input_end)) {
            ended = true;
            probe->quit = !options->stay && !options->follow && wait_for_outcome(probe);
        } else if (!probe_run_line(probe, line) && options->script && !options->keep_going) {
            probe->quit = true;
        }
        g_free(line);
    }
}

static bool said_goodbye(void *data)
{
    struct probe *probe = data;
    const GPtrArray *channels = viewer_channels(probe->viewer);

    for (guint i = 0; i < channels->len; i++)
        if (((struct viewer_channel *)channels->pdata[i])->object)
            return false;
    return true;
}

static int finish(struct probe *probe)
{
    static const int exits[] = {
        [VIEWER_CONNECTING] = PROBE_NO_CONNECTION,
        [VIEWER_UP] = PROBE_OK,
        [VIEWER_QUIT] = PROBE_OK,
        [VIEWER_CONNECT_FAILED] = PROBE_NO_CONNECTION,
        [VIEWER_AUTH_FAILED] = PROBE_NO_AUTH,
        [VIEWER_LOST] = PROBE_LOST,
    };
    int status = exits[viewer_status(probe->viewer)];
    const char *reason = viewer_reason(probe->viewer);
    JsonObject *object;

    if (status == PROBE_OK && probe->failed)
        status = PROBE_COMMAND_FAILED;
    loop_clear_interrupt(probe->loop);
    viewer_disconnect(probe->viewer);
    loop_wait(probe->loop, said_goodbye, probe, PROBE_BYE_TIMEOUT);
    object = probe_object(g_get_monotonic_time(), "end");
    json_object_set_int_member(object, "exit", status);
    json_object_set_int_member(object, "failed", probe->failed);
    if (reason)
        json_object_set_string_member(object, "reason", reason);
    probe_print(probe, object);
    return status;
}

static int usage_error(const char *message)
{
    fprintf(stderr, "caravan probe: %s ('caravan probe --help' helps)\n", message);
    return PROBE_USAGE;
}

static int open_script(const struct probe_options *options)
{
    if (!options->script || !strcmp(options->script, "-"))
        return dup(STDIN_FILENO);
    return open(options->script, O_RDONLY | O_CLOEXEC);
}

static struct viewer *make_viewer(struct probe *probe, const struct probe_options *options,
                                  const char *uri, GError **error)
{
    GStrv only = options->channels ? g_strsplit(options->channels, ",", -1) : NULL;
    struct viewer *viewer = viewer_new(uri, (const char *const *)options->settings,
                                       (const char *const *)only, probe_on_event, probe, error);

    if (viewer && options->password)
        g_object_set(viewer_session(viewer), "password", options->password, NULL);
    g_strfreev(only);
    return viewer;
}

static int run_probe(const struct probe_options *options, const char *uri)
{
    struct probe probe = {.text = options->text && !options->json, .pictures = options->pictures};
    GError *error = NULL;
    int fd = open_script(options);
    guint rate = 0;
    int status;

    if (fd < 0)
        return usage_error("the script can't be read");
    probe.agent = probe_agent_new(&probe);
    if (options->follow)
        probe.follow = follow_new(&probe.viewer, probe_on_step, &probe);
    probe.viewer = make_viewer(&probe, options, uri, &error);
    if (!probe.viewer) {
        follow_free(probe.follow);
        probe_agent_free(probe.agent);
        status = usage_error(error->message);
        g_error_free(error);
        close(fd);
        return status;
    }
    probe.loop = loop_new();
    probe.input.lines = g_async_queue_new_full(g_free);
    g_queue_init(&probe.input.kept);
    if (!options->pictures && !options->follow)
        rate = g_timeout_add(PROBE_RATE_MS, on_rate, &probe);
    viewer_connect(probe.viewer);
    start_reading(&probe, fd);
    run_lines(&probe, options);
    status = finish(&probe);
    if (rate)
        g_source_remove(rate);
    probe_agent_free(probe.agent);
    viewer_free(probe.viewer);
    follow_free(probe.follow);
    loop_free(probe.loop);
    g_free(probe.session);
    g_queue_clear_full(&probe.input.kept, g_free);
    g_async_queue_unref(probe.input.lines);
    return status;
}

static GOptionContext *option_context(struct probe_options *o)
{
    const GOptionEntry entries[] = {
        {"password", 'p', 0, G_OPTION_ARG_STRING, &o->password, "ticket of the server", "P"},
        {"script", 's', 0, G_OPTION_ARG_FILENAME, &o->script,
         "take the commands from FILE; the first that fails ends the probe", "FILE|-"},
        {"keep-going", 'k', 0, G_OPTION_ARG_NONE, &o->keep_going,
         "go on after a failed command of a script", NULL},
        {"stay", 0, 0, G_OPTION_ARG_NONE, &o->stay,
         "stay connected after the last command, until a signal comes", NULL},
        {"follow", 'f', 0, G_OPTION_ARG_NONE, &o->follow,
         "tell of moves only, step by step, until a signal comes", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &o->json, "write JSON lines (the default)", NULL},
        {"text", 0, 0, G_OPTION_ARG_NONE, &o->text, "write lines for people", NULL},
        {"pictures", 0, 0, G_OPTION_ARG_NONE, &o->pictures,
         "tell every picture instead of a rate each second", NULL},
        {"channels", 0, 0, G_OPTION_ARG_STRING, &o->channels,
         "connect only these (and main): display,cursor,inputs,...", "LIST"},
        {"set", 0, 0, G_OPTION_ARG_STRING_ARRAY, &o->settings,
         "set a property of the SpiceSession, for example enable-audio=false", "NAME=VALUE"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    GOptionContext *context = g_option_context_new("URI");

    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_set_summary(
        context, "Connects to the SPICE server at URI (spice://host:port, spice+unix:///path) and\n"
                 "writes a JSON line for everything that happens. Commands are read line by line\n"
                 "from standard input; each is answered by one line.");
    g_option_context_set_description(
        context, "'caravan probe --commands' lists the commands.\n\n"
                 "Exit: 0 quit, 1 usage, 2 no connection, 3 authentication failed,\n"
                 "      4 session lost, 5 a command failed.\n");
    return context;
}

int probe_main(int argc, char **argv)
{
    struct probe_options options = {0};
    GOptionContext *context = option_context(&options);
    GError *error = NULL;
    int status;

    if (argc == 2 && !strcmp(argv[1], "--commands")) {
        probe_print_commands();
        g_option_context_free(context);
        return PROBE_OK;
    }
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        status = usage_error(error->message);
        g_error_free(error);
    } else if (argc != 2) {
        status = usage_error("give one URI");
    } else {
        status = run_probe(&options, argv[1]);
    }
    g_option_context_free(context);
    g_free(options.password);
    g_free(options.script);
    g_free(options.channels);
    g_strfreev(options.settings);
    return status;
}
