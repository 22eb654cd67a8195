/* SPDX-License-Identifier: MIT */
/*
 * The canvas's expected pixels, one at a time and with none of its code: tests describe the result
 * at (x, y) as a function, and every pixel of the surface is compared.
 */
#ifndef CARAVAN_TESTS_CANVAS_REFERENCE_H
#define CARAVAN_TESTS_CANVAS_REFERENCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <spice/qxl_dev.h>

#include "display/canvas/canvas.h"

/* A surface in its own memory, and how it was before drawing. */
struct scene {
    struct surfaces *surfaces;
    struct surface *dst; /* id 0 */
    uint8_t *memory[4];
    uint8_t *before;
    pixman_region32_t damage;
    uint32_t seed;
};

static const uint32_t scene_formats[] = {SPICE_SURFACE_FMT_32_xRGB, SPICE_SURFACE_FMT_32_ARGB,
                                         SPICE_SURFACE_FMT_16_555,  SPICE_SURFACE_FMT_16_565,
                                         SPICE_SURFACE_FMT_8_A,     SPICE_SURFACE_FMT_1_A};

static inline uint32_t scene_random(struct scene *s)
{
    s->seed ^= s->seed << 13;
    s->seed ^= s->seed >> 17;
    s->seed ^= s->seed << 5;
    return s->seed;
}

static inline int scene_below(struct scene *s, int n)
{
    return (int)(scene_random(s) % (uint32_t)n);
}

/* A surface full of noise; bottom_up memory has a negative stride. */
static inline struct surface *scene_add(struct scene *s, uint32_t id, uint32_t format,
                                        uint32_t width, uint32_t height, bool bottom_up)
{
    int stride = (int)((width * surface_format_bpp(format) + 31) / 32 * 4 + 4);
    size_t size = (size_t)stride * height;
    const char *reason;

    s->memory[id] = malloc(size);
    for (size_t i = 0; i < size; i++)
        s->memory[id][i] = (uint8_t)(scene_random(s) >> 8);
    assert_true(surfaces_create(s->surfaces, id, format, width, height,
                                bottom_up ? -stride : stride, s->memory[id], size, &reason));
    return surfaces_get(s->surfaces, id);
}

static inline struct scene scene_make(uint32_t format, uint32_t width, uint32_t height,
                                      bool bottom_up)
{
    struct scene s = {.surfaces = surfaces_new(4), .seed = 12345 + format};

    s.dst = scene_add(&s, 0, format, width, height, bottom_up);
    pixman_region32_init(&s.damage);
    return s;
}

static inline void scene_free(struct scene *s)
{
    pixman_region32_fini(&s->damage);
    surfaces_free(s->surfaces);
    for (int i = 0; i < 4; i++)
        free(s->memory[i]);
    free(s->before);
}

/* The raw bits of a pixel in memory laid out as `surface`'s. */
static inline uint32_t raw_at(const struct surface *surface, const uint8_t *memory, uint32_t x,
                              uint32_t y)
{
    size_t pitch = (size_t)abs(surface->stride);
    const uint8_t *row = memory + pitch * (surface->stride < 0 ? surface->height - 1 - y : y);

    switch (surface->bpp) {
    case 32:
        return row[4 * x] | row[4 * x + 1] << 8 | row[4 * x + 2] << 16 |
               (uint32_t)row[4 * x + 3] << 24;
    case 16:
        return row[2 * x] | (uint32_t)row[2 * x + 1] << 8;
    case 8:
        return row[x];
    default:
        return row[x / 8] >> x % 8 & 1;
    }
}

static inline uint32_t scene_before(const struct scene *s, uint32_t x, uint32_t y)
{
    return raw_at(s->dst, s->before, x, y);
}

static inline uint32_t scene_now(const struct scene *s, uint32_t x, uint32_t y)
{
    return raw_at(s->dst, s->dst->mem, x, y);
}

/* What counts of a raw pixel: the fourth byte of xRGB means nothing. */
static inline uint32_t raw_bits(uint32_t format)
{
    switch (format) {
    case SPICE_SURFACE_FMT_32_ARGB:
        return 0xffffffff;
    case SPICE_SURFACE_FMT_32_xRGB:
        return 0xffffff;
    case SPICE_SURFACE_FMT_16_555:
        return 0x7fff;
    case SPICE_SURFACE_FMT_16_565:
        return 0xffff;
    case SPICE_SURFACE_FMT_8_A:
        return 0xff;
    default:
        return 1;
    }
}

/* An ARGB colour in a surface's format. */
static inline uint32_t raw_from_argb(uint32_t format, uint32_t argb)
{
    uint32_t a = argb >> 24, r = argb >> 16 & 255, g = argb >> 8 & 255, b = argb & 255;

    switch (format) {
    case SPICE_SURFACE_FMT_16_555:
        return (r / 8) * 1024 + (g / 8) * 32 + b / 8;
    case SPICE_SURFACE_FMT_16_565:
        return (r / 8) * 2048 + (g / 4) * 32 + b / 8;
    case SPICE_SURFACE_FMT_8_A:
        return a;
    case SPICE_SURFACE_FMT_1_A:
        return a >= 128;
    default:
        return argb;
    }
}

/* Random boxes of clip for a draw; the caller's array. */
static inline void scene_clip(struct scene *s, struct draw *draw, pixman_box32_t *boxes, uint32_t n)
{
    draw->clipped = true;
    draw->clip_rects = boxes;
    draw->n_clip_rects = n;
    for (uint32_t i = 0; i < n; i++) {
        boxes[i].x1 = scene_below(s, 30) - 5;
        boxes[i].y1 = scene_below(s, 20) - 5;
        boxes[i].x2 = boxes[i].x1 + 1 + scene_below(s, 15);
        boxes[i].y2 = boxes[i].y1 + 1 + scene_below(s, 10);
    }
}

static inline bool in_box(const pixman_box32_t *box, int x, int y)
{
    return x >= box->x1 && x < box->x2 && y >= box->y1 && y < box->y2;
}

static inline bool in_draw(const struct draw *draw, int x, int y)
{
    bool in = !draw->clipped;

    for (uint32_t i = 0; i < draw->n_clip_rects; i++)
        in = in || in_box(&draw->clip_rects[i], x, y);
    return in && in_box(&draw->bbox, x, y);
}

static inline bool scene_draw(struct scene *s, const struct draw *draw)
{
    const char *reason;

    free(s->before);
    s->before = malloc(s->dst->mem_size);
    memcpy(s->before, s->dst->mem, s->dst->mem_size);
    bool ok = canvas_draw(s->surfaces, draw, &s->damage, &reason);
    assert_true(ok == (reason == NULL));
    assert_true(ok || !pixman_region32_not_empty(&s->damage));
    return ok;
}

typedef uint32_t (*expected_func)(const struct scene *s, const struct draw *draw, int x, int y,
                                  const void *data);

/* Draws, then compares every pixel and the damage. `expected` is asked inside the draw's region. */
static inline void scene_check(struct scene *s, const struct draw *draw, expected_func expected,
                               const void *data)
{
    assert_true(scene_draw(s, draw));
    for (int y = 0; y < (int)s->dst->height; y++)
        for (int x = 0; x < (int)s->dst->width; x++) {
            bool in = in_draw(draw, x, y);
            uint32_t want = in ? expected(s, draw, x, y, data) : scene_before(s, x, y);
            uint32_t got = scene_now(s, x, y);
            if ((want ^ got) & (in ? raw_bits(s->dst->format) : ~0u))
                fail_msg("pixel %d,%d of format %u, kind %u: want %08x, got %08x", x, y,
                         s->dst->format, draw->kind, want, got);
            assert_int_equal(in, pixman_region32_contains_point(&s->damage, x, y, NULL));
        }
}

#endif
