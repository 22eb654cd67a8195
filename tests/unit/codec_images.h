/* SPDX-License-Identifier: MIT */
/* Pictures and a random source for the codec tests. Same seed, same bytes. */
#ifndef CARAVAN_TESTS_CODEC_IMAGES_H
#define CARAVAN_TESTS_CODEC_IMAGES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"

static inline uint32_t test_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

enum picture {
    PICTURE_NOISE,
    PICTURE_PLAIN,
    PICTURE_GRADIENT,
    PICTURE_TEXT,
    PICTURE_SPARSE,
    PICTURES
};

static inline uint32_t picture_pixel(enum picture kind, uint32_t x, uint32_t y, uint64_t *random)
{
    switch (kind) {
    case PICTURE_NOISE:
        return test_random(random) << 1 ^ test_random(random) << 12;
    case PICTURE_PLAIN:
        return 0x80c0ffee;
    case PICTURE_GRADIENT:
        return x << 24 | (x & 255) << 16 | (y & 255) << 8 | ((x + y) & 255);
    case PICTURE_TEXT: {
        /* Cells of 8x16: each a glyph of a small alphabet, with three shades. */
        uint32_t glyph = (x / 8 * 2654435761u ^ y / 16 * 40503u) >> 7 & 31;
        uint32_t dot = (glyph * 97 + (x & 7) * 31 + (y & 15) * 17) * 2654435761u >> 28;

        return (y & 15) < 3 || (y & 15) > 13 || dot > 6 ? 0xffffffff
               : dot > 4                                ? 0xff808080
                                                        : 0xff000000;
    }
    case PICTURE_SPARSE:
        return test_random(random) % 97 ? 0x00336699 : test_random(random);
    case PICTURES:
        break;
    }
    return 0;
}

/* Rows `gap` bytes further apart than needed; the caller frees pixels. */
static inline struct codec_image picture_new(enum picture kind, uint32_t width, uint32_t height,
                                             uint32_t gap, bool alpha, uint64_t seed)
{
    size_t stride = (size_t)width * 4 + gap;
    uint8_t *pixels = malloc(stride * height);

    memset(pixels, 0xa5, stride * height);
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            uint32_t v = picture_pixel(kind, x, y, &seed);
            uint8_t bytes[4] = {v & 255, v >> 8 & 255, v >> 16 & 255, v >> 24};

            memcpy(pixels + y * stride + (size_t)x * 4, bytes, 4);
        }
    }
    return (struct codec_image){pixels, width, height, stride, alpha};
}

#endif
