/* SPDX-License-Identifier: MIT */
/* Draw commands of both layouts, their clips, brushes, masks, paths and strings. */
#include "guest_memory.h"

static enum qxl_read_status read_draw(struct guest_memory *m, const QXLDrawable *d,
                                      struct draw *out)
{
    const char *reason;
    enum qxl_read_status status =
        qxl_read_draw(m->slots, GUEST_GROUP, guest_put(m, d, sizeof(*d)), 0, out, &reason);

    assert_true((status == QXL_READ_OK) == (reason == NULL));
    return status;
}

static QXLDrawable fill(void)
{
    QXLDrawable d = {.type = QXL_DRAW_FILL, .surface_id = 3, .effect = QXL_EFFECT_OPAQUE};

    d.bbox = (QXLRect){.top = 1, .left = 2, .bottom = 30, .right = 40};
    d.mm_time = 99;
    d.u.fill.brush.type = SPICE_BRUSH_TYPE_SOLID;
    d.u.fill.brush.u.color = 0x123456;
    d.u.fill.rop_descriptor = SPICE_ROPD_OP_XOR;
    return d;
}

static void reads_a_fill(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    QXLDrawable d = fill();

    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_OK);
    assert_int_equal(draw.kind, QXL_DRAW_FILL);
    assert_int_equal(draw.surface_id, 3);
    assert_int_equal(draw.mm_time, 99);
    assert_int_equal(draw.bbox.x1, 2);
    assert_int_equal(draw.bbox.y1, 1);
    assert_int_equal(draw.bbox.x2, 40);
    assert_int_equal(draw.bbox.y2, 30);
    assert_int_equal(draw.brush.color, 0x123456);
    assert_int_equal(draw.rop, SPICE_ROPD_OP_XOR);
    assert_false(draw.clipped);
    draw_clear(&draw);
    guest_memory_free(&m);
}

static void knows_a_plain_copy(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    QXLDrawable d = {.type = QXL_DRAW_COPY, .effect = QXL_EFFECT_OPAQUE, .bbox = {5, 5, 7, 7}};
    QXLBitmap bitmap = {.format = SPICE_BITMAP_FMT_32BIT,
                        .flags = QXL_BITMAP_DIRECT,
                        .x = 2,
                        .y = 2,
                        .stride = 8,
                        .data = guest_address(0)};

    d.u.copy.src_bitmap = guest_put_bitmap(&m, &bitmap);
    d.u.copy.src_area = (QXLRect){0, 0, 2, 2};
    d.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_OK);
    assert_true(draw_is_plain_copy(&draw));
    draw.bbox.x2++;
    assert_false(draw_is_plain_copy(&draw));
    draw_clear(&draw);
    d.u.copy.rop_descriptor = SPICE_ROPD_OP_XOR;
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_OK);
    assert_false(draw_is_plain_copy(&draw));
    draw_clear(&draw);
    guest_memory_free(&m);
}

static void compat_layout(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    const char *reason;
    QXLCompatDrawable d = {.type = QXL_DRAW_ALPHA_BLEND, .bitmap_offset = 10};
    uint32_t flags = QXL_COMMAND_FLAG_COMPAT;

    d.bitmap_area = (QXLRect){1, 2, 5, 6};
    d.bbox = (QXLRect){7, 8, 11, 12};
    d.u.alpha_blend.alpha = 200;
    d.u.alpha_blend.src_area = (QXLRect){0, 0, 4, 4};
    QXLPHYSICAL at = guest_put(&m, &d, sizeof(d));
    assert_int_equal(qxl_read_draw(m.slots, GUEST_GROUP, at, flags, &draw, &reason), QXL_READ_OK);
    assert_int_equal(draw.surface_id, 0);
    assert_int_equal(draw.alpha, 200);
    assert_int_equal(draw.alpha_flags, 0);
    assert_int_equal(draw.bbox.y1, 7);
    assert_int_equal(draw.src.kind, QXL_IMAGE_SELF);
    assert_int_equal(draw.self_area.x1, 2);
    draw_clear(&draw);

    d.type = QXL_DRAW_COMPOSITE;
    at = guest_put(&m, &d, sizeof(d));
    assert_int_equal(qxl_read_draw(m.slots, GUEST_GROUP, at, flags, &draw, &reason),
                     QXL_READ_BAD_VALUE);
    guest_memory_free(&m);
}

static QXLPHYSICAL put_clip(struct guest_memory *m, uint32_t claimed, const QXLRect *rects,
                            size_t n)
{
    return guest_put_chunk(m, &claimed, sizeof(claimed), 0, rects, n * sizeof(*rects));
}

static void clips_are_lists_of_boxes(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    QXLDrawable d = fill();
    QXLRect rects[] = {
        {1, 2, 3, 4}, {9, 9, 9, 9}, {INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX}, {8, 8, 2, 2}};

    d.clip.type = SPICE_CLIP_TYPE_RECTS;
    d.clip.data = put_clip(&m, 4, rects, 4);
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_OK);
    assert_true(draw.clipped);
    assert_int_equal(draw.n_clip_rects, 2);
    assert_int_equal(draw.clip_rects[0].x1, 2);
    assert_int_equal(draw.clip_rects[0].y2, 3);
    assert_int_equal(draw.clip_rects[1].x1, -DRAW_COORD_MAX);
    assert_int_equal(draw.clip_rects[1].y2, DRAW_COORD_MAX);
    draw_clear(&draw);

    d.clip.data = put_clip(&m, 0, rects, 0);
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_OK);
    assert_true(draw.clipped && draw.n_clip_rects == 0);
    draw_clear(&draw);
    guest_memory_free(&m);
}

static void bad_clips_are_refused(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    QXLDrawable d = fill();
    QXLRect rect = {1, 2, 3, 4};

    d.clip.type = SPICE_CLIP_TYPE_RECTS;
    d.clip.data = put_clip(&m, 2, &rect, 1);
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_BAD_VALUE);
    d.clip.data = put_clip(&m, QXL_MAX_CLIP_RECTS + 1, &rect, 1);
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_TOO_LARGE);
    d.clip.data = put_clip(&m, UINT32_MAX, &rect, 1);
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_TOO_LARGE);
    d.clip.data = 0;
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_BAD_ADDRESS);
    d.clip.type = 2;
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_BAD_VALUE);
    guest_memory_free(&m);
}

static void bad_values_are_refused(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    QXLDrawable d = fill();

    d.type = 15;
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_BAD_VALUE);
    d = fill();
    d.bbox.right = d.bbox.left - 1;
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_BAD_VALUE);
    d = fill();
    d.bbox.bottom = INT32_MAX;
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_BAD_VALUE);
    d = fill();
    d.u.fill.brush.type = 3;
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_BAD_VALUE);
    d = fill();
    d.u.fill.brush.type = SPICE_BRUSH_TYPE_PATTERN;
    d.u.fill.brush.u.pattern.pat = 0;
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_BAD_VALUE);
    guest_memory_free(&m);
}

static void drawable_must_lie_in_its_slot(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    const char *reason;
    QXLPHYSICAL at = guest_address(GUEST_SIZE - sizeof(QXLDrawable) + 1);

    assert_int_equal(qxl_read_draw(m.slots, GUEST_GROUP, at, 0, &draw, &reason),
                     QXL_READ_BAD_ADDRESS);
    assert_string_equal(reason, "drawable is not in a memory slot");
    assert_ptr_equal(qxl_release_info_of(m.slots, GUEST_GROUP, guest_address(16)), m.bytes + 16);
    assert_null(qxl_release_info_of(m.slots, GUEST_GROUP, guest_address(GUEST_SIZE - 7)));
    guest_memory_free(&m);
}

static void masks_are_bits(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    QXLDrawable d = fill();
    QXLBitmap bitmap = {.format = SPICE_BITMAP_FMT_1BIT_BE,
                        .flags = QXL_BITMAP_DIRECT,
                        .x = 9,
                        .y = 2,
                        .stride = 2,
                        .data = guest_address(0)};

    d.u.fill.mask = (QXLQMask){SPICE_MASK_FLAGS_INVERS, {3, 4}, guest_put_bitmap(&m, &bitmap)};
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_OK);
    assert_int_equal(draw.mask.image.kind, QXL_IMAGE_BITMAP);
    assert_true(draw.mask.inverted && draw.mask.x == 3 && draw.mask.y == 4);
    draw_clear(&draw);
    bitmap.format = SPICE_BITMAP_FMT_8BIT_A;
    bitmap.stride = 9;
    d.u.fill.mask.bitmap = guest_put_bitmap(&m, &bitmap);
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_BAD_VALUE);
    guest_memory_free(&m);
}

static QXLDrawable stroke(struct guest_memory *m, const uint32_t *words, size_t n)
{
    QXLDrawable d = {.type = QXL_DRAW_STROKE, .bbox = {0, 0, 9, 9}};
    uint32_t size = (uint32_t)(n * 4);

    d.u.stroke.path = guest_put_chunk(m, &size, sizeof(size), 0, words, size);
    return d;
}

static void paths_are_lists_of_segments(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    QXLDrawable d = stroke(&m, (uint32_t[]){1, 2, 16, 32, 48, 64, 2, 1, 80, 96}, 10);

    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_OK);
    assert_int_equal(draw.stroke.n_segments, 2);
    assert_int_equal(draw.stroke.n_points, 3);
    assert_int_equal(draw.stroke.segments[1].first, 2);
    assert_int_equal(draw.stroke.segments[1].flags, SPICE_PATH_END);
    assert_int_equal(draw.stroke.points[2].y, 96);
    draw_clear(&draw);
    d = stroke(&m, (uint32_t[]){1, 3, 16, 32, 48, 64}, 6); /* a point is missing */
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_BAD_VALUE);
    d = stroke(&m, (uint32_t[]){1, 0xffffffff, 16, 32}, 4);
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_BAD_VALUE);
    d = stroke(&m, (uint32_t[]){1, 1, 0x7fffffff, 32}, 4);
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_BAD_VALUE);
    guest_memory_free(&m);
}

static void strings_are_lists_of_glyphs(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    QXLDrawable d = {.type = QXL_DRAW_TEXT, .bbox = {0, 0, 9, 9}};
    struct {
        uint32_t size;
        uint16_t length, flags;
    } head = {sizeof(QXLRasterGlyph) + 4, 1, SPICE_STRING_FLAGS_RASTER_A1};
    uint8_t bytes[sizeof(QXLRasterGlyph) + 4];
    QXLRasterGlyph glyph = {
        .render_pos = {10, 20}, .glyph_origin = {-1, -2}, .width = 9, .height = 2};

    memcpy(bytes, &glyph, sizeof(glyph));
    memcpy(bytes + sizeof(glyph), "\1\2\3\4", 4);
    d.u.text.str = guest_put_chunk(&m, &head, sizeof(head), 0, bytes, sizeof(bytes));
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_OK);
    assert_int_equal(draw.text.n_glyphs, 1);
    assert_int_equal(draw.text.bpp, 1);
    assert_int_equal(draw.text.glyphs[0].x, 9);
    assert_int_equal(draw.text.glyphs[0].y, 18);
    assert_int_equal(draw.text.glyphs[0].stride, 2);
    assert_memory_equal(draw.text.bits + draw.text.glyphs[0].at, "\1\2\3\4", 4);
    draw_clear(&draw);

    head.length = 2; /* the second one is missing */
    d.u.text.str = guest_put_chunk(&m, &head, sizeof(head), 0, bytes, sizeof(bytes));
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_BAD_VALUE);
    head.length = 1;
    head.flags = SPICE_STRING_FLAGS_RASTER_A8; /* the bits are too few */
    d.u.text.str = guest_put_chunk(&m, &head, sizeof(head), 0, bytes, sizeof(bytes));
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_BAD_VALUE);
    guest_memory_free(&m);
}

static void glyphs_follow_each_other(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    QXLDrawable d = {.type = QXL_DRAW_TEXT, .bbox = {0, 0, 9, 9}};
    struct {
        uint32_t size;
        uint16_t length, flags;
    } head = {2 * sizeof(QXLRasterGlyph) + 6 + 5, 2, SPICE_STRING_FLAGS_RASTER_A4};
    uint8_t bytes[2 * sizeof(QXLRasterGlyph) + 6 + 5] = {0};
    QXLRasterGlyph first = {.width = 3, .height = 3}, second = {.width = 1, .height = 5};

    memcpy(bytes, &first, sizeof(first));
    memcpy(bytes + sizeof(first) + 6, &second, sizeof(second));
    d.u.text.str = guest_put_chunk(&m, &head, sizeof(head), 0, bytes, sizeof(bytes));
    assert_int_equal(read_draw(&m, &d, &draw), QXL_READ_OK);
    assert_int_equal(draw.text.glyphs[1].height, 5);
    assert_int_equal(draw.text.glyphs[1].at, 2 * sizeof(QXLRasterGlyph) + 6);
    draw_clear(&draw);
    guest_memory_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_fill),
        cmocka_unit_test(knows_a_plain_copy),
        cmocka_unit_test(compat_layout),
        cmocka_unit_test(clips_are_lists_of_boxes),
        cmocka_unit_test(bad_clips_are_refused),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(drawable_must_lie_in_its_slot),
        cmocka_unit_test(masks_are_bits),
        cmocka_unit_test(paths_are_lists_of_segments),
        cmocka_unit_test(strings_are_lists_of_glyphs),
        cmocka_unit_test(glyphs_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
