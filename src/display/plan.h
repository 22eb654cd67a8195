/* SPDX-License-Identifier: MIT */
/*
 * What one client shows of one surface, and what to send it next.
 *
 *     damage --> tile_hashes_damage (once), shown_damage (each client)
 *     room to send --> plan_next --> one step: draw it from the surface as it is now, send it
 *
 * No I/O, no clock. Owned by the display's thread.
 *
 * The invariant: outside a tile's damage box the client's pixels equal the surface's. So a step may
 * send the box alone, and a tile whose hash is the shown one needs nothing. A tile of which nothing
 * is known, or known by hash only, has the whole tile as its box.
 */
#ifndef CARAVAN_DISPLAY_PLAN_H
#define CARAVAN_DISPLAY_PLAN_H

#include <pixman.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "display/pixels.h"
#include "display/tiles.h"

struct shown;

/* Nothing is known of the client, everything is to be sent. NULL as in tile_hashes_new. */
struct shown *shown_new(uint32_t width, uint32_t height);

/* NULL is allowed. */
void shown_free(struct shown *self);

/* The surface's pixels in `box` (x2 and y2 exclusive, clipped here) may have changed. */
void shown_damage(struct shown *self, const pixman_box32_t *box);

/* Any pixel may have changed; what the client shows is still known. */
void shown_damage_all(struct shown *self);

/* What the client shows is not known any more; everything is to be sent. */
void shown_forget(struct shown *self);

/* Whether plan_next may have something (it may also find that nothing changed). */
bool shown_dirty(const struct shown *self);

struct image_cache;

/* Blocks of the surface ("display/image_cache.h"): the length of the arrays below. Row after row
 * from the top left. */
size_t shown_block_count(const struct shown *self);

/*
 * Writes the contents of the blocks that the client shows once everything planned so far has
 * reached it; TILE_HASH_UNKNOWN where that is not known, at least in part. format: the surface's.
 */
void shown_export(const struct shown *self, uint32_t format, uint64_t *blocks);

/*
 * The client shows what was exported on another host: where the surface is the same now nothing is
 * to be sent, the other blocks are not known. False, and nothing is changed, when n is not
 * shown_block_count(). Wrong contents harm this client's picture only. px, hashes and self are of
 * one size.
 */
bool shown_import(struct shown *self, struct tile_hashes *hashes, const struct pixels *px,
                  const uint64_t *blocks, size_t n);

struct plan_limits {
    uint32_t max_pixels; /* of a step, rounded up to one tile, or block; 0 = PLAN_MAX_PIXELS */
    /* What the client keeps, see "display/blocks.h"; NULL: nothing. Borrowed, and changed: a step
     * counts as sent. */
    struct image_cache *images;
    int64_t now_us; /* of any clock; with images only */
};

/* Small enough that a slow client sees progress and the rest is sent as it is by then. */
#define PLAN_MAX_PIXELS (256u * 1024)

enum plan_kind {
    PLAN_FILL,   /* `box` is one plain `colour` */
    PLAN_IMAGE,  /* `box` as it is in the surface; `image` is the id to keep it as, or 0 */
    PLAN_CACHED, /* `box` is the part at src of the client's cached `image` */
    PLAN_COPY,   /* `box` as the client shows it now, that many pixels at src_x, src_y */
};

struct plan_step {
    enum plan_kind kind;
    pixman_box32_t box; /* surface coordinates, inside the surface, not empty */
    uint32_t colour;    /* FILL: the pixel value; pad byte 0 for xRGB */
    uint64_t image;
    uint32_t image_width, image_height; /* CACHED */
    int32_t src_x, src_y;               /* CACHED; COPY: as for `box`, the two may overlap */
};

/*
 * The next step, or false when the client shows everything. The tiles of a step count as shown
 * from then on, with the surface's content at this moment: so the caller takes the step's pixels
 * from `px` before the surface changes, and calls shown_forget if it cannot send them.
 * px, hashes and self are of one size.
 *
 * Order: what only moved comes first (motion.h says when that is looked for), and may leave new
 * damage. Then damage of at most PLAN_SMALL_PIXELS goes first, newest first, so that a key press
 * does not wait for a whole screen; after PLAN_SMALL_RUN such steps one of the others has its turn.
 * The others go in sweeps from top to bottom; what is damaged after a sweep has begun, and was not
 * waiting already, is for the next sweep: so what keeps changing cannot starve what is below it.
 */
bool plan_next(struct shown *self, struct tile_hashes *hashes, const struct pixels *px,
               const struct plan_limits *limits, struct plan_step *out);

#define PLAN_SMALL_PIXELS (16 * 1024)
#define PLAN_SMALL_RUN    3

#endif
