/* SPDX-License-Identifier: MIT */
#include "display/canvas/paint.h"

#include <glib.h>
#include <string.h>

bool job_fail(struct job *job, const char *reason)
{
    job->reason = reason;
    return false;
}

void for_each_row(struct job *job, const pixman_region32_t *region, row_func row, const void *data)
{
    int n;
    const pixman_box32_t *boxes = pixman_region32_rectangles((pixman_region32_t *)region, &n);
    uint32_t width = job->dst->width;
    struct row_room room = {.a = g_new(uint32_t, 3 * (size_t)width), .bytes = g_malloc(width)};

    room.b = room.a + width;
    room.c = room.b + width;
    for (int i = 0; i < n; i++)
        for (int32_t y = boxes[i].y1; y < boxes[i].y2; y++)
            row(job, boxes[i].x1, y, (uint32_t)(boxes[i].x2 - boxes[i].x1), &room, data);
    g_free(room.a);
    g_free(room.bytes);
}

/* Puts back what the bytes say is not to be drawn. `old` may be drawn already. */
static void keep_undrawn(const uint8_t *drawn, const uint32_t *old, uint32_t *result, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!drawn[i])
            result[i] = old[i];
}

static void stencil(struct job *job, const struct paint *paint, int32_t x, int32_t y, uint32_t n,
                    struct row_room *room, uint32_t *result)
{
    if (!paint->mask && !paint->coverage)
        return;
    surface_load(job->dst, (uint32_t)x, (uint32_t)y, n, room->a);
    if (paint->mask) {
        mask_row(paint->mask, x, y, n, room->bytes);
        keep_undrawn(room->bytes, room->a, result, n);
    }
    if (paint->coverage) {
        coverage_row(paint->coverage, x, y, n, room->bytes);
        keep_undrawn(room->bytes, room->a, result, n);
    }
}

static void paint_row(struct job *job, int32_t x, int32_t y, uint32_t n, struct row_room *room,
                      const void *data)
{
    const struct paint *paint = data;
    uint32_t *source = room->a, *pattern = room->b, *result = room->c;

    /* What the code ignores is zeroed once it might be read: rop_apply() reads every input. */
    memset(source, 0, n * sizeof(*source));
    memset(pattern, 0, n * sizeof(*pattern));
    memset(result, 0, n * sizeof(*result));
    if (rop_needs(paint->code, ROP_SOURCE)) {
        source_row(paint->source, x, y, n, source);
        pixels_to_raw(job->dst, source, n);
    }
    if (rop_needs(paint->code, ROP_PATTERN))
        brush_row(paint->brush, job->dst, x, y, n, pattern);
    if (rop_needs(paint->code, ROP_DESTINATION))
        surface_load(job->dst, (uint32_t)x, (uint32_t)y, n, result);
    rop_apply(paint->code, pattern, source, result, n);
    stencil(job, paint, x, y, n, room, result);
    surface_store(job->dst, (uint32_t)x, (uint32_t)y, n, result);
}

/* Rows of 32 bit words that need no work. The guest may have put a bitmap's pixels into the
 * surface's own memory: memmove. */
static void copy_row(struct job *job, int32_t x, int32_t y, uint32_t n, struct row_room *room,
                     const void *data)
{
    const struct paint *paint = data;

    memmove(surface_row(job->dst, (uint32_t)y) + 4 * (size_t)x,
            source_row_verbatim(paint->source, x, y), 4 * (size_t)n);
}

/* A row of one word over and over. */
static void fill_row(struct job *job, int32_t x, int32_t y, uint32_t n, struct row_room *room,
                     const void *data)
{
    const struct paint *paint = data;

    brush_row(paint->brush, job->dst, x, y, n, room->a);
    surface_store(job->dst, (uint32_t)x, (uint32_t)y, n, room->a);
}

void paint_region(struct job *job, const struct paint *paint, const pixman_region32_t *region)
{
    row_func row = paint_row;

    if (!paint->mask && !paint->coverage) {
        if (paint->code == ROP_SOURCE && source_is_verbatim(paint->source, job->dst))
            row = copy_row;
        else if (paint->code == ROP_PATTERN)
            row = fill_row;
    }
    for_each_row(job, region, row, paint);
}

bool coverage_open(struct coverage *self, struct job *job, const pixman_box32_t *bounds)
{
    pixman_box32_t box = *pixman_region32_extents(&job->region);

    box.x1 = MAX(box.x1, bounds->x1);
    box.y1 = MAX(box.y1, bounds->y1);
    box.x2 = MIN(box.x2, bounds->x2);
    box.y2 = MIN(box.y2, bounds->y2);
    *self = (struct coverage){.box = box};
    if (box.x1 >= box.x2 || box.y1 >= box.y2)
        return true;
    size_t size = (size_t)(box.x2 - box.x1) * (size_t)(box.y2 - box.y1);
    if (size > COVERAGE_MAX)
        return job_fail(job, "shape is too large");
    self->bytes = g_malloc0(size);
    return true;
}

void coverage_close(struct coverage *self)
{
    g_free(self->bytes);
    self->bytes = NULL;
}

void coverage_row(const struct coverage *self, int32_t x, int32_t y, uint32_t n, uint8_t *out)
{
    int32_t x1 = MAX(x, self->box.x1), x2 = MIN(x + (int32_t)n, self->box.x2);
    size_t width = (size_t)(self->box.x2 - self->box.x1);

    memset(out, 0, n);
    if (y < self->box.y1 || y >= self->box.y2 || x1 >= x2)
        return;
    memcpy(out + (x1 - x),
           self->bytes + width * (size_t)(y - self->box.y1) + (size_t)(x1 - self->box.x1),
           (size_t)(x2 - x1));
}
