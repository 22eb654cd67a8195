/* SPDX-License-Identifier: MIT */
/*
 * An image made of the input, through every encoder; LZ must decode to the same picture.
 * Input: u8 flags (1 alpha, 2 rows with a gap, 4 a byte a pixel), u8 width - 1, then pixels.
 */
#include <string.h>

#include "codec/codec.h"
#include "fuzz/fuzz.h"
#include "tests/unit/lz_decode.h"

static void check_lz(struct codec_scratch *scratch, const struct codec_image *image)
{
    struct buf out = BUF_INIT;
    struct lz_picture got;

    FUZZ_CHECK(codec_lz.encode(scratch, image, &out));
    FUZZ_CHECK(lz_decode(out.data, out.len, &got));
    FUZZ_CHECK(got.width == image->width && got.height == image->height);
    FUZZ_CHECK(got.alpha == image->alpha);
    for (size_t y = 0; y < image->height; y++) {
        for (size_t x = 0; x < image->width; x++) {
            FUZZ_CHECK(memcmp(got.pixels + (y * image->width + x) * 4,
                              image->pixels + y * image->stride + x * 4,
                              image->alpha ? 4 : 3) == 0);
        }
    }
    free(got.pixels);
    buf_free(&out);
}

static void check_all(const struct codec_image *image)
{
    struct codec_scratch *scratch = codec_scratch_new();
    struct buf out = BUF_INIT;

    check_lz(scratch, image);
    FUZZ_CHECK(codec_raw.encode(scratch, image, &out));
    FUZZ_CHECK(out.len == 18 + (size_t)image->width * image->height * 4);
    FUZZ_CHECK(codec_lz4.encode(scratch, image, &out));
    buf_free(&out);
    codec_scratch_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct codec_image image;
    size_t size, repeat;
    uint8_t *pixels;

    if (len < 6)
        return 0;
    /* A byte a pixel makes long matches likely, four make every pixel possible. */
    repeat = bytes[0] & 4 ? 4 : 1;
    size = (len - 2) * repeat;
    pixels = malloc(size);
    for (size_t i = 0; i < size; i++)
        pixels[i] = bytes[2 + i / repeat];

    image = (struct codec_image){.pixels = pixels, .width = bytes[1] + 1u, .alpha = bytes[0] & 1};
    image.stride = image.width * 4 + (bytes[0] & 2 ? 4 : 0);
    image.height = (uint32_t)(size / image.stride);
    if (image.height > 0)
        check_all(&image);
    free(pixels);
    return 0;
}
