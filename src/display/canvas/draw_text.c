/* SPDX-License-Identifier: MIT */
/* TEXT: an optional background box, then the glyphs' union in the foreground brush. */
#include "display/canvas/paint.h"

#include <glib.h>
#include <string.h>

static uint8_t glyph_pixel(const uint8_t *row, uint8_t bpp, uint32_t x)
{
    switch (bpp) {
    case 1:
        return row[x / 8] >> (7 - x % 8) & 1 ? 255 : 0;
    case 4:
        return (uint8_t)((row[x / 2] >> (x % 2 ? 0 : 4) & 15) * 17);
    default:
        return row[x];
    }
}

static void add_glyph(struct coverage *shape, const struct draw_text *text,
                      const struct draw_glyph *glyph)
{
    const pixman_box32_t *box = &shape->box;
    int32_t x1 = MAX(glyph->x, box->x1), x2 = MIN(glyph->x + glyph->width, box->x2);
    int32_t y1 = MAX(glyph->y, box->y1), y2 = MIN(glyph->y + glyph->height, box->y2);

    if (x1 >= x2) /* glyphs of no width cost no bytes, so there may be many tall ones */
        return;
    for (int32_t y = y1; y < y2; y++) {
        uint32_t row = (uint32_t)(y - glyph->y);
        if (!text->top_down)
            row = glyph->height - 1u - row;
        const uint8_t *from = text->bits + glyph->at + (size_t)glyph->stride * row;
        uint8_t *to = shape->bytes + (size_t)(box->x2 - box->x1) * (size_t)(y - box->y1);
        for (int32_t x = x1; x < x2; x++) {
            uint8_t v = glyph_pixel(from, text->bpp, (uint32_t)(x - glyph->x));
            to[x - box->x1] = MAX(to[x - box->x1], v);
        }
    }
}

static pixman_box32_t text_bounds(const struct draw_text *text)
{
    pixman_box32_t box = {DRAW_COORD_MAX, DRAW_COORD_MAX, -DRAW_COORD_MAX, -DRAW_COORD_MAX};

    for (uint32_t i = 0; i < text->n_glyphs; i++) {
        const struct draw_glyph *glyph = &text->glyphs[i];
        box.x1 = MIN(box.x1, glyph->x);
        box.y1 = MIN(box.y1, glyph->y);
        box.x2 = MAX(box.x2, glyph->x + glyph->width);
        box.y2 = MAX(box.y2, glyph->y + glyph->height);
    }
    return box;
}

struct shaded {
    const struct brush *brush;
    const struct coverage *shape;
};

static uint32_t mix255(uint32_t a, uint32_t b, uint32_t weight)
{
    uint32_t result = 0;

    for (unsigned shift = 0; shift < 32; shift += 8)
        result |= ((a >> shift & 255) * (255 - weight) + (b >> shift & 255) * weight + 127) / 255
                  << shift;
    return result;
}

/* Grey glyphs: the brush mixed in by coverage; a raster operation has no meaning there. */
static void shaded_row(struct job *job, int32_t x, int32_t y, uint32_t n, struct row_room *room,
                       const void *data)
{
    const struct shaded *shaded = data;

    surface_load(job->dst, (uint32_t)x, (uint32_t)y, n, room->a);
    memcpy(room->c, room->a, n * sizeof(*room->a));
    pixels_from_raw(job->dst, room->a, n);
    brush_row(shaded->brush, job->dst, x, y, n, room->b);
    pixels_from_raw(job->dst, room->b, n);
    coverage_row(shaded->shape, x, y, n, room->bytes);
    for (uint32_t i = 0; i < n; i++)
        room->b[i] = mix255(room->a[i], room->b[i], room->bytes[i]);
    pixels_to_raw(job->dst, room->b, n);
    for (uint32_t i = 0; i < n; i++)
        if (room->bytes[i] == 0)
            room->b[i] = room->c[i];
    surface_store(job->dst, (uint32_t)x, (uint32_t)y, n, room->b);
}

/* All that a text draws with: opened whole before the first pixel, so that it fails whole. */
struct text {
    struct coverage shape;
    struct brush fore, back;
};

static bool text_open(struct text *self, struct job *job)
{
    const struct draw *draw = job->draw;
    pixman_box32_t bounds = text_bounds(&draw->text);

    return coverage_open(&self->shape, job, &bounds) &&
           brush_open(&self->fore, job->surfaces, job->dst, &draw->brush, &job->reason) &&
           brush_open(&self->back, job->surfaces, job->dst, &draw->text.back_brush, &job->reason);
}

static void text_close(struct text *self)
{
    coverage_close(&self->shape);
    brush_close(&self->fore);
    brush_close(&self->back);
}

static void paint_glyphs(struct job *job, struct text *self)
{
    const struct draw *draw = job->draw;
    struct shaded shaded = {&self->fore, &self->shape};
    struct paint paint = {
        .code = rop_from_descriptor(draw->text.fore_mode, ROP_PATTERN, ROP_DESTINATION),
        .brush = &self->fore,
        .coverage = &self->shape,
    };

    for (uint32_t i = 0; i < draw->text.n_glyphs; i++)
        add_glyph(&self->shape, &draw->text, &draw->text.glyphs[i]);
    if (draw->text.bpp == 1)
        paint_region(job, &paint, &job->region);
    else
        for_each_row(job, &job->region, shaded_row, &shaded);
}

static void paint_background(struct job *job, const struct text *self)
{
    const struct draw_text *text = &job->draw->text;
    struct paint paint = {
        .code = rop_from_descriptor(text->back_mode, ROP_PATTERN, ROP_DESTINATION),
        .brush = &self->back,
    };
    pixman_region32_t back;

    pixman_region32_init_with_extents(&back, &text->back_area);
    pixman_region32_intersect(&back, &back, &job->region);
    paint_region(job, &paint, &back);
    pixman_region32_fini(&back);
}

bool draw_text(struct job *job)
{
    const struct draw_text *draw = &job->draw->text;
    struct text text = {0};

    bool ok = text_open(&text, job);
    if (ok && draw->back_area.x1 < draw->back_area.x2)
        paint_background(job, &text);
    if (ok && text.shape.bytes)
        paint_glyphs(job, &text);
    text_close(&text);
    return ok;
}
