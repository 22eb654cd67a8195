/* SPDX-License-Identifier: MIT */
/* Our text for other clients. Each asks for one form of it and waits; a long one goes in pieces,
 * the next when the last was taken away. */
#include <string.h>

#include "x11_impl.h"

enum {
    PIECE = 64 * 1024, /* bytes: far below what one request of any server takes */
};

static gint64 later(const struct x11 *self)
{
    return g_get_monotonic_time() + self->text_ms * G_GINT64_CONSTANT(1000);
}

static void notify(struct x11 *self, const struct x11_copy *copy, xcb_atom_t property)
{
    xcb_selection_notify_event_t event = {
        .response_type = XCB_SELECTION_NOTIFY,
        .time = copy->time,
        .requestor = copy->to,
        .selection = self->atoms[X11_CLIPBOARD],
        .target = copy->target,
        .property = property,
    };

    xcb_send_event(self->server, 0, copy->to, XCB_EVENT_MASK_NO_EVENT, (const char *)&event);
}

static bool is_watched(const struct x11 *self, xcb_window_t window)
{
    for (unsigned i = 0; i < X11_COPIES; i++) {
        if (self->copies[i].to == window && self->copies[i].done)
            return true;
    }
    return false;
}

static void watch(struct x11 *self, xcb_window_t window, uint32_t events)
{
    xcb_change_window_attributes(self->server, window, XCB_CW_EVENT_MASK, &events);
}

static void forget(struct x11 *self, struct x11_copy *copy)
{
    xcb_window_t window = copy->to;
    bool watched = is_watched(self, window);

    if (copy->text)
        g_bytes_unref(copy->text);
    *copy = (struct x11_copy){0};
    if (watched && !is_watched(self, window))
        watch(self, window, XCB_EVENT_MASK_NO_EVENT);
}

static void refuse(struct x11 *self, struct x11_copy *copy)
{
    notify(self, copy, XCB_NONE);
    forget(self, copy);
}

/* ---- Requests ---- */

static bool is_text(const struct x11 *self, xcb_atom_t target)
{
    return target == self->atoms[X11_UTF8] || target == self->atoms[X11_MIME] ||
           target == self->atoms[X11_TEXT] || target == XCB_ATOM_STRING;
}

static void give_targets(struct x11 *self, const struct x11_copy *copy)
{
    const xcb_atom_t targets[] = {self->atoms[X11_TARGETS], self->atoms[X11_TIMESTAMP],
                                  self->atoms[X11_UTF8],    self->atoms[X11_MIME],
                                  self->atoms[X11_TEXT],    XCB_ATOM_STRING};

    xcb_change_property(self->server, XCB_PROP_MODE_REPLACE, copy->to, copy->property,
                        XCB_ATOM_ATOM, 32, G_N_ELEMENTS(targets), targets);
    notify(self, copy, copy->property);
}

static void give_timestamp(struct x11 *self, const struct x11_copy *copy)
{
    xcb_change_property(self->server, XCB_PROP_MODE_REPLACE, copy->to, copy->property,
                        XCB_ATOM_INTEGER, 32, 1, &self->since);
    notify(self, copy, copy->property);
}

static bool waits(const struct x11_copy *copy)
{
    return copy->to != XCB_NONE && !copy->text;
}

/* The same property of the same window again: that one has given up the first. */
static struct x11_copy *room_for(struct x11 *self, const struct x11_copy *wanted)
{
    struct x11_copy *room = NULL;

    for (unsigned i = 0; i < X11_COPIES; i++) {
        struct x11_copy *copy = &self->copies[i];

        if (copy->to == wanted->to && copy->property == wanted->property)
            forget(self, copy);
        if (copy->to == XCB_NONE)
            room = copy;
    }
    return room;
}

static void wait_for_text(struct x11 *self, const struct x11_copy *wanted)
{
    struct x11_copy *copy = room_for(self, wanted);

    if (!copy) {
        notify(self, wanted, XCB_NONE);
        return;
    }
    *copy = *wanted;
    copy->until = later(self);
    self->news->asked(self->opaque);
}

static bool is_ours(const struct x11 *self, const xcb_selection_request_event_t *event)
{
    return self->owns && event->selection == self->atoms[X11_CLIPBOARD] &&
           (event->time == XCB_CURRENT_TIME || (int32_t)(event->time - self->since) >= 0);
}

/* Nobody else may have us watch our own windows in another way. */
static bool is_stranger(const struct x11 *self, xcb_window_t window)
{
    const xcb_setup_t *setup = xcb_get_setup(self->server);

    return window != XCB_NONE && (window & ~setup->resource_id_mask) != setup->resource_id_base;
}

void x11_copy_request(struct x11 *self, const xcb_selection_request_event_t *event)
{
    const struct x11_copy copy = {
        .to = event->requestor,
        .target = event->target,
        .property = event->property ? event->property : event->target, /* clients of old */
        .time = event->time,
    };
    bool ours = is_ours(self, event);

    if (!is_stranger(self, event->requestor))
        return;
    if (ours && copy.target == self->atoms[X11_TARGETS])
        give_targets(self, &copy);
    else if (ours && copy.target == self->atoms[X11_TIMESTAMP])
        give_timestamp(self, &copy);
    else if (ours && is_text(self, copy.target))
        wait_for_text(self, &copy);
    else
        notify(self, &copy, XCB_NONE);
}

/* ---- Texts ---- */

static xcb_atom_t type_of(const struct x11 *self, const struct x11_copy *copy)
{
    return copy->target == self->atoms[X11_TEXT] ? self->atoms[X11_UTF8] : copy->target;
}

static void put(struct x11 *self, const struct x11_copy *copy, const void *bytes, size_t len)
{
    xcb_change_property(self->server, XCB_PROP_MODE_REPLACE, copy->to, copy->property,
                        type_of(self, copy), 8, (uint32_t)len, bytes);
}

/* Watches the window from now on; `done` counts what was put, and one more. */
static void begin_pieces(struct x11 *self, struct x11_copy *copy, size_t len)
{
    const uint32_t size = (uint32_t)len;

    copy->done = 1;
    copy->until = later(self);
    watch(self, copy->to, XCB_EVENT_MASK_PROPERTY_CHANGE);
    xcb_change_property(self->server, XCB_PROP_MODE_REPLACE, copy->to, copy->property,
                        self->atoms[X11_INCR], 32, 1, &size);
    notify(self, copy, copy->property);
}

static void give(struct x11 *self, struct x11_copy *copy, GBytes *utf8, GBytes *latin1)
{
    GBytes *text = copy->target == XCB_ATOM_STRING ? latin1 : utf8;
    gsize len;
    const void *bytes = g_bytes_get_data(text, &len);

    copy->text = g_bytes_ref(text);
    if (len > PIECE) {
        begin_pieces(self, copy, len);
        return;
    }
    put(self, copy, bytes, len);
    notify(self, copy, copy->property);
    forget(self, copy);
}

static GBytes *to_latin1(const char *text, size_t len)
{
    gsize size = 0;
    char *latin1 =
        g_convert_with_fallback(text, (gssize)len, "ISO-8859-1", "UTF-8", "?", NULL, &size, NULL);

    return g_bytes_new_take(latin1, size);
}

void x11_copy_provide(struct x11 *self, const char *text, size_t len)
{
    g_autoptr(GBytes) utf8 = g_bytes_new(text, len);
    g_autoptr(GBytes) latin1 = to_latin1(text, len);

    for (unsigned i = 0; i < X11_COPIES; i++) {
        struct x11_copy *copy = &self->copies[i];

        if (!waits(copy))
            continue;
        if (len)
            give(self, copy, utf8, latin1);
        else
            refuse(self, copy);
    }
}

void x11_copy_property(struct x11 *self, const xcb_property_notify_event_t *event)
{
    for (unsigned i = 0; i < X11_COPIES; i++) {
        struct x11_copy *copy = &self->copies[i];
        gsize len;
        const uint8_t *bytes;
        size_t n;

        if (!copy->done || copy->to != event->window || copy->property != event->atom ||
            event->state != XCB_PROPERTY_DELETE)
            continue;
        bytes = g_bytes_get_data(copy->text, &len);
        n = MIN(len - (copy->done - 1), PIECE);
        put(self, copy, bytes + copy->done - 1, n);
        copy->done += n;
        copy->until = later(self);
        if (!n)
            forget(self, copy);
    }
}

/* ---- Ends ---- */

void x11_copy_refuse(struct x11 *self)
{
    for (unsigned i = 0; i < X11_COPIES; i++) {
        if (waits(&self->copies[i]))
            refuse(self, &self->copies[i]);
    }
}

void x11_copy_tick(struct x11 *self)
{
    gint64 now = g_get_monotonic_time();

    for (unsigned i = 0; i < X11_COPIES; i++) {
        struct x11_copy *copy = &self->copies[i];

        if (copy->to == XCB_NONE || now < copy->until)
            continue;
        if (waits(copy))
            refuse(self, copy);
        else
            forget(self, copy);
    }
}

void x11_copy_free(struct x11 *self)
{
    for (unsigned i = 0; i < X11_COPIES; i++) {
        if (self->copies[i].text)
            g_bytes_unref(self->copies[i].text);
    }
}
