/* SPDX-License-Identifier: MIT */
/* What a display shows, as a picture of our own. */
#include "viewer.h"

#include <string.h>
#include <cairo.h>

static bool rectangle_is_black(const struct image *image, const cairo_rectangle_int_t *r)
{
    for (int y = r->y; y < r->y + r->height; y++) {
        const uint8_t *row = image->rgb + ((size_t)y * image->width + r->x) * 3;

        for (int i = 0; i < 3 * r->width; i++)
            if (row[i])
                return false;
    }
    return true;
}

bool viewer_lacks(const struct viewer_channel *channel, const struct image *reference)
{
    if (!channel->missing)
        return channel->width == 0;
    if (!reference || reference->width != channel->width || reference->height != channel->height)
        return true;
    for (int i = 0; i < cairo_region_num_rectangles(channel->missing); i++) {
        cairo_rectangle_int_t r;

        cairo_region_get_rectangle(channel->missing, i, &r);
        if (!rectangle_is_black(reference, &r))
            return true;
    }
    return false;
}

static uint32_t pixel_at(const SpiceDisplayPrimary *primary, int x, int y)
{
    const uint8_t *row = primary->data + (ptrdiff_t)y * primary->stride;
    uint32_t wide;
    uint16_t v;

    if (primary->format == SPICE_SURFACE_FMT_32_xRGB ||
        primary->format == SPICE_SURFACE_FMT_32_ARGB) {
        memcpy(&wide, row + 4 * x, 4);
        return wide;
    }
    memcpy(&v, row + 2 * x, 2);
    if (primary->format == SPICE_SURFACE_FMT_16_565) {
        unsigned r = v >> 11, g = v >> 5 & 0x3f, b = v & 0x1f;

        return (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | (b << 3 | b >> 2);
    }
    unsigned r = v >> 10 & 0x1f, g = v >> 5 & 0x1f, b = v & 0x1f;

    return (r << 3 | r >> 2) << 16 | (g << 3 | g >> 2) << 8 | (b << 3 | b >> 2);
}

static bool format_known(enum SpiceSurfaceFmt format)
{
    return format == SPICE_SURFACE_FMT_32_xRGB || format == SPICE_SURFACE_FMT_32_ARGB ||
           format == SPICE_SURFACE_FMT_16_565 || format == SPICE_SURFACE_FMT_16_555;
}

struct image *viewer_grab(struct viewer *viewer, int id, GError **error)
{
    struct viewer_channel *channel = viewer_channel(viewer, SPICE_CHANNEL_DISPLAY, id);
    SpiceDisplayPrimary primary = {0};
    struct image *image;

    if (!channel || !spice_display_channel_get_primary(channel->object, 0, &primary) ||
        !primary.data || !format_known(primary.format)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "display %d shows no picture", id);
        return NULL;
    }
    image = image_new(primary.width, primary.height);
    if (!image) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "display %d has size %dx%d", id,
                    primary.width, primary.height);
        return NULL;
    }
    for (int y = 0; y < image->height; y++) {
        uint8_t *out = image->rgb + (size_t)y * image->width * 3;

        for (int x = 0; x < image->width; x++, out += 3) {
            uint32_t pixel = pixel_at(&primary, x, y);

            out[0] = pixel >> 16;
            out[1] = pixel >> 8;
            out[2] = pixel;
        }
    }
    return image;
}
