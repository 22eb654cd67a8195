/* SPDX-License-Identifier: MIT */
/* TRANSPARENT leaves out its key; ALPHA_BLEND is source times alpha over destination; COMPOSITE
 * does what its operator, repeat and mask say. */
#include "canvas_reference.h"

enum { WIDTH = 16, HEIGHT = 8 };

static const uint32_t colors[4] = {0x00ff00ff, 0xff102030, 0x00ff00fe, 0x80404040};

static struct qxl_image words(uint8_t format, const uint32_t *pixels, uint32_t width)
{
    return (struct qxl_image){
        .kind = QXL_IMAGE_BITMAP,
        .format = format,
        .width = width,
        .height = 1,
        .stride = width * 4,
        .pixels = (const uint8_t *)pixels,
        .top_down = true,
    };
}

static struct draw four_pixels(uint8_t kind, uint8_t format)
{
    struct draw draw = {.kind = kind, .src = words(format, colors, 4), .bbox = {3, 2, 7, 3}};

    draw.src_area = (pixman_box32_t){0, 0, 4, 1};
    return draw;
}

static uint32_t keyed(const struct scene *s, const struct draw *draw, int x, int y,
                      const void *data)
{
    uint32_t format = s->dst->format, color = 0xff000000 | colors[x - draw->bbox.x1];
    uint32_t key = raw_from_argb(format, 0xffff00ff), raw = raw_from_argb(format, color);

    return (raw ^ key) & raw_bits(format) & 0xffffff ? raw : scene_before(s, x, y);
}

static void transparent_leaves_out_its_key(void **state)
{
    for (size_t f = 0; f < 4; f++) { /* 0xfe is the key too once it has five bits */
        struct scene s = scene_make(scene_formats[f], WIDTH, HEIGHT, f % 2);
        struct draw draw = four_pixels(QXL_DRAW_TRANSPARENT, SPICE_BITMAP_FMT_32BIT);
        draw.transparent_color = 0xff00ff;
        scene_check(&s, &draw, keyed, NULL);
        scene_free(&s);
    }
}

/* In floating point, so it may differ by one from the canvas. */
static void check_over(const struct scene *s, const struct draw *draw, const uint32_t *source,
                       bool dest_opaque)
{
    for (int x = draw->bbox.x1; x < draw->bbox.x2; x++) {
        uint32_t src = source[x - draw->bbox.x1], now = scene_now(s, x, 2);
        uint32_t dst = scene_before(s, x, 2) | (dest_opaque ? 0xff000000 : 0);
        double alpha = draw->alpha / 255.0, rest = 1 - (src >> 24) / 255.0 * alpha;
        for (int shift = 0; shift < (dest_opaque ? 24 : 32); shift += 8) {
            double want = (src >> shift & 255) * alpha + (dst >> shift & 255) * rest;
            double diff = (double)(now >> shift & 255) - (want > 255 ? 255 : want);
            if (diff < -1.5 || diff > 1.5)
                fail_msg("x %d shift %d: want %f, off by %f", x, shift, want, diff);
        }
    }
}

static void alpha_blend_is_over(void **state)
{
    static const uint8_t alphas[] = {255, 128, 1};

    for (size_t i = 0; i < sizeof(alphas); i++)
        for (int dest_alpha = 0; dest_alpha < 2; dest_alpha++) {
            struct scene s = scene_make(SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, true);
            struct draw draw = four_pixels(QXL_DRAW_ALPHA_BLEND, SPICE_BITMAP_FMT_RGBA);
            draw.alpha = alphas[i];
            draw.alpha_flags = dest_alpha ? SPICE_ALPHA_FLAGS_DEST_HAS_ALPHA : 0;
            assert_true(scene_draw(&s, &draw));
            check_over(&s, &draw, colors, !dest_alpha);
            assert_true(pixman_region32_contains_point(&s.damage, 6, 2, NULL));
            assert_int_equal(scene_now(&s, 7, 2), scene_before(&s, 7, 2));
            scene_free(&s);
        }
}

static void bitmaps_without_alpha_are_opaque(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, true);
    struct draw draw = four_pixels(QXL_DRAW_ALPHA_BLEND, SPICE_BITMAP_FMT_32BIT);

    draw.alpha = 255;
    assert_true(scene_draw(&s, &draw));
    for (int i = 0; i < 4; i++)
        assert_int_equal(scene_now(&s, 3 + i, 2) & 0xffffff, colors[i] & 0xffffff);
    scene_free(&s);
}

static void surface_alpha_is_as_flagged(void **state)
{
    for (int flagged = 0; flagged < 2; flagged++) {
        struct scene s = scene_make(SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, true);
        struct surface *other = scene_add(&s, 1, SPICE_SURFACE_FMT_32_xRGB, 4, 1, false);
        struct draw draw = four_pixels(QXL_DRAW_ALPHA_BLEND, SPICE_BITMAP_FMT_32BIT);
        uint32_t want[4];

        memcpy(other->data, colors, sizeof(colors));
        for (int i = 0; i < 4; i++)
            want[i] = flagged ? colors[i] : colors[i] | 0xff000000;
        draw.src = (struct qxl_image){.kind = QXL_IMAGE_SURFACE, .surface_id = 1};
        draw.alpha = 200;
        draw.alpha_flags = flagged ? SPICE_ALPHA_FLAGS_SRC_SURFACE_HAS_ALPHA : 0;
        assert_true(scene_draw(&s, &draw));
        check_over(&s, &draw, want, true);
        scene_free(&s);
    }
}

static void no_alpha_is_no_damage(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, true);
    struct draw draw = four_pixels(QXL_DRAW_ALPHA_BLEND, SPICE_BITMAP_FMT_RGBA);

    assert_true(scene_draw(&s, &draw));
    assert_memory_equal(s.before, s.dst->mem, s.dst->mem_size);
    assert_false(pixman_region32_not_empty(&s.damage));
    scene_free(&s);
}

static struct draw composite(uint32_t flags)
{
    struct draw draw = four_pixels(QXL_DRAW_COMPOSITE, SPICE_BITMAP_FMT_RGBA);

    draw.composite.flags = flags;
    return draw;
}

static uint32_t repeated(const struct scene *s, const struct draw *draw, int x, int y,
                         const void *data)
{
    return colors[(x - draw->bbox.x1 + 1) % 4];
}

static void composite_source_repeats(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_ARGB, WIDTH, HEIGHT, true);
    struct draw draw = composite(QXL_OP_SOURCE | 1 << 14);
    pixman_box32_t clip[3];

    draw.bbox = (pixman_box32_t){-2, 1, 12, 7};
    draw.composite.src_x = 1;
    scene_check(&s, &draw, repeated, NULL);
    scene_clip(&s, &draw, clip, 3);
    scene_check(&s, &draw, repeated, NULL);
    scene_free(&s);
}

static uint32_t only_masked(const struct scene *s, const struct draw *draw, int x, int y,
                            const void *data)
{
    return x - draw->bbox.x1 == 1 ? colors[1] : scene_before(s, x, y);
}

static void composite_mask_is_coverage(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_ARGB, WIDTH, HEIGHT, true);
    struct draw draw = composite(QXL_OP_OVER);
    uint8_t coverage[] = {0, 255, 0, 0};

    draw.composite.mask = words(SPICE_BITMAP_FMT_8BIT_A, NULL, 4);
    draw.composite.mask.pixels = coverage;
    draw.composite.mask.stride = 4;
    scene_check(&s, &draw, only_masked, NULL);
    scene_free(&s);
}

static uint32_t doubled(const struct scene *s, const struct draw *draw, int x, int y,
                        const void *data)
{
    return colors[(x - draw->bbox.x1) / 2];
}

static void composite_transforms(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_ARGB, WIDTH, HEIGHT, true);
    struct draw draw = composite(QXL_OP_SOURCE | 1 << 14);
    uint32_t half[6] = {0x8000, 0, 0, 0, 0x8000, 0};

    draw.bbox = (pixman_box32_t){2, 1, 10, 3};
    draw.composite.has_src_transform = true;
    memcpy(draw.composite.src_transform, half, sizeof(half));
    scene_check(&s, &draw, doubled, NULL);
    scene_free(&s);
}

static void composite_refuses_nonsense(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_ARGB, WIDTH, HEIGHT, true);
    struct draw draw = composite(0x0e);

    assert_false(scene_draw(&s, &draw));
    draw = composite(QXL_OP_SOURCE | 7 << 8);
    assert_false(scene_draw(&s, &draw));
    draw = composite(QXL_OP_SOURCE);
    draw.src = (struct qxl_image){.kind = QXL_IMAGE_SURFACE, .surface_id = 3};
    assert_false(scene_draw(&s, &draw));
    scene_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transparent_leaves_out_its_key),
        cmocka_unit_test(alpha_blend_is_over),
        cmocka_unit_test(bitmaps_without_alpha_are_opaque),
        cmocka_unit_test(surface_alpha_is_as_flagged),
        cmocka_unit_test(no_alpha_is_no_damage),
        cmocka_unit_test(composite_source_repeats),
        cmocka_unit_test(composite_mask_is_coverage),
        cmocka_unit_test(composite_transforms),
        cmocka_unit_test(composite_refuses_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
