/* SPDX-License-Identifier: MIT */
/* LZ4 bodies decode as a client does it: block after block into one buffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <lz4.h>
#include <spice/enums.h>

#include "base/reader.h"
#include "codec_images.h"

static struct codec_scratch *scratch;

/* Returns how many blocks there were. */
static int decode(const struct buf *body, bool alpha, uint8_t *to, size_t size)
{
    struct reader r = reader_make(body->data, body->len);
    LZ4_streamDecode_t *stream = LZ4_createStreamDecode();
    size_t at = 0;
    int blocks = 0;

    assert_int_equal(reader_u32(&r), body->len - 4);
    assert_int_equal(reader_u8(&r), 1);
    assert_int_equal(reader_u8(&r), alpha ? SPICE_BITMAP_FMT_RGBA : SPICE_BITMAP_FMT_32BIT);
    while (reader_left(&r) > 0) {
        uint32_t n = __builtin_bswap32(reader_u32(&r));
        const uint8_t *block = reader_bytes(&r, n);
        int got;

        assert_non_null(block);
        got = LZ4_decompress_safe_continue(stream, (const char *)block, (char *)to + at, (int)n,
                                           (int)(size - at));
        assert_true(got > 0);
        at += (size_t)got;
        blocks++;
    }
    assert_true(reader_ok(&r));
    assert_int_equal(at, size);
    LZ4_freeStreamDecode(stream);
    return blocks;
}

/* Frees the image; returns how many blocks it took. */
static int round_trip(struct codec_image image)
{
    size_t row = (size_t)image.width * 4;
    uint8_t *got = malloc(row * image.height);
    struct buf body = BUF_INIT;
    int blocks;

    assert_true(codec_lz4.encode(scratch, &image, &body));
    blocks = decode(&body, image.alpha, got, row * image.height);
    for (uint32_t y = 0; y < image.height; y++) {
        assert_memory_equal(got + y * row, image.pixels + y * image.stride, row);
    }
    buf_free(&body);
    free(got);
    free((void *)image.pixels);
    return blocks;
}

static void every_size_and_picture(void **state)
{
    static const uint32_t sizes[] = {1, 2, 3, 5, 16, 33, 200};

    for (int kind = 0; kind < PICTURES; kind++) {
        for (size_t w = 0; w < sizeof(sizes) / sizeof(sizes[0]); w++) {
            for (size_t h = 0; h < sizeof(sizes) / sizeof(sizes[0]); h++) {
                round_trip(picture_new(kind, sizes[w], sizes[h], 0, false, w * h));
                round_trip(picture_new(kind, sizes[w], sizes[h], 20, true, w * h));
            }
        }
    }
}

static void large_images_take_several_blocks(void **state)
{
    assert_true(round_trip(picture_new(PICTURE_TEXT, 1001, 700, 0, false, 1)) > 1);
    assert_true(round_trip(picture_new(PICTURE_NOISE, 1001, 700, 4, true, 1)) > 1);
    assert_true(round_trip(picture_new(PICTURE_PLAIN, 400000, 2, 0, false, 1)) > 1);
}

static int setup(void **state)
{
    scratch = codec_scratch_new();
    return 0;
}

static int teardown(void **state)
{
    codec_scratch_free(scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_and_picture),
        cmocka_unit_test(large_images_take_several_blocks),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
