/* SPDX-License-Identifier: MIT */
/* TRANSPARENT (colour key) and ALPHA_BLEND. */
#include "display/canvas/paint.h"

#include <spice/enums.h>

struct keyed {
    const struct source *source;
    uint32_t key;  /* raw */
    uint32_t bits; /* of a raw word that count */
};

static void keyed_row(struct job *job, int32_t x, int32_t y, uint32_t n, struct row_room *room,
                      const void *data)
{
    const struct keyed *keyed = data;

    source_row(keyed->source, x, y, n, room->a);
    pixels_to_raw(job->dst, room->a, n);
    surface_load(job->dst, (uint32_t)x, (uint32_t)y, n, room->b);
    for (uint32_t i = 0; i < n; i++)
        if ((room->a[i] ^ keyed->key) & keyed->bits)
            room->b[i] = room->a[i];
    surface_store(job->dst, (uint32_t)x, (uint32_t)y, n, room->b);
}

bool draw_transparent(struct job *job)
{
    struct source source = {0};
    struct keyed keyed = {
        .source = &source,
        .key = 0xff000000 | job->draw->transparent_color,
        .bits = job->dst->bpp == 32 ? 0xffffff : ~0u,
    };
    bool ok = source_open(&source, job->surfaces, job->dst, job->draw,
                          pixman_region32_extents(&job->region), &job->reason);

    if (ok) {
        pixels_to_raw(job->dst, &keyed.key, 1);
        for_each_row(job, &job->region, keyed_row, &keyed);
    }
    source_close(&source);
    return ok;
}

struct blend {
    const struct source *source;
    uint32_t alpha;
    bool dst_alpha; /* else the destination counts as opaque */
};

/* source * alpha over dest, premultiplied. A colour above its alpha is cut at white. */
static uint32_t over(uint32_t source, uint32_t alpha, uint32_t dest)
{
    uint32_t low = pixel_lanes_times(source, alpha), high = pixel_lanes_times(source >> 8, alpha);
    uint32_t rest = 255 - (high >> 16);

    low = pixel_lanes_add(low, pixel_lanes_times(dest, rest));
    high = pixel_lanes_add(high, pixel_lanes_times(dest >> 8, rest));
    return high << 8 | low;
}

static void blend_row(struct job *job, int32_t x, int32_t y, uint32_t n, struct row_room *room,
                      const void *data)
{
    const struct blend *blend = data;
    struct raster dst = raster_of_surface(job->dst);

    if (job->dst->bpp == 32)
        dst.format = blend->dst_alpha ? PIXEL_ARGB : PIXEL_XRGB;
    source_row(blend->source, x, y, n, room->a);
    pixels_fetch(&dst, (uint32_t)x, (uint32_t)y, n, room->b);
    for (uint32_t i = 0; i < n; i++)
        room->b[i] = over(room->a[i], blend->alpha, room->b[i]);
    pixels_to_raw(job->dst, room->b, n);
    surface_store(job->dst, (uint32_t)x, (uint32_t)y, n, room->b);
}

bool draw_alpha_blend(struct job *job)
{
    const struct draw *draw = job->draw;
    struct source source = {0};
    struct blend blend = {
        .source = &source,
        .alpha = draw->alpha,
        .dst_alpha = draw->alpha_flags & SPICE_ALPHA_FLAGS_DEST_HAS_ALPHA,
    };
    bool ok = source_open(&source, job->surfaces, job->dst, draw,
                          pixman_region32_extents(&job->region), &job->reason);
    /* A surface's fourth byte is alpha when the command says so, whatever its format. */
    bool words = source.pixels.format == PIXEL_ARGB || source.pixels.format == PIXEL_XRGB;

    if (ok && words && draw->src.kind != QXL_IMAGE_BITMAP)
        source.pixels.format =
            draw->alpha_flags & SPICE_ALPHA_FLAGS_SRC_SURFACE_HAS_ALPHA ? PIXEL_ARGB : PIXEL_XRGB;
    if (ok && draw->alpha == 0)
        pixman_region32_clear(&job->region);
    if (ok)
        for_each_row(job, &job->region, blend_row, &blend);
    source_close(&source);
    return ok;
}
