/* SPDX-License-Identifier: MIT */
/* The parts of a Wayland link; for wayland*.c only. */
#ifndef CARAVAN_AGENT_WAYLAND_IMPL_H
#define CARAVAN_AGENT_WAYLAND_IMPL_H

#include <glib.h>
#include <stdint.h>
#include <wayland-client.h>

#include "data-control-client.h"
#include "host_clip.h"
#include "text_pipe.h"

enum {
    WAYLAND_COPIES = 16,         /* texts that others are given at once */
    WAYLAND_TEXT_MS = 30 * 1000, /* for all of a text; of ours, until it is here or more is taken */
};

/* What another client offers. */
struct wayland_offer {
    struct zwlr_data_control_offer_v1 *proxy;
    unsigned best; /* of the forms of text; WAYLAND_NO_TEXT */
    bool ours;     /* it is our own source */
};

struct wayland {
    const struct host_clip_news *news;
    void *opaque;
    struct wl_display *display;
    struct wl_registry *registry;
    struct wl_callback *all_known;
    struct wl_seat *seat;
    uint32_t seat_name;
    struct wl_interface ext; /* the manager's other name */
    struct zwlr_data_control_manager_v1 *manager;
    struct zwlr_data_control_device_v1 *device;
    struct zwlr_data_control_source_v1 *source; /* ours, while we own */
    struct wayland_offer next, offer;           /* being described; in force */
    GSource *readable, *writable;
    const char *why; /* it is of no use */
    char mark[48];   /* a form of text that tells our offers from others' */
    bool wants;      /* to own */
    bool undone;     /* what it wants is not said yet */
    bool has;        /* another has text, as told */
    unsigned text_ms;
    struct text_reader *paste;
    struct text_writer *copies[WAYLAND_COPIES];
};

#define WAYLAND_NO_TEXT G_MAXUINT
extern const char *const wayland_forms[]; /* of UTF-8 text, the best first; NULL ends them */

/* wayland.c */
void wayland_fail(struct wayland *self, const char *why);
/* Sends what waits; what was wanted meanwhile follows. */
void wayland_flush(struct wayland *self);

/* wayland_clip.c: owning, pasting, copying. */
void wayland_clip_begin(struct wayland *self);
void wayland_clip_end(struct wayland *self);
/* Says what is wanted. */
void wayland_clip_do(struct wayland *self);
void wayland_clip_ask(struct wayland *self);
void wayland_clip_provide(struct wayland *self, const char *text, size_t len);

#endif
