/* SPDX-License-Identifier: MIT */
#include "display/qxl/guest.h"

#include <glib.h>
#include <string.h>

/* Bits a pixel and palette entries by SPICE_BITMAP_FMT_*. */
static const struct {
    uint8_t bpp;
    uint16_t colors;
} bitmap_formats[SPICE_BITMAP_FMT_ENUM_END] = {
    [SPICE_BITMAP_FMT_1BIT_LE] = {1, 2},  [SPICE_BITMAP_FMT_1BIT_BE] = {1, 2},
    [SPICE_BITMAP_FMT_4BIT_LE] = {4, 16}, [SPICE_BITMAP_FMT_4BIT_BE] = {4, 16},
    [SPICE_BITMAP_FMT_8BIT] = {8, 256},   [SPICE_BITMAP_FMT_16BIT] = {16, 0},
    [SPICE_BITMAP_FMT_24BIT] = {24, 0},   [SPICE_BITMAP_FMT_32BIT] = {32, 0},
    [SPICE_BITMAP_FMT_RGBA] = {32, 0},    [SPICE_BITMAP_FMT_8BIT_A] = {8, 0},
};

void qxl_image_clear(struct qxl_image *self)
{
    g_free(self->owned);
    g_free(self->palette);
    *self = (struct qxl_image){0};
}

/* x555 to 0x00RRGGBB, the high bits repeated below. */
static uint32_t color_from_555(uint32_t c)
{
    uint32_t r = c >> 10 & 31, g = c >> 5 & 31, b = c & 31;

    return (r << 3 | r >> 2) << 16 | (g << 3 | g >> 2) << 8 | (b << 3 | b >> 2);
}

static bool read_palette(struct guest *self, QXLPHYSICAL addr, struct qxl_image *out)
{
    QXLPalette header;

    if (addr == 0) /* only masks do without: they are bits, not colours */
        return bitmap_formats[out->format].bpp == 1 ||
               guest_fail(self, QXL_READ_BAD_VALUE, "bitmap needs a palette and has none");
    if (!guest_copy(self, addr, &header, sizeof(header), "palette is not in a memory slot"))
        return false;
    if (header.num_ents > 256)
        return guest_fail(self, QXL_READ_TOO_LARGE, "palette has over 256 entries");

    size_t size = header.num_ents * sizeof(uint32_t);
    const uint8_t *from = memslots_map(self->slots, self->group, addr, sizeof(header) + size);
    if (!from)
        return guest_fail(self, QXL_READ_BAD_ADDRESS, "palette exceeds its memory slot");
    out->palette = g_new0(uint32_t, 256);
    memcpy(out->palette, from + sizeof(header), size);
    out->palette_id = header.unique;
    for (unsigned i = 0; i < header.num_ents; i++)
        out->palette[i] = self->flags & QXL_COMMAND_FLAG_COMPAT_16BPP
                              ? color_from_555(out->palette[i])
                              : out->palette[i] & 0xffffff;
    return true;
}

static bool check_bitmap(struct guest *self, const QXLImageDescriptor *desc,
                         const QXLBitmap *bitmap)
{
    if (bitmap->format >= SPICE_BITMAP_FMT_ENUM_END || bitmap_formats[bitmap->format].bpp == 0)
        return guest_fail(self, QXL_READ_BAD_VALUE, "bitmap has an unknown format");
    if (bitmap->x == 0 || bitmap->y == 0 || bitmap->x > DRAW_COORD_MAX ||
        bitmap->y > DRAW_COORD_MAX)
        return guest_fail(self, QXL_READ_BAD_VALUE, "bitmap has no sensible size");
    if (desc->width > bitmap->x || desc->height > bitmap->y)
        return guest_fail(self, QXL_READ_BAD_VALUE, "bitmap is smaller than its descriptor says");
    uint64_t row = ((uint64_t)bitmap->x * bitmap_formats[bitmap->format].bpp + 7) / 8;
    if (bitmap->stride < row)
        return guest_fail(self, QXL_READ_BAD_VALUE, "bitmap's stride is shorter than its row");
    if ((uint64_t)bitmap->stride * bitmap->y > QXL_MAX_IMAGE_BYTES)
        return guest_fail(self, QXL_READ_TOO_LARGE, "bitmap is too large");
    return true;
}

static bool read_bitmap_pixels(struct guest *self, const QXLBitmap *bitmap, struct qxl_image *out)
{
    size_t size = (size_t)bitmap->stride * bitmap->y;

    if (bitmap->flags & QXL_BITMAP_DIRECT) {
        out->pixels = memslots_map(self->slots, self->group, bitmap->data, size);
        if (!out->pixels)
            return guest_fail(self, QXL_READ_BAD_ADDRESS, "bitmap exceeds its memory slot");
    } else if (!guest_chunks_borrow(self, bitmap->data, size, &out->pixels, &out->owned)) {
        return false;
    }
    out->borrowed = out->owned == NULL;
    return true;
}

static bool read_bitmap(struct guest *self, QXLPHYSICAL addr, const QXLImageDescriptor *desc,
                        struct qxl_image *out)
{
    QXLBitmap bitmap;

    if (!guest_copy(self, addr, &bitmap, sizeof(bitmap), "bitmap is not in a memory slot") ||
        !check_bitmap(self, desc, &bitmap))
        return false;
    out->kind = QXL_IMAGE_BITMAP;
    out->width = bitmap.x;
    out->height = bitmap.y;
    out->format = bitmap.format;
    out->top_down = bitmap.flags & QXL_BITMAP_TOP_DOWN;
    out->stride = bitmap.stride;
    if (bitmap_formats[bitmap.format].colors && !read_palette(self, bitmap.palette, out))
        return false;
    return read_bitmap_pixels(self, &bitmap, out);
}

static bool read_surface_image(struct guest *self, QXLPHYSICAL addr, const QXLImageDescriptor *desc,
                               struct qxl_image *out)
{
    QXLSurfaceId surface;

    if (!guest_copy(self, addr, &surface, sizeof(surface), "image is not in a memory slot"))
        return false;
    out->kind = QXL_IMAGE_SURFACE;
    out->width = desc->width;
    out->height = desc->height;
    out->surface_id = surface.surface_id;
    return true;
}

static bool read_image_body(struct guest *self, QXLPHYSICAL body, const QXLImageDescriptor *desc,
                            struct qxl_image *out)
{
    switch (desc->type) {
    case SPICE_IMAGE_TYPE_BITMAP:
        return read_bitmap(self, body, desc, out);
    case SPICE_IMAGE_TYPE_SURFACE:
        return read_surface_image(self, body, desc, out);
    case SPICE_IMAGE_TYPE_QUIC:
        return guest_fail(self, QXL_READ_UNSUPPORTED,
                          "QUIC image from the guest is not decoded yet");
    default:
        return guest_fail(self, QXL_READ_BAD_VALUE, "image has a type that no guest may send");
    }
}

bool guest_image(struct guest *self, QXLPHYSICAL addr, struct qxl_image *out)
{
    QXLImageDescriptor desc;

    *out = (struct qxl_image){0};
    if (addr == 0)
        return true;
    if (!guest_copy(self, addr, &desc, sizeof(desc), "image is not in a memory slot"))
        return false;
    if (read_image_body(self, addr + sizeof(desc), &desc, out)) {
        out->id = desc.id;
        out->flags = desc.flags;
        return true;
    }
    qxl_image_clear(out);
    return false;
}
