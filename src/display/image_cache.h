/* SPDX-License-Identifier: MIT */
/*
 * The images that one display channel has put into its client's image cache, so that content which
 * comes back (a window raised again) costs a reference and not its pixels. No I/O, no clock.
 * Owned by the view; the worker's thread.
 *
 * An image lies on the grid of blocks (BLOCK_SIZE) and is known by the content of each of its
 * blocks: a part of an image serves as well as a whole, since DRAW_COPY takes a part of its source.
 *
 * A client blocks for ever on an image it does not have, so the books are exact:
 * - an image is put into the cache once, by the message that image_cache_add is called for;
 * - what image_cache_next_evicted gives is told (INVAL_LIST) before the next image is sent;
 * - a client's cache is shared by its display channels, which know nothing of each other: ids are
 *   salted, and no message but INVAL_LIST of own ids is used, which empties no one else's.
 */
#ifndef CARAVAN_DISPLAY_IMAGE_CACHE_H
#define CARAVAN_DISPLAY_IMAGE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "display/tiles.h"

/*
 * Pixels; a multiple of TILE_SIZE. Blocks side by side travel as one image, so small ones cost no
 * bytes, only entries: 64 finds more of what came back than 128 (content beside a change, windows
 * that overlap).
 */
#define BLOCK_SIZE  64
#define BLOCK_TILES (BLOCK_SIZE / TILE_SIZE)

/* Of one channel, whatever the client offers. */
#define IMAGE_CACHE_MAX_PIXELS ((uint64_t)16 << 20)
#define IMAGE_CACHE_MAX_IMAGES 1024

struct image_cache;

struct cached_image {
    uint64_t id;
    uint32_t width, height; /* pixels */
    uint32_t cols, rows;    /* blocks; the last ones may be cut off */
    uint64_t *blocks;       /* hashes of their content, row after row */
};

/*
 * `pixels`: what the images may have together, cut to the maximum. `salt`: different for every
 * channel that puts images into the same client; its low 32 bits are not used.
 */
struct image_cache *image_cache_new(uint64_t pixels, uint64_t salt);
/* NULL is allowed. */
void image_cache_free(struct image_cache *self);

/*
 * An image that has a block of this content, at (*col, *row) of it; NULL if there is none. Valid
 * until the next image_cache_add or image_cache_forget.
 */
const struct cached_image *image_cache_find(const struct image_cache *self, uint64_t hash,
                                            uint32_t *col, uint32_t *row);

/* The image is used now: others go before it. */
void image_cache_use(struct image_cache *self, const struct cached_image *image);

/*
 * The client is about to be sent `image` (its id is ignored, its hashes are copied) with
 * CACHE_ME and the id returned; 0, and nothing is changed, when it is too large for the cache, or
 * ids have run out.
 */
uint64_t image_cache_add(struct image_cache *self, const struct cached_image *image);

/* A move ------------------------------------------------------------------------------------ */

/* The image used last, or with `image` the one used before that; NULL: no more. Valid until the
 * cache is changed. */
const struct cached_image *image_cache_before(const struct image_cache *self,
                                              const struct cached_image *image);
/* The id given last; before the first one: the salt. */
uint64_t image_cache_newest(const struct image_cache *self);
/* Evicts what was used least until the rest can be carried in that many bytes: a hash a block, and
 * as much as IMAGE_CACHE_CARRIED more an image. */
void image_cache_trim(struct image_cache *self, size_t bytes);
#define IMAGE_CACHE_CARRIED 20

/* The books of another host go on: ids follow `newest`. Of an empty cache. */
void image_cache_go_on(struct image_cache *self, uint64_t newest);
/* An image that the client keeps by its id, used before all that are here (hashes are copied); one
 * that there is no room for is evicted. */
void image_cache_restore(struct image_cache *self, const struct cached_image *image);
/* The client is to be told to drop an image that is not in these books. */
void image_cache_drop(struct image_cache *self, uint64_t id);

/* All images are evicted. */
void image_cache_forget(struct image_cache *self);

/* Ids that the client has to be told to drop, each given once. False: no more. */
bool image_cache_next_evicted(struct image_cache *self, uint64_t *id);

/* The most pixels that one image can have. */
uint64_t image_cache_max_pixels(const struct image_cache *self);

size_t image_cache_count(const struct image_cache *self);
uint64_t image_cache_pixels(const struct image_cache *self);

#endif
