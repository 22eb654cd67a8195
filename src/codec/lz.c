/* SPDX-License-Identifier: MIT */
/*
 * The LZ_RGB image: u32 size, then a header of seven big-endian u32 (magic, version, type, width,
 * height, stride, top_down), then a stream of units. RGB32: one stream of pixels, 3 bytes each.
 * RGBA: the same, then a stream of the alpha values, one byte each.
 *
 * A stream is made of
 *     literals  c = n - 1 (n = 1..32), n units
 *     matches   c = L << 5 | D >> 8, [L = 7: bytes adding to L until one is not 255], D & 255,
 *               [D = 8191: u16 big endian adding to D]: length + bias and distance - 1, in units
 *
 * Both streams are searched as arrays of 32-bit values: one search, compiled for each unit.
 */
#include <glib.h>
#include <spice/enums.h>
#include <string.h>

#include "codec/scratch.h"

#define LZ_MAGIC   0x20205a4cu
#define LZ_VERSION 0x00010001u
#define LZ_HEADER  28

enum lz_type { LZ_TYPE_RGB32 = 8, LZ_TYPE_RGBA = 9 };

#define LITERALS_MAX 32u
#define FAR_START    8191u                   /* D from here on needs the u16 */
#define DISTANCE_MAX (FAR_START + 65535 + 1) /* in units */
#define LENGTH_LONG  7u

/* The search steps over more units the longer it finds nothing: photos need not cost much. */
#define SKIP_SHIFT 5
#define SKIP_MAX   16

/* A match this long is taken without a look for a longer one. */
#define LENGTH_GOOD  32
#define REMEMBER_MAX 32

#define HASH_BITS_MIN 4

struct lz_unit {
    uint32_t bytes;
    uint32_t bias;     /* length on the wire + bias = length */
    uint32_t near_min; /* shorter matches do not pay */
    uint32_t far_min;
};

/* The minima keep the stream within units_bound(). */
static const struct lz_unit unit_rgb = {.bytes = 3, .bias = 0, .near_min = 3, .far_min = 3};
static const struct lz_unit unit_alpha = {.bytes = 1, .bias = 2, .near_min = 4, .far_min = 8};

/* All literals, and room for stores wider than a unit. */
static size_t units_bound(const struct lz_unit *unit, size_t n)
{
    return n * unit->bytes + n / LITERALS_MAX + 16;
}

static inline uint64_t load_pair(const uint32_t *at)
{
    uint64_t v;

    memcpy(&v, at, sizeof(v));
    return v;
}

/* Units from `at` that equal those from `ref` (ref < at <= end). */
static inline size_t match_length(const uint32_t *at, const uint32_t *ref, const uint32_t *end)
{
    const uint32_t *start = at;

    while (end - at >= 4) {
        uint64_t low = load_pair(at) ^ load_pair(ref);
        uint64_t high = load_pair(at + 2) ^ load_pair(ref + 2);

        if (low | high) {
            break;
        }
        at += 4;
        ref += 4;
    }
    while (at < end && *at == *ref) {
        at++;
        ref++;
    }
    return (size_t)(at - start);
}

static inline uint32_t hash3(const uint32_t *at, unsigned bits)
{
    uint64_t v = load_pair(at) * 0x9e3779b97f4a7c15u;

    v ^= (uint64_t)at[2] * 0xc2b2ae3d27d4eb4fu;
    return (uint32_t)(v >> (64 - bits));
}

static inline bool same3(const uint32_t *a, const uint32_t *b)
{
    return load_pair(a) == load_pair(b) && a[2] == b[2];
}

static inline uint8_t *put_literals(uint8_t *to, const uint32_t *from, size_t n, uint32_t bytes)
{
    while (n > 0) {
        size_t run = MIN(n, LITERALS_MAX);

        *to++ = (uint8_t)(run - 1);
        for (size_t i = 0; i < run; i++) {
            uint32_t le = GUINT32_TO_LE(from[i]);

            /* Stores four bytes, the next unit overwrites the surplus. */
            memcpy(to, &le, 4);
            to += bytes;
        }
        from += run;
        n -= run;
    }
    return to;
}

static inline uint8_t *put_match(uint8_t *to, size_t length, size_t distance)
{
    size_t d = distance - 1;
    size_t near = MIN(d, FAR_START);

    if (length < LENGTH_LONG) {
        *to++ = (uint8_t)(length << 5 | near >> 8);
    } else {
        *to++ = (uint8_t)(LENGTH_LONG << 5 | near >> 8);
        for (length -= LENGTH_LONG; length >= 255; length -= 255) {
            *to++ = 255;
        }
        *to++ = (uint8_t)length;
    }
    *to++ = (uint8_t)near;
    if (near == FAR_START) {
        *to++ = (uint8_t)((d - FAR_START) >> 8);
        *to++ = (uint8_t)(d - FAR_START);
    }
    return to;
}

static unsigned hash_bits_for(size_t n)
{
    unsigned bits = HASH_BITS_MIN;

    while (bits < LZ_HASH_BITS_MAX && ((size_t)LZ_WAYS << bits) < n) {
        bits++;
    }
    return bits;
}

static inline uint32_t *bucket_of(uint32_t *table, unsigned bits, const uint32_t *at)
{
    return table + (size_t)hash3(at, bits) * LZ_WAYS;
}

static inline void bucket_push(uint32_t *bucket, size_t place)
{
    G_STATIC_ASSERT(LZ_WAYS == 4);
    /* One by one: of memmove the compiler makes a call, which costs more than all the rest. */
    bucket[3] = bucket[2];
    bucket[2] = bucket[1];
    bucket[1] = bucket[0];
    bucket[0] = (uint32_t)place;
}

struct match {
    size_t length; /* 0: none */
    size_t distance;
};

/*
 * The longest match at `at` (three units or more): with the unit just before it, a run, or with the
 * last places of the same hash; of equal ones the nearest. Remembers the place.
 */
static inline struct match find_match(uint32_t *bucket, const uint32_t *units, const uint32_t *at,
                                      const uint32_t *end)
{
    struct match best = {0, 0};

    if (same3(at, at - 1)) {
        best = (struct match){3 + match_length(at + 3, at + 2, end), 1};
    }
    for (int i = 0; i < LZ_WAYS && best.length < LENGTH_GOOD; i++) {
        const uint32_t *ref = units + bucket[i];
        size_t length;

        if (ref >= at || at - ref > (ptrdiff_t)DISTANCE_MAX || !same3(at, ref)) {
            continue;
        }
        length = 3 + match_length(at + 3, ref + 3, end);
        if (length > best.length) {
            best = (struct match){length, (size_t)(at - ref)};
        }
    }
    bucket_push(bucket, (size_t)(at - units));
    return best;
}

/* Remembers the first places inside a match; all of them would cost more than they find. */
static inline void remember(uint32_t *table, unsigned bits, const uint32_t *units,
                            const uint32_t *at, size_t n, const uint32_t *end)
{
    const uint32_t *stop = at + MIN(n, REMEMBER_MAX);

    for (stop = MIN(stop, end - 2); at < stop; at++) {
        bucket_push(bucket_of(table, bits, at), (size_t)(at - units));
    }
}

/* How many units before `at`, not before `from`, the match can start earlier. */
static inline size_t match_before(const uint32_t *units, const uint32_t *from, const uint32_t *at,
                                  size_t distance)
{
    const uint32_t *start = at;

    while (at > from && (size_t)(at - units) > distance && at[-1] == *(at - distance - 1)) {
        at--;
    }
    return (size_t)(start - at);
}

/* Writes n units to `to`, which has units_bound() bytes; returns the end of what was written. */
static inline __attribute__((always_inline)) uint8_t *
put_units(uint32_t *table, const uint32_t *units, size_t n, uint8_t *to, const struct lz_unit unit)
{
    unsigned bits = hash_bits_for(n);
    const uint32_t *end = units + n;
    const uint32_t *literals = units; /* what is not written yet starts here */
    const uint32_t *at = units + 1;
    size_t misses = 0;

    memset(table, 0, LZ_WAYS * sizeof(table[0]) << bits);
    while (end - at >= 3) {
        struct match match = find_match(bucket_of(table, bits, at), units, at, end);
        size_t before = match.length ? match_before(units, literals, at, match.distance) : 0;
        size_t length = before + match.length;

        if (length < (match.distance > FAR_START ? unit.far_min : unit.near_min)) {
            at += 1 + MIN(misses >> SKIP_SHIFT, SKIP_MAX);
            misses++;
            continue;
        }
        remember(table, bits, units, at + 1, match.length - 1, end);
        at -= before;
        to = put_literals(to, literals, (size_t)(at - literals), unit.bytes);
        to = put_match(to, length - unit.bias, match.distance);
        at += length;
        literals = at;
        misses = 0;
    }
    return put_literals(to, literals, (size_t)(end - literals), unit.bytes);
}

static uint8_t *put_rgb(uint32_t *table, const uint32_t *units, size_t n, uint8_t *to)
{
    return put_units(table, units, n, to, unit_rgb);
}

static uint8_t *put_alpha(uint32_t *table, const uint32_t *units, size_t n, uint8_t *to)
{
    return put_units(table, units, n, to, unit_alpha);
}

/* All pixels in one array, each shifted and masked to the part that this stream carries. */
static void gather(const struct codec_image *image, unsigned shift, uint32_t mask, uint32_t *to)
{
    for (uint32_t y = 0; y < image->height; y++) {
        const uint8_t *row = image->pixels + y * image->stride;

        for (uint32_t x = 0; x < image->width; x++) {
            uint32_t v;

            memcpy(&v, row + (size_t)x * 4, 4);
            to[x] = GUINT32_FROM_LE(v) >> shift & mask;
        }
        to += image->width;
    }
}

static uint8_t *put_header(const struct codec_image *image, uint8_t *to)
{
    uint32_t header[] = {
        LZ_MAGIC,         LZ_VERSION,    image->alpha ? LZ_TYPE_RGBA : LZ_TYPE_RGB32,
        image->width,     image->height, image->width * 4,
        1 /* top down */,
    };

    G_STATIC_ASSERT(sizeof(header) == LZ_HEADER);
    for (size_t i = 0; i < G_N_ELEMENTS(header); i++) {
        header[i] = GUINT32_TO_BE(header[i]);
    }
    memcpy(to, header, sizeof(header));
    return to + sizeof(header);
}

/*
 * Encodes in the scratch and appends what came of it: messages that wait to be sent must not hold
 * the room of the worst case.
 */
static bool lz_encode(struct codec_scratch *scratch, const struct codec_image *image,
                      struct buf *out)
{
    size_t n = (size_t)image->width * image->height, bound;
    uint32_t *units;
    uint8_t *base, *to;

    if (!codec_image_valid(image)) {
        return false;
    }
    bound =
        LZ_HEADER + units_bound(&unit_rgb, n) + (image->alpha ? units_bound(&unit_alpha, n) : 0);
    units = codec_scratch_work(scratch, n * sizeof(*units) + bound);
    base = (uint8_t *)(units + n);
    to = put_header(image, base);
    gather(image, 0, 0xffffff, units);
    to = put_rgb(scratch->lz_table, units, n, to);
    if (image->alpha) {
        gather(image, 24, 0xff, units);
        to = put_alpha(scratch->lz_table, units, n, to);
    }
    buf_u32(out, (uint32_t)(to - base));
    buf_append(out, base, (size_t)(to - base));
    return true;
}

const struct codec codec_lz = {"lz", SPICE_IMAGE_TYPE_LZ_RGB, lz_encode};
