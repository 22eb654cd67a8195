/* SPDX-License-Identifier: MIT */
/* The text of another owner: what it has, then all of it, at once or in pieces. The owner may be
 * slow, may say nothing, may never end. */
#include <string.h>

#include "source.h"
#include "x11_impl.h"

enum {
    TARGETS_MAX = 1024, /* looked at */
};

static bool is_busy(const struct x11_paste *paste)
{
    return paste->phase != X11_IDLE;
}

static xcb_window_t paster(const struct x11 *self)
{
    return self->pasters[self->paste.turn];
}

/* Who wanted to know is told. */
static void end(struct x11 *self, bool found, const char *text, size_t len)
{
    enum x11_phase phase = self->paste.phase;

    self->paste.phase = X11_IDLE;
    source_end(&self->paste.late);
    if (phase == X11_ASKED_TARGETS)
        x11_tell_offered(self, found);
    else
        self->news->text(self->opaque, text, len);
    buf_reset(&self->paste.text);
}

static void end_with_nothing(struct x11 *self)
{
    end(self, false, "", 0);
}

void x11_paste_end(struct x11 *self)
{
    struct x11_paste *paste = &self->paste;

    paste->best = XCB_NONE;
    if (paste->phase == X11_ASKED_TARGETS) {
        paste->phase = X11_IDLE; /* its answer is of no use to anybody */
        source_end(&paste->late);
    } else if (is_busy(paste)) {
        end_with_nothing(self);
    }
}

static gboolean on_late(void *opaque)
{
    struct x11 *self = opaque;

    end_with_nothing(self);
    return G_SOURCE_REMOVE;
}

static void convert(struct x11 *self, enum x11_phase phase, xcb_atom_t target, unsigned ms)
{
    struct x11_paste *paste = &self->paste;

    paste->phase = phase;
    paste->target = target;
    paste->turn = (paste->turn + 1) % X11_PASTERS;
    paste->too_long = false;
    buf_reset(&paste->text);
    source_end(&paste->late);
    paste->late = source_timer(ms, on_late, self);
    xcb_delete_property(self->server, paster(self), self->atoms[X11_PASTE]);
    xcb_convert_selection(self->server, paster(self), self->atoms[X11_CLIPBOARD], target,
                          self->atoms[X11_PASTE], self->since);
}

void x11_paste_look(struct x11 *self, xcb_timestamp_t since)
{
    self->since = since;
    convert(self, X11_ASKED_TARGETS, self->atoms[X11_TARGETS], self->targets_ms);
}

void x11_paste_ask(struct x11 *self)
{
    struct x11_paste *paste = &self->paste;

    if (paste->phase == X11_ASKED_TEXT || paste->phase == X11_COMES)
        return; /* its answer is one to this, too */
    if (paste->phase == X11_ASKED_TARGETS || self->owns || paste->best == XCB_NONE)
        self->news->text(self->opaque, "", 0);
    else
        convert(self, X11_ASKED_TEXT, paste->best, self->text_ms);
}

/* ---- What comes ---- */

static void choose(struct x11 *self, const xcb_atom_t *targets, size_t n)
{
    const xcb_atom_t known[] = {self->atoms[X11_UTF8], self->atoms[X11_MIME], XCB_ATOM_STRING};

    self->paste.best = XCB_NONE;
    for (unsigned i = 0; i < G_N_ELEMENTS(known) && self->paste.best == XCB_NONE; i++) {
        for (size_t j = 0; j < MIN(n, TARGETS_MAX); j++) {
            if (targets[j] == known[i])
                self->paste.best = known[i];
        }
    }
    end(self, self->paste.best != XCB_NONE, NULL, 0);
}

/* STRING is Latin-1. Some end their text with a NUL. */
static void give(struct x11 *self)
{
    const char *bytes = self->paste.text.data ? (const char *)self->paste.text.data : "";
    size_t len = strnlen(bytes, self->paste.text.len);
    g_autofree char *utf8 = NULL;
    gsize utf8_len = 0;

    if (self->paste.target == XCB_ATOM_STRING) {
        utf8 = g_convert(bytes, (gssize)len, "UTF-8", "ISO-8859-1", NULL, &utf8_len, NULL);
        bytes = utf8 ? utf8 : "";
        len = utf8_len;
    }
    if (self->paste.too_long || len > HOST_CLIP_TEXT_MAX ||
        !g_utf8_validate(bytes, (gssize)len, NULL))
        end_with_nothing(self);
    else
        end(self, true, bytes, len);
}

static void keep(struct x11 *self, const void *bytes, size_t len, bool more)
{
    struct x11_paste *paste = &self->paste;

    if (more || paste->text.len + len > HOST_CLIP_TEXT_MAX)
        paste->too_long = true;
    if (paste->too_long)
        buf_reset(&paste->text);
    else if (len)
        buf_append(&paste->text, bytes, len);
}

static void take(struct x11 *self, const xcb_get_property_reply_t *reply)
{
    const void *bytes = xcb_get_property_value(reply);
    size_t len = (size_t)xcb_get_property_value_length(reply);

    if (self->paste.phase == X11_ASKED_TARGETS) {
        choose(self, bytes, reply->format == 32 ? len / 4 : 0);
    } else if (self->paste.phase == X11_ASKED_TEXT && reply->type == self->atoms[X11_INCR]) {
        self->paste.phase = X11_COMES;
    } else {
        keep(self, bytes, len, reply->bytes_after > 0);
        if (self->paste.phase == X11_ASKED_TEXT || !len)
            give(self);
    }
}

/* Deleting it asks for the next piece, also of what is too long: its owner may wait for that. */
static void fetch(struct x11 *self)
{
    xcb_window_t window = paster(self);
    xcb_get_property_reply_t *reply = xcb_get_property_reply(
        self->server,
        xcb_get_property(self->server, 1, window, self->atoms[X11_PASTE], XCB_GET_PROPERTY_TYPE_ANY,
                         0, HOST_CLIP_TEXT_MAX / 4 + 1),
        NULL);

    if (!reply) {
        end_with_nothing(self);
        return;
    }
    if (reply->bytes_after)
        xcb_delete_property(self->server, window, self->atoms[X11_PASTE]);
    take(self, reply);
    g_free(reply);
}

void x11_paste_notify(struct x11 *self, const xcb_selection_notify_event_t *event)
{
    const struct x11_paste *paste = &self->paste;

    if ((paste->phase != X11_ASKED_TARGETS && paste->phase != X11_ASKED_TEXT) ||
        event->requestor != paster(self) || event->target != paste->target)
        return;
    if (event->property == XCB_NONE)
        end_with_nothing(self);
    else
        fetch(self);
}

void x11_paste_property(struct x11 *self, const xcb_property_notify_event_t *event)
{
    if (self->paste.phase == X11_COMES && event->window == paster(self) &&
        event->atom == self->atoms[X11_PASTE] && event->state == XCB_PROPERTY_NEW_VALUE)
        fetch(self);
}
