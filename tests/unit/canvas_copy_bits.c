/* SPDX-License-Identifier: MIT */
/* COPY_BITS and copies from surfaces, the destination itself included: as if from a snapshot. */
#include "canvas_reference.h"

enum { WIDTH = 27, HEIGHT = 17 };

static uint32_t moved(const struct scene *s, const struct draw *draw, int x, int y,
                      const void *data)
{
    return scene_before(s, (uint32_t)(x - draw->bbox.x1 + draw->src_x),
                        (uint32_t)(y - draw->bbox.y1 + draw->src_y));
}

/* A box whose source lies on the surface. */
static struct draw random_move(struct scene *s, uint8_t kind)
{
    struct draw draw = {.kind = kind};
    int width = 1 + scene_below(s, WIDTH), height = 1 + scene_below(s, HEIGHT);

    draw.src_x = scene_below(s, WIDTH - width + 1);
    draw.src_y = scene_below(s, HEIGHT - height + 1);
    draw.bbox.x1 = draw.src_x + scene_below(s, 9) - 4;
    draw.bbox.y1 = draw.src_y + scene_below(s, 9) - 4;
    draw.bbox.x2 = draw.bbox.x1 + width;
    draw.bbox.y2 = draw.bbox.y1 + height;
    return draw;
}

static void moves_overlap(void **state)
{
    pixman_box32_t clip[4];

    for (size_t f = 0; f < sizeof(scene_formats) / sizeof(scene_formats[0]); f++) {
        struct scene s = scene_make(scene_formats[f], WIDTH, HEIGHT, f % 2);
        for (int i = 0; i < 300; i++) {
            struct draw draw = random_move(&s, QXL_COPY_BITS);
            if (i % 2)
                scene_clip(&s, &draw, clip, 4);
            if (draw.bbox.x1 == draw.src_x && draw.bbox.y1 == draw.src_y)
                continue; /* changes nothing, and says so */
            scene_check(&s, &draw, moved, NULL);
        }
        scene_free(&s);
    }
}

static void sources_outside_stay(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, false);
    struct draw draw = {
        .kind = QXL_COPY_BITS, .bbox = {0, 0, WIDTH, HEIGHT}, .src_x = 5, .src_y = -3};

    assert_true(scene_draw(&s, &draw));
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            bool in = x + 5 < WIDTH && y - 3 >= 0;
            assert_int_equal(scene_now(&s, x, y),
                             in ? scene_before(&s, x + 5, y - 3) : scene_before(&s, x, y));
            assert_int_equal(in, pixman_region32_contains_point(&s.damage, x, y, NULL));
        }
    scene_free(&s);
}

static void no_move_is_no_damage(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, false);
    struct draw draw = {.kind = QXL_COPY_BITS, .bbox = {2, 3, 9, 9}, .src_x = 2, .src_y = 3};

    assert_true(scene_draw(&s, &draw));
    assert_false(pixman_region32_not_empty(&s.damage));
    scene_free(&s);
}

static void copies_from_the_destination(void **state)
{
    for (size_t f = 0; f < sizeof(scene_formats) / sizeof(scene_formats[0]); f++) {
        struct scene s = scene_make(scene_formats[f], WIDTH, HEIGHT, f % 2);
        for (int i = 0; i < 100; i++) {
            struct draw draw = random_move(&s, QXL_DRAW_COPY);
            draw.rop = SPICE_ROPD_OP_PUT;
            draw.src_area =
                (pixman_box32_t){draw.src_x, draw.src_y, draw.src_x + draw.bbox.x2 - draw.bbox.x1,
                                 draw.src_y + draw.bbox.y2 - draw.bbox.y1};
            draw.src.kind = QXL_IMAGE_SURFACE;
            if (i % 2) { /* the same by way of the self bitmap */
                draw.src.kind = QXL_IMAGE_SELF;
                draw.self_bitmap = true;
                draw.self_area = draw.src_area;
                draw.src_area = (pixman_box32_t){0, 0, draw.bbox.x2 - draw.bbox.x1,
                                                 draw.bbox.y2 - draw.bbox.y1};
            }
            scene_check(&s, &draw, moved, NULL);
        }
        scene_free(&s);
    }
}

static uint32_t from_other(const struct scene *s, const struct draw *draw, int x, int y,
                           const void *data)
{
    const struct surface *other = surfaces_get(s->surfaces, 1);
    uint32_t c = raw_at(other, other->mem, (uint32_t)(x - draw->bbox.x1 + draw->src_area.x1),
                        (uint32_t)(y - draw->bbox.y1 + draw->src_area.y1));
    uint32_t r = c >> 11, g = c >> 5 & 63, b = c & 31;

    /* 565 widened by repeating the high bits */
    return raw_from_argb(s->dst->format, 0xff000000 | (r * 8 + r / 4) << 16 |
                                             (g * 4 + g / 16) << 8 | (b * 8 + b / 4));
}

static void copies_from_another_surface(void **state)
{
    for (size_t f = 0; f < 4; f++) {
        struct scene s = scene_make(scene_formats[f], WIDTH, HEIGHT, f % 2);
        struct draw draw = {.kind = QXL_DRAW_COPY, .rop = SPICE_ROPD_OP_PUT, .bbox = {-2, 3, 8, 9}};

        scene_add(&s, 1, SPICE_SURFACE_FMT_16_565, 13, 11, true);
        draw.src = (struct qxl_image){.kind = QXL_IMAGE_SURFACE, .surface_id = 1};
        draw.src_area = (pixman_box32_t){3, 5, 13, 11};
        scene_check(&s, &draw, from_other, NULL);
        scene_free(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_overlap),
        cmocka_unit_test(sources_outside_stay),
        cmocka_unit_test(no_move_is_no_damage),
        cmocka_unit_test(copies_from_the_destination),
        cmocka_unit_test(copies_from_another_surface),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
