/* SPDX-License-Identifier: MIT */
/*
 * The LZ4 image: u32 size, then u8 top_down, u8 bitmap format, then blocks of u32 size (big endian)
 * and an LZ4 block each. A block may refer to the 64 KiB before it, so client and server walk
 * through the same bytes: all rows, tight.
 */
#include <glib.h>
#include <lz4.h>
#include <spice/enums.h>
#include <string.h>

#include "codec/scratch.h"

/* Bounds what one block may need, far below LZ4_MAX_INPUT_SIZE even for the widest row. */
#define BLOCK_BYTES (1u << 20)

/* 1 = densest, each step is some 3 % faster; UI content gains nothing from going faster. */
#define ACCELERATION 1

static void put_be32(uint8_t *at, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    memcpy(at, &v, 4);
}

static const uint8_t *tight_rows(struct codec_scratch *scratch, const struct codec_image *image)
{
    size_t row = (size_t)image->width * 4;
    uint8_t *to;

    if (image->stride == row) {
        return image->pixels;
    }
    to = codec_scratch_work(scratch, row * image->height);
    for (uint32_t y = 0; y < image->height; y++) {
        memcpy(to + y * row, image->pixels + y * image->stride, row);
    }
    return to;
}

static bool append_block(LZ4_stream_t *stream, const uint8_t *from, size_t n, struct buf *out)
{
    int bound = LZ4_compressBound((int)n);
    size_t start = out->len;
    uint8_t *to = buf_extend(out, 4 + (size_t)bound);
    int got = LZ4_compress_fast_continue(stream, (const char *)from, (char *)to + 4, (int)n, bound,
                                         ACCELERATION);

    if (got <= 0) {
        return false;
    }
    put_be32(to, (uint32_t)got);
    buf_truncate(out, start + 4 + (size_t)got);
    return true;
}

static bool lz4_encode(struct codec_scratch *scratch, const struct codec_image *image,
                       struct buf *out)
{
    size_t start = out->len;
    size_t total, n;
    const uint8_t *rows;

    if (!codec_image_valid(image)) {
        return false;
    }
    if (!scratch->lz4) {
        scratch->lz4 = LZ4_createStream();
    }
    if (!scratch->lz4) {
        return false;
    }
    LZ4_resetStream_fast(scratch->lz4);
    rows = tight_rows(scratch, image);
    total = (size_t)image->width * 4 * image->height;

    buf_u32(out, 0);
    buf_u8(out, 1);
    buf_u8(out, image->alpha ? SPICE_BITMAP_FMT_RGBA : SPICE_BITMAP_FMT_32BIT);
    for (size_t at = 0; at < total; at += n) {
        n = MIN(total - at, BLOCK_BYTES);
        if (!append_block(scratch->lz4, rows + at, n, out)) {
            buf_truncate(out, start);
            return false;
        }
    }
    buf_set_u32(out, start, (uint32_t)(out->len - start - 4));
    return true;
}

const struct codec codec_lz4 = {"lz4", SPICE_IMAGE_TYPE_LZ4, lz4_encode};
