/* SPDX-License-Identifier: MIT */
#include "demo.h"

#include <stdlib.h>
#include <string.h>

#include "keys.h"

#define GUEST_TIMEOUT_S   6.0
#define PICTURE_TIMEOUT_S 5.0
#define MOVE_TIMEOUT_S    40.0
#define RELEASE_TIMEOUT_S 15.0
#define WATCH_S           2.0
#define ANNOUNCE_S        1.0
#define SETTLE_S          0.4
#define DEATH_S           0.2
#define STATUS_MS         200

static const char demo_text_before[] = "from here";
static const char demo_text_after[] = " to there";

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
        .many_clients = demo->options.clients > 1,
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

static bool act_connect(struct demo *demo, GError **error)
{
    return demo_connect(demo, error);
}

/* The others come when the guest's screen is up, as late viewers do. */
static bool act_connect_others(struct demo *demo, GError **error)
{
    while ((int)demo->clients->len < demo->options.clients)
        if (!demo_connect(demo, error))
            return false;
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
    display = demo_display(demo->clients->pdata[0]);
    timeline_tell(demo->timeline, g_get_monotonic_time(), "guest runs", "%dx%d%s", display->width,
                  display->height,
                  demo->talking ? "" : " (an unknown guest, its keys are not checked)");
    return true;
}

static bool act_watch(struct demo *demo, GError **error)
{
    guint64 before = viewer_pictures(demo->viewer)->pictures;
    guint64 bytes = viewer_bytes(demo->viewer);

    if (!demo_run_on(demo, WATCH_S, error))
        return false;
    timeline_note(demo->timeline, g_get_monotonic_time(), "watched", "%.0f pictures/s, %.0f kB/s",
                  (viewer_pictures(demo->viewer)->pictures - before) / WATCH_S,
                  (viewer_bytes(demo->viewer) - bytes) / WATCH_S / 1000);
    return true;
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
        if (!demo_press_key(demo, scancode, error))
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

static bool act_compare_before(struct demo *demo, GError **error)
{
    return demo_compare(demo, &demo->before, "before", error);
}

static bool act_compare_after(struct demo *demo, GError **error)
{
    return demo_compare(demo, &demo->after, "after", error);
}

/* ---- the move ---- */

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
                    "{\"capabilities\": [{\"capability\": \"events\", \"state\": true}]}", error) &&
           run_text(demo->source, "migrate-set-parameters",
                    "{\"max-bandwidth\": 10000000, \"downtime-limit\": 30}", error);
}

static void remember_client(gpointer client, gpointer data)
{
    (void)data;
    demo_remember_channels(client);
}

static bool act_announce(struct demo *demo, GError **error)
{
    JsonObject *arguments = json_object_new();

    if (!prepare_migration(demo, error)) {
        json_object_unref(arguments);
        return false;
    }
    g_ptr_array_foreach(demo->clients, remember_client, NULL);
    demo->primaries = demo_display(demo->clients->pdata[0])->primaries;
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

static bool met_moved(struct demo *demo)
{
    for (guint i = 0; i < demo->clients->len; i++)
        if (!demo_client_moved(demo->clients->pdata[i]))
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
        demo->downtime_ms =
            json_object_get_int_member_with_default(json_node_get_object(info), "downtime", -1);
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
    gint64 median;

    if (!act_watch(demo, error))
        return false;
    demo->moving = false;
    demo->ended_at = g_get_monotonic_time();
    timeline_gaps(demo->timeline, demo->watched_from - (gint64)(WATCH_S * G_USEC_PER_SEC),
                  demo->copied_from, &demo->usual, &demo->usual_most);
    timeline_gaps(demo->timeline, demo->copied_from, demo->ended_at, &median, &demo->later_most);
    timeline_set_pause(demo->timeline, demo->last_before, demo->continued_at, demo->stopped_at,
                       demo->resumed_at);
    return true;
}

typedef bool (*demo_act)(struct demo *demo, GError **error);

/* When a QEMU has died, that is the reason, whatever failed first for it. */
static void prefer_death(struct demo *demo, GError **error)
{
    GError *death = NULL;

    if (!error || g_error_matches(*error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    loop_wait(demo->loop, NULL, NULL, DEATH_S);
    if (!demo_broken(demo, &death))
        return;
    g_clear_error(error);
    g_propagate_error(error, death);
}

bool demo_story(struct demo *demo, GError **error)
{
    static const demo_act acts[] = {
        act_start,        act_connect,        act_boot,       act_connect_others, act_watch,
        act_type_before,  act_compare_before, act_watch,      act_announce,       act_move,
        act_leave_source, act_measure,        act_type_after, act_compare_after,
    };
    guint status = g_timeout_add(STATUS_MS, on_status, demo);
    bool ok = true;

    for (size_t i = 0; ok && i < G_N_ELEMENTS(acts); i++)
        ok = acts[i](demo, error);
    if (!ok)
        prefer_death(demo, error);
    g_source_remove(status);
    term_clear_status(&demo->term);
    return ok;
}
