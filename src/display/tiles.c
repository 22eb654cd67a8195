/* SPDX-License-Identifier: MIT */
#include "display/tiles.h"

#include <glib.h>
#include <spice/enums.h>
#include <stdbool.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

struct tile_hashes {
    uint32_t width, height;
    uint32_t cols, rows;
    uint64_t *hash; /* TILE_HASH_UNKNOWN: to be computed */
};

struct tile_hashes *tile_hashes_new(uint32_t width, uint32_t height)
{
    struct tile_hashes *self;
    size_t count = (size_t)tiles_across(width) * tiles_across(height);
    uint64_t *hash;

    if (width == 0 || height == 0 || width > TILES_MAX_SIDE || height > TILES_MAX_SIDE) {
        return NULL;
    }
    hash = g_try_new0(uint64_t, count);
    if (!hash) {
        return NULL;
    }
    self = g_new0(struct tile_hashes, 1);
    self->width = width;
    self->height = height;
    self->cols = tiles_across(width);
    self->rows = tiles_across(height);
    self->hash = hash;
    return self;
}

void tile_hashes_free(struct tile_hashes *self)
{
    if (self) {
        g_free(self->hash);
        g_free(self);
    }
}

void tile_hashes_damage(struct tile_hashes *self, const pixman_box32_t *box)
{
    int32_t x1 = MAX(box->x1, 0), x2 = MIN(box->x2, (int32_t)self->width);
    int32_t y1 = MAX(box->y1, 0), y2 = MIN(box->y2, (int32_t)self->height);

    if (x1 >= x2 || y1 >= y2) {
        return;
    }
    uint32_t first = (uint32_t)x1 / TILE_SIZE, count = (uint32_t)(x2 - 1) / TILE_SIZE - first + 1;

    for (uint32_t row = (uint32_t)y1 / TILE_SIZE; row <= (uint32_t)(y2 - 1) / TILE_SIZE; row++) {
        memset(self->hash + (size_t)row * self->cols + first, 0, count * sizeof(self->hash[0]));
    }
}

void tile_hashes_damage_all(struct tile_hashes *self)
{
    memset(self->hash, 0, (size_t)self->cols * self->rows * sizeof(self->hash[0]));
}

/* n is a constant for all tiles but the cut off ones: so it becomes a few vector instructions. */
static inline __attribute__((always_inline)) void copy_row(uint32_t *to, const uint8_t *from,
                                                           uint32_t n, uint32_t mask)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t v;

        memcpy(&v, from + (size_t)i * 4, 4);
        to[i] = v & mask;
    }
}

static uint64_t hash_tile_32(const struct pixels *px, uint32_t x, uint32_t y, uint32_t w,
                             uint32_t h)
{
    uint32_t mask = px->format == SPICE_SURFACE_FMT_32_xRGB ? 0x00ffffff : 0xffffffff;
    uint32_t tile[TILE_SIZE * TILE_SIZE];

    for (uint32_t i = 0; i < h; i++) {
        const uint8_t *row = pixels_row(px, y + i) + (size_t)x * 4;

        if (w == TILE_SIZE) {
            copy_row(tile + i * TILE_SIZE, row, TILE_SIZE, GUINT32_TO_LE(mask));
        } else {
            copy_row(tile + i * w, row, w, GUINT32_TO_LE(mask));
        }
    }
    return XXH3_64bits(tile, sizeof(tile[0]) * w * h);
}

static uint64_t hash_tile_narrow(const struct pixels *px, uint32_t x, uint32_t y, uint32_t w,
                                 uint32_t h)
{
    size_t bytes = pixels_bytes(px->format);
    uint8_t tile[TILE_SIZE * TILE_SIZE * 2];

    for (uint32_t i = 0; i < h; i++) {
        memcpy(tile + i * w * bytes, pixels_row(px, y + i) + x * bytes, w * bytes);
    }
    return XXH3_64bits(tile, w * h * bytes);
}

static uint64_t hash_tile(const struct pixels *px, uint32_t x, uint32_t y, uint32_t w, uint32_t h)
{
    return pixels_bytes(px->format) == 4 ? hash_tile_32(px, x, y, w, h)
                                         : hash_tile_narrow(px, x, y, w, h);
}

uint64_t tile_hashes_get(struct tile_hashes *self, const struct pixels *px, uint32_t col,
                         uint32_t row)
{
    uint64_t *hash = &self->hash[(size_t)row * self->cols + col];

    if (*hash == TILE_HASH_UNKNOWN) {
        uint32_t x = col * TILE_SIZE, y = row * TILE_SIZE;

        *hash =
            hash_tile(px, x, y, MIN(TILE_SIZE, self->width - x), MIN(TILE_SIZE, self->height - y));
        if (*hash == TILE_HASH_UNKNOWN) {
            *hash = 1;
        }
    }
    return *hash;
}
