/* SPDX-License-Identifier: MIT */
/*
 * One display: a QXL device, the worker thread that owns its surfaces, and the links of its display
 * and cursor channels. Everything a client or the guest sends is handled in the worker.
 *
 * Thread: the functions below may be called on QEMU's main thread or a vCPU thread, with QEMU's big
 * lock held or not; they only hand work to the worker, the ones marked "waits" until it is done.
 * The worker never takes QEMU's big lock while such a call waits: it calls back only the members
 * of QXLInterface that DISPLAY documents as callable there, and posts to `main_loop`.
 */
#ifndef CARAVAN_DISPLAY_DISPLAY_H
#define CARAVAN_DISPLAY_DISPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include <spice.h>

#include "loop/loop.h"
#include "stream/stream.h"
#include "wire/link.h"

struct display;

enum display_channel {
    DISPLAY_CHANNEL_DISPLAY,
    DISPLAY_CHANNEL_CURSOR,
};

/* What the worker tells the session; called on main_loop's thread. `token` is the link's. */
struct display_events {
    /* The link is gone and nothing more is said of it; reason is NULL when the client closed. */
    void (*closed)(void *opaque, void *token, const char *reason);
    /* The primary surface changed; 0, 0: there is none. */
    void (*primary)(void *opaque, uint32_t width, uint32_t height);
};

/* One client's link, after the link stage. */
struct display_link {
    struct stream *stream; /* taken */
    bool mini;
    struct link_caps caps; /* channel capabilities of the client */
    bool target;           /* linked ahead of a move: state comes in MIGRATE_DATA */
    void *token;           /* names the link in events and in the calls below */
};

/* Starts the worker. `qxl` and `main_loop` outlive the display; `events` is borrowed. NULL with a
 * line in the log when no thread can be had or the device's numbers make no sense. */
struct display *display_new(QXLInstance *qxl, struct loop *main_loop,
                            const struct display_events *events, void *opaque);

/* Waits; closes every link without events. */
void display_free(struct display *self);

/* SPICE_IMAGE_COMPRESSION_*. */
void display_set_compression(struct display *self, uint8_t setting);

/* Links ------------------------------------------------------------------------------------- */

void display_attach(struct display *self, enum display_channel channel,
                    const struct display_link *link);
/* Closes a link; `closed` follows. Harmless after it. */
void display_detach(struct display *self, void *token);
/* The source's end of a seamless move: MIGRATE and the state. speaks: of a client's displays this
 * one says what they share (the image cache); exactly one does. */
void display_migrate(struct display *self, void *token, bool speaks);

/* Capabilities a client is offered in the link reply. */
void display_caps(enum display_channel channel, struct link_caps *out);

/* The device ("spice-qxl.h") ------------------------------------------------------------------ */

enum display_async {
    DISPLAY_WAIT,  /* the call waits */
    DISPLAY_ASYNC, /* async_complete(cookie) follows, exactly once */
};

struct display_done {
    enum display_async async;
    uint64_t cookie;
};

#define DISPLAY_WAITS ((struct display_done){.async = DISPLAY_WAIT})

void display_wakeup(struct display *self);
void display_oom(struct display *self);
void display_start(struct display *self);
void display_stop(struct display *self); /* waits */
void display_add_memslot(struct display *self, const QXLDevMemSlot *slot, struct display_done done);
void display_del_memslot(struct display *self, uint32_t group, uint32_t slot);
void display_reset_memslots(struct display *self);
void display_create_primary(struct display *self, uint32_t id, const QXLDevSurfaceCreate *surface,
                            struct display_done done);
void display_destroy_primary(struct display *self, uint32_t id, struct display_done done);
void display_destroy_surface(struct display *self, uint32_t id, struct display_done done);
void display_destroy_surfaces(struct display *self, struct display_done done);
void display_flush_surfaces(struct display *self, struct display_done done);
/* Waits. dirty: filled with up to n_dirty rectangles changed since the last clear, the rest zeroed.
 */
void display_update_area(struct display *self, uint32_t id, const QXLRect *area, QXLRect *dirty,
                         uint32_t n_dirty, bool clear);
/* update_area_complete with the dirty rectangles, then async_complete. */
void display_update_area_async(struct display *self, uint32_t id, const QXLRect *area, bool clear,
                               uint64_t cookie);
void display_monitors_config(struct display *self, QXLPHYSICAL addr, int group, uint64_t cookie);
void display_set_max_monitors(struct display *self, unsigned max);
void display_reset_cursor(struct display *self);                                      /* waits */
void display_loadvm(struct display *self, const QXLCommandExt *commands, uint32_t n); /* waits */

#endif
