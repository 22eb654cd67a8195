/* SPDX-License-Identifier: MIT */
/* Images come out of guest memory whole, or not at all. */
#include "guest_memory.h"

/* Reads a COPY of the image at `src`; the draw must be cleared when it is OK. */
static enum qxl_read_status read_copy(struct guest_memory *m, QXLPHYSICAL src, uint32_t flags,
                                      struct draw *out, const char **reason)
{
    QXLDrawable d = {.type = QXL_DRAW_COPY, .effect = QXL_EFFECT_OPAQUE};

    d.bbox = d.u.copy.src_area = (QXLRect){0, 0, 1, 1};
    d.u.copy.src_bitmap = src;
    d.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    return qxl_read_draw(m->slots, GUEST_GROUP, guest_put(m, &d, sizeof(d)), flags, out, reason);
}

static enum qxl_read_status read_bitmap(struct guest_memory *m, const QXLBitmap *bitmap,
                                        struct draw *out)
{
    const char *reason;
    enum qxl_read_status status = read_copy(m, guest_put_bitmap(m, bitmap), 0, out, &reason);

    assert_true((status == QXL_READ_OK) == (reason == NULL));
    return status;
}

static QXLBitmap rgb32(uint32_t width, uint32_t height)
{
    return (QXLBitmap){
        .format = SPICE_BITMAP_FMT_32BIT,
        .flags = QXL_BITMAP_TOP_DOWN,
        .x = width,
        .y = height,
        .stride = width * 4,
    };
}

static void one_chunk_is_borrowed(void **state)
{
    struct guest_memory m = guest_memory_make();
    uint8_t bytes[48];
    struct draw draw;
    QXLBitmap bitmap = rgb32(4, 3);

    memset(bytes, 0x5a, sizeof(bytes));
    bitmap.data = guest_put_chunk(&m, NULL, 0, 0, bytes, sizeof(bytes));
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_OK);
    assert_int_equal(draw.src.kind, QXL_IMAGE_BITMAP);
    assert_int_equal(draw.src.width, 4);
    assert_int_equal(draw.src.height, 3);
    assert_int_equal(draw.src.id, 77);
    assert_true(draw.src.borrowed && draw.src.top_down);
    assert_memory_equal(draw.src.pixels, bytes, sizeof(bytes));
    draw_clear(&draw);

    bitmap.flags |= QXL_BITMAP_DIRECT;
    bitmap.data += sizeof(QXLDataChunk);
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_OK);
    assert_true(draw.src.borrowed);
    assert_memory_equal(draw.src.pixels, bytes, sizeof(bytes));
    draw_clear(&draw);
    guest_memory_free(&m);
}

static void chunks_are_joined(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    QXLBitmap bitmap = rgb32(4, 1);
    QXLPHYSICAL next = guest_put_chunk(&m, NULL, 0, 0, "klmnopq", 7);

    next = guest_put_chunk(&m, NULL, 0, next, "", 0);
    bitmap.data = guest_put_chunk(&m, NULL, 0, next, "abcdefghij", 10);
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_OK);
    assert_false(draw.src.borrowed);
    assert_memory_equal(draw.src.pixels, "abcdefghijklmnop", 16);
    draw_clear(&draw);
    guest_memory_free(&m);
}

static void endless_chunks_end(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    QXLBitmap bitmap = rgb32(4, 1);
    QXLPHYSICAL self = guest_address(m.used);

    bitmap.data = guest_put_chunk(&m, NULL, 0, self, "", 0);
    assert_int_equal(bitmap.data, self);
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_TOO_LARGE);
    guest_memory_free(&m);
}

static void short_or_wild_chunks_are_refused(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    QXLBitmap bitmap = rgb32(4, 1);

    bitmap.data = guest_put_chunk(&m, NULL, 0, 0, "abc", 3);
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_BAD_VALUE);
    bitmap.data = guest_put_chunk(&m, NULL, 0, 0, "abcdefghijklmno", 15);
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_BAD_VALUE);
    bitmap.data = guest_put_chunk(&m, NULL, 0, guest_address(GUEST_SIZE - 8), "abc", 3);
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_BAD_ADDRESS);
    bitmap.data = guest_put_chunk(&m, NULL, 0, 0, "abc", 3);
    memset(m.bytes + (bitmap.data & 0xffff), 0xff, 4); /* its size */
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_BAD_ADDRESS);
    bitmap.data = 0;
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_BAD_ADDRESS);
    guest_memory_free(&m);
}

static void sizes_are_checked(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    QXLBitmap good = rgb32(4, 2), bitmap;

    good.flags |= QXL_BITMAP_DIRECT;
    good.data = guest_address(0);
    assert_int_equal(read_bitmap(&m, &good, &draw), QXL_READ_OK);
    draw_clear(&draw);

    bitmap = good;
    bitmap.stride = 15;
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_BAD_VALUE);
    bitmap = good;
    bitmap.x = 0;
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_BAD_VALUE);
    bitmap = good;
    bitmap.x = 0x40000001; /* times 4 wraps in 32 bits */
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_BAD_VALUE);
    bitmap = good;
    bitmap.stride = 0x80000000;
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_TOO_LARGE);
    bitmap = good;
    bitmap.y = 5000;
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_BAD_ADDRESS);
    bitmap = good;
    bitmap.format = SPICE_BITMAP_FMT_ENUM_END;
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_BAD_VALUE);
    bitmap.format = SPICE_BITMAP_FMT_INVALID;
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_BAD_VALUE);
    guest_memory_free(&m);
}

static void descriptor_may_not_exceed_bitmap(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    const char *reason;
    QXLBitmap bitmap = rgb32(4, 2);

    bitmap.flags |= QXL_BITMAP_DIRECT;
    bitmap.data = guest_address(0);
    QXLPHYSICAL at = guest_put_bitmap(&m, &bitmap);
    QXLImage *image = (QXLImage *)(m.bytes + (at & 0xffff));
    image->descriptor.height = 3;
    assert_int_equal(read_copy(&m, at, 0, &draw, &reason), QXL_READ_BAD_VALUE);
    guest_memory_free(&m);
}

static QXLBitmap paletted(struct guest_memory *m, uint16_t entries, const uint32_t *colors,
                          size_t n)
{
    uint8_t bytes[sizeof(QXLPalette) + 1024] = {0};
    QXLPalette head = {.unique = 42, .num_ents = entries};

    memcpy(bytes, &head, sizeof(head));
    memcpy(bytes + sizeof(head), colors, n * sizeof(*colors));
    return (QXLBitmap){
        .format = SPICE_BITMAP_FMT_8BIT,
        .flags = QXL_BITMAP_DIRECT,
        .x = 2,
        .y = 1,
        .stride = 2,
        .palette = guest_put(m, bytes, sizeof(head) + n * sizeof(*colors)),
        .data = guest_address(0),
    };
}

static void palettes_are_padded(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    QXLBitmap bitmap = paletted(&m, 2, (uint32_t[]){0xff112233, 0x445566}, 2);

    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_OK);
    assert_int_equal(draw.src.palette[0], 0x112233);
    assert_int_equal(draw.src.palette[1], 0x445566);
    assert_int_equal(draw.src.palette[2], 0);
    assert_int_equal(draw.src.palette[255], 0);
    assert_int_equal(draw.src.palette_id, 42);
    draw_clear(&draw);
    guest_memory_free(&m);
}

static void palettes_of_16_bit_guests_are_widened(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    const char *reason;
    QXLBitmap bitmap = paletted(&m, 2, (uint32_t[]){0x7c00, 0x03ff}, 2);

    assert_int_equal(
        read_copy(&m, guest_put_bitmap(&m, &bitmap), QXL_COMMAND_FLAG_COMPAT_16BPP, &draw, &reason),
        QXL_READ_OK);
    assert_int_equal(draw.src.palette[0], 0xff0000);
    assert_int_equal(draw.src.palette[1], 0x00ffff);
    draw_clear(&draw);
    guest_memory_free(&m);
}

static void bad_palettes_are_refused(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    uint32_t color = 0;
    QXLBitmap bitmap = paletted(&m, 257, &color, 1);

    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_TOO_LARGE);
    bitmap.palette = 0;
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_BAD_VALUE);
    bitmap.palette = guest_address(GUEST_SIZE - 4);
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_BAD_ADDRESS);
    QXLPalette head = {.num_ents = 2};
    memcpy(m.bytes + GUEST_SIZE - sizeof(head), &head, sizeof(head));
    bitmap.palette = guest_address(GUEST_SIZE - sizeof(head)); /* entries lie outside */
    assert_int_equal(read_bitmap(&m, &bitmap, &draw), QXL_READ_BAD_ADDRESS);
    guest_memory_free(&m);
}

static void image_types(void **state)
{
    struct guest_memory m = guest_memory_make();
    struct draw draw;
    const char *reason;
    QXLImage image = {.descriptor = {.type = SPICE_IMAGE_TYPE_SURFACE, .width = 9, .height = 8}};

    image.surface_image.surface_id = 6;
    assert_int_equal(read_copy(&m, guest_put(&m, &image, sizeof(image)), 0, &draw, &reason),
                     QXL_READ_OK);
    assert_int_equal(draw.src.kind, QXL_IMAGE_SURFACE);
    assert_int_equal(draw.src.surface_id, 6);
    draw_clear(&draw);
    image.descriptor.type = SPICE_IMAGE_TYPE_QUIC;
    assert_int_equal(read_copy(&m, guest_put(&m, &image, sizeof(image)), 0, &draw, &reason),
                     QXL_READ_UNSUPPORTED);
    image.descriptor.type = SPICE_IMAGE_TYPE_FROM_CACHE;
    assert_int_equal(read_copy(&m, guest_put(&m, &image, sizeof(image)), 0, &draw, &reason),
                     QXL_READ_BAD_VALUE);
    assert_int_equal(read_copy(&m, 0, 0, &draw, &reason), QXL_READ_BAD_VALUE);
    assert_int_equal(read_copy(&m, guest_address(GUEST_SIZE - 3), 0, &draw, &reason),
                     QXL_READ_BAD_ADDRESS);
    guest_memory_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_chunk_is_borrowed),
        cmocka_unit_test(chunks_are_joined),
        cmocka_unit_test(endless_chunks_end),
        cmocka_unit_test(short_or_wild_chunks_are_refused),
        cmocka_unit_test(sizes_are_checked),
        cmocka_unit_test(descriptor_may_not_exceed_bitmap),
        cmocka_unit_test(palettes_are_padded),
        cmocka_unit_test(palettes_of_16_bit_guests_are_widened),
        cmocka_unit_test(bad_palettes_are_refused),
        cmocka_unit_test(image_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
