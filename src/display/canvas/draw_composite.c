/* SPDX-License-Identifier: MIT */
/* COMPOSITE: the Render extension's operation, left to pixman. */
#include "display/canvas/paint.h"

#include <glib.h>
#include <string.h>
#include <spice/enums.h>
#include <spice/qxl_dev.h>

/* A bitmap operand becomes ARGB words; guests use small ones (glyphs, solid colours). */
#define OPERAND_PIXELS_MAX (16u << 20)

/* An operand wrapped for pixman. */
struct operand {
    pixman_image_t *image;
    uint32_t *copy; /* owned, what image wraps; or NULL */
};

static void operand_close(struct operand *self)
{
    if (self->image)
        pixman_image_unref(self->image);
    g_free(self->copy);
    *self = (struct operand){0};
}

static pixman_format_code_t format_of(const struct surface *surface, bool opaque)
{
    return surface->bpp == 32 && opaque ? PIXMAN_x8r8g8b8 : pixman_image_get_format(surface->image);
}

static bool overlap(const struct surface *a, const struct surface *b)
{
    uintptr_t a1 = (uintptr_t)a->mem, b1 = (uintptr_t)b->mem;

    return a1 < b1 + b->mem_size && b1 < a1 + a->mem_size;
}

static bool open_surface(struct operand *self, struct job *job, const struct surface *surface,
                         bool opaque)
{
    uint32_t *bits = (uint32_t *)(void *)surface->data;
    ptrdiff_t first_row = surface->data - surface->mem;

    if (overlap(surface, job->dst)) {
        self->copy = g_try_malloc(surface->mem_size);
        if (!self->copy)
            return job_fail(job, "no memory for a copy of the surface");
        memcpy(self->copy, surface->mem, surface->mem_size);
        bits = self->copy + first_row / 4;
    }
    self->image = pixman_image_create_bits_no_clear(format_of(surface, opaque), (int)surface->width,
                                                    (int)surface->height, bits, surface->stride);
    return true;
}

static bool open_bitmap(struct operand *self, struct job *job, const struct qxl_image *image,
                        bool opaque)
{
    struct raster pixels = raster_of_bitmap(image);
    size_t n = (size_t)pixels.width * pixels.height;

    if (pixels.width > SURFACE_SIDE_MAX || pixels.height > SURFACE_SIDE_MAX ||
        n > OPERAND_PIXELS_MAX)
        return job_fail(job, "COMPOSITE has too large an image");
    self->copy = g_new(uint32_t, n);
    for (uint32_t y = 0; y < pixels.height; y++)
        pixels_fetch(&pixels, 0, y, pixels.width, self->copy + (size_t)y * pixels.width);
    self->image = pixman_image_create_bits_no_clear(opaque ? PIXMAN_x8r8g8b8 : PIXMAN_a8r8g8b8,
                                                    (int)pixels.width, (int)pixels.height,
                                                    self->copy, (int)pixels.width * 4);
    return true;
}

static bool open_image(struct operand *self, struct job *job, const struct qxl_image *image,
                       bool opaque)
{
    if (image->kind == QXL_IMAGE_BITMAP)
        return open_bitmap(self, job, image, opaque);
    const struct surface *surface =
        image->kind == QXL_IMAGE_SURFACE ? surfaces_get(job->surfaces, image->surface_id) : NULL;
    if (!surface)
        return job_fail(job, "image is a surface that does not exist");
    return open_surface(self, job, surface, opaque);
}

static bool set_sampling(struct operand *self, struct job *job, unsigned filter, unsigned repeat,
                         const uint32_t *transform)
{
    /* QXL knows 0 and 1; the rest are pixman's own numbers, which drivers send too. */
    static const pixman_filter_t filters[] = {PIXMAN_FILTER_NEAREST, PIXMAN_FILTER_BILINEAR,
                                              PIXMAN_FILTER_BILINEAR, PIXMAN_FILTER_NEAREST,
                                              PIXMAN_FILTER_BILINEAR};
    static const pixman_repeat_t repeats[] = {PIXMAN_REPEAT_NONE, PIXMAN_REPEAT_NORMAL,
                                              PIXMAN_REPEAT_PAD, PIXMAN_REPEAT_REFLECT};

    if (!self->image)
        return job_fail(job, "image could not be wrapped");
    if (filter >= G_N_ELEMENTS(filters))
        return job_fail(job, "COMPOSITE has an unknown filter");
    pixman_image_set_filter(self->image, filters[filter], NULL, 0);
    pixman_image_set_repeat(self->image, repeats[repeat]);
    if (transform) {
        pixman_transform_t matrix = {{{0, 0, 0}, {0, 0, 0}, {0, 0, pixman_fixed_1}}};
        for (unsigned i = 0; i < 6; i++)
            matrix.matrix[i / 3][i % 3] = (pixman_fixed_t)transform[i];
        if (!pixman_image_set_transform(self->image, &matrix))
            return job_fail(job, "COMPOSITE has a bad transform");
    }
    return true;
}

static unsigned bits(uint32_t flags, unsigned low, unsigned n)
{
    return flags >> low & ((1u << n) - 1);
}

static bool op_known(unsigned op)
{
    return op <= QXL_OP_SATURATE || (op >= QXL_OP_MULTIPLY && op <= QXL_OP_HSL_LUMINOSITY);
}

static bool open_operands(struct job *job, struct operand *src, struct operand *mask,
                          struct operand *dst)
{
    const struct draw_composite *c = &job->draw->composite;

    if (!op_known(bits(c->flags, 0, 8)))
        return job_fail(job, "COMPOSITE has an unknown operator");
    if (!open_image(src, job, &job->draw->src, c->flags & SPICE_COMPOSITE_SOURCE_OPAQUE) ||
        !set_sampling(src, job, bits(c->flags, 8, 3), bits(c->flags, 14, 2),
                      c->has_src_transform ? c->src_transform : NULL))
        return false;
    if (c->mask.kind != QXL_IMAGE_ABSENT) {
        if (!open_image(mask, job, &c->mask, c->flags & SPICE_COMPOSITE_MASK_OPAQUE) ||
            !set_sampling(mask, job, bits(c->flags, 11, 3), bits(c->flags, 16, 2),
                          c->has_mask_transform ? c->mask_transform : NULL))
            return false;
        pixman_image_set_component_alpha(mask->image, bits(c->flags, 18, 1));
    }
    dst->image = pixman_image_create_bits_no_clear(
        format_of(job->dst, c->flags & SPICE_COMPOSITE_DEST_OPAQUE), (int)job->dst->width,
        (int)job->dst->height, (uint32_t *)(void *)job->dst->data, job->dst->stride);
    return dst->image != NULL || job_fail(job, "surface could not be wrapped");
}

bool draw_composite(struct job *job)
{
    const struct draw_composite *c = &job->draw->composite;
    const pixman_box32_t *box = pixman_region32_extents(&job->region);
    int32_t dx = box->x1 - job->draw->bbox.x1, dy = box->y1 - job->draw->bbox.y1;
    struct operand src = {0}, mask = {0}, dst = {0};

    bool ok = open_operands(job, &src, &mask, &dst);
    if (ok) {
        pixman_image_set_clip_region32(dst.image, &job->region);
        pixman_image_composite32((pixman_op_t)bits(c->flags, 0, 8), src.image, mask.image,
                                 dst.image, c->src_x + dx, c->src_y + dy, c->mask_x + dx,
                                 c->mask_y + dy, box->x1, box->y1, box->x2 - box->x1,
                                 box->y2 - box->y1);
    }
    operand_close(&src);
    operand_close(&mask);
    operand_close(&dst);
    return ok;
}
