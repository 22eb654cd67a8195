/* SPDX-License-Identifier: MIT */
/*
 * Encodes an image made of the input with every codec; LZ must decode to the same picture.
 * Input: u8 flags (1 alpha, 2 rows with a gap, 4 bytes repeated to pixels), u8 width - 1, then pixels.
 */
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"
#include "../tests/unit/lz_decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_lz(struct codec_scratch *scratch, const struct codec_image *image)
{
    struct buf out = BUF_INIT;
    struct lz_picture got;

    if (!codec_lz.encode(scratch, image, &out) || !lz_decode(out.data, out.len, &got) ||
        got.width != image->width || got.height != image->height || got.alpha != image->alpha) {
        abort();
    }
    for (size_t y = 0; y < image->height; y++) {
        for (size_t x = 0; x < image->width; x++) {
            if (memcmp(got.pixels + (y * image->width + x) * 4,
                       image->pixels + y * image->stride + x * 4, image->alpha ? 4 : 3) != 0) {
                abort();
            }
        }
    }
    free(got.pixels);
    buf_free(&out);
}

/* A byte a pixel makes long matches likely; four bytes make every pixel possible. */
static uint8_t *expand(const uint8_t *data, size_t *size)
{
    uint8_t *wide = malloc(*size * 4);

    for (size_t i = 0; i < *size; i++) {
        memset(wide + i * 4, data[i], 4);
    }
    *size *= 4;
    return wide;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct codec_scratch *scratch;
    struct codec_image image;
    struct buf out = BUF_INIT;
    uint8_t *wide = NULL;
    uint8_t flags;

    if (size < 6) {
        return 0;
    }
    flags = data[0];
    image = (struct codec_image){.width = data[1] + 1u, .alpha = flags & 1};
    data += 2;
    size -= 2;
    if (flags & 4) {
        data = wide = expand(data, &size);
    }
    image.pixels = data;
    image.stride = image.width * 4 + (flags & 2 ? 4 : 0);
    image.height = (uint32_t)(size / image.stride);
    if (image.height > 0) {
        scratch = codec_scratch_new();
        check_lz(scratch, &image);
        codec_raw.encode(scratch, &image, &out);
        codec_lz4.encode(scratch, &image, &out);
        buf_free(&out);
        codec_scratch_free(scratch);
    }
    free(wide);
    return 0;
}
