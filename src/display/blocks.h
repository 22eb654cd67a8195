/* SPDX-License-Identifier: MIT */
/*
 * Inside plan.c only: steps made of whole blocks, which go through the client's image cache.
 *
 * Damage of A -> B and of C -> B has different boxes, so what is kept has to lie on a grid of its
 * own: blocks of BLOCK_SIZE. The content of a block is the hash of its tiles' hashes, so that a hit
 * costs no look at pixels. Blocks side by side make one step. Per block, in this order:
 *
 *   known     its content is in the client's cache, and enough of it is to be sent: the step draws
 *             the cached image, with all the blocks around that this image has in the same place
 *   storable  most of its pixels are to be sent, and it was not sent twice within BLOCK_HOT_US: the
 *             step is an image that the client keeps. What changes faster (videos, scrolling) is
 *             not kept: it would drive out what comes back. The first sight is kept: windows that
 *             come back once pay for those that never do
 *   flat      all tiles are the same (a page's empty part): goes along with either of the above,
 *             is cheap in both, and starts neither, lest repeated emptiness cut up images
 *   others    are sent by tiles, as without a cache
 *
 * Small damage is sent by tiles, unless it is known.
 */
#ifndef CARAVAN_DISPLAY_BLOCKS_H
#define CARAVAN_DISPLAY_BLOCKS_H

#include "display/image_cache.h"
#include "display/shown.h"

#define BLOCK_HOT_US 700000
/* Pixels to be sent that are worth a message of some 90 bytes, which a known block costs. */
#define BLOCK_KNOWN_PIXELS 512

/* For one plan_next. Everything is borrowed. */
struct block_planner {
    struct shown *shown;
    struct tile_hashes *hashes;
    const struct pixels *px;
    struct image_cache *images;
    int64_t now_us;
    uint64_t max_pixels;
};

/* False when there is no cache, or none that is of use. */
bool blocks_begin(struct block_planner *self);

/*
 * A step of the blocks around the tile at col and row, which needs sending; false when it is to be
 * sent as a patch. *tiles are those that it covers: the caller settles them.
 */
bool blocks_take(const struct block_planner *self, bool known_only, uint32_t col, uint32_t row,
                 struct tile_range *tiles, struct plan_step *out);

/* Whether blocks_take would have the block of this tile. */
bool blocks_reserved(const struct block_planner *self, uint32_t col, uint32_t row);

/* Tiles are about to be sent, and are not settled yet. */
void blocks_note_sent(const struct block_planner *self, const struct tile_range *tiles);

#endif
