/* SPDX-License-Identifier: MIT */
#include "viewer.h"

#include "viewer_settings.h"

#include <cairo.h>

struct viewer {
    SpiceSession *session;
    GPtrArray *channels; /* struct viewer_channel *, owned */
    GStrv only;
    viewer_listener listener;
    void *data;
    enum viewer_status status;
    char *reason;
    unsigned next_serial;
    guint poll;
    struct viewer_pictures pictures;
    bool disconnected_told;
};

/* How a SpiceChannelEvent is told. */
struct channel_event_row {
    SpiceChannelEvent event;
    enum viewer_event_kind kind;
    const char *error;
};

static const struct channel_event_row channel_event_rows[] = {
    {SPICE_CHANNEL_OPENED, VIEWER_CHANNEL_OPEN, NULL},
    {SPICE_CHANNEL_SWITCHING, VIEWER_CHANNEL_SWITCHING, NULL},
    {SPICE_CHANNEL_CLOSED, VIEWER_CHANNEL_CLOSED, NULL},
    {SPICE_CHANNEL_ERROR_CONNECT, VIEWER_CHANNEL_ERROR, "connect"},
    {SPICE_CHANNEL_ERROR_TLS, VIEWER_CHANNEL_ERROR, "tls"},
    {SPICE_CHANNEL_ERROR_LINK, VIEWER_CHANNEL_ERROR, "link"},
    {SPICE_CHANNEL_ERROR_AUTH, VIEWER_CHANNEL_ERROR, "auth"},
    {SPICE_CHANNEL_ERROR_IO, VIEWER_CHANNEL_ERROR, "io"},
};

#define VIEWER_POLL_MS      10
#define VIEWER_MOVE_POLL_MS 1

static void viewer_tell(struct viewer *viewer, struct viewer_event event)
{
    event.time = g_get_monotonic_time();
    if (viewer->listener)
        viewer->listener(viewer->data, &event);
}

const char *viewer_event_name(enum viewer_event_kind kind)
{
    static const char *const names[] = {
#define VIEWER_EVENT_NAME(constant, name) [VIEWER_##constant] = name,
        VIEWER_EVENTS(VIEWER_EVENT_NAME)
#undef VIEWER_EVENT_NAME
    };
    return names[kind];
}

/* The first bad end counts; a later one is only its echo. */
static void viewer_end(struct viewer *viewer, enum viewer_status status, const char *reason)
{
    if (viewer->status != VIEWER_CONNECTING && viewer->status != VIEWER_UP)
        return;
    viewer->status = status;
    g_free(viewer->reason);
    viewer->reason = g_strdup(reason);
}

/* ---- sockets and bytes ---- */

static GSocket *channel_socket(const struct viewer_channel *channel)
{
    GSocket *socket = NULL;

    if (channel->object)
        g_object_get(channel->object, "socket", &socket, NULL);
    return socket;
}

int viewer_channel_port(const struct viewer_channel *channel)
{
    GSocket *socket = channel_socket(channel);
    GSocketAddress *address = socket ? g_socket_get_remote_address(socket, NULL) : NULL;
    int port = 0;

    if (G_IS_INET_SOCKET_ADDRESS(address))
        port = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(address));
    g_clear_object(&address);
    g_clear_object(&socket);
    return port;
}

static gulong channel_total(const struct viewer_channel *channel)
{
    gulong total = 0;

    g_object_get(channel->object, "total-read-bytes", &total, NULL);
    return total;
}

/* total-read-bytes starts again from 0 when a channel is reset */
static void channel_count_bytes(struct viewer_channel *channel)
{
    gulong total;

    if (!channel->object)
        return;
    total = channel_total(channel);
    channel->bytes += total >= channel->bytes_seen ? total - channel->bytes_seen : total;
    channel->bytes_seen = total;
}

static bool channel_has_another_socket(const struct viewer_channel *channel)
{
    GSocket *socket = channel_socket(channel);
    bool another = socket && socket != channel->socket && channel->open &&
                   (channel->socket || channel->lost_socket);

    g_clear_object(&socket);
    return another;
}

/*
 * A seamless move swaps one socket for the other; a semi-seamless one resets
 * every channel but main in between, and spice-gtk tells neither. What shows is
 * a time without socket, which may be short, or a count of bytes that began
 * anew. Both can be missed on a channel, not on all of them.
 */
static bool session_was_reset(const struct viewer *viewer)
{
    for (guint i = 0; i < viewer->channels->len; i++) {
        const struct viewer_channel *channel = viewer->channels->pdata[i];

        if (channel_has_another_socket(channel) &&
            (channel->lost_socket || channel_total(channel) < channel->bytes_seen))
            return true;
    }
    return false;
}

static void channel_look_at_socket(struct viewer_channel *channel, bool reset)
{
    GSocket *socket = channel_socket(channel);

    if (socket == channel->socket) {
        g_clear_object(&socket);
        return;
    }
    if (!socket)
        channel->lost_socket = channel->open;
    if (channel_has_another_socket(channel)) {
        reset = reset && channel->type != SPICE_CHANNEL_MAIN;
        channel->moves++;
        channel->resets += reset;
        viewer_tell(channel->viewer,
                    (struct viewer_event){.kind = VIEWER_CHANNEL_MOVED,
                                          .channel = channel,
                                          .values = {viewer_channel_port(channel), reset}});
    }
    if (socket)
        channel->lost_socket = false;
    g_clear_object(&channel->socket);
    channel->socket = socket; /* the reference keeps the address from being reused */
}

void viewer_poll(struct viewer *viewer)
{
    bool reset = session_was_reset(viewer);

    for (guint i = 0; i < viewer->channels->len; i++) {
        channel_look_at_socket(viewer->channels->pdata[i], reset);
        channel_count_bytes(viewer->channels->pdata[i]);
    }
}

static gboolean viewer_on_poll(gpointer data)
{
    viewer_poll(data);
    return G_SOURCE_CONTINUE;
}

static void viewer_set_poll(struct viewer *viewer, unsigned ms)
{
    if (viewer->poll)
        g_source_remove(viewer->poll);
    viewer->poll = g_timeout_add(ms, viewer_on_poll, viewer);
}

guint64 viewer_bytes(struct viewer *viewer)
{
    guint64 bytes = 0;

    viewer_poll(viewer);
    for (guint i = 0; i < viewer->channels->len; i++)
        bytes += ((struct viewer_channel *)viewer->channels->pdata[i])->bytes;
    return bytes;
}

/* ---- pictures ---- */

static void viewer_count_picture(struct viewer *viewer, gint64 now)
{
    struct viewer_pictures *p = &viewer->pictures;
    gint64 from = MAX(p->last, p->gap_origin);
    bool same = p->last && now - p->touched < VIEWER_PICTURE_STEP_US &&
                now - p->last < VIEWER_PICTURE_MOST_US;

    p->touched = now;
    if (same)
        return;
    if (p->last)
        p->last_gap = now - p->last;
    if (from && now - from > p->gap) {
        p->gap = now - from;
        p->gap_from = from;
        p->gap_to = now;
    }
    p->pictures++;
    p->last = now;
}

const struct viewer_pictures *viewer_pictures(const struct viewer *viewer)
{
    return &viewer->pictures;
}

void viewer_gap_reset(struct viewer *viewer)
{
    viewer->pictures.gap = 0;
    viewer->pictures.gap_from = 0;
    viewer->pictures.gap_to = 0;
    viewer->pictures.gap_origin = g_get_monotonic_time();
}

/* A new primary surface is black until everything of it was drawn once. */
static void channel_expect_all(struct viewer_channel *channel, int width, int height)
{
    const cairo_rectangle_int_t all = {0, 0, width, height};

    g_clear_pointer(&channel->missing, cairo_region_destroy);
    channel->width = width;
    channel->height = height;
    if (width > 0 && height > 0)
        channel->missing = cairo_region_create_rectangle(&all);
}

/* True when this was the last that was missing. */
static bool channel_drawn(struct viewer_channel *channel, int x, int y, int w, int h)
{
    const cairo_rectangle_int_t drawn = {x, y, w, h};

    if (!channel->missing)
        return false;
    cairo_region_subtract_rectangle(channel->missing, &drawn);
    if (!cairo_region_is_empty(channel->missing))
        return false;
    g_clear_pointer(&channel->missing, cairo_region_destroy);
    return true;
}

static void on_invalidate(SpiceChannel *object, gint x, gint y, gint w, gint h, gpointer data)
{
    struct viewer_channel *channel = data;
    bool whole = channel_drawn(channel, x, y, w, h);

    (void)object;
    viewer_count_picture(channel->viewer, g_get_monotonic_time());
    viewer_tell(
        channel->viewer,
        (struct viewer_event){.kind = VIEWER_PICTURE, .channel = channel, .values = {x, y, w, h}});
    if (whole)
        viewer_tell(channel->viewer,
                    (struct viewer_event){.kind = VIEWER_WHOLE, .channel = channel});
}

static void on_primary_create(SpiceChannel *object, gint format, gint width, gint height,
                              gint stride, gint shmid, gpointer pixels, gpointer data)
{
    struct viewer_channel *channel = data;

    (void)object;
    (void)stride;
    (void)shmid;
    (void)pixels;
    channel->primaries++;
    channel_expect_all(channel, width, height);
    viewer_tell(channel->viewer, (struct viewer_event){.kind = VIEWER_PRIMARY,
                                                       .channel = channel,
                                                       .values = {width, height, format}});
}

static void on_primary_destroy(SpiceChannel *object, gpointer data)
{
    struct viewer_channel *channel = data;

    (void)object;
    channel_expect_all(channel, 0, 0);
    viewer_tell(channel->viewer,
                (struct viewer_event){.kind = VIEWER_PRIMARY_DESTROYED, .channel = channel});
}

static void on_mark(SpiceChannel *object, gint on, gpointer data)
{
    struct viewer_channel *channel = data;

    (void)object;
    viewer_tell(channel->viewer,
                (struct viewer_event){.kind = VIEWER_MARK, .channel = channel, .values = {!!on}});
}

static void on_monitors(GObject *object, GParamSpec *property, gpointer data)
{
    struct viewer_channel *channel = data;
    GArray *heads = NULL;

    (void)property;
    g_object_get(object, "monitors", &heads, NULL);
    viewer_tell(channel->viewer, (struct viewer_event){.kind = VIEWER_MONITORS,
                                                       .channel = channel,
                                                       .values = {heads ? (int)heads->len : 0},
                                                       .heads = heads});
    if (heads)
        g_array_unref(heads);
}

/* ---- pointer, session ---- */

static void tell_cursor(struct viewer_channel *channel, const char *op, int a, int b, int c, int d)
{
    viewer_tell(channel->viewer,
                (struct viewer_event){
                    .kind = VIEWER_CURSOR, .channel = channel, .text = op, .values = {a, b, c, d}});
}

static void on_cursor_set(SpiceCursorChannel *object, gint width, gint height, gint hot_x,
                          gint hot_y, gpointer rgba, gpointer data)
{
    (void)object;
    (void)rgba;
    tell_cursor(data, "set", width, height, hot_x, hot_y);
}

static void on_cursor_move(SpiceCursorChannel *object, gint x, gint y, gpointer data)
{
    (void)object;
    tell_cursor(data, "move", 0, 0, x, y);
}

static void on_cursor_hide(SpiceCursorChannel *object, gpointer data)
{
    (void)object;
    tell_cursor(data, "hide", 0, 0, 0, 0);
}

static void on_cursor_reset(SpiceCursorChannel *object, gpointer data)
{
    (void)object;
    tell_cursor(data, "reset", 0, 0, 0, 0);
}

static void on_modifiers(SpiceChannel *object, gpointer data)
{
    struct viewer_channel *channel = data;
    int modifiers = 0;

    g_object_get(object, "key-modifiers", &modifiers, NULL);
    viewer_tell(channel->viewer, (struct viewer_event){.kind = VIEWER_KEY_MODIFIERS,
                                                       .channel = channel,
                                                       .values = {modifiers}});
}

static void on_mouse_update(SpiceChannel *object, gpointer data)
{
    struct viewer_channel *channel = data;
    int mode = 0;

    g_object_get(object, "mouse-mode", &mode, NULL);
    viewer_tell(
        channel->viewer,
        (struct viewer_event){.kind = VIEWER_MOUSE_MODE,
                              .text = mode == SPICE_MOUSE_MODE_CLIENT ? "client" : "server"});
}

static void on_agent_update(SpiceChannel *object, gpointer data)
{
    struct viewer_channel *channel = data;

    (void)object;
    viewer_tell(channel->viewer, (struct viewer_event){.kind = VIEWER_SESSION});
}

static void on_session_changed(GObject *object, GParamSpec *property, gpointer data)
{
    (void)object;
    (void)property;
    viewer_tell(data, (struct viewer_event){.kind = VIEWER_SESSION});
}

static void on_migration_state(GObject *object, GParamSpec *property, gpointer data)
{
    static const char *const names[] = {"none", "switching", "migrating", "connecting"};
    struct viewer *viewer = data;
    SpiceSessionMigration state = SPICE_SESSION_MIGRATION_NONE;

    (void)property;
    g_object_get(object, "migration-state", &state, NULL);
    viewer_poll(viewer);
    viewer_set_poll(viewer,
                    state == SPICE_SESSION_MIGRATION_NONE ? VIEWER_POLL_MS : VIEWER_MOVE_POLL_MS);
    if (state < G_N_ELEMENTS(names))
        viewer_tell(viewer, (struct viewer_event){.kind = VIEWER_MIGRATION, .text = names[state]});
}

static void on_disconnected(SpiceSession *session, gpointer data)
{
    struct viewer *viewer = data;

    (void)session;
    viewer_end(viewer, viewer->status == VIEWER_UP ? VIEWER_LOST : VIEWER_CONNECT_FAILED,
               "disconnected");
    if (!viewer->disconnected_told)
        viewer_tell(viewer,
                    (struct viewer_event){.kind = VIEWER_DISCONNECTED, .text = viewer->reason});
    viewer->disconnected_told = true;
}

/* ---- channels ---- */

static void main_channel_event(struct viewer *viewer, SpiceChannelEvent event, const char *why)
{
    bool up = viewer->status == VIEWER_UP;

    switch ((int)event) {
    case SPICE_CHANNEL_OPENED:
        if (viewer->status == VIEWER_CONNECTING)
            viewer->status = VIEWER_UP;
        break;
    case SPICE_CHANNEL_CLOSED:
        viewer_end(viewer, up ? VIEWER_LOST : VIEWER_CONNECT_FAILED,
                   "the server closed the main channel");
        break;
    case SPICE_CHANNEL_ERROR_AUTH:
        viewer_end(viewer, up ? VIEWER_LOST : VIEWER_AUTH_FAILED, why);
        break;
    case SPICE_CHANNEL_ERROR_CONNECT:
    case SPICE_CHANNEL_ERROR_TLS:
    case SPICE_CHANNEL_ERROR_LINK:
    case SPICE_CHANNEL_ERROR_IO:
        viewer_end(viewer, up ? VIEWER_LOST : VIEWER_CONNECT_FAILED, why);
        break;
    default:
        break;
    }
}

static void channel_tell_event(struct viewer_channel *channel, const struct channel_event_row *row,
                               const char *detail)
{
    viewer_tell(channel->viewer,
                (struct viewer_event){
                    .kind = row->kind, .channel = channel, .text = row->error, .detail = detail});
}

static void on_channel_event(SpiceChannel *object, SpiceChannelEvent event, gpointer data)
{
    struct viewer_channel *channel = data;
    const GError *error = spice_channel_get_error(object);
    char *why = NULL;

    channel->open = event == SPICE_CHANNEL_OPENED || event == SPICE_CHANNEL_SWITCHING;
    if (event == SPICE_CHANNEL_OPENED)
        channel->opened++;
    for (size_t i = 0; i < G_N_ELEMENTS(channel_event_rows); i++) {
        const struct channel_event_row *row = &channel_event_rows[i];

        if (row->event != event)
            continue;
        channel_tell_event(channel, row, error ? error->message : NULL);
        if (row->error)
            why = g_strdup_printf("%s channel: %s error%s%s", channel->type_name, row->error,
                                  error ? ": " : "", error ? error->message : "");
    }
    if (channel->type == SPICE_CHANNEL_MAIN) {
        main_channel_event(channel->viewer, event, why);
        if (event == SPICE_CHANNEL_OPENED)
            viewer_tell(channel->viewer, (struct viewer_event){.kind = VIEWER_SESSION});
    }
    g_free(why);
}

/* Which signals are listened to, per type of channel. */
struct signal_row {
    int type; /* -1: every type */
    const char *signal;
    GCallback callback;
};

static const struct signal_row signal_rows[] = {
    {-1, "channel-event", G_CALLBACK(on_channel_event)},
    {SPICE_CHANNEL_MAIN, "main-mouse-update", G_CALLBACK(on_mouse_update)},
    {SPICE_CHANNEL_MAIN, "main-agent-update", G_CALLBACK(on_agent_update)},
    {SPICE_CHANNEL_DISPLAY, "display-primary-create", G_CALLBACK(on_primary_create)},
    {SPICE_CHANNEL_DISPLAY, "display-primary-destroy", G_CALLBACK(on_primary_destroy)},
    {SPICE_CHANNEL_DISPLAY, "display-invalidate", G_CALLBACK(on_invalidate)},
    {SPICE_CHANNEL_DISPLAY, "display-mark", G_CALLBACK(on_mark)},
    {SPICE_CHANNEL_DISPLAY, "notify::monitors", G_CALLBACK(on_monitors)},
    {SPICE_CHANNEL_CURSOR, "cursor-set", G_CALLBACK(on_cursor_set)},
    {SPICE_CHANNEL_CURSOR, "cursor-move", G_CALLBACK(on_cursor_move)},
    {SPICE_CHANNEL_CURSOR, "cursor-hide", G_CALLBACK(on_cursor_hide)},
    {SPICE_CHANNEL_CURSOR, "cursor-reset", G_CALLBACK(on_cursor_reset)},
    {SPICE_CHANNEL_INPUTS, "inputs-modifiers", G_CALLBACK(on_modifiers)},
};

static bool viewer_wants(const struct viewer *viewer, const char *type_name)
{
    return !viewer->only || g_strv_contains((const char *const *)viewer->only, type_name);
}

static void on_channel_new(SpiceSession *session, SpiceChannel *object, gpointer data)
{
    struct viewer *viewer = data;
    struct viewer_channel *channel = g_new0(struct viewer_channel, 1);

    (void)session;
    channel->viewer = viewer;
    channel->object = g_object_ref(object);
    g_object_get(object, "channel-type", &channel->type, "channel-id", &channel->id, NULL);
    channel->type_name = spice_channel_type_to_string(channel->type);
    channel->serial = ++viewer->next_serial;
    g_ptr_array_add(viewer->channels, channel);
    for (size_t i = 0; i < G_N_ELEMENTS(signal_rows); i++)
        if (signal_rows[i].type == -1 || signal_rows[i].type == channel->type)
            g_signal_connect(object, signal_rows[i].signal, signal_rows[i].callback, channel);
    viewer_tell(viewer, (struct viewer_event){.kind = VIEWER_CHANNEL_NEW, .channel = channel});
    if (channel->type != SPICE_CHANNEL_MAIN && viewer_wants(viewer, channel->type_name))
        spice_channel_connect(object);
}

static void channel_let_go(struct viewer_channel *channel)
{
    if (!channel->object)
        return;
    channel_count_bytes(channel);
    channel->open = false;
    g_signal_handlers_disconnect_by_data(channel->object, channel);
    channel_expect_all(channel, 0, 0);
    g_clear_object(&channel->object);
    g_clear_object(&channel->socket);
}

static void on_channel_destroy(SpiceSession *session, SpiceChannel *object, gpointer data)
{
    struct viewer *viewer = data;

    (void)session;
    for (guint i = 0; i < viewer->channels->len; i++) {
        struct viewer_channel *channel = viewer->channels->pdata[i];

        if (channel->object != object)
            continue;
        viewer_tell(viewer,
                    (struct viewer_event){.kind = VIEWER_CHANNEL_DESTROYED, .channel = channel});
        channel_let_go(channel);
    }
}

static void channel_free(gpointer data)
{
    channel_let_go(data);
    g_free(data);
}

const GPtrArray *viewer_channels(const struct viewer *viewer)
{
    return viewer->channels;
}

struct viewer_channel *viewer_channel(struct viewer *viewer, int type, int id)
{
    for (guint i = viewer->channels->len; i-- > 0;) {
        struct viewer_channel *channel = viewer->channels->pdata[i];

        if (channel->object && channel->type == type && channel->id == id)
            return channel;
    }
    return NULL;
}

bool viewer_has(struct viewer *viewer, int type)
{
    for (guint i = 0; i < viewer->channels->len; i++) {
        struct viewer_channel *channel = viewer->channels->pdata[i];

        if (channel->type == type && channel->open)
            return true;
    }
    return false;
}

/* ---- life ---- */

struct viewer *viewer_new(const char *uri, const char *const *settings, const char *const *only,
                          viewer_listener listener, void *data, GError **error)
{
    struct viewer *viewer = g_new0(struct viewer, 1);

    viewer->session = spice_session_new();
    viewer->channels = g_ptr_array_new_with_free_func(channel_free);
    viewer->only = only ? g_strdupv((GStrv)only) : NULL;
    viewer->listener = listener;
    viewer->data = data;
    g_object_set(viewer->session, "uri", uri, NULL);
    for (size_t i = 0; settings && settings[i]; i++) {
        if (!viewer_settings_apply(viewer->session, settings[i], error)) {
            viewer_free(viewer);
            return NULL;
        }
    }
    g_signal_connect(viewer->session, "channel-new", G_CALLBACK(on_channel_new), viewer);
    g_signal_connect(viewer->session, "channel-destroy", G_CALLBACK(on_channel_destroy), viewer);
    g_signal_connect(viewer->session, "disconnected", G_CALLBACK(on_disconnected), viewer);
    g_signal_connect(viewer->session, "notify::migration-state", G_CALLBACK(on_migration_state),
                     viewer);
    g_signal_connect(viewer->session, "notify::name", G_CALLBACK(on_session_changed), viewer);
    g_signal_connect(viewer->session, "notify::uuid", G_CALLBACK(on_session_changed), viewer);
    return viewer;
}

void viewer_connect(struct viewer *viewer)
{
    viewer_set_poll(viewer, VIEWER_POLL_MS);
    if (!spice_session_connect(viewer->session))
        viewer_end(viewer, VIEWER_CONNECT_FAILED, "the address is not usable");
}

void viewer_disconnect(struct viewer *viewer)
{
    viewer_end(viewer, VIEWER_QUIT, NULL);
    spice_session_disconnect(viewer->session);
}

void viewer_free(struct viewer *viewer)
{
    if (!viewer)
        return;
    if (viewer->poll)
        g_source_remove(viewer->poll);
    viewer->listener = NULL;
    g_signal_handlers_disconnect_by_data(viewer->session, viewer);
    spice_session_disconnect(viewer->session);
    g_ptr_array_unref(viewer->channels);
    g_object_unref(viewer->session);
    g_strfreev(viewer->only);
    g_free(viewer->reason);
    g_free(viewer);
}

enum viewer_status viewer_status(const struct viewer *viewer)
{
    return viewer->status;
}

const char *viewer_reason(const struct viewer *viewer)
{
    return viewer->reason;
}

SpiceSession *viewer_session(struct viewer *viewer)
{
    return viewer->session;
}
