/* SPDX-License-Identifier: MIT */
/* COPY_BITS: a move inside one surface. */
#include "display/canvas/paint.h"

#include <glib.h>
#include <string.h>

static void move_row(struct surface *dst, const pixman_box32_t *box, int32_t y, int32_t dx,
                     int32_t dy, uint32_t *room)
{
    uint32_t n = (uint32_t)(box->x2 - box->x1);
    uint32_t x = (uint32_t)box->x1, from_x = (uint32_t)(box->x1 - dx), from_y = (uint32_t)(y - dy);
    size_t bytes = dst->bpp / 8;

    if (bytes) {
        memmove(surface_row(dst, (uint32_t)y) + x * bytes,
                surface_row(dst, from_y) + from_x * bytes, n * bytes);
    } else {
        surface_load(dst, from_x, from_y, n, room);
        surface_store(dst, x, (uint32_t)y, n, room);
    }
}

static void move_box(struct surface *dst, const pixman_box32_t *box, int32_t dx, int32_t dy,
                     uint32_t *room)
{
    for (int32_t i = 0; i < box->y2 - box->y1; i++)
        move_row(dst, box, dy > 0 ? box->y2 - 1 - i : box->y1 + i, dx, dy, room);
}

/* The end of the band (boxes of the same rows) that begins at i. */
static int band_end(const pixman_box32_t *boxes, int n, int i)
{
    int end = i + 1;

    while (end < n && boxes[end].y1 == boxes[i].y1)
        end++;
    return end;
}

static int band_start(const pixman_box32_t *boxes, int end)
{
    int start = end - 1;

    while (start > 0 && boxes[start - 1].y1 == boxes[end - 1].y1)
        start--;
    return start;
}

static void move_band(struct surface *dst, const pixman_box32_t *band, int n, int32_t dx,
                      int32_t dy, uint32_t *room)
{
    for (int i = 0; i < n; i++)
        move_box(dst, &band[dx > 0 ? n - 1 - i : i], dx, dy, room);
}

/* No pixel is overwritten before it was read: bands and rows go against dy, boxes against dx. */
static void move_boxes(struct surface *dst, const pixman_box32_t *boxes, int n, int32_t dx,
                       int32_t dy, uint32_t *room)
{
    if (dy > 0) {
        for (int end = n, start; end > 0; end = start) {
            start = band_start(boxes, end);
            move_band(dst, boxes + start, end - start, dx, dy, room);
        }
    } else {
        for (int start = 0, end; start < n; start = end) {
            end = band_end(boxes, n, start);
            move_band(dst, boxes + start, end - start, dx, dy, room);
        }
    }
}

bool draw_copy_bits(struct job *job)
{
    const struct draw *draw = job->draw;
    int32_t dx = draw->bbox.x1 - draw->src_x, dy = draw->bbox.y1 - draw->src_y;
    int n;

    /* Pixels whose source lies outside the surface stay as they are. */
    pixman_region32_intersect_rect(&job->region, &job->region, dx, dy, job->dst->width,
                                   job->dst->height);
    if (dx == 0 && dy == 0)
        pixman_region32_clear(&job->region);
    const pixman_box32_t *boxes = pixman_region32_rectangles(&job->region, &n);
    uint32_t *room = g_new(uint32_t, job->dst->width);
    move_boxes(job->dst, boxes, n, dx, dy, room);
    g_free(room);
    return true;
}
