/* SPDX-License-Identifier: MIT */
/*
 * Pixel formats: rows of any of them to ARGB words (0xAARRGGBB, premultiplied where alpha means
 * something), and rows of surfaces to and from raw words (the pixel's own bits, low). Borrowed
 * memory, any alignment; callers keep x + n and y inside.
 */
#ifndef CARAVAN_DISPLAY_CANVAS_PIXEL_H
#define CARAVAN_DISPLAY_CANVAS_PIXEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "display/canvas/surfaces.h"
#include "display/qxl/draw.h"

enum pixel_format {
    PIXEL_P1_LE, /* palettes: first pixel in the low bits of a byte, or in the high ones */
    PIXEL_P1_BE,
    PIXEL_P4_LE,
    PIXEL_P4_BE,
    PIXEL_P8,
    PIXEL_555,
    PIXEL_565,
    PIXEL_24,
    PIXEL_XRGB,
    PIXEL_ARGB,
    PIXEL_A8,
    PIXEL_A1_LE,
    PIXEL_A1_BE,
};

/* Pixels somewhere in memory, in any format that a guest may send (display/pixels.h has what is
 * shown). */
struct raster {
    enum pixel_format format;
    uint32_t width, height;
    const uint8_t *top;      /* the top row */
    ptrdiff_t stride;        /* bytes to the next lower row */
    const uint32_t *palette; /* 256 entries, or NULL: black, white */
};

/* Views that borrow. `image` is a BITMAP. */
struct raster raster_of_bitmap(const struct qxl_image *image);
struct raster raster_of_surface(const struct surface *surface);

void pixels_fetch(const struct raster *self, uint32_t x, uint32_t y, uint32_t n, uint32_t *out);

/* Two channels of a word at a time, in the low byte of each half: the other two are word >> 8. */
#define PIXEL_LANES 0x00ff00ffu

/* lanes * v / 255, rounded, for v up to 255. */
static inline uint32_t pixel_lanes_times(uint32_t lanes, uint32_t v)
{
    uint32_t t = (lanes & PIXEL_LANES) * v + 0x00800080;

    return (t + (t >> 8 & PIXEL_LANES)) >> 8 & PIXEL_LANES;
}

/* a + b, each lane at most 255. */
static inline uint32_t pixel_lanes_add(uint32_t a, uint32_t b)
{
    uint32_t sum = a + b, over = sum & 0x01000100;

    return (sum | (over - (over >> 8))) & PIXEL_LANES;
}

/* Raw words of a surface's row, and back; words may carry junk above the surface's depth. */
void surface_load(const struct surface *self, uint32_t x, uint32_t y, uint32_t n, uint32_t *out);
void surface_store(struct surface *self, uint32_t x, uint32_t y, uint32_t n, const uint32_t *raw);

/* ARGB words to a surface's raw words, in place; low colour bits are cut off. */
void pixels_to_raw(const struct surface *self, uint32_t *words, uint32_t n);

/* Raw words of a surface to ARGB, in place. */
void pixels_from_raw(const struct surface *self, uint32_t *words, uint32_t n);

#endif
