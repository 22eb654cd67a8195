/* SPDX-License-Identifier: MIT */
/* Which codec an image gets. */
#include "codec/codec.h"

#include <spice/enums.h>

/* An LZ header alone is more than half of this. */
#define COMPRESS_MIN_BYTES 54

/*
 * Local clients get pixels as they are: a socket on one machine carries them faster than any
 * encoder makes them smaller.
 *
 * LZ stands in for QUIC and GLZ until these are here, and for LZ4 when the client has not got it.
 * The automatic settings take LZ even for clients with LZ4. Measured in steps of 256 Ki pixels,
 * MB/s of pixels and ratio: text LZ 1750 (52:1), LZ4 3700 (24:1); screenshot 1700 (21:1), 2870
 * (18:1); window on a photo 890 (1.9:1), 590 (1.7:1); noise 1780 (1.3:1), 420 (1.2:1). Both are
 * faster than any link, so bytes decide.
 */
const struct codec *codec_choose(const struct codec_wish *wish, const struct codec_image *image)
{
    if (wish->local || (uint64_t)image->width * image->height * 4 < COMPRESS_MIN_BYTES) {
        return &codec_raw;
    }
    switch ((enum SpiceImageCompression)wish->setting) {
    case SPICE_IMAGE_COMPRESSION_OFF:
        return &codec_raw;
    case SPICE_IMAGE_COMPRESSION_LZ4:
        return wish->client_lz4 ? &codec_lz4 : &codec_lz;
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
