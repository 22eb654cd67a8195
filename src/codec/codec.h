/* SPDX-License-Identifier: MIT */
/*
 * Image encoders, one file per format behind one interface.
 *
 * An encoder appends an image's *body*: what follows the 18-byte image descriptor (u64 id, u8 type,
 * u8 flags, u32 width, u32 height) on the wire. The caller writes the descriptor, with the codec's
 * image_type, before it.
 *
 * No encoder keeps state between images; the scratch only keeps memory. A scratch has one owner
 * thread; everything else here is constant and may be used from any thread.
 */
#ifndef CARAVAN_CODEC_CODEC_H
#define CARAVAN_CODEC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Larger images, and empty ones, are refused by every encoder. */
#define CODEC_MAX_PIXELS (1u << 26)

/*
 * 32-bit pixels, bytes B G R X (or B G R A), top row first. Borrowed, and not to be changed while
 * an encoder runs. `stride` is in bytes, >= width * 4. X is not part of the picture; RAW and LZ4
 * send it as it is, so setting it to a constant makes LZ4 smaller.
 */
struct codec_image {
    const uint8_t *pixels;
    uint32_t width, height;
    size_t stride;
    bool alpha;
};

/* Memory that encoders use again from image to image; one per thread. */
struct codec_scratch;

struct codec_scratch *codec_scratch_new(void);

/* NULL is allowed. */
void codec_scratch_free(struct codec_scratch *self);

struct codec {
    const char *name;
    uint8_t image_type; /* SPICE_IMAGE_TYPE_* */

    /*
     * Appends the body to out. False when this format cannot carry the image (see
     * CODEC_MAX_PIXELS); out is then as it was.
     */
    bool (*encode)(struct codec_scratch *scratch, const struct codec_image *image, struct buf *out);
};

/* SPICE_IMAGE_TYPE_BITMAP: pixels as they are, every client decodes it. */
extern const struct codec codec_raw;
/* SPICE_IMAGE_TYPE_LZ_RGB: lossless, every client decodes it. */
extern const struct codec codec_lz;
/* SPICE_IMAGE_TYPE_LZ4: lossless, for clients with SPICE_DISPLAY_CAP_LZ4_COMPRESSION only. */
extern const struct codec codec_lz4;

/* What is asked for, and what the client is able to decode. */
struct codec_wish {
    uint8_t setting; /* SPICE_IMAGE_COMPRESSION_*: of the server, or preferred by the client */
    bool client_lz4; /* the client has SPICE_DISPLAY_CAP_LZ4_COMPRESSION */
    bool local;      /* the client is on this machine (AF_UNIX): bytes are cheaper than encoding */
};

/* The codec for this image; never NULL. The rules are beside the function. */
const struct codec *codec_choose(const struct codec_wish *wish, const struct codec_image *image);

#endif
