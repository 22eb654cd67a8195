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
    uint64_t *hash;     /* TILE_HASH_UNKNOWN: to be computed, with the rows */
    uint64_t *row_hash; /* TILE_SIZE for each tile */
};

struct tile_hashes *tile_hashes_new(uint32_t width, uint32_t height)
{
    struct tile_hashes *self;
    size_t count = (size_t)tiles_across(width) * tiles_across(height);
    uint64_t *hash, *row_hash;

    if (width == 0 || height == 0 || width > TILES_MAX_SIDE || height > TILES_MAX_SIDE) {
        return NULL;
    }
    hash = g_try_new0(uint64_t, count);
    row_hash = g_try_new(uint64_t, count * TILE_SIZE);
    if (!hash || !row_hash) {
        g_free(hash);
        g_free(row_hash);
        return NULL;
    }
    self = g_new0(struct tile_hashes, 1);
    self->width = width;
    self->height = height;
    self->cols = tiles_across(width);
    self->rows = tiles_across(height);
    self->hash = hash;
    self->row_hash = row_hash;
    return self;
}

void tile_hashes_free(struct tile_hashes *self)
{
    if (self) {
        g_free(self->hash);
        g_free(self->row_hash);
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
static inline __attribute__((always_inline)) uint64_t hash_row_32(const uint8_t *from, uint32_t n,
                                                                  uint32_t mask)
{
    uint32_t row[TILE_SIZE];

    for (uint32_t i = 0; i < n; i++) {
        uint32_t v;

        memcpy(&v, from + (size_t)i * 4, 4);
        row[i] = v & mask;
    }
    return XXH3_64bits(row, (size_t)n * 4);
}

static void hash_rows_32(uint64_t *out, const struct pixels *px, const pixman_box32_t *box)
{
    uint32_t mask =
        GUINT32_TO_LE(px->format == SPICE_SURFACE_FMT_32_xRGB ? 0x00ffffff : 0xffffffff);
    uint32_t w = (uint32_t)(box->x2 - box->x1);

    for (int32_t y = box->y1; y < box->y2; y++) {
        const uint8_t *from = pixels_row(px, (uint32_t)y) + (size_t)box->x1 * 4;

        *out++ = w == TILE_SIZE ? hash_row_32(from, TILE_SIZE, mask) : hash_row_32(from, w, mask);
    }
}

/* The memory may change meanwhile; that matters no more here than a moment later. */
static void hash_rows_narrow(uint64_t *out, const struct pixels *px, const pixman_box32_t *box)
{
    size_t bytes = pixels_bytes(px->format);

    for (int32_t y = box->y1; y < box->y2; y++) {
        const uint8_t *from = pixels_row(px, (uint32_t)y) + (size_t)box->x1 * bytes;

        *out++ = XXH3_64bits(from, (size_t)(box->x2 - box->x1) * bytes);
    }
}

static void hash_rows(uint64_t *out, const struct pixels *px, const pixman_box32_t *box)
{
    uint32_t h = (uint32_t)(box->y2 - box->y1);

    if (pixels_bytes(px->format) == 4) {
        hash_rows_32(out, px, box);
    } else {
        hash_rows_narrow(out, px, box);
    }
    for (uint32_t i = 0; i < h; i++) {
        out[i] += out[i] == TILE_HASH_UNKNOWN;
    }
    for (uint32_t i = h; i < TILE_SIZE; i++) {
        out[i] = TILE_ROW_NONE;
    }
}

uint64_t tile_rows_hash(const uint64_t *rows)
{
    uint64_t bytes[TILE_SIZE], hash;

    for (uint32_t i = 0; i < TILE_SIZE; i++) {
        if (rows[i] == TILE_HASH_UNKNOWN) {
            return TILE_HASH_UNKNOWN;
        }
        bytes[i] = GUINT64_TO_LE(rows[i]);
    }
    hash = XXH3_64bits(bytes, sizeof(bytes));
    return hash == TILE_HASH_UNKNOWN ? 1 : hash;
}

static size_t known(struct tile_hashes *self, const struct pixels *px, uint32_t col, uint32_t row)
{
    size_t index = (size_t)row * self->cols + col;

    if (self->hash[index] == TILE_HASH_UNKNOWN) {
        uint32_t x = col * TILE_SIZE, y = row * TILE_SIZE;
        pixman_box32_t box = {(int32_t)x, (int32_t)y, (int32_t)MIN(x + TILE_SIZE, self->width),
                              (int32_t)MIN(y + TILE_SIZE, self->height)};

        hash_rows(self->row_hash + index * TILE_SIZE, px, &box);
        self->hash[index] = tile_rows_hash(self->row_hash + index * TILE_SIZE);
    }
    return index;
}

uint64_t tile_hashes_get(struct tile_hashes *self, const struct pixels *px, uint32_t col,
                         uint32_t row)
{
    return self->hash[known(self, px, col, row)];
}

const uint64_t *tile_rows_get(struct tile_hashes *self, const struct pixels *px, uint32_t col,
                              uint32_t row)
{
    return self->row_hash + known(self, px, col, row) * TILE_SIZE;
}
