/* SPDX-License-Identifier: MIT */
/* Whatever LZ encodes, an independent decoder gives back the same picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <spice/enums.h>

#include "codec_images.h"
#include "lz_decode.h"

static struct codec_scratch *scratch;

static void assert_same(const struct codec_image *image, const struct lz_picture *got)
{
    assert_int_equal(got->width, image->width);
    assert_int_equal(got->height, image->height);
    assert_int_equal(got->alpha, image->alpha);
    for (size_t y = 0; y < image->height; y++) {
        for (size_t x = 0; x < image->width; x++) {
            const uint8_t *want = image->pixels + y * image->stride + x * 4;
            const uint8_t *have = got->pixels + (y * image->width + x) * 4;

            if (memcmp(want, have, image->alpha ? 4 : 3) != 0) {
                fail_msg("%zu,%zu of %ux%u differs", x, y, image->width, image->height);
            }
        }
    }
}

/* Encodes behind other bytes, decodes, compares, frees the image; what the stream was made of. */
static struct lz_picture round_trip(struct codec_image image, size_t *size)
{
    struct buf out = BUF_INIT;
    struct lz_picture got;

    buf_append(&out, "xyz", 3);
    assert_true(codec_lz.encode(scratch, &image, &out));
    assert_memory_equal(out.data, "xyz", 3);
    *size = out.len - 3;
    assert_true(lz_decode(out.data + 3, *size, &got));
    assert_same(&image, &got);
    free(got.pixels);
    buf_free(&out);
    free((void *)image.pixels);
    return got;
}

static void every_size_and_picture(void **state)
{
    static const uint32_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 64, 65, 255, 300};
    size_t size;

    for (int kind = 0; kind < PICTURES; kind++) {
        for (size_t w = 0; w < sizeof(sizes) / sizeof(sizes[0]); w++) {
            for (size_t h = 0; h < sizeof(sizes) / sizeof(sizes[0]); h++) {
                round_trip(picture_new(kind, sizes[w], sizes[h], 0, false, w + h), &size);
                round_trip(picture_new(kind, sizes[w], sizes[h], 12, true, w + h), &size);
            }
        }
    }
}

static void noise_stays_within_its_bound(void **state)
{
    size_t size;

    round_trip(picture_new(PICTURE_NOISE, 640, 400, 0, false, 1), &size);
    assert_true(size <= 4 + 28 + 640 * 400 * 3 + 640 * 400 / 32 + 1);
    round_trip(picture_new(PICTURE_NOISE, 640, 400, 0, true, 1), &size);
    assert_true(size <= 4 + 28 + 640 * 400 * 4 + 2 * (640 * 400 / 32 + 1));
}

/* Runs of every length around each place where one more byte is needed to say it. */
static void run_lengths(void **state)
{
    static const uint32_t near[] = {1, 7, 9, 32, 7 + 255, 9 + 255, 7 + 510, 9 + 510, 7 + 255 * 40};
    size_t size;

    for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
        for (uint32_t n = near[i] > 4 ? near[i] - 4 : 1; n <= near[i] + 4; n++) {
            for (int alpha = 0; alpha < 2; alpha++) {
                struct codec_image image = picture_new(PICTURE_PLAIN, n + 5, 1, 0, alpha, 0);
                struct lz_picture got;

                memset((uint8_t *)image.pixels, 0x11, 4);
                memset((uint8_t *)image.pixels + (n + 1) * 4, 0x22, 4);
                got = round_trip(image, &size);
                if (n >= 5) {
                    assert_int_equal(got.longest_match, n - 1);
                }
            }
        }
    }
}

/* A row of noise that comes again exactly `distance` units later, the space between all noise. */
static struct lz_picture repeat_at(uint32_t distance, bool alpha)
{
    struct codec_image image = picture_new(PICTURE_NOISE, distance + 64, 1, 0, alpha, 7);
    size_t size;

    memcpy((uint8_t *)image.pixels + (size_t)distance * 4, image.pixels, 64 * 4);
    return round_trip(image, &size);
}

static void far_distances(void **state)
{
    static const uint32_t near[] = {255,  256,   8190,  8191,  8192, 8193,
                                    8194, 65535, 73725, 73726, 73727};

    for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
        repeat_at(near[i], true);
        repeat_at(near[i], false);
    }
    /* Beyond the last distance that can be said it must not be tried. */
    assert_true(repeat_at(73728, false).farthest < 73728);
    assert_true(repeat_at(80000, true).farthest < 73728);
}

/* A plain area between, so that the hash table still knows the first of the two. */
static void far_distances_are_used(void **state)
{
    static const uint32_t used[] = {8190, 8191, 8192, 8193, 73726, 73727};
    size_t size;

    for (size_t i = 0; i < sizeof(used) / sizeof(used[0]); i++) {
        struct codec_image image = picture_new(PICTURE_PLAIN, used[i] + 64, 1, 0, false, 0);
        uint64_t random = 3;

        for (uint32_t x = 0; x < 16; x++) {
            uint32_t v = test_random(&random);

            memcpy((uint8_t *)image.pixels + x * 4, &v, 4);
        }
        memcpy((uint8_t *)image.pixels + (size_t)used[i] * 4, image.pixels, 16 * 4);
        assert_int_equal(round_trip(image, &size).farthest, used[i]);
    }
}

/* Few colours in short random patterns: all lengths and distances, overlapping ones too. */
static void random_patterns(void **state)
{
    uint64_t random = 42;
    size_t size;

    for (int i = 0; i < 400; i++) {
        uint32_t w = 1 + test_random(&random) % 90, h = 1 + test_random(&random) % 90;
        uint32_t colours = 1 + test_random(&random) % 4, same = 1 + test_random(&random) % 40;
        struct codec_image image =
            picture_new(PICTURE_NOISE, w, h, 4 * (test_random(&random) % 3), i & 1, (uint64_t)i);
        uint8_t c = 0;

        for (size_t at = 0; at < image.stride * h; at++) {
            if (at % 4 == 0 && test_random(&random) % same == 0) {
                c = (uint8_t)(test_random(&random) % colours);
            }
            ((uint8_t *)image.pixels)[at] = c;
        }
        round_trip(image, &size);
    }
}

static void text_gets_small(void **state)
{
    size_t size;
    struct lz_picture got = round_trip(picture_new(PICTURE_TEXT, 800, 600, 0, false, 1), &size);

    assert_true(got.matches > 100);
    assert_true(size < 800 * 600 * 4 / 10);
    round_trip(picture_new(PICTURE_PLAIN, 800, 600, 0, false, 1), &size);
    assert_true(size < 800 * 600 / 255 + 60);
}

static void refuses_what_it_cannot_carry(void **state)
{
    static const struct codec *const codecs[] = {&codec_raw, &codec_lz, &codec_lz4};
    uint8_t pixel[4] = {0};

    for (size_t i = 0; i < 3; i++) {
        struct buf out = BUF_INIT;

        assert_false(codecs[i]->encode(scratch, &(struct codec_image){pixel, 0, 1, 4}, &out));
        assert_false(codecs[i]->encode(scratch, &(struct codec_image){pixel, 1, 0, 4}, &out));
        assert_false(codecs[i]->encode(scratch, &(struct codec_image){pixel, 2, 1, 4}, &out));
        assert_false(codecs[i]->encode(
            scratch, &(struct codec_image){pixel, 0xffffffff, 0xffffffff, SIZE_MAX}, &out));
        assert_int_equal(out.len, 0);
        buf_free(&out);
    }
}

static void raw_is_the_rows(void **state)
{
    struct codec_image image = picture_new(PICTURE_NOISE, 3, 2, 8, true, 1);
    struct buf out = BUF_INIT;
    struct reader r;

    assert_true(codec_raw.encode(scratch, &image, &out));
    r = reader_make(out.data, out.len);
    assert_int_equal(reader_u8(&r), SPICE_BITMAP_FMT_RGBA);
    assert_int_equal(reader_u8(&r), SPICE_BITMAP_FLAGS_TOP_DOWN);
    assert_int_equal(reader_u32(&r), 3);
    assert_int_equal(reader_u32(&r), 2);
    assert_int_equal(reader_u32(&r), 12);
    assert_int_equal(reader_u32(&r), 0);
    assert_int_equal(reader_left(&r), 24);
    assert_memory_equal(reader_bytes(&r, 12), image.pixels, 12);
    assert_memory_equal(reader_bytes(&r, 12), image.pixels + image.stride, 12);
    buf_free(&out);
    free((void *)image.pixels);
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
        cmocka_unit_test(noise_stays_within_its_bound),
        cmocka_unit_test(run_lengths),
        cmocka_unit_test(far_distances),
        cmocka_unit_test(far_distances_are_used),
        cmocka_unit_test(random_patterns),
        cmocka_unit_test(text_gets_small),
        cmocka_unit_test(refuses_what_it_cannot_carry),
        cmocka_unit_test(raw_is_the_rows),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
