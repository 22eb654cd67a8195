/* SPDX-License-Identifier: MIT */
/* FILL, OPAQUE, COPY, BLEND, BLACKNESS, WHITENESS, INVERS and ROP3 on every surface format, with
 * random boxes, clips, masks, sources, brushes and operations. */
#include "canvas_reference.h"

enum { WIDTH = 21, HEIGHT = 13, SRC = 40 };

/* Everything a random draw points at. */
struct operands {
    uint8_t src[SRC * SRC * 4];
    uint8_t pattern[5 * 3 * 4];
    uint8_t mask[SRC * 5];
    pixman_box32_t clip[3];
};

static uint32_t word(const uint8_t *bytes, int at)
{
    return bytes[4 * at] | bytes[4 * at + 1] << 8 | bytes[4 * at + 2] << 16 |
           (uint32_t)bytes[4 * at + 3] << 24;
}

static bool mask_lets(const struct draw *draw, int x, int y)
{
    const struct qxl_image *image = &draw->mask.image;
    int mx = x - draw->bbox.x1 + draw->mask.x, my = y - draw->bbox.y1 + draw->mask.y;

    if (image->kind == QXL_IMAGE_ABSENT)
        return true;
    if (mx < 0 || my < 0 || mx >= (int)image->width || my >= (int)image->height)
        return false;
    int row = image->top_down ? my : (int)image->height - 1 - my;
    int byte = image->pixels[row * (int)image->stride + mx / 8];
    int bit = image->format == SPICE_BITMAP_FMT_1BIT_BE ? byte >> (7 - mx % 8) : byte >> mx % 8;
    return (bit & 1) != draw->mask.inverted;
}

static uint32_t source_at(const struct scene *s, const struct draw *draw, int x, int y)
{
    const struct qxl_image *image = &draw->src;
    int sx = x - draw->bbox.x1 + draw->src_area.x1, sy = y - draw->bbox.y1 + draw->src_area.y1;
    int row = image->top_down ? sy : (int)image->height - 1 - sy;
    uint32_t argb = word(image->pixels, row * SRC + sx);

    if (image->format == SPICE_BITMAP_FMT_32BIT)
        argb |= 0xff000000;
    return raw_from_argb(s->dst->format, argb);
}

static uint32_t brush_at(const struct scene *s, const struct draw *draw, int x, int y)
{
    if (draw->brush.type == SPICE_BRUSH_TYPE_SOLID)
        return draw->brush.color;
    if (draw->brush.type == SPICE_BRUSH_TYPE_NONE)
        return 0;
    int px = (x - draw->brush.x) % 5, py = (y - draw->brush.y) % 3;
    px += px < 0 ? 5 : 0;
    py += py < 0 ? 3 : 0;
    return raw_from_argb(s->dst->format,
                         0xff000000 | word(draw->brush.pattern.pixels, py * 5 + px));
}

static uint32_t by_descriptor(uint16_t rop, bool invert_a, bool invert_b, uint32_t a, uint32_t b,
                              uint32_t dst)
{
    a = invert_a ? ~a : a;
    b = invert_b ? ~b : b;
    uint32_t result = rop & SPICE_ROPD_OP_OR          ? a | b
                      : rop & SPICE_ROPD_OP_AND       ? a & b
                      : rop & SPICE_ROPD_OP_XOR       ? a ^ b
                      : rop & SPICE_ROPD_OP_BLACKNESS ? 0
                      : rop & SPICE_ROPD_OP_WHITENESS ? 0xffffffff
                      : rop & SPICE_ROPD_OP_INVERS    ? ~dst
                                                      : a;
    return rop & SPICE_ROPD_INVERS_RES ? ~result : result;
}

static uint32_t by_rop3(uint8_t code, uint32_t p, uint32_t s, uint32_t d)
{
    uint32_t result = 0;

    for (int i = 0; i < 32; i++)
        if (code >> ((p >> i & 1) * 4 + (s >> i & 1) * 2 + (d >> i & 1)) & 1)
            result |= 1u << i;
    return result;
}

static uint32_t expected(const struct scene *s, const struct draw *draw, int x, int y,
                         const void *data)
{
    uint32_t dst = scene_before(s, (uint32_t)x, (uint32_t)y);
    bool brush = draw->rop & SPICE_ROPD_INVERS_BRUSH, src = draw->rop & SPICE_ROPD_INVERS_SRC;
    bool dest = draw->rop & SPICE_ROPD_INVERS_DEST;

    if (!mask_lets(draw, x, y))
        return dst;
    switch (draw->kind) {
    case QXL_DRAW_FILL:
        return by_descriptor(draw->rop, brush, dest, brush_at(s, draw, x, y), dst, dst);
    case QXL_DRAW_OPAQUE:
        return by_descriptor(draw->rop, brush, src, brush_at(s, draw, x, y),
                             source_at(s, draw, x, y), dst);
    case QXL_DRAW_BLACKNESS:
        return 0;
    case QXL_DRAW_WHITENESS:
        return 0xffffffff;
    case QXL_DRAW_INVERS:
        return ~dst;
    case QXL_DRAW_ROP3:
        return by_rop3((uint8_t)draw->rop, brush_at(s, draw, x, y), source_at(s, draw, x, y), dst);
    default:
        return by_descriptor(draw->rop, src, dest, source_at(s, draw, x, y), dst, dst);
    }
}

static void noise(struct scene *s, uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(scene_random(s) >> 8);
}

static struct qxl_image bitmap(uint8_t format, uint32_t width, uint32_t height, uint32_t stride,
                               const uint8_t *pixels, bool top_down)
{
    return (struct qxl_image){
        .kind = QXL_IMAGE_BITMAP,
        .format = format,
        .width = width,
        .height = height,
        .stride = stride,
        .pixels = pixels,
        .top_down = top_down,
    };
}

static struct draw random_draw(struct scene *s, struct operands *o, uint8_t kind)
{
    struct draw draw = {.kind = kind, .rop = (uint16_t)(8u << scene_below(s, 7))};

    noise(s, o->src, sizeof(o->src));
    noise(s, o->pattern, sizeof(o->pattern));
    noise(s, o->mask, sizeof(o->mask));
    draw.rop |= (uint16_t)(scene_below(s, 8) | scene_below(s, 2) * SPICE_ROPD_INVERS_RES);
    draw.bbox.x1 = scene_below(s, WIDTH) - 6;
    draw.bbox.y1 = scene_below(s, HEIGHT) - 6;
    draw.bbox.x2 = draw.bbox.x1 + 1 + scene_below(s, 30);
    draw.bbox.y2 = draw.bbox.y1 + 1 + scene_below(s, 20);
    draw.src = bitmap(scene_below(s, 2) ? SPICE_BITMAP_FMT_32BIT : SPICE_BITMAP_FMT_RGBA, SRC, SRC,
                      SRC * 4, o->src, scene_below(s, 2));
    draw.src_area.x1 = scene_below(s, 10);
    draw.src_area.y1 = scene_below(s, 10);
    draw.src_area.x2 = draw.src_area.x1 + draw.bbox.x2 - draw.bbox.x1;
    draw.src_area.y2 = draw.src_area.y1 + draw.bbox.y2 - draw.bbox.y1;
    draw.brush.type = (uint8_t)scene_below(s, 3);
    draw.brush.color = scene_random(s);
    draw.brush.pattern = bitmap(SPICE_BITMAP_FMT_32BIT, 5, 3, 20, o->pattern, true);
    draw.brush.x = scene_below(s, 40) - 20;
    draw.brush.y = scene_below(s, 40) - 20;
    if (scene_below(s, 3) == 0) {
        draw.mask.image =
            bitmap(scene_below(s, 2) ? SPICE_BITMAP_FMT_1BIT_LE : SPICE_BITMAP_FMT_1BIT_BE, 25, 18,
                   5, o->mask, scene_below(s, 2));
        draw.mask.inverted = scene_below(s, 2);
        draw.mask.x = scene_below(s, 10) - 5;
        draw.mask.y = scene_below(s, 10) - 5;
    }
    if (scene_below(s, 2))
        scene_clip(s, &draw, o->clip, (uint32_t)scene_below(s, 4));
    return draw;
}

static void check_kind(uint8_t kind)
{
    struct operands o;

    for (size_t f = 0; f < sizeof(scene_formats) / sizeof(scene_formats[0]); f++) {
        struct scene s = scene_make(scene_formats[f], WIDTH, HEIGHT, f % 2);
        for (int i = 0; i < 150; i++) {
            struct draw draw = random_draw(&s, &o, kind);
            scene_check(&s, &draw, expected, NULL);
        }
        scene_free(&s);
    }
}

static void fill(void **state)
{
    check_kind(QXL_DRAW_FILL);
}

static void opaque(void **state)
{
    check_kind(QXL_DRAW_OPAQUE);
}

static void copy(void **state)
{
    check_kind(QXL_DRAW_COPY);
}

static void blend(void **state)
{
    check_kind(QXL_DRAW_BLEND);
}

static void blackness(void **state)
{
    check_kind(QXL_DRAW_BLACKNESS);
}

static void whiteness(void **state)
{
    check_kind(QXL_DRAW_WHITENESS);
}

static void invers(void **state)
{
    check_kind(QXL_DRAW_INVERS);
}

static void every_rop3(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_ARGB, WIDTH, HEIGHT, true);
    struct operands o;

    for (int code = 0; code < 256; code++) {
        struct draw draw = random_draw(&s, &o, QXL_DRAW_ROP3);
        draw.rop = (uint16_t)code;
        scene_check(&s, &draw, expected, NULL);
    }
    scene_free(&s);
}

static void empty_boxes_draw_nothing(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, false);
    struct draw draw = {.kind = QXL_DRAW_WHITENESS, .bbox = {5, 5, 5, 9}};

    scene_check(&s, &draw, expected, NULL);
    draw.bbox = (pixman_box32_t){-9, -9, 0, 0};
    scene_check(&s, &draw, expected, NULL);
    scene_free(&s);
}

static void wrong_operands_draw_nothing(void **state)
{
    struct scene s = scene_make(SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, false);
    struct operands o;
    struct draw draw = random_draw(&s, &o, QXL_DRAW_COPY);

    draw.bbox = (pixman_box32_t){0, 0, 4, 4};
    draw.rop = SPICE_ROPD_OP_PUT;
    draw.src_area = (pixman_box32_t){SRC - 3, 0, SRC + 1, 4}; /* not inside */
    draw.clipped = false;
    assert_false(scene_draw(&s, &draw));
    draw.src_area = (pixman_box32_t){-1, 0, 3, 4};
    assert_false(scene_draw(&s, &draw));
    draw.src = (struct qxl_image){.kind = QXL_IMAGE_SURFACE, .surface_id = 2};
    draw.src_area = (pixman_box32_t){0, 0, 4, 4};
    assert_false(scene_draw(&s, &draw));
    draw.surface_id = 3;
    assert_false(scene_draw(&s, &draw));
    assert_memory_equal(s.before, s.dst->mem, s.dst->mem_size);
    scene_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fill),
        cmocka_unit_test(opaque),
        cmocka_unit_test(copy),
        cmocka_unit_test(blend),
        cmocka_unit_test(blackness),
        cmocka_unit_test(whiteness),
        cmocka_unit_test(invers),
        cmocka_unit_test(every_rop3),
        cmocka_unit_test(empty_boxes_draw_nothing),
        cmocka_unit_test(wrong_operands_draw_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
