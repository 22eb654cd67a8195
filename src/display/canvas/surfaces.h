/* SPDX-License-Identifier: MIT */
/*
 * The server's surfaces of one display. Pixels live in the memory that the creator gives (guest
 * memory), so what is drawn is where the device expects it. One owner thread.
 */
#ifndef CARAVAN_DISPLAY_CANVAS_SURFACES_H
#define CARAVAN_DISPLAY_CANVAS_SURFACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pixman.h>

struct surfaces;

struct surface {
    uint32_t id;
    uint32_t format;        /* SPICE_SURFACE_FMT_* */
    uint32_t width, height; /* pixels, 1..SURFACE_SIDE_MAX */
    unsigned bpp;           /* bits a pixel: 1, 8, 16, 32 */
    int32_t stride;         /* bytes from a row to the next lower one; negative: bottom-up memory */
    uint8_t *data;          /* the top row, 4 byte aligned; borrowed */
    uint8_t *mem;           /* lowest address of the pixels; borrowed */
    size_t mem_size;        /* height * |stride| */
    pixman_image_t *image;  /* owned by the table; wraps data */
};

#define SURFACE_SIDE_MAX 32767

/* Room for ids 0..n_surfaces-1 (at most 65536 of them). The caller owns the result. */
struct surfaces *surfaces_new(uint32_t n_surfaces);

/* Frees the table and its surfaces; their pixels belong to others. */
void surfaces_free(struct surfaces *self);

/* Adds a surface on `mem` (lowest address, also for a negative stride, whose rows lie bottom-up),
 * which must outlive it and hold height * |stride| bytes. Pixels are kept as they are.
 * False with *reason (static text) when a value is wrong or the id is taken. */
bool surfaces_create(struct surfaces *self, uint32_t id, uint32_t format, uint32_t width,
                     uint32_t height, int32_t stride, void *mem, size_t mem_size,
                     const char **reason);

/* Zeroes the pixels. */
void surface_fill_black(struct surface *surface);

/* False when there is none of this id. */
bool surfaces_destroy(struct surfaces *self, uint32_t id);

/* NULL when there is none. Valid until it is destroyed. */
struct surface *surfaces_get(const struct surfaces *self, uint32_t id);

uint32_t surfaces_capacity(const struct surfaces *self);

/* Bits a pixel of a SPICE_SURFACE_FMT_*; 0 for an unknown one. */
unsigned surface_format_bpp(uint32_t format);

/* First byte of row y (0 is the top), y < height. */
static inline uint8_t *surface_row(const struct surface *self, uint32_t y)
{
    return self->data + (ptrdiff_t)self->stride * (ptrdiff_t)y;
}

#endif
