/* SPDX-License-Identifier: MIT */
#include "display/canvas/pixel.h"

#include <string.h>
#include <spice/enums.h>

#define OPAQUE_ALPHA 0xff000000u

static const uint32_t black_white[2] = {0x000000, 0xffffff};

static uint32_t load16(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t load32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static uint32_t from_555(uint32_t c)
{
    uint32_t r = c >> 10 & 31, g = c >> 5 & 31, b = c & 31;

    return OPAQUE_ALPHA | (r << 3 | r >> 2) << 16 | (g << 3 | g >> 2) << 8 | (b << 3 | b >> 2);
}

static uint32_t from_565(uint32_t c)
{
    uint32_t r = c >> 11 & 31, g = c >> 5 & 63, b = c & 31;

    return OPAQUE_ALPHA | (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | (b << 3 | b >> 2);
}

struct raster raster_of_bitmap(const struct qxl_image *image)
{
    static const enum pixel_format formats[SPICE_BITMAP_FMT_ENUM_END] = {
        [SPICE_BITMAP_FMT_1BIT_LE] = PIXEL_P1_LE, [SPICE_BITMAP_FMT_1BIT_BE] = PIXEL_P1_BE,
        [SPICE_BITMAP_FMT_4BIT_LE] = PIXEL_P4_LE, [SPICE_BITMAP_FMT_4BIT_BE] = PIXEL_P4_BE,
        [SPICE_BITMAP_FMT_8BIT] = PIXEL_P8,       [SPICE_BITMAP_FMT_16BIT] = PIXEL_555,
        [SPICE_BITMAP_FMT_24BIT] = PIXEL_24,      [SPICE_BITMAP_FMT_32BIT] = PIXEL_XRGB,
        [SPICE_BITMAP_FMT_RGBA] = PIXEL_ARGB,     [SPICE_BITMAP_FMT_8BIT_A] = PIXEL_A8,
    };
    ptrdiff_t stride = (ptrdiff_t)image->stride;
    ptrdiff_t last = stride * ((ptrdiff_t)image->height - 1);

    return (struct raster){
        .format = formats[image->format],
        .width = image->width,
        .height = image->height,
        .top = image->top_down ? image->pixels : image->pixels + last,
        .stride = image->top_down ? stride : -stride,
        .palette = image->palette ? image->palette : black_white,
    };
}

static enum pixel_format surface_pixel_format(uint32_t format)
{
    switch (format) {
    case SPICE_SURFACE_FMT_1_A:
        return PIXEL_A1_LE;
    case SPICE_SURFACE_FMT_8_A:
        return PIXEL_A8;
    case SPICE_SURFACE_FMT_16_555:
        return PIXEL_555;
    case SPICE_SURFACE_FMT_16_565:
        return PIXEL_565;
    case SPICE_SURFACE_FMT_32_ARGB:
        return PIXEL_ARGB;
    default:
        return PIXEL_XRGB;
    }
}

struct raster raster_of_surface(const struct surface *surface)
{
    return (struct raster){
        .format = surface_pixel_format(surface->format),
        .width = surface->width,
        .height = surface->height,
        .top = surface->data,
        .stride = surface->stride,
    };
}

static uint32_t bit_le(const uint8_t *row, uint32_t x)
{
    return row[x / 8] >> (x % 8) & 1;
}

static uint32_t bit_be(const uint8_t *row, uint32_t x)
{
    return row[x / 8] >> (7 - x % 8) & 1;
}

static uint32_t nibble(const uint8_t *row, uint32_t x, bool low_first)
{
    return row[x / 2] >> ((x % 2 != 0) == low_first ? 4 : 0) & 15;
}

static uint32_t load24(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static uint32_t pixel_at(const struct raster *self, const uint8_t *row, uint32_t x)
{
    switch (self->format) {
    case PIXEL_P1_LE:
        return OPAQUE_ALPHA | self->palette[bit_le(row, x)];
    case PIXEL_P1_BE:
        return OPAQUE_ALPHA | self->palette[bit_be(row, x)];
    case PIXEL_P4_LE:
        return OPAQUE_ALPHA | self->palette[nibble(row, x, true)];
    case PIXEL_P4_BE:
        return OPAQUE_ALPHA | self->palette[nibble(row, x, false)];
    case PIXEL_P8:
        return OPAQUE_ALPHA | self->palette[row[x]];
    case PIXEL_555:
        return from_555(load16(row + 2 * (size_t)x));
    case PIXEL_565:
        return from_565(load16(row + 2 * (size_t)x));
    case PIXEL_24:
        return OPAQUE_ALPHA | load24(row + 3 * (size_t)x);
    case PIXEL_XRGB:
        return OPAQUE_ALPHA | load32(row + 4 * (size_t)x);
    case PIXEL_ARGB:
        return load32(row + 4 * (size_t)x);
    case PIXEL_A8:
        return (uint32_t)row[x] << 24;
    case PIXEL_A1_LE:
        return bit_le(row, x) ? OPAQUE_ALPHA : 0;
    case PIXEL_A1_BE:
        return bit_be(row, x) ? OPAQUE_ALPHA : 0;
    }
    return 0;
}

void pixels_fetch(const struct raster *self, uint32_t x, uint32_t y, uint32_t n, uint32_t *out)
{
    const uint8_t *row = self->top + self->stride * (ptrdiff_t)y;

    if (n > 1 && (self->format == PIXEL_ARGB || self->format == PIXEL_XRGB)) {
        uint32_t alpha = self->format == PIXEL_XRGB ? OPAQUE_ALPHA : 0;
        memcpy(out, row + 4 * (size_t)x, 4 * (size_t)n);
        for (uint32_t i = 0; i < n; i++)
            out[i] |= alpha;
        return;
    }
    for (uint32_t i = 0; i < n; i++)
        out[i] = pixel_at(self, row, x + i);
}

void surface_load(const struct surface *self, uint32_t x, uint32_t y, uint32_t n, uint32_t *out)
{
    const uint8_t *row = surface_row(self, y);

    switch (self->bpp) {
    case 32:
        memcpy(out, row + 4 * (size_t)x, 4 * (size_t)n);
        break;
    case 16:
        for (uint32_t i = 0; i < n; i++)
            out[i] = load16(row + 2 * (size_t)(x + i));
        break;
    case 8:
        for (uint32_t i = 0; i < n; i++)
            out[i] = row[x + i];
        break;
    default:
        for (uint32_t i = 0; i < n; i++)
            out[i] = bit_le(row, x + i);
    }
}

void surface_store(struct surface *self, uint32_t x, uint32_t y, uint32_t n, const uint32_t *raw)
{
    uint8_t *row = surface_row(self, y);

    switch (self->bpp) {
    case 32:
        memcpy(row + 4 * (size_t)x, raw, 4 * (size_t)n);
        break;
    case 16:
        for (uint32_t i = 0; i < n; i++) {
            row[2 * (size_t)(x + i)] = (uint8_t)raw[i];
            row[2 * (size_t)(x + i) + 1] = (uint8_t)(raw[i] >> 8);
        }
        break;
    case 8:
        for (uint32_t i = 0; i < n; i++)
            row[x + i] = (uint8_t)raw[i];
        break;
    default:
        for (uint32_t i = 0; i < n; i++) {
            unsigned shift = (x + i) % 8;
            uint8_t *byte = &row[(x + i) / 8];
            *byte = (uint8_t)((*byte & ~(1u << shift)) | (raw[i] & 1) << shift);
        }
    }
}

void pixels_to_raw(const struct surface *self, uint32_t *words, uint32_t n)
{
    switch (self->format) {
    case SPICE_SURFACE_FMT_16_555:
        for (uint32_t i = 0; i < n; i++)
            words[i] = (words[i] >> 9 & 0x7c00) | (words[i] >> 6 & 0x3e0) | (words[i] >> 3 & 31);
        break;
    case SPICE_SURFACE_FMT_16_565:
        for (uint32_t i = 0; i < n; i++)
            words[i] = (words[i] >> 8 & 0xf800) | (words[i] >> 5 & 0x7e0) | (words[i] >> 3 & 31);
        break;
    case SPICE_SURFACE_FMT_8_A:
        for (uint32_t i = 0; i < n; i++)
            words[i] >>= 24;
        break;
    case SPICE_SURFACE_FMT_1_A:
        for (uint32_t i = 0; i < n; i++)
            words[i] >>= 31;
        break;
    default: /* 32 bits: ARGB already */
        break;
    }
}

void pixels_from_raw(const struct surface *self, uint32_t *words, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        switch (self->format) {
        case SPICE_SURFACE_FMT_16_555:
            words[i] = from_555(words[i]);
            break;
        case SPICE_SURFACE_FMT_16_565:
            words[i] = from_565(words[i]);
            break;
        case SPICE_SURFACE_FMT_8_A:
            words[i] <<= 24;
            break;
        case SPICE_SURFACE_FMT_1_A:
            words[i] = words[i] & 1 ? OPAQUE_ALPHA : 0;
            break;
        case SPICE_SURFACE_FMT_32_xRGB:
            words[i] |= OPAQUE_ALPHA;
            break;
        default: /* ARGB already */
            break;
        }
    }
}
