/* SPDX-License-Identifier: MIT */
#include "display/canvas/source.h"

#include <glib.h>
#include <string.h>
#include <spice/enums.h>

static int32_t box_width(const pixman_box32_t *box)
{
    return box->x2 - box->x1;
}

static int32_t box_height(const pixman_box32_t *box)
{
    return box->y2 - box->y1;
}

/* Replaces rows [y0, y1) of a surface's view by a copy, so that drawing does not change them. */
static uint8_t *snapshot(struct raster *pixels, const struct surface *surface, uint32_t y0,
                         uint32_t y1, const char **reason)
{
    size_t pitch = surface->mem_size / surface->height;
    uint8_t *copy = g_try_malloc(pitch * (y1 - y0));

    if (!copy) {
        *reason = "no memory for a copy of the surface";
        return NULL;
    }
    for (uint32_t y = y0; y < y1; y++)
        memcpy(copy + pitch * (y - y0), surface_row(surface, y), pitch);
    pixels->top = copy;
    pixels->stride = (ptrdiff_t)pitch;
    pixels->height = y1 - y0;
    return copy;
}

/* The view of an image, and the surface that it shows, if any. */
static bool resolve(const struct surfaces *surfaces, const struct surface *dst,
                    const struct qxl_image *image, struct raster *out,
                    const struct surface **surface, const char **reason)
{
    *surface = NULL;
    switch (image->kind) {
    case QXL_IMAGE_BITMAP:
        *out = raster_of_bitmap(image);
        return true;
    case QXL_IMAGE_SURFACE:
        *surface = surfaces_get(surfaces, image->surface_id);
        *reason = "image is a surface that does not exist";
        break;
    case QXL_IMAGE_SELF:
        *surface = dst;
        *reason = "image may not be the destination itself";
        break;
    case QXL_IMAGE_ABSENT:
        *reason = "command has no source image";
        break;
    }
    if (!*surface)
        return false;
    *out = raster_of_surface(*surface);
    return true;
}

static bool area_inside(const pixman_box32_t *area, const struct raster *pixels)
{
    return area->x1 >= 0 && area->y1 >= 0 && area->x1 < area->x2 && area->y1 < area->y2 &&
           (uint32_t)area->x2 <= pixels->width && (uint32_t)area->y2 <= pixels->height;
}

static void rows_needed(const struct source *self, const pixman_box32_t *extents, uint32_t *y0,
                        uint32_t *y1)
{
    int32_t dy = self->from.y1 - self->to.y1;

    *y0 = (uint32_t)(self->scaled ? self->from.y1 : extents->y1 + dy);
    *y1 = (uint32_t)(self->scaled ? self->from.y2 : extents->y2 + dy);
}

bool source_open(struct source *self, const struct surfaces *surfaces, const struct surface *dst,
                 const struct draw *draw, const pixman_box32_t *extents, const char **reason)
{
    const struct surface *surface;
    uint32_t y0, y1;

    *self = (struct source){.from = draw->src_area, .to = draw->bbox};
    if (!resolve(surfaces, dst, &draw->src, &self->pixels, &surface, reason))
        return false;
    if (draw->src.kind == QXL_IMAGE_SELF) {
        self->from.x1 += draw->self_area.x1;
        self->from.x2 += draw->self_area.x1;
        self->from.y1 += draw->self_area.y1;
        self->from.y2 += draw->self_area.y1;
    }
    if (!area_inside(&self->from, &self->pixels)) {
        *reason = "source area is not inside its image";
        return false;
    }
    self->scaled = box_width(&self->from) != box_width(&self->to) ||
                   box_height(&self->from) != box_height(&self->to);
    self->smooth = draw->scale_mode == SPICE_IMAGE_SCALE_MODE_INTERPOLATE;
    if (surface != dst)
        return true;
    rows_needed(self, extents, &y0, &y1);
    self->y0 = y0;
    self->copy = snapshot(&self->pixels, dst, y0, y1, reason);
    return self->copy != NULL;
}

void source_close(struct source *self)
{
    g_free(self->copy);
    self->copy = NULL;
}

/* Nearest: the source pixel under the middle of destination pixel i, of `to` pixels from `from`. */
static uint32_t nearest(int64_t i, int64_t from, int64_t to)
{
    return (uint32_t)((2 * i + 1) * from / (2 * to));
}

/* Interpolation: the two source pixels around the middle of destination pixel i, and the second
 * one's weight in 256ths. */
static void around(int64_t i, int64_t from, int64_t to, uint32_t *a, uint32_t *b, uint32_t *weight)
{
    int64_t at = (2 * i + 1) * from * 128 / to - 128; /* 256ths of a source pixel */
    int64_t last = (from - 1) * 256;

    at = CLAMP(at, 0, last);
    *a = (uint32_t)(at / 256);
    *b = MIN(*a + 1, (uint32_t)(from - 1));
    *weight = (uint32_t)(at % 256);
}

static uint32_t mix(uint32_t a, uint32_t b, uint32_t weight)
{
    uint32_t rest = 256 - weight;
    uint32_t low = (a & PIXEL_LANES) * rest + (b & PIXEL_LANES) * weight + 0x00800080;
    uint32_t high = (a >> 8 & PIXEL_LANES) * rest + (b >> 8 & PIXEL_LANES) * weight + 0x00800080;

    return (high & ~PIXEL_LANES) | (low >> 8 & PIXEL_LANES);
}

static uint32_t image_pixel(const struct source *self, uint32_t x, uint32_t y)
{
    uint32_t pixel;

    pixels_fetch(&self->pixels, x, y - self->y0, 1, &pixel);
    return pixel;
}

static void smooth_row(const struct source *self, int32_t x, int32_t y, uint32_t n, uint32_t *out)
{
    uint32_t x1 = (uint32_t)self->from.x1, y1 = (uint32_t)self->from.y1;
    uint32_t ya, yb, wy;

    around(y - self->to.y1, box_height(&self->from), box_height(&self->to), &ya, &yb, &wy);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t xa, xb, wx;
        around((int64_t)x + i - self->to.x1, box_width(&self->from), box_width(&self->to), &xa, &xb,
               &wx);
        uint32_t top =
            mix(image_pixel(self, x1 + xa, y1 + ya), image_pixel(self, x1 + xb, y1 + ya), wx);
        uint32_t bottom =
            mix(image_pixel(self, x1 + xa, y1 + yb), image_pixel(self, x1 + xb, y1 + yb), wx);
        out[i] = mix(top, bottom, wy);
    }
}

static void nearest_row(const struct source *self, int32_t x, int32_t y, uint32_t n, uint32_t *out)
{
    uint32_t from_y = (uint32_t)self->from.y1 +
                      nearest(y - self->to.y1, box_height(&self->from), box_height(&self->to));

    for (uint32_t i = 0; i < n; i++) {
        uint32_t from_x =
            nearest((int64_t)x + i - self->to.x1, box_width(&self->from), box_width(&self->to));
        out[i] = image_pixel(self, (uint32_t)self->from.x1 + from_x, from_y);
    }
}

void source_row(const struct source *self, int32_t x, int32_t y, uint32_t n, uint32_t *out)
{
    if (self->scaled && self->smooth)
        smooth_row(self, x, y, n, out);
    else if (self->scaled)
        nearest_row(self, x, y, n, out);
    else
        pixels_fetch(&self->pixels, (uint32_t)(x - self->to.x1 + self->from.x1),
                     (uint32_t)(y - self->to.y1 + self->from.y1) - self->y0, n, out);
}

bool source_is_verbatim(const struct source *self, const struct surface *dst)
{
    if (self->scaled || dst->bpp != 32)
        return false;
    return self->pixels.format == PIXEL_ARGB ||
           (self->pixels.format == PIXEL_XRGB && dst->format == SPICE_SURFACE_FMT_32_xRGB);
}

const uint8_t *source_row_verbatim(const struct source *self, int32_t x, int32_t y)
{
    ptrdiff_t row = y - self->to.y1 + self->from.y1 - (ptrdiff_t)self->y0;

    return self->pixels.top + self->pixels.stride * row +
           4 * (ptrdiff_t)(x - self->to.x1 + self->from.x1);
}

bool brush_open(struct brush *self, const struct surfaces *surfaces, const struct surface *dst,
                const struct draw_brush *draw, const char **reason)
{
    const struct surface *surface;

    *self = (struct brush){.x = draw->x, .y = draw->y};
    if (draw->type != SPICE_BRUSH_TYPE_PATTERN) {
        self->color = draw->type == SPICE_BRUSH_TYPE_SOLID ? draw->color : 0;
        return true;
    }
    self->tiled = true;
    if (!resolve(surfaces, dst, &draw->pattern, &self->pixels, &surface, reason))
        return false;
    if (!surface || surface != dst)
        return true;
    self->copy = snapshot(&self->pixels, dst, 0, dst->height, reason);
    return self->copy != NULL;
}

void brush_close(struct brush *self)
{
    g_free(self->copy);
    self->copy = NULL;
}

/* v modulo m, never negative. */
static uint32_t wrap(int64_t v, uint32_t m)
{
    int64_t r = v % m;

    return (uint32_t)(r < 0 ? r + m : r);
}

static void tile_row(const struct brush *self, int32_t x, int32_t y, uint32_t n, uint32_t *out)
{
    uint32_t from_y = wrap((int64_t)y - self->y, self->pixels.height);
    uint32_t from_x = wrap((int64_t)x - self->x, self->pixels.width);

    for (uint32_t done = 0, part; done < n; done += part) {
        part = MIN(n - done, self->pixels.width - from_x);
        pixels_fetch(&self->pixels, from_x, from_y, part, out + done);
        from_x = 0;
    }
}

void brush_row(const struct brush *self, const struct surface *dst, int32_t x, int32_t y,
               uint32_t n, uint32_t *out)
{
    if (self->tiled) {
        tile_row(self, x, y, n, out);
        pixels_to_raw(dst, out, n);
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        out[i] = self->color;
}

/* A mask's bits stand for themselves, whatever its palette says. */
static bool mask_format(struct raster *pixels)
{
    if (pixels->format == PIXEL_P1_LE)
        pixels->format = PIXEL_A1_LE;
    else if (pixels->format == PIXEL_P1_BE)
        pixels->format = PIXEL_A1_BE;
    return pixels->format == PIXEL_A1_LE || pixels->format == PIXEL_A1_BE;
}

bool mask_open(struct mask *self, const struct surfaces *surfaces, const struct draw *draw,
               const char **reason)
{
    const struct surface *surface;

    *self = (struct mask){
        .used = draw->mask.image.kind != QXL_IMAGE_ABSENT,
        .inverted = draw->mask.inverted,
        .dx = draw->mask.x - draw->bbox.x1,
        .dy = draw->mask.y - draw->bbox.y1,
    };
    if (!self->used)
        return true;
    if (!resolve(surfaces, NULL, &draw->mask.image, &self->pixels, &surface, reason))
        return false;
    if (mask_format(&self->pixels))
        return true;
    *reason = "mask is not one bit a pixel";
    return false;
}

void mask_row(const struct mask *self, int32_t x, int32_t y, uint32_t n, uint8_t *out)
{
    int64_t from_x = (int64_t)x + self->dx, from_y = (int64_t)y + self->dy;

    memset(out, 0, n);
    if (from_y < 0 || from_y >= self->pixels.height)
        return;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t bit;
        if (from_x + i < 0 || from_x + i >= self->pixels.width)
            continue;
        pixels_fetch(&self->pixels, (uint32_t)(from_x + i), (uint32_t)from_y, 1, &bit);
        out[i] = (bit != 0) != self->inverted ? 255 : 0;
    }
}
