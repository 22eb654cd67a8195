/* SPDX-License-Identifier: MIT */
/*
 * A surface cut into square tiles, and a hash of what each holds: by it the server knows that a
 * client already shows something, whoever drew it and however often. Every pixel row of a tile has
 * a signature of its own, by which content that moved up or down is found; the tile's hash is made
 * of these, so that both cost one look at the pixels.
 *
 * Shared by all clients of a surface, owned by its display's thread. A hash depends on pixel values
 * only (the pad byte of xRGB does not count), so it means the same on another host.
 */
#ifndef CARAVAN_DISPLAY_TILES_H
#define CARAVAN_DISPLAY_TILES_H

#include <pixman.h>
#include <stddef.h>
#include <stdint.h>

#include "display/pixels.h"

/*
 * Pixels; the tiles of the last column and row are cut off at the surface's edge. Both sides of a
 * move must use the same.
 *
 * 16 or 32, measured on 1280x800 with LZ: typing 80 keys when the damage is told in columns of 32
 * pixels 29 KB or 40, when all is damaged 31 or 47, when it is told exactly 18 for both; scrolling
 * text ten times 912 or 861; moving a window 76 or 81; switching windows ten times 1389 or 1435.
 * Hashing takes the same time. Small changes are what users wait for: 16.
 */
#ifndef TILE_SIZE
#define TILE_SIZE 16
#endif

/* Wider or higher surfaces get no tiles. */
#define TILES_MAX_SIDE 65536

/* What a hash of "not known" looks like; no content has this hash. */
#define TILE_HASH_UNKNOWN 0

static inline uint32_t tiles_across(uint32_t pixels)
{
    return (pixels + TILE_SIZE - 1) / TILE_SIZE;
}

struct tile_hashes;

/* Pixels of the surface; NULL when a side is 0 or over TILES_MAX_SIDE, or memory is short. */
struct tile_hashes *tile_hashes_new(uint32_t width, uint32_t height);

/* NULL is allowed. */
void tile_hashes_free(struct tile_hashes *self);

/*
 * The pixels in `box` (surface coordinates, x2 and y2 exclusive, clipped here) may have changed.
 * Must be told before the next tile_hashes_get or plan_next, or clients miss the change.
 */
void tile_hashes_damage(struct tile_hashes *self, const pixman_box32_t *box);

void tile_hashes_damage_all(struct tile_hashes *self);

/*
 * The tile's hash: tile_rows_hash of its rows' signatures. Computed when not known. px has the size
 * given to tile_hashes_new; col and row are inside.
 */
uint64_t tile_hashes_get(struct tile_hashes *self, const struct pixels *px, uint32_t col,
                         uint32_t row);

/*
 * The signatures of the tile's TILE_SIZE rows, computed as above: XXH3-64 of a row's pixels, never
 * TILE_HASH_UNKNOWN; TILE_ROW_NONE for rows below the surface's edge. Valid until the next damage.
 */
const uint64_t *tile_rows_get(struct tile_hashes *self, const struct pixels *px, uint32_t col,
                              uint32_t row);

#define TILE_ROW_NONE 1

/*
 * XXH3-64 of TILE_SIZE signatures, little endian; TILE_HASH_UNKNOWN when one of them is that, and
 * only then.
 */
uint64_t tile_rows_hash(const uint64_t *rows);

#endif
