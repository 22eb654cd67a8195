/* SPDX-License-Identifier: MIT */
/* The parts of an X11 link; for x11*.c only. */
#ifndef CARAVAN_AGENT_X11_IMPL_H
#define CARAVAN_AGENT_X11_IMPL_H

#include <glib.h>
#include <stdint.h>
#include <xcb/xcb.h>

#include "base/buf.h"
#include "host_clip.h"

enum {
    X11_TARGETS_MS = 5 * 1000, /* for an owner's list of what there is */
    X11_TEXT_MS = 30 * 1000,   /* for all of its text; of ours, until it is here or more is taken */
    X11_PASTERS = 8, /* windows that take turns, so that late words of an owner are known as such */
    X11_COPIES = 16, /* texts that others are given at once */
};

enum x11_atom {
    X11_CLIPBOARD,
    X11_TARGETS,
    X11_TIMESTAMP,
    X11_UTF8,
    X11_MIME,
    X11_TEXT,
    X11_INCR,
    X11_PASTE, /* the property that texts come in */
    X11_STAMP, /* the property that tells the server's time */
    X11_ATOMS
};

enum x11_phase {
    X11_IDLE,
    X11_ASKED_TARGETS,
    X11_ASKED_TEXT,
    X11_COMES, /* in pieces */
};

/* The text of another owner. */
struct x11_paste {
    enum x11_phase phase;
    unsigned turn;     /* which window is the paster's */
    xcb_atom_t target; /* asked for */
    xcb_atom_t best;   /* of those that the owner has; XCB_NONE: no text */
    struct buf text;   /* so far */
    bool too_long;
    gint64 until; /* monotonic, in us: all of it is here by then */
    GSource *late;
};

/* The text for another client: it has asked, or takes it piece by piece. */
struct x11_copy {
    xcb_window_t to; /* XCB_NONE: free */
    xcb_atom_t target, property;
    xcb_timestamp_t time;
    GBytes *text; /* NULL: not here yet */
    size_t done;
    gint64 until;
};

struct x11 {
    const struct host_clip_news *news;
    void *opaque;
    xcb_connection_t *server;
    GSource *source, *housekeeping;
    const char *why; /* it is of no use */
    xcb_atom_t atoms[X11_ATOMS];
    uint8_t xfixes;      /* its first event */
    xcb_window_t window; /* owns the selection; and X11_PASTERS more */
    xcb_window_t pasters[X11_PASTERS];
    xcb_timestamp_t since; /* the present owner is it */
    bool looked;           /* for who owned before */
    bool wants;            /* to own */
    bool owns;
    bool has; /* another has text, as told */
    unsigned targets_ms, text_ms;
    struct x11_paste paste;
    struct x11_copy copies[X11_COPIES];
};

/* Another has text, or none. */
void x11_tell_offered(struct x11 *self, bool has);

/* x11_paste.c: another owner's text. */
/* There is another owner since then: asks what it has, and tells. */
void x11_paste_look(struct x11 *self, xcb_timestamp_t since);
/* Asks for its text, and tells. */
void x11_paste_ask(struct x11 *self);
void x11_paste_end(struct x11 *self);
void x11_paste_notify(struct x11 *self, const xcb_selection_notify_event_t *event);
void x11_paste_property(struct x11 *self, const xcb_property_notify_event_t *event);

/* x11_copy.c: our text for others. */
void x11_copy_request(struct x11 *self, const xcb_selection_request_event_t *event);
void x11_copy_property(struct x11 *self, const xcb_property_notify_event_t *event);
void x11_copy_provide(struct x11 *self, const char *text, size_t len);
/* Refuses those who still wait for a text. */
void x11_copy_refuse(struct x11 *self);
/* Gives up those who are too late. */
void x11_copy_tick(struct x11 *self);
void x11_copy_free(struct x11 *self);

#endif
