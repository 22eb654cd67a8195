/* SPDX-License-Identifier: MIT */
/* What a client shows by the contents of whole blocks: few enough to travel. */
#include <glib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "display/image_cache.h"
#include "display/shown.h"

static uint32_t blocks_across(uint32_t pixels)
{
    return (pixels + BLOCK_SIZE - 1) / BLOCK_SIZE;
}

static struct tile_range block_tiles(const struct shown *self, uint32_t col, uint32_t row)
{
    return (struct tile_range){
        col * BLOCK_TILES,
        row * BLOCK_TILES,
        MIN((col + 1) * BLOCK_TILES, self->cols),
        MIN((row + 1) * BLOCK_TILES, self->rows),
    };
}

uint64_t shown_block_content(const uint64_t *tiles, size_t n, uint32_t format, uint32_t width,
                             uint32_t height)
{
    uint64_t kind = (uint64_t)format << 32 | (uint64_t)width << 16 | height;
    uint64_t bytes[BLOCK_TILES * BLOCK_TILES];
    uint64_t content;

    for (size_t i = 0; i < n; i++) {
        if (tiles[i] == TILE_HASH_UNKNOWN) {
            return TILE_HASH_UNKNOWN;
        }
        bytes[i] = GUINT64_TO_LE(tiles[i]);
    }
    content = XXH3_64bits_withSeed(bytes, n * sizeof(bytes[0]), kind);
    return content == TILE_HASH_UNKNOWN ? 1 : content;
}

static uint64_t content_of(const struct shown *self, uint32_t col, uint32_t row, uint32_t format,
                           const uint64_t *tiles, size_t n)
{
    return shown_block_content(tiles, n, format, MIN(BLOCK_SIZE, self->width - col * BLOCK_SIZE),
                               MIN(BLOCK_SIZE, self->height - row * BLOCK_SIZE));
}

size_t shown_block_count(const struct shown *self)
{
    return (size_t)blocks_across(self->width) * blocks_across(self->height);
}

void shown_export(const struct shown *self, uint32_t format, uint64_t *blocks)
{
    for (uint32_t row = 0; row < blocks_across(self->height); row++) {
        for (uint32_t col = 0; col < blocks_across(self->width); col++) {
            struct tile_range at = block_tiles(self, col, row);
            uint64_t tiles[BLOCK_TILES * BLOCK_TILES];
            size_t n = 0;

            for (uint32_t y = at.row1; y < at.row2; y++) {
                for (uint32_t x = at.col1; x < at.col2; x++) {
                    tiles[n++] = self->hash[shown_index(self, x, y)];
                }
            }
            *blocks++ = content_of(self, col, row, format, tiles, n);
        }
    }
}

/* The client shows the surface in this block, if its content is the block's. */
static void compare_block(struct shown *self, struct tile_hashes *hashes, const struct pixels *px,
                          uint32_t col, uint32_t row, uint64_t content)
{
    struct tile_range at = block_tiles(self, col, row);
    uint64_t tiles[BLOCK_TILES * BLOCK_TILES];
    size_t n = 0;

    if (content == TILE_HASH_UNKNOWN) {
        return;
    }
    for (uint32_t y = at.row1; y < at.row2; y++) {
        for (uint32_t x = at.col1; x < at.col2; x++) {
            tiles[n++] = tile_hashes_get(hashes, px, x, y);
        }
    }
    if (content_of(self, col, row, px->format, tiles, n) != content) {
        return;
    }
    for (uint32_t y = at.row1; y < at.row2; y++) {
        for (uint32_t x = at.col1; x < at.col2; x++) {
            shown_settle(self, hashes, px, x, y);
        }
    }
}

bool shown_import(struct shown *self, struct tile_hashes *hashes, const struct pixels *px,
                  const uint64_t *blocks, size_t n)
{
    if (n != shown_block_count(self)) {
        return false;
    }
    shown_forget(self);
    for (uint32_t row = 0; row < blocks_across(self->height); row++) {
        for (uint32_t col = 0; col < blocks_across(self->width); col++) {
            compare_block(self, hashes, px, col, row, *blocks++);
        }
    }
    return true;
}
