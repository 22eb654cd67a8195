/* SPDX-License-Identifier: MIT */
/*
 * Painting a region row by row. A job is one draw command on its destination; a painter gets every
 * row of the region with room for its operands. Private to this folder.
 */
#ifndef CARAVAN_DISPLAY_CANVAS_PAINT_H
#define CARAVAN_DISPLAY_CANVAS_PAINT_H

#include "display/canvas/rop.h"
#include "display/canvas/source.h"

struct job {
    struct surfaces *surfaces;
    struct surface *dst;
    const struct draw *draw;
    pixman_region32_t region; /* to draw: bbox, clip and surface; never empty; kinds may cut it */
    const char *reason;       /* static; why it failed */
};

/* Sets the reason; always false. */
bool job_fail(struct job *job, const char *reason);

/* One byte of coverage a pixel of a box, 0 outside: the shape of text and lines. */
struct coverage {
    pixman_box32_t box; /* on the destination, non-empty */
    uint8_t *bytes;     /* owned */
};

#define COVERAGE_MAX (64u << 20) /* pixels */

/* Clears the job's extents cut to `bounds`. False (with the job's reason) when too large; an empty
 * cut gives true and bytes NULL. */
bool coverage_open(struct coverage *self, struct job *job, const pixman_box32_t *bounds);
void coverage_close(struct coverage *self);
void coverage_row(const struct coverage *self, int32_t x, int32_t y, uint32_t n, uint8_t *out);

/* Operands of a raster operation; those that the code does not need may be NULL. */
struct paint {
    uint8_t code;
    const struct source *source;
    const struct brush *brush;
    const struct mask *mask;         /* NULL: everything */
    const struct coverage *coverage; /* NULL: everything; else where it is not 0 */
};

/* Applies it to every pixel of the region. */
void paint_region(struct job *job, const struct paint *paint, const pixman_region32_t *region);

/* Calls row() for every row of the region: n pixels from (x, y) on. `words` has room for three
 * times n words, `bytes` for n. */
struct row_room {
    uint32_t *a, *b, *c;
    uint8_t *bytes;
};
typedef void (*row_func)(struct job *job, int32_t x, int32_t y, uint32_t n, struct row_room *room,
                         const void *data);
void for_each_row(struct job *job, const pixman_region32_t *region, row_func row, const void *data);

/* The kinds, each with the job's region to draw. False with the job's reason when nothing was. */
bool draw_bitwise(struct job *job);
bool draw_copy_bits(struct job *job);
bool draw_transparent(struct job *job);
bool draw_alpha_blend(struct job *job);
bool draw_composite(struct job *job);
bool draw_text(struct job *job);
bool draw_stroke(struct job *job);

#endif
