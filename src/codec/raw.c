/* SPDX-License-Identifier: MIT */
/*
 * The BITMAP image: u8 format, u8 flags, u32 width, u32 height, u32 stride, u32 palette (0 = none),
 * then the rows.
 */
#include <spice/enums.h>

#include "codec/scratch.h"

static bool raw_encode(struct codec_scratch *scratch, const struct codec_image *image,
                       struct buf *out)
{
    if (!codec_image_valid(image)) {
        return false;
    }
    buf_u8(out, image->alpha ? SPICE_BITMAP_FMT_RGBA : SPICE_BITMAP_FMT_32BIT);
    buf_u8(out, SPICE_BITMAP_FLAGS_TOP_DOWN);
    buf_u32(out, image->width);
    buf_u32(out, image->height);
    buf_u32(out, image->width * 4);
    buf_u32(out, 0);
    codec_image_append_rows(image, out);
    return true;
}

const struct codec codec_raw = {"raw", SPICE_IMAGE_TYPE_BITMAP, raw_encode};
