/* SPDX-License-Identifier: MIT */
#include "demo.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"

#define START_TIMEOUT_S   15.0
#define GUEST_TIMEOUT_S   6.0
#define PICTURE_TIMEOUT_S 5.0
#define MOVE_TIMEOUT_S    40.0
#define RELEASE_TIMEOUT_S 15.0
#define WATCH_S           2.0
#define ANNOUNCE_S        1.0
#define SETTLE_S          0.4
#define KEY_PAUSE_S       0.05
#define FREEZE_IDLE_US    150000
#define STATUS_MS         200

static const char demo_text_before[] = "from here";
static const char demo_text_after[] = " to there";

/* ---- waiting ---- */

struct demo_wait {
    struct demo *demo;
    bool (*met)(struct demo *demo);
};

static bool demo_broken(struct demo *demo, GError **error)
{
    const struct {
        struct vm *vm;
        const char *name;
    } vms[] = {{demo->source_left ? NULL : demo->source, "source"}, {demo->target, "target"}};

    for (size_t i = 0; i < G_N_ELEMENTS(vms); i++) {
        if (!vms[i].vm || vm_running(vms[i].vm))
            continue;
        if (error) {
            char *words = vm_last_words(vms[i].vm);

            g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the %s QEMU died: %s",
                        vms[i].name, words);
            g_free(words);
        }
        return true;
    }
    if (demo->viewer && viewer_status(demo->viewer) >= VIEWER_QUIT) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the client lost its session: %s",
                    viewer_reason(demo->viewer) ? viewer_reason(demo->viewer) : "closed");
        return true;
    }
    if (demo->trouble) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", demo->trouble);
        return true;
    }
    if (demo->window && window_closed(demo->window)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "the window was closed");
        return true;
    }
    return false;
}

static bool demo_wait_met(void *data)
{
    struct demo_wait *wait = data;

    return (wait->met && wait->met(wait->demo)) || demo_broken(wait->demo, NULL);
}

/* Waits for met, or just runs on when met is NULL. what names the thing waited for. */
static bool demo_wait(struct demo *demo, bool (*met)(struct demo *demo), double timeout_s,
                      const char *what, GError **error)
{
    struct demo_wait wait = {demo, met};
    enum loop_result result = loop_wait(demo->loop, demo_wait_met, &wait, timeout_s);

    if (result == LOOP_INTERRUPTED) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "interrupted");
        return false;
    }
    if (met && met(demo))
        return true;
    if (demo_broken(demo, error))
        return false;
    if (met)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "%s: not within %.0f s", what,
                    timeout_s);
    return !met;
}

static bool demo_run_on(struct demo *demo, double seconds, GError **error)
{
    return demo_wait(demo, NULL, seconds, "", error);
}

static struct vm *demo_vm(struct demo *demo)
{
    return demo->source_left ? demo->target : demo->source;
}

/* ---- what comes in ---- */

static void on_source_event(void *user, const char *event, JsonObject *data, gint64 time)
{
    struct demo *demo = user;

    if (!strcmp(event, "MIGRATION") && data) {
        g_free(demo->status);
        demo->status = g_strdup(json_object_get_string_member_with_default(data, "status", ""));
    } else if (!strcmp(event, "STOP") && demo->moving) {
        demo->stopped_at = time;
        demo->bytes_at_stop = viewer_bytes(demo->viewer);
        timeline_tell(demo->timeline, time, "VM stopped", "at the source");
    } else if (!strcmp(event, "SPICE_MIGRATE_COMPLETED")) {
        demo->released = true;
        timeline_tell(demo->timeline, time, "source released",
                      "its SPICE server has handed over all clients");
    }
}

static void on_target_event(void *user, const char *event, JsonObject *data, gint64 time)
{
    struct demo *demo = user;

    (void)data;
    if (!strcmp(event, "RESUME") && demo->moving) {
        demo->resumed_at = time;
        timeline_tell(demo->timeline, time, "VM running", "at the target");
    }
}

static const struct viewer_channel *display_channel(struct demo *demo)
{
    static const struct viewer_channel none;
    const struct viewer_channel *display = viewer_channel(demo->viewer, SPICE_CHANNEL_DISPLAY, 0);

    return display ? display : &none;
}

/*
 * The picture continues with the first one from the target. But when the
 * target throws the screen away and gives it anew, all before was for nothing:
 * then it continues when the new one is all there.
 */
static void watch_continuation(struct demo *demo, gint64 picture)
{
    bool rebuilt = display_channel(demo)->primaries > demo->primaries;
    bool lacks = viewer_lacks(display_channel(demo), demo->reference);

    if (!demo->moving || !demo->resumed_at || !demo->moved_at || demo->whole)
        return;
    if (rebuilt && (!demo->rebuilt || !lacks)) {
        demo->rebuilt = true;
        demo->whole = !lacks;
    } else if (rebuilt || demo->continued_at) {
        return;
    }
    demo->continued_at = rebuilt ? g_get_monotonic_time() : picture;
    demo->bytes_at_picture = viewer_bytes(demo->viewer);
}

/* While the VM moves, a client may leave a server and come again at the other. */
static void on_channel_end(struct demo *demo, const struct viewer_event *event)
{
    timeline_tell(demo->timeline, event->time, viewer_event_name(event->kind), "%s%s%s",
                  event->channel->type_name, event->text ? ": " : "",
                  event->text ? event->text : "");
    if (!demo->moving && !demo->trouble)
        demo->trouble = g_strdup_printf("the %s channel ended (%s)", event->channel->type_name,
                                        event->text ? event->text : "closed by the server");
}

static void on_viewer_event(void *data, const struct viewer_event *event)
{
    struct demo *demo = data;

    if (event->kind == VIEWER_PICTURE) {
        const struct viewer_pictures *pictures = viewer_pictures(demo->viewer);

        if (pictures->pictures != demo->pictures_told)
            timeline_picture(demo->timeline, pictures->last);
        demo->pictures_told = pictures->pictures;
        watch_continuation(demo, pictures->last);
    } else if (event->kind == VIEWER_CHANNEL_ERROR || event->kind == VIEWER_CHANNEL_CLOSED) {
        on_channel_end(demo, event);
    }
}

static gboolean on_status(gpointer data)
{
    timeline_status(((struct demo *)data)->timeline);
    return G_SOURCE_CONTINUE;
}

/* ---- the acts ---- */

static struct vm *start_vm(struct demo *demo, bool target, GError **error)
{
    struct vm_config config = {
        .name = target ? "target" : "source",
        .qemu = demo->options.qemu,
        .vga = demo->options.vga,
        .libdir = demo->options.libdir,
        .guest = demo->options.guest,
        .out = demo->options.out,
        .run = demo->run_dir,
        .incoming = target,
        .arguments = (const char *const *)demo->options.arguments,
        .listener = target ? on_target_event : on_source_event,
        .user = demo,
    };
    struct vm *vm = vm_start(demo->loop, &config, error);

    if (vm)
        timeline_note(demo->timeline, g_get_monotonic_time(),
                      target ? "target waits" : "source runs", "pid %d, spice://127.0.0.1:%d",
                      vm_pid(vm), vm_spice_port(vm));
    return vm;
}

/* The library that was asked for must be the one that is really loaded. */
static bool check_library(struct demo *demo, struct vm *vm, GError **error)
{
    char *wanted = realpath(demo->options.libdir, NULL);
    char *loaded = vm_spice_library(vm);
    char *folder = loaded ? g_path_get_dirname(loaded) : NULL;
    bool ok = loaded && (!*demo->options.libdir || !g_strcmp0(folder, wanted));

    if (!ok)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "QEMU loaded %s, not the one in %s",
                    loaded ? loaded : "no libspice-server", demo->options.libdir);
    g_free(demo->library);
    demo->library = loaded;
    g_free(folder);
    free(wanted);
    return ok;
}

static bool act_start(struct demo *demo, GError **error)
{
    demo->source = start_vm(demo, false, error);
    if (!demo->source || !check_library(demo, demo->source, error))
        return false;
    timeline_note(demo->timeline, g_get_monotonic_time(), "server", "%s%s", demo->library,
                  *demo->options.libdir ? "" : " (the system's)");
    demo->target = start_vm(demo, true, error);
    return demo->target && check_library(demo, demo->target, error);
}

static bool met_connected(struct demo *demo)
{
    return viewer_has(demo->viewer, SPICE_CHANNEL_INPUTS) &&
           viewer_has(demo->viewer, SPICE_CHANNEL_CURSOR) &&
           viewer_has(demo->viewer, SPICE_CHANNEL_DISPLAY) &&
           viewer_pictures(demo->viewer)->pictures > 0;
}

static char *channel_names(struct demo *demo)
{
    const GPtrArray *channels = viewer_channels(demo->viewer);
    GString *names = g_string_new(NULL);

    for (guint i = 0; i < channels->len; i++) {
        const struct viewer_channel *channel = channels->pdata[i];

        if (channel->open)
            g_string_append_printf(names, "%s%s", names->len ? " " : "", channel->type_name);
    }
    return g_string_free(names, FALSE);
}

static bool act_connect(struct demo *demo, GError **error)
{
    char *uri = g_strdup_printf("spice://127.0.0.1:%d", vm_spice_port(demo->source));
    static const char *const settings[] = {"enable-usbredir=false", NULL};
    char *names;

    demo->viewer = viewer_new(uri, settings, NULL, on_viewer_event, demo, error);
    g_free(uri);
    if (!demo->viewer)
        return false;
    if (demo->options.window) {
        demo->window = window_new(viewer_session(demo->viewer), "caravan demo", error);
        if (!demo->window)
            return false;
    }
    viewer_connect(demo->viewer);
    if (!demo_wait(demo, met_connected, START_TIMEOUT_S, "all channels and a picture", error))
        return false;
    names = channel_names(demo);
    timeline_tell(demo->timeline, g_get_monotonic_time(), "connected", "%s", names);
    g_free(names);
    return true;
}

static bool met_guest_ready(struct demo *demo)
{
    return vm_serial_lines(demo->source, "ready") > 0;
}

/* A guest that says nothing is as good; it only can't be asked about keys. */
static bool act_boot(struct demo *demo, GError **error)
{
    const struct viewer_channel *display;

    demo->talking = demo_wait(demo, met_guest_ready, GUEST_TIMEOUT_S, "the guest", NULL);
    if (demo_broken(demo, error) || !demo_run_on(demo, 0.5, error))
        return false;
    display = display_channel(demo);
    timeline_tell(demo->timeline, g_get_monotonic_time(), "guest runs", "%dx%d%s",
                  display->width, display->height,
                  demo->talking ? "" : " (an unknown guest, its keys are not checked)");
    return true;
}

static bool act_watch(struct demo *demo, GError **error)
{
    guint64 before = viewer_pictures(demo->viewer)->pictures;
    guint64 bytes = viewer_bytes(demo->viewer);

    if (!demo_run_on(demo, WATCH_S, error))
        return false;
    timeline_note(demo->timeline, g_get_monotonic_time(), "watched",
                  "%.0f pictures/s, %.0f kB/s",
                  (viewer_pictures(demo->viewer)->pictures - before) / WATCH_S,
                  (viewer_bytes(demo->viewer) - bytes) / WATCH_S / 1000);
    return true;
}

static bool press_key(struct demo *demo, unsigned scancode, GError **error)
{
    struct viewer_channel *inputs = viewer_channel(demo->viewer, SPICE_CHANNEL_INPUTS, 0);

    if (!inputs || !inputs->open) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the inputs channel is gone");
        return false;
    }
    spice_inputs_channel_key_press_and_release(SPICE_INPUTS_CHANNEL(inputs->object), scancode);
    return demo_run_on(demo, KEY_PAUSE_S, error);
}

static bool met_keys_before(struct demo *demo)
{
    return vm_serial_lines(demo->source, "key ") >= demo->keys_before.sent;
}

static bool met_keys_after(struct demo *demo)
{
    return vm_serial_lines(demo->target, "key ") >= demo->keys_after.sent;
}

/* Each key is two codes, press and release; the guest reports every code. */
static bool type_text(struct demo *demo, const char *text, struct demo_keys *keys,
                      bool (*met)(struct demo *demo), GError **error)
{
    for (const char *c = text; *c; c++) {
        unsigned scancode;
        bool shift;

        if (!keys_from_ascii(*c, &scancode, &shift))
            continue;
        if (!press_key(demo, scancode, error))
            return false;
        keys->sent += 2;
    }
    if (demo->talking)
        demo_wait(demo, met, PICTURE_TIMEOUT_S, "the keys", NULL);
    keys->seen = vm_serial_lines(demo_vm(demo), "key ");
    timeline_note(demo->timeline, g_get_monotonic_time(), "typed", "\"%s\"", text);
    return !demo_broken(demo, error);
}

static bool act_type_before(struct demo *demo, GError **error)
{
    return type_text(demo, demo_text_before, &demo->keys_before, met_keys_before, error);
}

static bool act_type_after(struct demo *demo, GError **error)
{
    return type_text(demo, demo_text_after, &demo->keys_after, met_keys_after, error);
}

/* ---- the picture against the VM's own ---- */

static bool met_still(struct demo *demo)
{
    return g_get_monotonic_time() - MAX(viewer_pictures(demo->viewer)->touched, demo->frozen_at) >
           FREEZE_IDLE_US;
}

static bool met_frozen(struct demo *demo)
{
    return vm_serial_lines(demo_vm(demo), "freeze 1") > demo->freezes;
}

/* Makes the picture stand still: the guest by a key, any other by stopping the VM. */
static bool freeze(struct demo *demo, bool on, GError **error)
{
    demo->freezes = vm_serial_lines(demo_vm(demo), "freeze 1");
    demo->frozen_at = g_get_monotonic_time();
    if (!demo->talking)
        return qmp_run(vm_qmp(demo_vm(demo)), on ? "stop" : "cont", NULL, error);
    return press_key(demo, KEY_F4, error) &&
           (!on || demo_wait(demo, met_frozen, PICTURE_TIMEOUT_S, "the guest's freeze", error));
}

static void save_picture(struct demo *demo, const struct image *image, const char *name)
{
    char *path = g_strdup_printf("%s/%s.png", demo->options.out, name);
    GError *error = NULL;

    if (!image_save(image, path, &error)) {
        timeline_tell(demo->timeline, g_get_monotonic_time(), "not saved", "%s", error->message);
        g_error_free(error);
    }
    g_free(path);
}

/* One look at both pictures. The newest damage may still be on its way: look again then. */
static bool compare_once(struct demo *demo, struct demo_comparison *comparison, const char *name,
                         GError **error)
{
    struct image *truth = vm_screendump(demo_vm(demo), error);
    struct image *seen = truth ? viewer_grab(demo->viewer, 0, error) : NULL;

    if (seen) {
        comparison->done = true;
        comparison->width = truth->width;
        comparison->height = truth->height;
        comparison->difference = image_compare(truth, seen);
        save_picture(demo, seen, name);
        if (comparison->difference.pixels) {
            char *other = g_strconcat(name, "-vm", NULL);

            save_picture(demo, truth, other);
            g_free(other);
        }
    }
    image_free(truth);
    image_free(seen);
    return comparison->done;
}

static bool compare(struct demo *demo, struct demo_comparison *comparison, const char *name,
                    GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)(PICTURE_TIMEOUT_S * G_USEC_PER_SEC);

    if (!freeze(demo, true, error))
        return false;
    demo_wait(demo, met_still, PICTURE_TIMEOUT_S, "", NULL);
    do {
        if (!compare_once(demo, comparison, name, error) || !demo_run_on(demo, 0.1, error))
            return false;
    } while (comparison->difference.pixels && g_get_monotonic_time() < deadline);
    if (comparison->difference.pixels)
        timeline_tell(demo->timeline, g_get_monotonic_time(), "picture differs",
                      "%zu pixels are not the VM's own", comparison->difference.pixels);
    else
        timeline_note(demo->timeline, g_get_monotonic_time(), "picture compared",
                      "all %d pixels are the VM's own", comparison->width * comparison->height);
    return freeze(demo, false, error);
}

static bool act_compare_before(struct demo *demo, GError **error)
{
    return compare(demo, &demo->before, "before", error);
}

static bool act_compare_after(struct demo *demo, GError **error)
{
    return compare(demo, &demo->after, "after", error);
}

/* ---- the move ---- */

static void remember_channels(struct demo *demo)
{
    const GPtrArray *channels = viewer_channels(demo->viewer);

    for (guint i = 0; i < channels->len; i++) {
        const struct viewer_channel *channel = channels->pdata[i];
        struct demo_channel row = {channel->type_name, channel->type,   channel->id,
                                   channel->serial,    channel->opened, false};

        if (channel->open)
            g_array_append_val(demo->channels, row);
    }
}

/* Runs a command whose arguments are constant JSON text. */
static bool run_text(struct vm *vm, const char *command, const char *text, GError **error)
{
    JsonNode *node = json_from_string(text, error);
    bool ok = node && qmp_run(vm_qmp(vm), command, json_node_dup_object(node), error);

    if (node)
        json_node_unref(node);
    return ok;
}

/* The bandwidth makes the copy last long enough to be seen, the limit keeps the stop short. */
static bool prepare_migration(struct demo *demo, GError **error)
{
    return run_text(demo->source, "migrate-set-capabilities",
                    "{\"capabilities\": [{\"capability\": \"events\", \"state\": true}]}",
                    error) &&
           run_text(demo->source, "migrate-set-parameters",
                    "{\"max-bandwidth\": 10000000, \"downtime-limit\": 30}", error);
}

static bool act_announce(struct demo *demo, GError **error)
{
    JsonObject *arguments = json_object_new();

    if (!prepare_migration(demo, error)) {
        json_object_unref(arguments);
        return false;
    }
    remember_channels(demo);
    demo->primaries = display_channel(demo)->primaries;
    demo->reference = viewer_grab(demo->viewer, 0, NULL);
    demo->moving = true;
    json_object_set_string_member(arguments, "protocol", "spice");
    json_object_set_string_member(arguments, "hostname", "127.0.0.1");
    json_object_set_int_member(arguments, "port", vm_spice_port(demo->target));
    demo->watched_from = g_get_monotonic_time();
    if (!qmp_run(vm_qmp(demo->source), "client_migrate_info", arguments, error))
        return false;
    timeline_tell(demo->timeline, demo->watched_from, "announced",
                  "the client learns of 127.0.0.1:%d", vm_spice_port(demo->target));
    return demo_run_on(demo, ANNOUNCE_S, error);
}

static bool met_migrated(struct demo *demo)
{
    return demo->resumed_at || !g_strcmp0(demo->status, "failed") ||
           !g_strcmp0(demo->status, "cancelled");
}

/* Every open channel talks to the target, and spice-gtk thinks so too. */
static bool met_moved(struct demo *demo)
{
    const GPtrArray *channels = viewer_channels(demo->viewer);
    SpiceSessionMigration state;
    bool all = viewer_has(demo->viewer, SPICE_CHANNEL_MAIN) &&
               viewer_has(demo->viewer, SPICE_CHANNEL_DISPLAY);

    g_object_get(viewer_session(demo->viewer), "migration-state", &state, NULL);
    for (guint i = 0; all && i < channels->len; i++) {
        const struct viewer_channel *channel = channels->pdata[i];

        all = !channel->open || viewer_channel_port(channel) == vm_spice_port(demo->target);
    }
    if (!all || state != SPICE_SESSION_MIGRATION_NONE)
        return false;
    if (!demo->moved_at) {
        demo->moved_at = g_get_monotonic_time();
        timeline_tell(demo->timeline, demo->moved_at, "session moved", "to 127.0.0.1:%d",
                      vm_spice_port(demo->target));
    }
    return true;
}

static bool met_released(struct demo *demo)
{
    return demo->released;
}

static bool met_continues(struct demo *demo)
{
    return demo->continued_at && (!demo->rebuilt || demo->whole);
}

static void ask_downtime(struct demo *demo)
{
    JsonNode *info = qmp_execute(vm_qmp(demo->source), "query-migrate", NULL, NULL);

    if (info && JSON_NODE_HOLDS_OBJECT(info))
        demo->downtime_ms = json_object_get_int_member_with_default(json_node_get_object(info),
                                                                    "downtime", -1);
    if (info)
        json_node_unref(info);
}

static bool act_move(struct demo *demo, GError **error)
{
    JsonObject *arguments = json_object_new();
    char *uri = g_strdup_printf("tcp:127.0.0.1:%d", vm_migration_port(demo->target));

    json_object_set_string_member(arguments, "uri", uri);
    g_free(uri);
    demo->copied_from = g_get_monotonic_time();
    timeline_tell(demo->timeline, demo->copied_from, "migrate", "QEMU copies the VM");
    if (!qmp_run(vm_qmp(demo->source), "migrate", arguments, error) ||
        !demo_wait(demo, met_migrated, MOVE_TIMEOUT_S, "QEMU's migration", error))
        return false;
    if (!demo->resumed_at) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "QEMU's migration %s", demo->status);
        return false;
    }
    if (!demo_wait(demo, met_moved, MOVE_TIMEOUT_S, "the client at the target", error) ||
        !demo_run_on(demo, SETTLE_S, error) ||
        (!demo_wait(demo, met_continues, PICTURE_TIMEOUT_S, "a picture", error) &&
         !demo->continued_at))
        return false;
    g_clear_error(error);
    demo->last_before = timeline_last_picture(demo->timeline, demo->stopped_at);
    timeline_tell(demo->timeline, demo->continued_at, "picture continues", "%s",
                  !demo->rebuilt ? "on the screen that was there"
                  : demo->whole  ? "after the whole screen was drawn anew"
                                 : "on a new screen that is not all drawn");
    return true;
}

/* As libvirt does it: the source goes when its server says that it may. */
static bool act_leave_source(struct demo *demo, GError **error)
{
    if (!demo_wait(demo, met_released, RELEASE_TIMEOUT_S, "SPICE_MIGRATE_COMPLETED", error))
        return false;
    ask_downtime(demo);
    demo->source_left = true;
    vm_stop(demo->source);
    demo->source = NULL;
    timeline_note(demo->timeline, g_get_monotonic_time(), "source ended", "the target is alone");
    return true;
}

static bool act_measure(struct demo *demo, GError **error)
{
    if (!act_watch(demo, error))
        return false;
    demo->moving = false;
    demo->ended_at = g_get_monotonic_time();
    timeline_gaps(demo->timeline, demo->watched_from - (gint64)(WATCH_S * G_USEC_PER_SEC),
                  demo->copied_from, &demo->usual, &demo->usual_most);
    timeline_set_pause(demo->timeline, demo->last_before, demo->continued_at, demo->stopped_at,
                       demo->resumed_at);
    return true;
}

static void check_channels(struct demo *demo)
{
    for (guint i = 0; i < demo->channels->len; i++) {
        struct demo_channel *row = &g_array_index(demo->channels, struct demo_channel, i);
        const struct viewer_channel *now = viewer_channel(demo->viewer, row->type, row->id);

        row->kept = now && now->serial == row->serial && now->opened == row->opened &&
                    now->open && viewer_channel_port(now) == vm_spice_port(demo->target);
    }
}

bool demo_story(struct demo *demo, GError **error)
{
    static bool (*const acts[])(struct demo *demo, GError **error) = {
        act_start,          act_connect,  act_boot, act_watch,        act_type_before,
        act_compare_before, act_watch,    act_announce, act_move,     act_leave_source,
        act_measure,        act_type_after, act_compare_after,
    };
    guint status = g_timeout_add(STATUS_MS, on_status, demo);
    bool ok = true;

    for (size_t i = 0; ok && i < G_N_ELEMENTS(acts); i++)
        ok = acts[i](demo, error);
    if (ok)
        check_channels(demo);
    g_source_remove(status);
    term_clear_status(&demo->term);
    return ok;
}
