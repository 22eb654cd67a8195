/* SPDX-License-Identifier: MIT */
/* Inside shown.c, plan.c and blocks.c only: what is kept for each tile that a client shows. */
#ifndef CARAVAN_DISPLAY_SHOWN_H
#define CARAVAN_DISPLAY_SHOWN_H

#include "display/plan.h"

/* The changed part of a tile, from its top left, exclusive at the end; x2 = 0: nothing changed. */
struct tile_box {
    uint8_t x1, y1, x2, y2;
};

struct tile_range {
    uint32_t col1, row1, col2, row2; /* exclusive at the end */
};

/* Tiles waiting, found from the top without looking at all. */
struct tile_set {
    uint64_t *bits; /* shown.words for each row */
    uint32_t *row_count;
    uint32_t first_row; /* none above it */
    size_t count;
};

#define SHOWN_SMALL_MAX 8

/* When to look for motion; see motion.h. */
struct motion_watch {
    pixman_box32_t fresh;  /* around the damage since the last look */
    uint64_t fresh_pixels; /* of that damage; what is told twice counts twice */
    pixman_box32_t vain;   /* around what the last looks, all in vain, looked at */
    uint32_t vain_count;
};

struct shown {
    uint32_t width, height;
    uint32_t cols, rows;
    uint32_t words;
    uint64_t *hash;       /* of what the client shows */
    uint64_t *row_hash;   /* the same for each row of a tile, as in tile_rows_get; 0: not known */
    struct tile_box *box; /* where that may differ from the surface */

    /* Every tile with a box is in one of these: this sweep's, and what waits for the next one. */
    struct tile_set now, next;

    pixman_box32_t small[SHOWN_SMALL_MAX]; /* newest last; a hint, its tiles may be clean */
    uint32_t small_count;
    uint32_t small_run; /* small steps since the last of the sweep */

    struct block *blocks; /* of blocks.c; NULL until it is asked */
    uint32_t pass;        /* of blocks.c */
    struct motion_watch watch;
};

static inline size_t shown_index(const struct shown *self, uint32_t col, uint32_t row)
{
    return (size_t)row * self->cols + col;
}

/* In plan.c: whether the box is one colour; formats of less than 32 bits are not looked at. */
bool plan_plain(const struct pixels *px, const pixman_box32_t *box, uint32_t *colour);

/*
 * The content of a block of n tiles, row after row, from their hashes: TILE_HASH_UNKNOWN when one
 * of them is that, and only then. The same on every host.
 */
uint64_t shown_block_content(const uint64_t *tiles, size_t n, uint32_t format, uint32_t width,
                             uint32_t height);

/* The client now shows the surface in this tile. */
void shown_settle(struct shown *self, struct tile_hashes *hashes, const struct pixels *px,
                  uint32_t col, uint32_t row);

/* The signature of one row, y of the surface, of the tiles in a column. */
static inline uint64_t *shown_row_hash(const struct shown *self, uint32_t col, uint32_t y)
{
    return &self->row_hash[shown_index(self, col, y / TILE_SIZE) * TILE_SIZE + y % TILE_SIZE];
}

/*
 * row_hash of this tile has changed, because the client's pixels have: what differs from the
 * surface becomes the tile's box, whatever it was.
 */
void shown_compare(struct shown *self, struct tile_hashes *hashes, const struct pixels *px,
                   uint32_t col, uint32_t row);

/* First tile of the sweep, row by row; begins the next sweep when this one is done. */
bool shown_first(struct shown *self, uint32_t *col, uint32_t *row);

#endif
