/* SPDX-License-Identifier: MIT */
/* Bitmaps of every format, copied to an xRGB surface; and surfaces of every format, checked. */
#include "canvas_reference.h"

#include <stdint.h>

/* Copies a two-row bitmap and compares with colours in top-down order, `width` a row. */
static void check(struct qxl_image image, const uint32_t *colors)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_xRGB, 8, 4, true);
    struct draw draw = {.kind = QXL_DRAW_COPY, .rop = SPICE_ROPD_OP_PUT};

    image.kind = QXL_IMAGE_BITMAP;
    image.height = 2;
    draw.src = image;
    draw.src_area = draw.bbox = (pixman_box32_t){0, 0, (int)image.width, 2};
    assert_true(scene_draw(&s, &draw));
    for (uint32_t y = 0; y < 2; y++)
        for (uint32_t x = 0; x < image.width; x++)
            assert_int_equal(scene_now(&s, x, y) & 0xffffff, colors[y * image.width + x]);
    scene_free(&s);
}

static void one_bit(void **state)
{
    uint32_t palette[256] = {0x111111, 0xeeeeee};
    uint8_t bytes[] = {0x05, 0xff, 0x02, 0xff};
    uint32_t a = palette[0], b = palette[1];

    check((struct qxl_image){.format = SPICE_BITMAP_FMT_1BIT_LE,
                             .width = 3,
                             .stride = 2,
                             .pixels = bytes,
                             .palette = palette,
                             .top_down = true},
          (uint32_t[]){b, a, b, a, b, a});
    uint8_t high[] = {0xa0, 0xff, 0x40, 0xff};
    check((struct qxl_image){.format = SPICE_BITMAP_FMT_1BIT_BE,
                             .width = 3,
                             .stride = 2,
                             .pixels = high,
                             .palette = palette,
                             .top_down = false},
          (uint32_t[]){a, b, a, b, a, b});
    check((struct qxl_image){.format = SPICE_BITMAP_FMT_1BIT_BE,
                             .width = 3,
                             .stride = 2,
                             .pixels = high,
                             .top_down = true},
          (uint32_t[]){0xffffff, 0, 0xffffff, 0, 0xffffff, 0});
}

static void four_and_eight_bits(void **state)
{
    uint32_t palette[256] = {0};
    uint8_t bytes[] = {0x21, 0x03, 0x54, 0x06};

    for (uint32_t i = 0; i < 256; i++)
        palette[i] = i * 0x010203;
    check((struct qxl_image){.format = SPICE_BITMAP_FMT_4BIT_BE,
                             .width = 3,
                             .stride = 2,
                             .pixels = bytes,
                             .palette = palette,
                             .top_down = true},
          (uint32_t[]){palette[2], palette[1], palette[0], palette[5], palette[4], palette[0]});
    check((struct qxl_image){.format = SPICE_BITMAP_FMT_4BIT_LE,
                             .width = 3,
                             .stride = 2,
                             .pixels = bytes,
                             .palette = palette,
                             .top_down = true},
          (uint32_t[]){palette[1], palette[2], palette[3], palette[4], palette[5], palette[6]});
    check((struct qxl_image){.format = SPICE_BITMAP_FMT_8BIT,
                             .width = 2,
                             .stride = 2,
                             .pixels = bytes,
                             .palette = palette,
                             .top_down = false},
          (uint32_t[]){palette[0x54], palette[6], palette[0x21], palette[3]});
}

static void direct_colours(void **state)
{
    uint8_t x555[] = {0x00, 0x7c, 0xe0, 0x03, 0x1f, 0x00, 0x10, 0x42};
    uint8_t bgr[] = {1, 2, 3, 4, 5, 6, 0, 0, 7, 8, 9, 10, 11, 12, 0, 0};
    uint8_t words[] = {1, 2, 3, 9, 4, 5, 6, 9};
    uint8_t alpha[] = {200, 100};

    check((struct qxl_image){.format = SPICE_BITMAP_FMT_16BIT,
                             .width = 2,
                             .stride = 4,
                             .pixels = x555,
                             .top_down = true},
          (uint32_t[]){0xff0000, 0x00ff00, 0x0000ff, 0x848484});
    check((struct qxl_image){.format = SPICE_BITMAP_FMT_24BIT,
                             .width = 2,
                             .stride = 8,
                             .pixels = bgr,
                             .top_down = true},
          (uint32_t[]){0x030201, 0x060504, 0x090807, 0x0c0b0a});
    check((struct qxl_image){.format = SPICE_BITMAP_FMT_32BIT,
                             .width = 1,
                             .stride = 4,
                             .pixels = words,
                             .top_down = false},
          (uint32_t[]){0x060504, 0x030201});
    check((struct qxl_image){.format = SPICE_BITMAP_FMT_RGBA,
                             .width = 1,
                             .stride = 4,
                             .pixels = words,
                             .top_down = true},
          (uint32_t[]){0x030201, 0x060504});
    check((struct qxl_image){.format = SPICE_BITMAP_FMT_8BIT_A,
                             .width = 1,
                             .stride = 1,
                             .pixels = alpha,
                             .top_down = true},
          (uint32_t[]){0, 0});
}

static void unaligned_pixels(void **state)
{
    uint8_t bytes[32] = {0};

    memcpy(bytes + 1, (uint8_t[]){1, 2, 3, 0, 99, 4, 5, 6, 0}, 9);
    check((struct qxl_image){.format = SPICE_BITMAP_FMT_32BIT,
                             .width = 1,
                             .stride = 5,
                             .pixels = bytes + 1,
                             .top_down = true},
          (uint32_t[]){0x030201, 0x060504});
}

static void alpha_bitmap_to_alpha_surface(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_8_A, 8, 4, false);
    uint8_t alpha[] = {200, 100};
    struct draw draw = {.kind = QXL_DRAW_COPY, .rop = SPICE_ROPD_OP_PUT};

    draw.src = (struct qxl_image){.kind = QXL_IMAGE_BITMAP,
                                  .format = SPICE_BITMAP_FMT_8BIT_A,
                                  .width = 2,
                                  .height = 1,
                                  .stride = 2,
                                  .pixels = alpha};
    draw.src_area = draw.bbox = (pixman_box32_t){0, 0, 2, 1};
    assert_true(scene_draw(&s, &draw));
    assert_int_equal(scene_now(&s, 0, 0), 200);
    assert_int_equal(scene_now(&s, 1, 0), 100);
    scene_free(&s);
}

static bool try_surface(uint32_t id, uint32_t format, uint32_t width, uint32_t height,
                        int32_t stride, size_t size)
{
    static uint32_t memory[100];
    struct surfaces *surfaces = surfaces_new(4);
    const char *reason;
    bool ok = surfaces_create(surfaces, id, format, width, height, stride, memory, size, &reason);

    assert_true(ok == (reason == NULL));
    assert_true(ok == (surfaces_get(surfaces, id) != NULL));
    surfaces_free(surfaces);
    return ok;
}

static void surfaces_are_checked(void **state)
{
    uint32_t format = SPICE_SURFACE_FMT_32_xRGB;

    assert_true(try_surface(3, format, 10, 10, 40, 400));
    assert_true(try_surface(3, format, 10, 10, -40, 400));
    assert_true(try_surface(3, SPICE_SURFACE_FMT_1_A, 33, 10, 8, 80));
    assert_false(try_surface(4, format, 10, 10, 40, 400));
    assert_false(try_surface(UINT32_MAX, format, 10, 10, 40, 400));
    assert_false(try_surface(3, format, 10, 10, 40, 399));
    assert_false(try_surface(3, format, 10, 10, 36, 400));
    assert_false(try_surface(3, format, 10, 10, -36, 400));
    assert_false(try_surface(3, format, 9, 10, 38, 400));
    assert_false(try_surface(3, format, 0, 10, 40, 400));
    assert_false(try_surface(3, format, 10, 0, 40, 400));
    assert_false(try_surface(3, format, 0x40000001, 1, 4, 400));
    assert_false(try_surface(3, format, 10, 10, INT32_MIN, SIZE_MAX));
    assert_false(try_surface(3, format, 10, 30000, 0x7ffffffc, SIZE_MAX));
    assert_false(try_surface(3, 33, 10, 10, 40, 400));
}

static void surfaces_know_their_rows(void **state)
{
    static uint32_t memory[4] = {1, 2, 3, 4};
    struct surfaces *surfaces = surfaces_new(4);
    const char *reason;

    assert_true(
        surfaces_create(surfaces, 1, SPICE_SURFACE_FMT_32_xRGB, 1, 4, -4, memory, 16, &reason));
    struct surface *surface = surfaces_get(surfaces, 1);
    assert_ptr_equal(surface->data, &memory[3]);
    assert_ptr_equal(surface_row(surface, 3), &memory[0]);
    assert_false(
        surfaces_create(surfaces, 1, SPICE_SURFACE_FMT_32_xRGB, 1, 4, -4, memory, 16, &reason));
    surface_fill_black(surface);
    assert_int_equal(memory[0] | memory[3], 0);
    assert_true(surfaces_destroy(surfaces, 1));
    assert_false(surfaces_destroy(surfaces, 1));
    assert_int_equal(surfaces_capacity(surfaces), 4);
    surfaces_free(surfaces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bit),
        cmocka_unit_test(four_and_eight_bits),
        cmocka_unit_test(direct_colours),
        cmocka_unit_test(unaligned_pixels),
        cmocka_unit_test(alpha_bitmap_to_alpha_surface),
        cmocka_unit_test(surfaces_are_checked),
        cmocka_unit_test(surfaces_know_their_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
