/* SPDX-License-Identifier: MIT */
/* A view of a surface's pixels, for those who only read them. */
#ifndef CARAVAN_DISPLAY_PIXELS_H
#define CARAVAN_DISPLAY_PIXELS_H

#include <spice/enums.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Borrowed. The memory may be the guest's and so change at any moment: readers bound themselves by
 * width and height alone and never trust two reads to be equal.
 */
struct pixels {
    const uint8_t *top; /* first byte of the top row */
    ptrdiff_t stride;   /* bytes from a row to the one below; negative when bottom-up */
    uint32_t width, height;
    uint32_t format; /* SPICE_SURFACE_FMT_* */
};

/* Bytes of a pixel in a SPICE_SURFACE_FMT_* that can be tiled; 4 for any other value. */
static inline size_t pixels_bytes(uint32_t format)
{
    switch (format) {
    case SPICE_SURFACE_FMT_8_A:
        return 1;
    case SPICE_SURFACE_FMT_16_555:
    case SPICE_SURFACE_FMT_16_565:
        return 2;
    default:
        return 4;
    }
}

static inline const uint8_t *pixels_row(const struct pixels *self, uint32_t y)
{
    return self->top + (ptrdiff_t)y * self->stride;
}

#endif
