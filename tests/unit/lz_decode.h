/* SPDX-License-Identifier: MIT */
/*
 * A decoder for LZ_RGB bodies that trusts nothing: false for anything a client might trip over.
 * Written for the tests and the fuzzer; slow.
 */
#ifndef CARAVAN_TESTS_LZ_DECODE_H
#define CARAVAN_TESTS_LZ_DECODE_H

#include <stdlib.h>

#include "base/reader.h"

struct lz_picture {
    uint32_t width, height;
    bool alpha;
    uint8_t *pixels; /* tight rows of B G R X/A; X is 0 */
    /* What the stream was made of. */
    size_t longest_match, farthest, matches;
};

static inline uint32_t lz_be32(struct reader *r)
{
    return __builtin_bswap32(reader_u32(r));
}

static inline bool lz_literals(struct reader *r, uint8_t *pixels, size_t *at, size_t n, size_t end,
                               bool alpha)
{
    if (n > end - *at) {
        return false;
    }
    for (; n > 0; n--, (*at)++) {
        if (alpha) {
            pixels[*at * 4 + 3] = reader_u8(r);
        } else {
            pixels[*at * 4] = reader_u8(r);
            pixels[*at * 4 + 1] = reader_u8(r);
            pixels[*at * 4 + 2] = reader_u8(r);
        }
    }
    return reader_ok(r);
}

static inline bool lz_match(struct reader *r, uint8_t c, struct lz_picture *out, size_t *at,
                            size_t end, bool alpha)
{
    size_t length = c >> 5, distance = (size_t)(c & 31) << 8;
    uint8_t b;

    if (length == 7) {
        do {
            b = reader_u8(r);
            length += b;
        } while (b == 255);
    }
    b = reader_u8(r);
    distance += b;
    if (b == 255 && (c & 31) == 31) {
        distance += (size_t)reader_u8(r) << 8;
        distance += reader_u8(r);
    }
    distance += 1;
    length += alpha ? 2 : 0;
    if (!reader_ok(r) || distance > *at || length > end - *at) {
        return false;
    }
    out->matches++;
    out->longest_match = length > out->longest_match ? length : out->longest_match;
    out->farthest = distance > out->farthest ? distance : out->farthest;
    for (; length > 0; length--, (*at)++) {
        for (size_t i = alpha ? 3 : 0; i < (alpha ? 4 : 3); i++) {
            out->pixels[*at * 4 + i] = out->pixels[(*at - distance) * 4 + i];
        }
    }
    return true;
}

static inline bool lz_stream(struct reader *r, struct lz_picture *out, bool alpha)
{
    size_t end = (size_t)out->width * out->height, at = 0;

    while (at < end) {
        uint8_t c = reader_u8(r);

        if (!reader_ok(r) || !(c < 32 ? lz_literals(r, out->pixels, &at, c + 1u, end, alpha)
                                      : lz_match(r, c, out, &at, end, alpha))) {
            return false;
        }
    }
    return true;
}

/* The caller frees out->pixels in any case. */
static inline bool lz_decode(const uint8_t *body, size_t size, struct lz_picture *out)
{
    struct reader r = reader_make(body, size);
    uint32_t type, stride;

    *out = (struct lz_picture){0};
    if (reader_u32(&r) != size - 4 || lz_be32(&r) != 0x20205a4c || lz_be32(&r) != 0x00010001) {
        return false;
    }
    type = lz_be32(&r);
    out->width = lz_be32(&r);
    out->height = lz_be32(&r);
    stride = lz_be32(&r);
    if ((type != 8 && type != 9) || stride != out->width * 4 || lz_be32(&r) != 1 ||
        !reader_ok(&r)) {
        return false;
    }
    out->alpha = type == 9;
    out->pixels = calloc((size_t)out->width * out->height, 4);
    return lz_stream(&r, out, false) && (!out->alpha || lz_stream(&r, out, true)) &&
           reader_left(&r) == 0;
}

#endif
