/* SPDX-License-Identifier: MIT */
/* Scaled copies: nearest takes the pixel under each middle, interpolation stays between neighbours.
 */
#include "canvas_reference.h"

enum { WIDTH = 33, HEIGHT = 21, SRC = 12 };

static uint32_t src[SRC * SRC];

static int floor_of(double v)
{
    int i = (int)v;

    return i - (i > v);
}

static struct draw scaled(struct scene *s, uint8_t mode)
{
    struct draw draw = {.kind = QXL_DRAW_COPY, .rop = SPICE_ROPD_OP_PUT, .scale_mode = mode};

    for (int i = 0; i < SRC * SRC; i++)
        src[i] = scene_random(s);
    draw.src = (struct qxl_image){
        .kind = QXL_IMAGE_BITMAP,
        .format = SPICE_BITMAP_FMT_32BIT,
        .width = SRC,
        .height = SRC,
        .stride = SRC * 4,
        .pixels = (const uint8_t *)src,
        .top_down = true,
    };
    draw.src_area.x1 = scene_below(s, 5);
    draw.src_area.y1 = scene_below(s, 5);
    draw.src_area.x2 = draw.src_area.x1 + 1 + scene_below(s, 7);
    draw.src_area.y2 = draw.src_area.y1 + 1 + scene_below(s, 7);
    draw.bbox.x1 = scene_below(s, 20) - 8;
    draw.bbox.y1 = scene_below(s, 20) - 8;
    draw.bbox.x2 = draw.bbox.x1 + 1 + scene_below(s, 40);
    draw.bbox.y2 = draw.bbox.y1 + 1 + scene_below(s, 30);
    return draw;
}

/* Where the middle of destination pixel i lies in a source range, in pixels. */
static double middle(int i, int to1, int to2, int from1, int from2)
{
    return from1 + (i - to1 + 0.5) * (from2 - from1) / (to2 - to1);
}

static uint32_t nearest(const struct scene *s, const struct draw *draw, int x, int y,
                        const void *data)
{
    const pixman_box32_t *to = &draw->bbox, *from = &draw->src_area;
    int sx = floor_of(middle(x, to->x1, to->x2, from->x1, from->x2) + 1e-9);
    int sy = floor_of(middle(y, to->y1, to->y2, from->y1, from->y2) + 1e-9);

    return raw_from_argb(s->dst->format, 0xff000000 | src[sy * SRC + sx]);
}

static void nearest_takes_the_middle(void **state)
{
    for (size_t f = 0; f < 4; f++) {
        struct scene s = scene_make(scene_formats[f], WIDTH, HEIGHT, f % 2);
        for (int i = 0; i < 100; i++) {
            struct draw draw = scaled(&s, SPICE_IMAGE_SCALE_MODE_NEAREST);
            scene_check(&s, &draw, nearest, NULL);
        }
        scene_free(&s);
    }
}

static double sample(int x, int y, const pixman_box32_t *from, int shift)
{
    x = x < from->x1 ? from->x1 : x >= from->x2 ? from->x2 - 1 : x;
    y = y < from->y1 ? from->y1 : y >= from->y2 ? from->y2 - 1 : y;
    return src[y * SRC + x] >> shift & 255;
}

static double bilinear(const struct draw *draw, int x, int y, int shift)
{
    const pixman_box32_t *to = &draw->bbox, *from = &draw->src_area;
    double u = middle(x, to->x1, to->x2, from->x1, from->x2) - 0.5;
    double v = middle(y, to->y1, to->y2, from->y1, from->y2) - 0.5;
    int a = floor_of(u), b = floor_of(v);
    double p = u - a, q = v - b;

    return (sample(a, b, from, shift) * (1 - p) + sample(a + 1, b, from, shift) * p) * (1 - q) +
           (sample(a, b + 1, from, shift) * (1 - p) + sample(a + 1, b + 1, from, shift) * p) * q;
}

static void interpolation_is_bilinear(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, false);

    for (int i = 0; i < 100; i++) {
        struct draw draw = scaled(&s, SPICE_IMAGE_SCALE_MODE_INTERPOLATE);
        assert_true(scene_draw(&s, &draw));
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                for (int shift = 0; shift < 24 && in_draw(&draw, x, y); shift += 8) {
                    double off =
                        (scene_now(&s, x, y) >> shift & 255) - bilinear(&draw, x, y, shift);
                    if (off < -3.5 || off > 3.5) /* weights are 256ths */
                        fail_msg("%d,%d off by %f", x, y, off);
                }
    }
    scene_free(&s);
}

static void scales_from_the_destination(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, false);
    struct draw draw = {.kind = QXL_DRAW_COPY,
                        .rop = SPICE_ROPD_OP_PUT,
                        .scale_mode = SPICE_IMAGE_SCALE_MODE_NEAREST,
                        .bbox = {2, 1, 22, 17}};

    draw.src.kind = QXL_IMAGE_SURFACE;
    draw.src_area = (pixman_box32_t){5, 4, 15, 12};
    assert_true(scene_draw(&s, &draw));
    for (int y = 1; y < 17; y++)
        for (int x = 2; x < 22; x++)
            assert_int_equal(scene_now(&s, x, y) & 0xffffff,
                             scene_before(&s, 5 + (x - 2) / 2, 4 + (y - 1) / 2) & 0xffffff);
    scene_free(&s);
}

static void huge_boxes_are_cut_to_the_surface(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, false);
    struct draw draw = scaled(&s, SPICE_IMAGE_SCALE_MODE_NEAREST);

    draw.bbox = (pixman_box32_t){-DRAW_COORD_MAX, -DRAW_COORD_MAX, DRAW_COORD_MAX, DRAW_COORD_MAX};
    draw.src_area = (pixman_box32_t){0, 0, 2, 2}; /* its middle falls on the surface's corner */
    assert_true(scene_draw(&s, &draw));
    assert_int_equal(scene_now(&s, 0, 0) & 0xffffff, src[SRC + 1] & 0xffffff);
    assert_int_equal(scene_now(&s, WIDTH - 1, HEIGHT - 1) & 0xffffff, src[SRC + 1] & 0xffffff);
    draw.scale_mode = SPICE_IMAGE_SCALE_MODE_INTERPOLATE;
    assert_true(scene_draw(&s, &draw));
    scene_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_takes_the_middle),
        cmocka_unit_test(interpolation_is_bilinear),
        cmocka_unit_test(scales_from_the_destination),
        cmocka_unit_test(huge_boxes_are_cut_to_the_surface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
