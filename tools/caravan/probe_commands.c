/* SPDX-License-Identifier: MIT */
#include "probe_command.h"

#include <stdio.h>
#include <string.h>

#include "keys.h"

/* The table of the command lines of `caravan probe`, and most of their handlers. */

#define KEY_PAUSE_S 0.03
#define MAX_SECONDS 86400.0

bool probe_fail(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (error)
        *error = g_error_new_valist(G_IO_ERROR, G_IO_ERROR_FAILED, format, args);
    va_end(args);
    return false;
}

bool probe_parse_int(const char *word, int *value, GError **error)
{
    gint64 parsed;

    if (!g_ascii_string_to_signed(word, 10, -1000000, 1000000, &parsed, NULL))
        return probe_fail(error, "'%s' is not a number", word);
    *value = parsed;
    return true;
}

static bool parse_seconds(const char *word, double *value, GError **error)
{
    char *end;

    *value = g_ascii_strtod(word, &end);
    if (end == word || *end || !(*value >= 0 && *value <= MAX_SECONDS))
        return probe_fail(error, "'%s' is no time in seconds", word);
    return true;
}

/* ---- waiting ---- */

static bool session_over(struct viewer *viewer)
{
    return viewer_status(viewer) >= VIEWER_QUIT;
}

static bool wait_condition(void *data)
{
    struct wait *wait = data;

    return session_over(wait->probe->viewer) || wait->met(wait);
}

bool probe_wait_for(struct call *call, struct wait *wait, const char *timeout, GError **error)
{
    double seconds;

    wait->probe = call->probe;
    wait->since = g_get_monotonic_time();
    if (!parse_seconds(timeout, &seconds, error))
        return false;
    switch (loop_wait(call->probe->loop, wait_condition, wait, seconds)) {
    case LOOP_TIMEOUT:
        return probe_fail(error, "not within %s s", timeout);
    case LOOP_INTERRUPTED:
        return probe_fail(error, "interrupted");
    case LOOP_MET:
        break;
    }
    json_object_set_double_member(call->reply, "waited",
                                  (g_get_monotonic_time() - wait->since) / 1e6);
    if (session_over(call->probe->viewer) && !wait->met(wait))
        return probe_fail(error, "the session is over");
    return true;
}

static bool met_primary(struct wait *wait)
{
    struct viewer_channel *display = viewer_channel(wait->probe->viewer, SPICE_CHANNEL_DISPLAY, 0);

    return display && display->width && (!wait->a || wait->a == display->width) &&
           (!wait->b || wait->b == display->height);
}

static bool run_wait_primary(struct call *call, GError **error)
{
    struct wait wait = {.met = met_primary};
    struct viewer_channel *display;

    if (call->count == 2)
        return probe_fail(error, "give width and height or none");
    if (call->count == 3 && (!probe_parse_int(call->words[0], &wait.a, error) ||
                             !probe_parse_int(call->words[1], &wait.b, error)))
        return false;
    if (!probe_wait_for(call, &wait, call->words[call->count - 1], error))
        return false;
    display = viewer_channel(call->probe->viewer, SPICE_CHANNEL_DISPLAY, 0);
    json_object_set_int_member(call->reply, "width", display->width);
    json_object_set_int_member(call->reply, "height", display->height);
    return true;
}

static bool met_idle(struct wait *wait)
{
    gint64 from = MAX(wait->since, viewer_pictures(wait->probe->viewer)->touched);

    return g_get_monotonic_time() - from >= wait->a * (gint64)1000;
}

static bool run_wait_idle(struct call *call, GError **error)
{
    struct wait wait = {.met = met_idle};

    return probe_parse_int(call->words[0], &wait.a, error) &&
           probe_wait_for(call, &wait, call->words[1], error);
}

static bool met_picture(struct wait *wait)
{
    return viewer_pictures(wait->probe->viewer)->pictures >= wait->seen + wait->a;
}

static bool run_wait_picture(struct call *call, GError **error)
{
    struct wait wait = {
        .met = met_picture, .seen = viewer_pictures(call->probe->viewer)->pictures, .a = 1};

    if (call->count == 2 && !probe_parse_int(call->words[0], &wait.a, error))
        return false;
    return probe_wait_for(call, &wait, call->words[call->count - 1], error);
}

static bool met_channel(struct wait *wait)
{
    const GPtrArray *channels = viewer_channels(wait->probe->viewer);

    for (guint i = 0; i < channels->len; i++) {
        const struct viewer_channel *channel = channels->pdata[i];

        if (channel->open && !strcmp(channel->type_name, wait->word))
            return true;
    }
    return false;
}

static bool run_wait_channel(struct call *call, GError **error)
{
    struct wait wait = {.met = met_channel, .word = call->words[0]};

    return probe_wait_for(call, &wait, call->words[1], error);
}

static bool met_event(struct wait *wait)
{
    return wait->probe->counts[wait->a] > wait->seen;
}

static bool run_wait_event(struct call *call, GError **error)
{
    struct wait wait = {.met = met_event, .a = -1};

    for (int i = 0; i < VIEWER_EVENT_KINDS; i++)
        if (!strcmp(viewer_event_name(i), call->words[0]))
            wait.a = i;
    if (wait.a < 0)
        return probe_fail(error, "there is no event '%s'", call->words[0]);
    wait.seen = call->probe->counts[wait.a];
    return probe_wait_for(call, &wait, call->words[1], error);
}

/* All living channels talk to this TCP port. */
static bool met_moved(struct wait *wait)
{
    const GPtrArray *channels = viewer_channels(wait->probe->viewer);
    SpiceSessionMigration state;
    int open = 0;

    viewer_poll(wait->probe->viewer);
    g_object_get(viewer_session(wait->probe->viewer), "migration-state", &state, NULL);
    if (state != SPICE_SESSION_MIGRATION_NONE)
        return false;
    for (guint i = 0; i < channels->len; i++) {
        const struct viewer_channel *channel = channels->pdata[i];

        if (channel->open && viewer_channel_port(channel) != wait->a)
            return false;
        open += channel->open;
    }
    return open > 0 && viewer_has(wait->probe->viewer, SPICE_CHANNEL_MAIN);
}

static bool run_wait_moved(struct call *call, GError **error)
{
    struct wait wait = {.met = met_moved};

    return probe_parse_int(call->words[0], &wait.a, error) &&
           probe_wait_for(call, &wait, call->words[1], error);
}

static bool run_sleep(struct call *call, GError **error)
{
    double seconds;

    if (!parse_seconds(call->words[0], &seconds, error))
        return false;
    if (loop_wait(call->probe->loop, NULL, NULL, seconds) == LOOP_INTERRUPTED)
        return probe_fail(error, "interrupted");
    return true;
}

/* ---- pictures ---- */

static struct image *grab_for_reply(struct call *call, const char *display, GError **error)
{
    struct image *image;
    char *hash;
    int id = 0;

    if (display && !probe_parse_int(display, &id, error))
        return NULL;
    image = viewer_grab(call->probe->viewer, id, error);
    if (!image)
        return NULL;
    hash = image_sha256(image);
    json_object_set_int_member(call->reply, "width", image->width);
    json_object_set_int_member(call->reply, "height", image->height);
    json_object_set_string_member(call->reply, "sha256", hash);
    g_free(hash);
    return image;
}

static bool run_screenshot(struct call *call, GError **error)
{
    struct image *image = grab_for_reply(call, call->count > 1 ? call->words[1] : NULL, error);
    bool ok = image && image_save(image, call->words[0], error);

    if (ok)
        json_object_set_string_member(call->reply, "file", call->words[0]);
    image_free(image);
    return ok;
}

static bool run_hash(struct call *call, GError **error)
{
    struct image *image = grab_for_reply(call, call->count ? call->words[0] : NULL, error);
    bool ok = image != NULL;

    image_free(image);
    return ok;
}

static void add_gap(JsonObject *reply, const struct viewer_pictures *pictures)
{
    gint64 now = g_get_monotonic_time();
    gint64 from = MAX(pictures->last, pictures->gap_origin);

    json_object_set_double_member(reply, "max_gap_ms", pictures->gap / 1e3);
    json_object_set_double_member(reply, "from_t", pictures->gap_from / 1e6);
    json_object_set_double_member(reply, "to_t", pictures->gap_to / 1e6);
    json_object_set_double_member(reply, "open_gap_ms", from ? (now - from) / 1e3 : 0.0);
}

static bool run_gap(struct call *call, GError **error)
{
    (void)error;
    add_gap(call->reply, viewer_pictures(call->probe->viewer));
    return true;
}

static bool run_gap_reset(struct call *call, GError **error)
{
    (void)error;
    viewer_gap_reset(call->probe->viewer);
    return true;
}

static void add_channels(struct call *call)
{
    const GPtrArray *channels = viewer_channels(call->probe->viewer);
    JsonArray *list = json_array_new();

    viewer_poll(call->probe->viewer);
    for (guint i = 0; i < channels->len; i++)
        json_array_add_object_element(list, probe_channel_object(channels->pdata[i]));
    json_object_set_array_member(call->reply, "channels", list);
}

static bool run_channels(struct call *call, GError **error)
{
    (void)error;
    add_channels(call);
    return true;
}

static bool run_stats(struct call *call, GError **error)
{
    const struct viewer_pictures *pictures = viewer_pictures(call->probe->viewer);

    (void)error;
    json_object_set_int_member(call->reply, "pictures", pictures->pictures);
    json_object_set_double_member(call->reply, "max_gap_ms", call->probe->stats_gap / 1e3);
    json_object_set_double_member(call->reply, "last_gap_ms", pictures->last_gap / 1e3);
    json_object_set_double_member(call->reply, "last_t", pictures->last / 1e6);
    json_object_set_int_member(call->reply, "bytes", viewer_bytes(call->probe->viewer));
    add_channels(call);
    call->probe->stats_gap = 0;
    return true;
}

/* ---- input ---- */

static SpiceInputsChannel *inputs(struct call *call, GError **error)
{
    struct viewer_channel *channel = viewer_channel(call->probe->viewer, SPICE_CHANNEL_INPUTS, 0);

    if (channel && channel->open)
        return SPICE_INPUTS_CHANNEL(channel->object);
    probe_fail(error, "the inputs channel is not up");
    return NULL;
}

static bool key_words(struct call *call, GError **error,
                      void (*send)(SpiceInputsChannel *channel, guint scancode))
{
    SpiceInputsChannel *channel = inputs(call, error);

    for (int i = 0; channel && i < call->count; i++) {
        unsigned scancode;

        if (!keys_parse(call->words[i], &scancode))
            return probe_fail(error, "'%s' is no set-1 scancode", call->words[i]);
        send(channel, scancode);
    }
    return channel != NULL;
}

static bool run_key(struct call *call, GError **error)
{
    return key_words(call, error, spice_inputs_channel_key_press_and_release);
}

static bool run_press(struct call *call, GError **error)
{
    return key_words(call, error, spice_inputs_channel_key_press);
}

static bool run_release(struct call *call, GError **error)
{
    return key_words(call, error, spice_inputs_channel_key_release);
}

static bool type_character(struct call *call, char c, GError **error)
{
    SpiceInputsChannel *channel = inputs(call, error);
    unsigned scancode;
    bool shift;

    if (!channel)
        return false;
    if (!keys_from_ascii(c, &scancode, &shift))
        return probe_fail(error, "no key types character 0x%02x", (unsigned char)c);
    if (shift)
        spice_inputs_channel_key_press(channel, KEY_LEFT_SHIFT);
    spice_inputs_channel_key_press_and_release(channel, scancode);
    if (shift)
        spice_inputs_channel_key_release(channel, KEY_LEFT_SHIFT);
    return true;
}

/* A keyboard holds 16 bytes: typing faster than people do would lose keys. */
static bool run_type(struct call *call, GError **error)
{
    char *text = g_strjoinv(" ", call->words);
    bool ok = true;

    for (const char *c = text; ok && *c; c++) {
        ok = type_character(call, *c, error);
        loop_wait(call->probe->loop, NULL, NULL, KEY_PAUSE_S);
    }
    g_free(text);
    return ok;
}

static bool run_motion(struct call *call, GError **error)
{
    SpiceInputsChannel *channel = inputs(call, error);
    int dx = 0, dy = 0;

    if (!channel || !probe_parse_int(call->words[0], &dx, error) ||
        !probe_parse_int(call->words[1], &dy, error))
        return false;
    spice_inputs_channel_motion(channel, dx, dy, 0);
    return true;
}

static bool run_position(struct call *call, GError **error)
{
    SpiceInputsChannel *channel = inputs(call, error);
    int x = 0, y = 0;

    if (!channel || !probe_parse_int(call->words[0], &x, error) ||
        !probe_parse_int(call->words[1], &y, error))
        return false;
    spice_inputs_channel_position(channel, x, y, 0, 0);
    return true;
}

static bool run_button(struct call *call, GError **error)
{
    SpiceInputsChannel *channel = inputs(call, error);
    int button = 0;

    if (!channel || !probe_parse_int(call->words[0], &button, error))
        return false;
    if (button < 1 || button > 7)
        return probe_fail(error, "buttons are 1 to 7");
    if (!strcmp(call->words[1], "press"))
        spice_inputs_channel_button_press(channel, button, 0);
    else if (!strcmp(call->words[1], "release"))
        spice_inputs_channel_button_release(channel, button, 0);
    else
        return probe_fail(error, "'%s': say press or release", call->words[1]);
    return true;
}

/* ---- session ---- */

/* Blocks the main thread, so that no socket is read, until the line `resume` or the end comes. */
static void block_until_resume(struct probe_input *input)
{
    for (;;) {
        char *line = g_async_queue_pop(input->lines);
        bool resume = !strcmp(g_strstrip(line), "resume");
        bool end = !strcmp(line, probe_input_end);

        if (resume)
            g_free(line);
        else
            g_queue_push_tail(&input->kept, line);
        if (resume || end)
            return;
    }
}

static bool run_pause(struct call *call, GError **error)
{
    gint64 since = g_get_monotonic_time();
    double seconds;

    if (call->count) {
        if (!parse_seconds(call->words[0], &seconds, error))
            return false;
        g_usleep(seconds * G_USEC_PER_SEC);
    } else {
        probe_print(call->probe, probe_object(since, "paused"));
        block_until_resume(&call->probe->input);
    }
    json_object_set_double_member(call->reply, "paused", (g_get_monotonic_time() - since) / 1e6);
    return true;
}

static bool run_resume(struct call *call, GError **error)
{
    (void)call;
    return probe_fail(error, "nothing is paused");
}

static bool run_mouse_mode(struct call *call, GError **error)
{
    struct viewer_channel *channel = viewer_channel(call->probe->viewer, SPICE_CHANNEL_MAIN, 0);
    bool client = !strcmp(call->words[0], "client");

    if (!client && strcmp(call->words[0], "server"))
        return probe_fail(error, "'%s': say client or server", call->words[0]);
    if (!channel || !channel->open)
        return probe_fail(error, "the main channel is not up");
    spice_main_channel_request_mouse_mode(SPICE_MAIN_CHANNEL(channel->object),
                                          client ? SPICE_MOUSE_MODE_CLIENT
                                                 : SPICE_MOUSE_MODE_SERVER);
    return true;
}

static bool run_quit(struct call *call, GError **error)
{
    (void)error;
    call->probe->quit = true;
    return true;
}

/* ---- the table ---- */

struct command {
    const char *name;
    const char *arguments;
    const char *summary;
    int min, max;
    command_handler run;
};

#define ANY_WORDS 256

static const struct command commands[] = {
    {"wait-primary", "[W H] TIMEOUT", "until display 0 has a primary surface (of this size)", 1, 3,
     run_wait_primary},
    {"wait-idle", "MS TIMEOUT", "until no picture came for MS milliseconds", 2, 2, run_wait_idle},
    {"wait-picture", "[N] TIMEOUT", "until N (1) further pictures came", 1, 2, run_wait_picture},
    {"wait-channel", "TYPE TIMEOUT", "until a channel of this type is up", 2, 2, run_wait_channel},
    {"wait-event", "EVENT TIMEOUT", "until this event comes (again)", 2, 2, run_wait_event},
    {"wait-moved", "PORT TIMEOUT", "until every open channel talks to this TCP port", 2, 2,
     run_wait_moved},
    {"sleep", "SECONDS", "wait while the session runs on", 1, 1, run_sleep},
    {"screenshot", "FILE [DISPLAY]", "save the picture as PNG or (.ppm) PPM", 1, 2, run_screenshot},
    {"hash", "[DISPLAY]", "SHA-256 of the picture's RGB bytes", 0, 1, run_hash},
    {"stats", "", "pictures, gaps and bytes", 0, 0, run_stats},
    {"channels", "", "every channel object there ever was", 0, 0, run_channels},
    {"gap", "", "longest time without a picture since gap-reset", 0, 0, run_gap},
    {"gap-reset", "", "start to measure gaps anew", 0, 0, run_gap_reset},
    {"key", "SCANCODE...", "press and release keys (set 1, hexadecimal: 1e, e048)", 1, ANY_WORDS,
     run_key},
    {"press", "SCANCODE...", "press keys", 1, ANY_WORDS, run_press},
    {"release", "SCANCODE...", "release keys", 1, ANY_WORDS, run_release},
    {"type", "TEXT", "type on a US keyboard", 1, ANY_WORDS, run_type},
    {"motion", "DX DY", "move the pointer by this much", 2, 2, run_motion},
    {"position", "X Y", "move the pointer there (client mouse mode)", 2, 2, run_position},
    {"button", "N press|release", "a mouse button", 2, 2, run_button},
    {"mouse-mode", "client|server", "ask for a mouse mode", 1, 1, run_mouse_mode},
    {"wait-agent", "[gone] TIMEOUT", "until the guest's agent is there, or gone", 1, 2,
     probe_run_wait_agent},
    {"wait-clipboard", "SEL TYPE TIMEOUT", "until the guest offers this type", 3, 3,
     probe_run_wait_clipboard},
    {"clipboard-get", "SEL TYPE FILE TIMEOUT", "paste what the guest offers into a file", 4, 4,
     probe_run_clipboard_get},
    {"clipboard-grab", "SEL TYPE=FILE...", "offer what is in files to the guest", 2, ANY_WORDS,
     probe_run_clipboard_grab},
    {"clipboard-release", "SEL", "offer nothing any more", 1, 1, probe_run_clipboard_release},
    {"clipboard-hold", "on|off", "answer the guest's requests only when off", 1, 1,
     probe_run_clipboard_hold},
    {"send-file", "FILE TIMEOUT", "transfer a file to the guest", 2, 2, probe_run_send_file},
    {"resize", "W H", "ask the guest for a screen of this size", 2, 2, probe_run_resize},
    {"pause", "[SECONDS]", "read no socket until 'resume' comes (or the time is over)", 0, 1,
     run_pause},
    {"resume", "", "ends a pause", 0, 0, run_resume},
    {"quit", "", "disconnect and end", 0, 0, run_quit},
};

void probe_print_commands(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        printf("  %-17s %-21s %s\n", commands[i].name, commands[i].arguments, commands[i].summary);
}

static bool run_command(struct call *call, const char *name, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        const struct command *command = &commands[i];

        if (strcmp(command->name, name))
            continue;
        if (call->count < command->min || call->count > command->max)
            return probe_fail(error, "usage: %s %s", command->name, command->arguments);
        return command->run(call, error);
    }
    return probe_fail(error, "there is no command '%s'", name);
}

/* Takes the words: an optional #ID first, then the command. */
static bool run_words(struct probe *probe, char **words, int count)
{
    bool has_id = words[0][0] == '#' && words[0][1];
    struct call call = {.probe = probe, .words = words + has_id + 1, .count = count - has_id - 1};
    const char *name = words[has_id] ? words[has_id] : "";
    GError *error = NULL;
    bool ok;

    call.reply = probe_object(0, "reply");
    if (has_id)
        json_object_set_string_member(call.reply, "id", words[0] + 1);
    json_object_set_string_member(call.reply, "cmd", name);
    if (call.count < 0) {
        call.words = words + count;
        call.count = 0;
    }
    ok = run_command(&call, name, &error);
    json_object_set_double_member(call.reply, "t", g_get_monotonic_time() / 1e6);
    json_object_set_boolean_member(call.reply, "ok", ok);
    if (!ok)
        json_object_set_string_member(call.reply, "error", error ? error->message : "failed");
    g_clear_error(&error);
    probe_print(probe, call.reply);
    probe->failed += !ok;
    return ok;
}

bool probe_run_line(struct probe *probe, const char *line)
{
    char *text = g_strstrip(g_strdup(line));
    GPtrArray *words = g_ptr_array_new();
    char **split;
    bool ok = true;

    if (*text && strcmp(text, "#") && !g_str_has_prefix(text, "# ")) {
        split = g_strsplit_set(text, " \t", -1);
        for (size_t i = 0; split[i]; i++)
            if (*split[i])
                g_ptr_array_add(words, split[i]);
        g_ptr_array_add(words, NULL);
        ok = run_words(probe, (char **)words->pdata, words->len - 1);
        g_strfreev(split);
    }
    g_ptr_array_unref(words);
    g_free(text);
    return ok;
}
