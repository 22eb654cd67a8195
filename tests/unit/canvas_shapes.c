/* SPDX-License-Identifier: MIT */
/* TEXT and STROKE, drawn as pictures of characters. */
#include "canvas_reference.h"

enum { WIDTH = 12, HEIGHT = 7 };

/* Compares a white-on-black drawing with rows of '#' and '.'. */
static void check_picture(const struct scene *s, const char *const *rows)
{
    for (uint32_t y = 0; y < HEIGHT; y++) {
        char got[WIDTH + 1] = {0};
        for (uint32_t x = 0; x < WIDTH; x++) {
            uint32_t color = scene_now(s, x, y) & 0xffffff;
            got[x] = color == 0xffffff ? '#' : color == 0 ? '.' : '?';
        }
        assert_string_equal(got, rows[y]);
    }
}

static struct scene black_scene(void)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, true);

    surface_fill_black(s.dst);
    return s;
}

static struct draw shape(uint8_t kind)
{
    struct draw draw = {.kind = kind, .bbox = {0, 0, WIDTH, HEIGHT}};

    draw.brush.type = SPICE_BRUSH_TYPE_SOLID;
    draw.brush.color = 0xffffff;
    draw.stroke.fore_mode = draw.text.fore_mode = SPICE_ROPD_OP_PUT;
    return draw;
}

static void lines_leave_out_their_last_pixel(void **state)
{
    struct scene s = black_scene();
    struct draw draw = shape(QXL_DRAW_STROKE);
    QXLPointFix points[] = {{16, 16}, {96, 16}, {96, 80}, {16, 80}, {16, 48}, {48, 48}};
    struct draw_segment segment = {SPICE_PATH_BEGIN | SPICE_PATH_END, 0, 6};

    draw.stroke.points = points;
    draw.stroke.n_points = 6;
    draw.stroke.segments = &segment;
    draw.stroke.n_segments = 1;
    assert_true(scene_draw(&s, &draw));
    check_picture(&s, (const char *[]){
                          "............",
                          ".######.....",
                          "......#.....",
                          ".##...#.....",
                          ".#....#.....",
                          ".######.....",
                          "............",
                      });
    scene_free(&s);
}

static void crossings_are_painted_once(void **state)
{
    struct scene s = black_scene();
    struct draw draw = shape(QXL_DRAW_STROKE);
    QXLPointFix points[] = {{0, 0}, {112, 112}, {0, 48}, {192, 48}};
    struct draw_segment segments[] = {{SPICE_PATH_BEGIN | SPICE_PATH_END, 0, 2},
                                      {SPICE_PATH_BEGIN | SPICE_PATH_END, 2, 2}};

    draw.stroke.fore_mode = SPICE_ROPD_OP_XOR;
    draw.stroke.points = points;
    draw.stroke.n_points = 4;
    draw.stroke.segments = segments;
    draw.stroke.n_segments = 2;
    assert_true(scene_draw(&s, &draw));
    check_picture(&s, (const char *[]){
                          "#...........",
                          ".#..........",
                          "..#.........",
                          "############",
                          "....#.......",
                          ".....#......",
                          "......#.....",
                      });
    scene_free(&s);
}

static void paths_close(void **state)
{
    struct scene s = black_scene();
    struct draw draw = shape(QXL_DRAW_STROKE);
    QXLPointFix points[] = {{-160, 16}, {128, 16}, {128, 64}, {-160, 64}}; /* leaves the surface */
    struct draw_segment segment = {SPICE_PATH_BEGIN | SPICE_PATH_END | SPICE_PATH_CLOSE, 0, 4};

    draw.bbox.x1 = 2;
    draw.stroke.points = points;
    draw.stroke.n_points = 4;
    draw.stroke.segments = &segment;
    draw.stroke.n_segments = 1;
    assert_true(scene_draw(&s, &draw));
    check_picture(&s, (const char *[]){
                          "............",
                          "..#######...",
                          "........#...",
                          "........#...",
                          "..#######...",
                          "............",
                          "............",
                      });
    scene_free(&s);
}

static void dashes_go_on_around_corners(void **state)
{
    struct scene s = black_scene();
    struct draw draw = shape(QXL_DRAW_STROKE);
    QXLPointFix points[] = {{0, 0}, {112, 0}, {112, 112}};
    struct draw_segment segment = {SPICE_PATH_BEGIN | SPICE_PATH_END, 0, 3};
    QXLFIXED style[] = {48, 32};

    draw.stroke.points = points;
    draw.stroke.n_points = 3;
    draw.stroke.segments = &segment;
    draw.stroke.n_segments = 1;
    draw.stroke.style = style;
    draw.stroke.n_style = 2;
    draw.stroke.line_flags = SPICE_LINE_FLAGS_STYLED;
    assert_true(scene_draw(&s, &draw));
    check_picture(&s, (const char *[]){
                          "###..###....",
                          "............",
                          "............",
                          ".......#....",
                          ".......#....",
                          ".......#....",
                          "............",
                      });
    surface_fill_black(s.dst);
    draw.stroke.line_flags |= SPICE_LINE_FLAGS_START_WITH_GAP;
    assert_true(scene_draw(&s, &draw));
    check_picture(&s, (const char *[]){
                          "...##.......",
                          ".......#....",
                          ".......#....",
                          "............",
                          "............",
                          "............",
                          ".......#....",
                      });
    scene_free(&s);
}

static void endless_paths_end(void **state)
{
    struct scene s = black_scene();
    struct draw draw = shape(QXL_DRAW_STROKE);
    enum { N = 3000000 };
    QXLPointFix *points = calloc(N, sizeof(*points));
    struct draw_segment segment = {SPICE_PATH_BEGIN | SPICE_PATH_END, 0, N};

    for (int i = 0; i < N; i++)
        points[i] = (QXLPointFix){i % 2 ? -DRAW_COORD_MAX : DRAW_COORD_MAX, 16};
    draw.stroke.points = points;
    draw.stroke.n_points = N;
    draw.stroke.segments = &segment;
    draw.stroke.n_segments = 1;
    assert_false(scene_draw(&s, &draw));
    free(points);
    scene_free(&s);
}

static void glyphs_of_bits(void **state)
{
    struct scene s = black_scene();
    struct draw draw = shape(QXL_DRAW_TEXT);
    uint8_t bits[] = {0x80, 0x40, 0xe0, 0x50, 0xff, 0x80};
    struct draw_glyph glyphs[] = {{1, 1, 4, 4, 0, 1}, {2, 4, 9, 1, 4, 2}, {-1, 4, 4, 1, 0, 1}};

    draw.text.bpp = 1;
    draw.text.glyphs = glyphs;
    draw.text.n_glyphs = 2;
    draw.text.bits = bits;
    draw.text.fore_mode = SPICE_ROPD_OP_XOR; /* where glyphs meet, once */
    assert_true(scene_draw(&s, &draw));
    check_picture(&s, (const char *[]){
                          "............",
                          "..#.#.......", /* the last row of bits is the top one */
                          ".###........",
                          "..#.........",
                          ".##########.",
                          "............",
                          "............",
                      });
    surface_fill_black(s.dst);
    draw.text.top_down = true;
    draw.text.n_glyphs = 1;
    assert_true(scene_draw(&s, &draw));
    check_picture(&s, (const char *[]){
                          "............",
                          ".#..........",
                          "..#.........",
                          ".###........",
                          "..#.#.......",
                          "............",
                          "............",
                      });
    scene_free(&s);
}

static void clips_may_lie_beside_glyphs(void **state)
{
    struct scene s = black_scene();
    struct draw draw = shape(QXL_DRAW_TEXT);
    pixman_box32_t clip[] = {{0, 0, 2, 7}, {4, 2, 6, 4}, {9, 1, 12, 3}};
    uint8_t bits[] = {0xff, 0xff, 0xff};
    struct draw_glyph glyph = {3, 1, 4, 3, 0, 1};

    draw.clipped = true;
    draw.clip_rects = clip;
    draw.n_clip_rects = 3;
    draw.text.bpp = 1;
    draw.text.glyphs = &glyph;
    draw.text.n_glyphs = 1;
    draw.text.bits = bits;
    assert_true(scene_draw(&s, &draw));
    check_picture(&s, (const char *[]){
                          "............",
                          "............",
                          "....##......",
                          "....##......",
                          "............",
                          "............",
                          "............",
                      });
    scene_free(&s);
}

static void grey_glyphs_mix(void **state)
{
    static const uint8_t depths[] = {4, 8};

    for (int i = 0; i < 2; i++) {
        struct scene s = black_scene();
        struct draw draw = shape(QXL_DRAW_TEXT);
        uint8_t bits[] = {i ? 0xff : 0xf8, i ? 0x88 : 0x00, 0x00};
        struct draw_glyph glyph = {3, 2, 3, 1, 0, i ? 3 : 2};

        draw.text.bpp = depths[i];
        draw.text.glyphs = &glyph;
        draw.text.n_glyphs = 1;
        draw.text.bits = bits;
        draw.text.back_area = (pixman_box32_t){5, 2, 7, 3};
        draw.text.back_brush =
            (struct draw_brush){.type = SPICE_BRUSH_TYPE_SOLID, .color = 0x123456};
        draw.text.back_mode = SPICE_ROPD_OP_PUT;
        assert_true(scene_draw(&s, &draw));
        assert_int_equal(scene_now(&s, 3, 2) & 0xffffff, 0xffffff);
        assert_int_equal(scene_now(&s, 4, 2) & 0xffffff, 0x888888);
        assert_int_equal(scene_now(&s, 5, 2) & 0xffffff, 0x123456);
        assert_int_equal(scene_now(&s, 6, 2) & 0xffffff, 0x123456);
        assert_int_equal(scene_now(&s, 7, 2) & 0xffffff, 0);
        scene_free(&s);
    }
}

static void text_fails_whole(void **state)
{
    struct scene s = black_scene();
    struct draw draw = shape(QXL_DRAW_TEXT);
    uint8_t bits[] = {0xff};
    struct draw_glyph glyph = {3, 2, 3, 1, 0, 1};

    draw.text.bpp = 1;
    draw.text.glyphs = &glyph;
    draw.text.n_glyphs = 1;
    draw.text.bits = bits;
    draw.text.back_area = (pixman_box32_t){5, 2, 7, 3};
    draw.text.back_brush = draw.brush;
    draw.text.back_mode = SPICE_ROPD_OP_PUT;
    draw.brush.type = SPICE_BRUSH_TYPE_PATTERN;
    draw.brush.pattern = (struct qxl_image){.kind = QXL_IMAGE_SURFACE, .surface_id = 3};
    assert_false(scene_draw(&s, &draw));
    assert_memory_equal(s.before, s.dst->mem, s.dst->mem_size);
    scene_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_leave_out_their_last_pixel),
        cmocka_unit_test(crossings_are_painted_once),
        cmocka_unit_test(paths_close),
        cmocka_unit_test(dashes_go_on_around_corners),
        cmocka_unit_test(endless_paths_end),
        cmocka_unit_test(glyphs_of_bits),
        cmocka_unit_test(clips_may_lie_beside_glyphs),
        cmocka_unit_test(grey_glyphs_mix),
        cmocka_unit_test(text_fails_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
