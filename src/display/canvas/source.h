/* SPDX-License-Identifier: MIT */
/*
 * The operands of a draw as rows in destination coordinates: source images (scaled or not), brushes
 * and masks. Opening resolves and checks them, reading cannot fail. Rows are asked for inside the
 * draw's bounding box only. Private to this folder.
 */
#ifndef CARAVAN_DISPLAY_CANVAS_SOURCE_H
#define CARAVAN_DISPLAY_CANVAS_SOURCE_H

#include "display/canvas/pixel.h"

struct source {
    struct raster pixels;
    uint8_t *copy;       /* owned: rows y0.. of a surface that is being drawn on; or NULL */
    uint32_t y0;         /* row of the image that pixels.top is */
    pixman_box32_t from; /* in the image */
    pixman_box32_t to;   /* on the destination */
    bool scaled;
    bool smooth; /* interpolate */
};

/* Opens draw->src for drawing inside `extents` (non-empty, part of bbox) of dst. False with *reason
 * when there is none or the source area is not inside. Close it in both cases. */
bool source_open(struct source *self, const struct surfaces *surfaces, const struct surface *dst,
                 const struct draw *draw, const pixman_box32_t *extents, const char **reason);
void source_close(struct source *self);

/* n ARGB words from destination pixel (x, y) on. */
void source_row(const struct source *self, int32_t x, int32_t y, uint32_t n, uint32_t *out);

/* True when rows are plain memory in 32 bit words that a 32 bit dst takes as they are. */
bool source_is_verbatim(const struct source *self, const struct surface *dst);

/* Where such a row starts. */
const uint8_t *source_row_verbatim(const struct source *self, int32_t x, int32_t y);

struct brush {
    bool tiled;
    uint32_t color; /* raw */
    struct raster pixels;
    uint8_t *copy; /* owned, as in struct source */
    int32_t x, y;  /* place of the tile's corner */
};

bool brush_open(struct brush *self, const struct surfaces *surfaces, const struct surface *dst,
                const struct draw_brush *draw, const char **reason);
void brush_close(struct brush *self);

/* n raw words (dst's format) from destination pixel (x, y) on. */
void brush_row(const struct brush *self, const struct surface *dst, int32_t x, int32_t y,
               uint32_t n, uint32_t *out);

struct mask {
    bool used; /* false: everything is drawn */
    bool inverted;
    struct raster pixels;
    int32_t dx, dy; /* mask pixel = destination pixel + (dx, dy) */
};

bool mask_open(struct mask *self, const struct surfaces *surfaces, const struct draw *draw,
               const char **reason);

/* n bytes, 0 or 255: which pixels are drawn. */
void mask_row(const struct mask *self, int32_t x, int32_t y, uint32_t n, uint8_t *out);

#endif
