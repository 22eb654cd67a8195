/* SPDX-License-Identifier: MIT */
/* Which codec an image gets. */
#include "codec/codec.h"

#include <spice/enums.h>

/* An LZ header alone is more than half of this. */
#define COMPRESS_MIN_BYTES 54

static const struct codec *compressed(const struct codec_wish *wish)
{
    return wish->client_lz4 ? &codec_lz4 : &codec_lz;
}

const struct codec *codec_choose(const struct codec_wish *wish, const struct codec_image *image)
{
    if (wish->local || (uint64_t)image->width * image->height * 4 < COMPRESS_MIN_BYTES) {
        return &codec_raw;
    }
    switch ((enum SpiceImageCompression)wish->setting) {
    case SPICE_IMAGE_COMPRESSION_OFF:
        return &codec_raw;
    case SPICE_IMAGE_COMPRESSION_LZ4:
        return compressed(wish);
    case SPICE_IMAGE_COMPRESSION_INVALID:
    case SPICE_IMAGE_COMPRESSION_AUTO_GLZ:
    case SPICE_IMAGE_COMPRESSION_AUTO_LZ:
    case SPICE_IMAGE_COMPRESSION_QUIC:
    case SPICE_IMAGE_COMPRESSION_GLZ:
    case SPICE_IMAGE_COMPRESSION_LZ:
    case SPICE_IMAGE_COMPRESSION_ENUM_END:
        break;
    }
    return &codec_lz;
}
