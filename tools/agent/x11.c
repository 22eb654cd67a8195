/* SPDX-License-Identifier: MIT */
/* Connecting, events, and owning the selection. */
#include "x11.h"

#include <string.h>
#include <xcb/xfixes.h>

#include "source.h"
#include "x11_impl.h"

enum {
    TICK_MS = 1000,
};

static const char *const atom_names[X11_ATOMS] = {
    [X11_CLIPBOARD] = "CLIPBOARD",
    [X11_TARGETS] = "TARGETS",
    [X11_TIMESTAMP] = "TIMESTAMP",
    [X11_UTF8] = "UTF8_STRING",
    [X11_MIME] = "text/plain;charset=utf-8",
    [X11_TEXT] = "TEXT",
    [X11_INCR] = "INCR",
    [X11_PASTE] = "CARAVAN_AGENT_PASTE",
    [X11_STAMP] = "CARAVAN_AGENT_STAMP",
};

static void fail(struct x11 *self, const char *why)
{
    if (self->why)
        return;
    self->why = why;
    source_end(&self->source);
    source_end(&self->housekeeping);
    x11_paste_end(self);
    self->news->ended(self->opaque, why);
}

/* ---- Owning ---- */

/* The server's time, which a claim must have, comes with word of a property's change. */
static void ask_time(struct x11 *self)
{
    xcb_change_property(self->server, XCB_PROP_MODE_APPEND, self->window, self->atoms[X11_STAMP],
                        XCB_ATOM_STRING, 8, 0, NULL);
}

void x11_tell_offered(struct x11 *self, bool has)
{
    if (!has && !self->has)
        return;
    self->has = has;
    self->news->offered(self->opaque, has);
}

static xcb_window_t find_owner(struct x11 *self)
{
    xcb_get_selection_owner_reply_t *reply = xcb_get_selection_owner_reply(
        self->server, xcb_get_selection_owner(self->server, self->atoms[X11_CLIPBOARD]), NULL);
    xcb_window_t owner = reply ? reply->owner : XCB_NONE;

    g_free(reply);
    return owner;
}

static void on_time(struct x11 *self, xcb_timestamp_t now)
{
    xcb_window_t owner;

    if (self->wants) {
        xcb_set_selection_owner(self->server, self->window, self->atoms[X11_CLIPBOARD], now);
    } else if (!self->looked) {
        owner = find_owner(self);
        if (owner != XCB_NONE && owner != self->window)
            x11_paste_look(self, now);
    }
    self->looked = true;
}

static void disown(struct x11 *self)
{
    xcb_set_selection_owner(self->server, XCB_NONE, self->atoms[X11_CLIPBOARD], self->since);
}

static void on_owner(struct x11 *self, const xcb_xfixes_selection_notify_event_t *event)
{
    self->looked = true;
    self->owns = event->owner == self->window;
    self->since = self->owns ? event->selection_timestamp : event->timestamp;
    x11_paste_end(self);
    if (self->owns) {
        self->has = false;
        if (!self->wants)
            disown(self);
        return;
    }
    x11_copy_refuse(self);
    if (event->owner == XCB_NONE) {
        x11_tell_offered(self, false);
        return;
    }
    self->wants = false;
    x11_paste_look(self, event->timestamp);
}

/* ---- Events ---- */

static void on_property(struct x11 *self, const xcb_property_notify_event_t *event)
{
    if (event->window == self->window && event->atom == self->atoms[X11_STAMP])
        on_time(self, event->time);
    x11_paste_property(self, event);
    x11_copy_property(self, event);
}

static void handle(struct x11 *self, const xcb_generic_event_t *event)
{
    unsigned type = event->response_type & 0x7f; /* 0: an error, of a window that is gone */

    if (type == self->xfixes + XCB_XFIXES_SELECTION_NOTIFY)
        on_owner(self, (const xcb_xfixes_selection_notify_event_t *)event);
    else if (type == XCB_PROPERTY_NOTIFY)
        on_property(self, (const xcb_property_notify_event_t *)event);
    else if (type == XCB_SELECTION_NOTIFY)
        x11_paste_notify(self, (const xcb_selection_notify_event_t *)event);
    else if (type == XCB_SELECTION_REQUEST)
        x11_copy_request(self, (const xcb_selection_request_event_t *)event);
}

/* Also what the library has read while it waited for something else. */
static void run(struct x11 *self)
{
    xcb_generic_event_t *event;

    while (!self->why && (event = xcb_poll_for_event(self->server))) {
        handle(self, event);
        g_free(event);
    }
    xcb_flush(self->server);
    if (xcb_connection_has_error(self->server))
        fail(self, "the X server has closed the link");
}

static gboolean on_fd(gint fd, GIOCondition condition, void *opaque)
{
    run(opaque);
    return G_SOURCE_CONTINUE;
}

static gboolean on_tick(void *opaque)
{
    struct x11 *self = opaque;

    x11_copy_tick(self);
    run(self);
    return G_SOURCE_CONTINUE;
}

/* ---- Connecting ---- */

static bool find_atoms(struct x11 *self)
{
    xcb_intern_atom_cookie_t cookies[X11_ATOMS];
    bool all = true;

    for (unsigned i = 0; i < X11_ATOMS; i++)
        cookies[i] =
            xcb_intern_atom(self->server, 0, (uint16_t)strlen(atom_names[i]), atom_names[i]);
    for (unsigned i = 0; i < X11_ATOMS; i++) {
        xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(self->server, cookies[i], NULL);
        self->atoms[i] = reply ? reply->atom : XCB_NONE;
        all = all && reply;
        g_free(reply);
    }
    return all;
}

static bool find_xfixes(struct x11 *self)
{
    const xcb_query_extension_reply_t *extension =
        xcb_get_extension_data(self->server, &xcb_xfixes_id);
    xcb_xfixes_query_version_reply_t *version;

    if (!extension || !extension->present)
        return false;
    self->xfixes = extension->first_event;
    version = xcb_xfixes_query_version_reply(
        self->server, xcb_xfixes_query_version(self->server, XCB_XFIXES_MAJOR_VERSION, 0), NULL);
    g_free(version);
    return version != NULL;
}

static xcb_window_t make_window(struct x11 *self, const xcb_screen_t *screen)
{
    static const uint32_t events[] = {XCB_EVENT_MASK_PROPERTY_CHANGE};
    xcb_window_t window = xcb_generate_id(self->server);

    xcb_create_window(self->server, 0, window, screen->root, -1, -1, 1, 1, 0,
                      XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT, XCB_CW_EVENT_MASK, events);
    return window;
}

static const char *set_up(struct x11 *self)
{
    xcb_screen_t *screen;

    if (xcb_connection_has_error(self->server))
        return "the X server cannot be reached, or does not let us in (see DISPLAY and XAUTHORITY)";
    screen = xcb_setup_roots_iterator(xcb_get_setup(self->server)).data;
    if (!screen || !find_atoms(self))
        return "the X server has closed the link";
    if (!find_xfixes(self))
        return "the X server has no XFixes extension, which tells who copies";
    self->window = make_window(self, screen);
    for (unsigned i = 0; i < X11_PASTERS; i++)
        self->pasters[i] = make_window(self, screen);
    xcb_xfixes_select_selection_input(self->server, self->window, self->atoms[X11_CLIPBOARD],
                                      XCB_XFIXES_SELECTION_EVENT_MASK_SET_SELECTION_OWNER |
                                          XCB_XFIXES_SELECTION_EVENT_MASK_SELECTION_WINDOW_DESTROY |
                                          XCB_XFIXES_SELECTION_EVENT_MASK_SELECTION_CLIENT_CLOSE);
    return NULL;
}

static void *x11_connect(const char *where, const struct host_clip_news *news, void *opaque)
{
    struct x11 *self = g_new0(struct x11, 1);
    const char *why;

    self->news = news;
    self->opaque = opaque;
    self->targets_ms = X11_TARGETS_MS;
    self->text_ms = X11_TEXT_MS;
    self->server = xcb_connect(where, NULL);
    why = set_up(self);
    if (why) {
        fail(self, why);
        return self;
    }
    self->source = source_fd(xcb_get_file_descriptor(self->server), G_IO_IN, on_fd, self);
    self->housekeeping = source_timer(TICK_MS, on_tick, self);
    news->ready(opaque);
    ask_time(self);
    run(self);
    return self;
}

static void x11_free(void *opaque)
{
    struct x11 *self = opaque;

    self->why = "freed";
    source_end(&self->source);
    source_end(&self->housekeeping);
    x11_paste_end(self);
    x11_copy_free(self);
    xcb_disconnect(self->server);
    buf_free(&self->paste.text);
    g_free(self);
}

/* ---- What others want of it ---- */

static void x11_offer(void *opaque, bool has)
{
    struct x11 *self = opaque;

    if (self->why)
        return;
    x11_copy_refuse(self);
    self->wants = has;
    if (has)
        ask_time(self);
    else if (self->owns)
        disown(self);
    run(self);
}

static void x11_ask(void *opaque)
{
    struct x11 *self = opaque;

    if (self->why)
        return;
    x11_paste_ask(self);
    run(self);
}

static void x11_provide(void *opaque, const char *text, size_t len)
{
    struct x11 *self = opaque;

    if (self->why)
        return;
    x11_copy_provide(self, text, len);
    run(self);
}

const struct host_clip_ops x11_link_ops = {
    .connect = x11_connect,
    .free = x11_free,
    .offer = x11_offer,
    .ask = x11_ask,
    .provide = x11_provide,
};
