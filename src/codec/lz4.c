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

/* The rows without gaps: the image's own, or copied to `room`. */
static const uint8_t *tight_rows(const struct codec_image *image, uint8_t *room)
{
    size_t row = (size_t)image->width * 4;

    if (image->stride == row) {
        return image->pixels;
    }
    for (uint32_t y = 0; y < image->height; y++) {
        memcpy(room + y * row, image->pixels + y * image->stride, row);
    }
    return room;
}

/* `room` takes what a block needs at worst, out only what came of it. */
static bool append_block(LZ4_stream_t *stream, const uint8_t *from, size_t n, uint8_t *room,
                         struct buf *out)
{
    int got = LZ4_compress_fast_continue(stream, (const char *)from, (char *)room, (int)n,
                                         LZ4_COMPRESSBOUND(BLOCK_BYTES), ACCELERATION);

    if (got <= 0) {
        return false;
    }
    put_be32(buf_extend(out, 4), (uint32_t)got);
    buf_append(out, room, (size_t)got);
    return true;
}

static bool append_blocks(LZ4_stream_t *stream, const uint8_t *rows, size_t total, uint8_t *room,
                          struct buf *out)
{
    size_t n;

    LZ4_resetStream_fast(stream);
    for (size_t at = 0; at < total; at += n) {
        n = MIN(total - at, BLOCK_BYTES);
        if (!append_block(stream, rows + at, n, room, out)) {
            return false;
        }
    }
    return true;
}

static bool lz4_encode(struct codec_scratch *scratch, const struct codec_image *image,
                       struct buf *out)
{
    size_t start = out->len;
    size_t total = (size_t)image->width * 4 * image->height;
    uint8_t *room;

    if (!codec_image_valid(image)) {
        return false;
    }
    if (!scratch->lz4) {
        scratch->lz4 = LZ4_createStream();
    }
    if (!scratch->lz4) {
        return false;
    }
    room = codec_scratch_work(scratch, LZ4_COMPRESSBOUND(BLOCK_BYTES) + total);
    buf_u32(out, 0);
    buf_u8(out, 1);
    buf_u8(out, image->alpha ? SPICE_BITMAP_FMT_RGBA : SPICE_BITMAP_FMT_32BIT);
    if (!append_blocks(scratch->lz4, tight_rows(image, room + LZ4_COMPRESSBOUND(BLOCK_BYTES)),
                       total, room, out)) {
        buf_truncate(out, start);
        return false;
    }
    buf_set_u32(out, start, (uint32_t)(out->len - start - 4));
    return true;
}

const struct codec codec_lz4 = {"lz4", SPICE_IMAGE_TYPE_LZ4, lz4_encode};
