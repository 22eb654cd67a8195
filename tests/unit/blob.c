/* SPDX-License-Identifier: MIT */
/* Migration bodies: the bytes other servers write, our trailer behind them, and hostile ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <spice/enums.h>

#include "base/buf.h"
#include "migrate/blob.h"

/* ---- Bodies as another server writes them ---- */

/* A desktop in VGA mode: one surface. */
static const uint8_t display_bytes[] = {
    'D', 'C',  'M',  'D', 1, 0, 0, 0, 28, 0, 0, 0, 0, 0, 0, 0, /* message serial */
    0,   1,                                                    /* low bandwidth, cache id */
    0,   0,    0x40, 1,   0, 0, 0, 0,                          /* cache size 20971520 */
    1,                                                         /* freezer */
    0,   0,    0,    0,   0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 0, 0,
    0,   0,    0,    0,   0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 0, 1, /* glz id */
    0,   0xfc, 0x5f, 0,                                        /* glz window 6290432 */
    4,   0,    0,    0,                                        /* encoders */
    18,  0,    0,    0,   0, 0, 0, 0,                          /* next image id */
    80,  0,    0,    0,   1, 0, 0, 0, 0,  0, 0, 0,             /* one surface: 0 */
};

/* Agent on, 35 bytes not yet written to the guest. */
static const uint8_t main_bytes[] = {
    'M', 'N', 'M', 'D', 1,    0,    0,    0,    1,  0,  0,  0,  1, /* version, connected */
    9,   0,   0,   0,   0xff, 0xff, 0xff, 0xff,                    /* tokens */
    35,  0,   0,   0,   1,    0,    0,    0,    65, 0,  0,  0,     /* bytes to write */
    1,                                                             /* agent started */
    0,   0,   0,   0,   0,    0,    0,    0,    0,  0,  0,  0,  0,  0,  0,  0,  0,
    0,   0,   0,   0,   0,    0,    0,    0,    0,  0,  0,  0,  0,  0,  0,  1,  2,
    3,   4,   5,   6,   7,    8,    9,    10,   11, 12, 13, 14, 15, 16, 17, 18, 19,
    20,  21,  22,  23,  24,   25,   26,   27,   28, 29, 30, 31, 32, 33, 34,
};

static const uint8_t main_without_agent[65] = {'M', 'N', 'M', 'D', 1, 0, 0, 0, 1};

/* In the middle of an agent message's header. */
static const uint8_t
    main_partial[] =
        {
            'M',  'N',  'M',  'D', 1, 0,    0,    0, 1, 0, 0,    0, 1, 10, 0, 0,
            0,    5,    0,    0,   0, 0,    0,    0, 0, 0, 0,    0, 0, 0,  0, 0,
            0,    1,    8,    0,   0, 0,    1,    0, 0, 0, 0x44, 1, 0, 0, /* chunk: header read,
                                                                             port 1, 0x144 left */
            0,    3,    0,    0,   0, 65,   0,    0, 0,    /* 3 bytes of the message's header */
            0,    0,    0,    0,   0, 0x11, 0x22, 0, 0, 2, /* client's message: 0x2211 left, broken
                                                            */
            0xaa, 0xbb, 0xcc,
};

static const uint8_t inputs_bytes[] = {'I', 'C', 'M', 'D', 1, 0, 0, 0, 3, 0};

static void check_saved(const struct buf *out, const uint8_t *expected, size_t len)
{
    assert_int_equal(out->len, len);
    assert_memory_equal(out->data, expected, len);
}

static void main_reads_and_writes_as_others_do(void **state)
{
    static const struct {
        const uint8_t *bytes;
        size_t len;
    } rows[] = {
        {main_bytes, sizeof(main_bytes)},
        {main_without_agent, sizeof(main_without_agent)},
        {main_partial, sizeof(main_partial)},
    };

    assert_int_equal(sizeof(main_bytes), 100);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct main_state m;
        struct buf out = BUF_INIT;

        assert_true(blob_main_load(rows[i].bytes, rows[i].len, &m, NULL));
        assert_true(blob_main_save(&m, &out, NULL));
        check_saved(&out, rows[i].bytes, rows[i].len);
        buf_free(&out);
        blob_main_free(&m);
    }
}

static void main_fields_are_where_they_belong(void **state)
{
    struct main_state m;

    assert_true(blob_main_load(main_bytes, sizeof(main_bytes), &m, NULL));
    assert_true(m.agent.connected);
    assert_int_equal(m.agent.num_client_tokens, 9);
    assert_int_equal(m.agent.num_send_tokens, UINT32_MAX);
    assert_int_equal(m.agent.write_size, 35);
    assert_int_equal(m.agent.write_num_client_tokens, 1);
    assert_memory_equal(m.agent.write_data, main_bytes + 65, 35);
    assert_true(m.client_agent_started);
    assert_null(m.a2c.msg_header);
    assert_false(m.has_mouse_mode);
    blob_main_free(&m);
    assert_true(blob_main_load(main_partial, sizeof(main_partial), &m, NULL));
    assert_int_equal(m.a2c.chunk_header_size, 8);
    assert_int_equal(m.a2c.chunk_port, 1);
    assert_int_equal(m.a2c.chunk_size, 0x144);
    assert_int_equal(m.a2c.msg_header_len, 3);
    assert_memory_equal(m.a2c.msg_header, "\xaa\xbb\xcc", 3);
    assert_int_equal(m.c2a.msg_remaining, 0x2211);
    assert_int_equal(m.c2a.msg_filter, SAVED_FILTER_PROTO_ERROR);
    blob_main_free(&m);
    assert_null(m.a2c.msg_header);
}

static void display_reads_and_writes_as_others_do(void **state)
{
    struct display_state d;
    struct buf out = BUF_INIT;

    assert_int_equal(sizeof(display_bytes), 88);
    assert_true(blob_display_load(display_bytes, sizeof(display_bytes), false, &d, NULL));
    assert_int_equal(d.message_serial, 28);
    assert_int_equal(d.pixmap_cache_id, 1);
    assert_int_equal(d.pixmap_cache_size, 20971520);
    assert_true(d.pixmap_cache_freezer);
    assert_int_equal(d.glz_dictionary_id, 1);
    assert_int_equal(d.glz_window_size, 6290432);
    assert_int_equal(d.max_encoders, 4);
    assert_int_equal(d.next_image_id, 18);
    assert_int_equal(d.surfaces.count, 1);
    assert_int_equal(d.surfaces.list[0].id, 0);
    assert_int_equal(d.tiles_count, 0);
    assert_true(blob_display_save(&d, &out, NULL));
    check_saved(&out, display_bytes, sizeof(display_bytes));
    buf_free(&out);
    blob_display_free(&d);
}

static void lossy_layout_is_read_when_told(void **state)
{
    struct saved_surface list[] = {{1023, 0, 0, 0, 0}, {5, 10, 20, 30, 40}};
    struct display_state d = {.surfaces = {true, 2, list}}, back;
    struct buf out = BUF_INIT;

    assert_true(blob_display_save(&d, &out, NULL));
    assert_int_equal(out.len, 80 + 4 + 2 * 20);
    assert_true(blob_display_load(out.data, out.len, true, &back, NULL));
    assert_int_equal(back.surfaces.count, 2);
    assert_memory_equal(back.surfaces.list, list, sizeof(list));
    blob_display_free(&back);
    /* Read the other way the second id is part of a rectangle: no error, other surfaces. */
    assert_true(blob_display_load(out.data, out.len, false, &back, NULL));
    assert_int_equal(back.surfaces.list[1].id, 0);
    blob_display_free(&back);
    buf_free(&out);
}

static void inputs_reads_and_writes_as_others_do(void **state)
{
    struct inputs_state i;
    struct buf out = BUF_INIT;

    assert_true(blob_inputs_load(inputs_bytes, sizeof(inputs_bytes), &i, NULL));
    assert_int_equal(i.motion_count, 3);
    assert_true(blob_inputs_save(&i, &out, NULL));
    check_saved(&out, inputs_bytes, sizeof(inputs_bytes));
    buf_free(&out);
}

/* All that the trailer may say of keys fits, and a count beyond it is refused. */
static void inputs_carries_every_key(void **state)
{
    struct saved_input steps[SAVED_INPUTS_HELD] = {0};
    uint8_t codes[SAVED_KEYS_MAX];
    struct inputs_state in = {.held = {SAVED_INPUTS_HELD, steps}, .keys = {SAVED_KEYS_MAX, codes}};
    struct inputs_state back;
    struct buf out = BUF_INIT;

    for (unsigned i = 0; i < SAVED_KEYS_MAX; i++)
        codes[i] = (uint8_t)i;
    assert_true(blob_inputs_save(&in, &out, NULL));
    assert_true(blob_inputs_load(out.data, out.len, &back, NULL));
    assert_int_equal(back.held.count, SAVED_INPUTS_HELD);
    assert_int_equal(back.keys.count, SAVED_KEYS_MAX);
    assert_memory_equal(back.keys.codes, codes, SAVED_KEYS_MAX);
    blob_inputs_free(&back);
    buf_set_u32(&out, out.len - SAVED_KEYS_MAX - 4, SAVED_KEYS_MAX + 1);
    assert_false(blob_inputs_load(out.data, out.len, &back, NULL));
    buf_free(&out);
}

/* ---- Trailer ---- */

static const uint8_t mouse_trailer[] = {
    'C', 'V', 'T', 'R', 1, 0, 0, 0, 12, 0, 0, 0, 'C', 'V', 'M', 'M', 4, 0, 0, 0, 2, 0, 0, 0,
};

static void mouse_mode_follows_the_pointed_data(void **state)
{
    struct main_state m;
    struct buf out = BUF_INIT;

    buf_append(&out, "prefix", 6); /* offsets do not count what was there before */
    assert_true(blob_main_load(main_bytes, sizeof(main_bytes), &m, NULL));
    m.has_mouse_mode = true;
    m.mouse_mode.mode = 2;
    assert_true(blob_main_save(&m, &out, NULL));
    blob_main_free(&m);
    buf_consume(&out, 6);
    assert_int_equal(out.len, sizeof(main_bytes) + sizeof(mouse_trailer));
    assert_memory_equal(out.data, main_bytes, sizeof(main_bytes));
    assert_memory_equal(out.data + sizeof(main_bytes), mouse_trailer, sizeof(mouse_trailer));
    assert_true(blob_main_load(out.data, out.len, &m, NULL));
    assert_true(m.has_mouse_mode);
    assert_int_equal(m.mouse_mode.mode, 2);
    blob_main_free(&m);
    buf_free(&out);
}

static uint64_t hashes_a[] = {0x0102030405060708, 2, 3, 4, 5, 6};
static uint64_t hashes_b[] = {7};
static struct saved_surface surfaces[] = {{.id = 0}, {.id = 9}};
static struct saved_tiles tiles[] = {{0, 65, 33, 32, 6, hashes_a}, {9, 1, 1, 64, 1, hashes_b}};

static struct display_state big_display(void)
{
    return (struct display_state){
        .message_serial = 77,
        .low_bandwidth = true,
        .pixmap_cache_size = -1,
        .pixmap_cache_serials = {1, 2, 3, UINT64_MAX},
        .next_image_id = 1ull << 40,
        .surfaces = {.count = 2, .list = surfaces},
        .tiles_count = 2,
        .tiles = tiles,
    };
}

static const uint8_t tiles_trailer[] = {
    'C', 'V', 'T', 'R', 1,   0,   0,   0,   8 + 20 + 48 + 8 + 20 + 8,
    0,   0,   0,   'C', 'V', 'T', 'H', 68,  0,
    0,   0,   0,   0,   0,   0,   65,  0,   0,
    0,   33,  0,   0,   0,   32,  0,   0,   0,
    6,   0,   0,   0,   8,   7,   6,   5,   4,
    3,   2,   1,   2,   0,   0,   0,   0,   0,
    0,   0,   3,   0,   0,   0,   0,   0,   0,
    0,   4,   0,   0,   0,   0,   0,   0,   0,
    5,   0,   0,   0,   0,   0,   0,   0,   6,
    0,   0,   0,   0,   0,   0,   0,   'C', 'V',
    'T', 'H', 28,  0,   0,   0,   9,   0,   0,
    0,   1,   0,   0,   0,   1,   0,   0,   0,
    64,  0,   0,   0,   1,   0,   0,   0,   7,
    0,   0,   0,   0,   0,   0,   0,
};

static struct buf saved_display(void)
{
    struct display_state d = big_display();
    struct buf out = BUF_INIT;

    assert_true(blob_display_save(&d, &out, NULL));
    return out;
}

static void tile_hashes_follow_the_surfaces(void **state)
{
    struct buf out = saved_display();
    struct display_state d;

    assert_int_equal(out.len, 80 + 12 + sizeof(tiles_trailer));
    assert_memory_equal(out.data + 92, tiles_trailer, sizeof(tiles_trailer));
    assert_true(blob_display_load(out.data, out.len, false, &d, NULL));
    assert_int_equal(d.pixmap_cache_size, -1);
    assert_int_equal(d.pixmap_cache_serials[3], UINT64_MAX);
    assert_int_equal(d.tiles_count, 2);
    assert_int_equal(d.tiles[0].width, 65);
    assert_memory_equal(d.tiles[0].hashes, hashes_a, sizeof(hashes_a));
    assert_int_equal(d.tiles[1].surface_id, 9);
    assert_int_equal(d.tiles[1].hashes[0], 7);
    blob_display_free(&d);
    assert_null(d.tiles);
    buf_free(&out);
}

static uint64_t blocks_a[] = {0x1112131415161718, 12}, blocks_b[] = {13};
static struct saved_image images[] = {{7ull << 32 | 5, 65, 64, 2, blocks_a},
                                      {7ull << 32 | 2, 1, 33, 1, blocks_b}};

static struct display_state display_with_images(void)
{
    return (struct display_state){
        .pixmap_cache_size = 1000,
        .has_images = true,
        .images = {7ull << 32 | 9, 16, 64, 2, images},
        .has_speed = true,
        .speed = {80000, 1250000, SPICE_IMAGE_COMPRESSION_LZ4},
    };
}

/* clang-format off */
static const uint8_t images_trailer[] = {
    'C', 'V', 'T', 'R', 1, 0, 0, 0, 8 + 20 + 36 + 28 + 8 + 13, 0, 0, 0,
    'C', 'V', 'I', 'C', 20 + 36 + 28, 0, 0, 0,
    9, 0, 0, 0, 7, 0, 0, 0, 16, 0, 0, 0, 64, 0, 0, 0, 2, 0, 0, 0, /* newest, sizes, count */
    5, 0, 0, 0, 7, 0, 0, 0, 65, 0, 0, 0, 64, 0, 0, 0, 2, 0, 0, 0, /* used last */
    0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 12, 0, 0, 0, 0, 0, 0, 0,
    2, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0,
    13, 0, 0, 0, 0, 0, 0, 0,
    'C', 'V', 'V', 'S', 13, 0, 0, 0,
    0x80, 0x38, 1, 0, 0xd0, 0x12, 0x13, 0, 0, 0, 0, 0, 7, /* round trip, rate, wish */
};
/* clang-format on */

static struct buf saved_images(void)
{
    struct display_state d = display_with_images();
    struct buf out = BUF_INIT;

    assert_true(blob_display_save(&d, &out, NULL));
    return out;
}

static void images_and_speed_follow(void **state)
{
    struct buf out = saved_images();
    struct display_state d;

    assert_int_equal(out.len, 84 + sizeof(images_trailer));
    assert_memory_equal(out.data + 84, images_trailer, sizeof(images_trailer));
    assert_true(blob_display_load(out.data, out.len, false, &d, NULL));
    assert_true(d.has_images);
    assert_int_equal(d.images.newest, 7ull << 32 | 9);
    assert_int_equal(d.images.count, 2);
    assert_int_equal(d.images.list[0].id, 7ull << 32 | 5);
    assert_memory_equal(d.images.list[0].blocks, blocks_a, sizeof(blocks_a));
    assert_int_equal(d.images.list[1].height, 33);
    assert_true(d.has_speed);
    assert_int_equal(d.speed.round_trip_us, 80000);
    assert_int_equal(d.speed.rate, 1250000);
    assert_int_equal(d.speed.compression, SPICE_IMAGE_COMPRESSION_LZ4);
    blob_display_free(&d);
    assert_null(d.images.list);
    buf_free(&out);
}

static void unknown_records_are_skipped(void **state)
{
    static const uint8_t trailer[] = {
        'C',  'V',  'T', 'R', 1, 0,    0,    0, 8 + 3 + 8 + 6, 0,   0,   0,   'n', 'e', 'w',
        '!',  3,    0,   0,   0, 1,    2,    3, 'C',           'V', 'M', 'M', 6,   0,   0,
        0,    1,    0,   0,   0, 0xff, 0xff, /* grown by two bytes */
        0x55, 0x55,                          /* behind the trailer */
    };
    struct buf in = BUF_INIT;
    struct main_state m;
    struct inputs_state i;

    buf_append(&in, main_without_agent, sizeof(main_without_agent));
    buf_append(&in, trailer, sizeof(trailer));
    assert_true(blob_main_load(in.data, in.len, &m, NULL));
    assert_true(m.has_mouse_mode);
    assert_int_equal(m.mouse_mode.mode, 1);
    blob_main_free(&m);
    buf_reset(&in);
    buf_append(&in, inputs_bytes, sizeof(inputs_bytes));
    buf_append(&in, trailer, sizeof(trailer));
    assert_true(blob_inputs_load(in.data, in.len, &i, NULL));
    buf_free(&in);
}

static void other_trailing_bytes_are_ignored(void **state)
{
    struct buf in = BUF_INIT;
    struct main_state m;

    buf_append(&in, main_bytes, sizeof(main_bytes));
    for (unsigned n = 0; n < 40; n++) {
        buf_u8(&in, (uint8_t)n);
        assert_true(blob_main_load(in.data, in.len, &m, NULL));
        assert_false(m.has_mouse_mode);
        blob_main_free(&m);
    }
    buf_free(&in);
}

/* ---- Hostile ---- */

typedef bool (*loader)(const uint8_t *bytes, size_t len);

/* True when it loaded; what loads can be saved, so it is valid. */
static bool try_main(const uint8_t *bytes, size_t len)
{
    struct fields_error error = {0};
    struct buf out = BUF_INIT;
    struct main_state m;
    bool ok = blob_main_load(bytes, len, &m, &error);

    if (ok)
        assert_true(blob_main_save(&m, &out, NULL));
    else
        assert_non_null(error.reason);
    assert_true(ok || !m.agent.write_data);
    buf_free(&out);
    blob_main_free(&m);
    return ok;
}

static bool try_display(const uint8_t *bytes, size_t len)
{
    struct fields_error error = {0};
    struct buf out = BUF_INIT;
    struct display_state d;
    bool ok = blob_display_load(bytes, len, false, &d, &error);

    if (ok)
        assert_true(blob_display_save(&d, &out, NULL));
    else
        assert_non_null(error.reason);
    assert_true(ok || (!d.tiles && !d.surfaces.list));
    buf_free(&out);
    blob_display_free(&d);
    return ok;
}

static bool try_inputs(const uint8_t *bytes, size_t len)
{
    struct inputs_state i;

    return blob_inputs_load(bytes, len, &i, NULL);
}

/* Everything shorter fails, but for lengths in [whole, whole + 4): the body alone is good without
 * its trailer, and so it is with less than the trailer's magic behind it. */
static void expect_truncations(loader try, const uint8_t *bytes, size_t len, size_t whole)
{
    for (size_t n = 0; n <= len; n++) {
        uint8_t *exact = malloc(n ? n : 1);

        assert_non_null(exact);
        memcpy(exact, bytes, n);
        assert_int_equal(try(exact, n), n == len || (n >= whole && n < whole + 4));
        free(exact);
    }
}

static void truncations_fail(void **state)
{
    struct buf display = saved_display();
    struct buf with_images = saved_images();
    struct buf with_mouse = BUF_INIT;

    buf_append(&with_mouse, main_bytes, sizeof(main_bytes));
    buf_append(&with_mouse, mouse_trailer, sizeof(mouse_trailer));
    expect_truncations(try_main, with_mouse.data, with_mouse.len, sizeof(main_bytes));
    expect_truncations(try_main, main_partial, sizeof(main_partial), sizeof(main_partial));
    expect_truncations(try_display, display.data, display.len, 92);
    expect_truncations(try_display, with_images.data, with_images.len, 84);
    expect_truncations(try_inputs, inputs_bytes, sizeof(inputs_bytes), sizeof(inputs_bytes));
    buf_free(&display);
    buf_free(&with_images);
    buf_free(&with_mouse);
}

static void flip_bits(loader try, const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len);
    unsigned loaded = 0;

    assert_non_null(copy);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        memcpy(copy, bytes, len);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        loaded += try(copy, len);
    }
    assert_in_range(loaded, 1, 8 * len - 1);
    free(copy);
}

static void bit_flips_never_crash(void **state)
{
    struct buf display = saved_display(), with_images = saved_images();

    flip_bits(try_display, display.data, display.len);
    flip_bits(try_display, with_images.data, with_images.len);
    flip_bits(try_main, main_bytes, sizeof(main_bytes));
    flip_bits(try_main, main_partial, sizeof(main_partial));
    flip_bits(try_inputs, inputs_bytes, sizeof(inputs_bytes));
    buf_free(&display);
    buf_free(&with_images);
}

/* A good body with a u32 put somewhere: which field is to blame? */
static void blame(loader try, const uint8_t *bytes, size_t len, size_t at, uint32_t value)
{
    uint8_t copy[512];

    assert_true(len <= sizeof(copy));
    memcpy(copy, bytes, len);
    memcpy(copy + at,
           (uint8_t[]){(uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
                       (uint8_t)(value >> 24)},
           4);
    assert_false(try(copy, len));
}

static void known_attacks_fail(void **state)
{
    struct buf d = saved_display();
    size_t n = sizeof(main_bytes);

    blame(try_main, main_bytes, n, 0, SAVED_MAGIC_DISPLAY);
    blame(try_main, main_bytes, n, 4, 2);
    blame(try_main, main_bytes, n, 8, 2);           /* device version */
    blame(try_main, main_bytes, n, 13, 10);         /* 10 tokens + 1 written */
    blame(try_main, main_bytes, n, 13, UINT32_MAX); /* the sum wraps */
    blame(try_main, main_bytes, n, 21, 36);
    blame(try_main, main_bytes, n, 21, UINT32_MAX);
    blame(try_main, main_bytes, n, 29, 66);
    blame(try_main, main_bytes, n, 29, UINT32_MAX);
    blame(try_main, main_bytes, n, 29, 0);
    blame(try_main, main_partial, sizeof(main_partial), 34, 9);  /* chunk header of 9 bytes */
    blame(try_main, main_partial, sizeof(main_partial), 47, 21); /* message header of 21 */
    blame(try_display, d.data, d.len, 76, UINT32_MAX);           /* surfaces pointer */
    blame(try_display, d.data, d.len, 80, 1025);
    blame(try_display, d.data, d.len, 80, UINT32_MAX);
    blame(try_display, d.data, d.len, 84, 1024); /* surface id */
    blame(try_display, d.data, d.len, 84, 9);    /* twice */
    blame(try_display, d.data, d.len, 60, (1u << 25) + 1);
    blame(try_display, d.data, d.len, 100, 110); /* trailer size */
    blame(try_display, d.data, d.len, 100, UINT32_MAX);
    blame(try_display, d.data, d.len, 108, 500); /* record size */
    blame(try_display, d.data, d.len, 108, UINT32_MAX);
    blame(try_display, d.data, d.len, 124, 0); /* tile size */
    blame(try_display, d.data, d.len, 128, 5); /* hashes */
    blame(try_display, d.data, d.len, 128, UINT32_MAX);
    blame(try_display, d.data, d.len, 112, 9); /* tiles of one surface twice */
    blame(try_display, d.data, d.len, 96, 2);  /* trailer version */
    buf_free(&d);
}

static void attacks_on_images_fail(void **state)
{
    struct buf d = saved_images();
    size_t at = 84 + 12 + 8; /* of the record's content */

    blame(try_display, d.data, d.len, at + 4, 8);   /* ids of another salt */
    blame(try_display, d.data, d.len, at, 4);       /* newer than the newest */
    blame(try_display, d.data, d.len, at + 12, 0);  /* block size */
    blame(try_display, d.data, d.len, at + 12, 16); /* other blocks */
    blame(try_display, d.data, d.len, at + 16, 3);  /* images */
    blame(try_display, d.data, d.len, at + 16, SAVED_IMAGES_MAX + 1);
    blame(try_display, d.data, d.len, at + 16, UINT32_MAX);
    blame(try_display, d.data, d.len, at + 28, 0); /* width */
    blame(try_display, d.data, d.len, at + 28, UINT32_MAX);
    blame(try_display, d.data, d.len, at + 36, 1); /* blocks */
    blame(try_display, d.data, d.len, at + 36, UINT32_MAX);
    blame(try_display, d.data, d.len, d.len - 1 - 3, 0x63000000); /* compression */
    memcpy(d.data + d.len - 21, "CVIC", 4);                       /* twice, and too short */
    assert_false(try_display(d.data, d.len));
    buf_free(&d);
}

static void blocks_of_all_images_are_bounded(void **state)
{
    uint64_t *blocks = calloc(SAVED_IMAGE_BLOCKS_MAX, sizeof(*blocks));
    struct saved_image big[] = {{1, SAVED_IMAGE_BLOCKS_MAX, 1, SAVED_IMAGE_BLOCKS_MAX, blocks},
                                {2, 1, 1, 1, blocks}};
    struct display_state d = {.has_images = true, .images = {2, 1, 1, 1, big}};
    struct fields_error error;
    struct buf out = BUF_INIT;

    assert_true(blob_display_save(&d, &out, &error));
    assert_true(out.len < 84 + 200 + 8 * SAVED_IMAGE_BLOCKS_MAX);
    assert_true(try_display(out.data, out.len));
    d.images.count = 2;
    assert_false(blob_display_save(&d, &out, &error));
    assert_string_equal(error.reason, "too many blocks");
    buf_free(&out);
    free(blocks);
}

static void sizes_are_bounded_both_ways(void **state)
{
    struct main_state m = {.agent = {.version = 1, .connected = true}};
    struct inputs_state i;
    struct buf out = BUF_INIT;
    struct fields_error error;

    m.agent.write_size = SAVED_MAIN_MAX - 65;
    m.agent.write_data = calloc(1, SAVED_MAIN_MAX);
    buf_u8(&out, 7);
    assert_true(blob_main_save(&m, &out, NULL));
    assert_int_equal(out.len, 1 + SAVED_MAIN_MAX);
    assert_true(try_main(out.data + 1, SAVED_MAIN_MAX));
    memset(buf_extend(&out, SAVED_MAIN_OWN_MAX), 0, SAVED_MAIN_OWN_MAX);
    assert_false(try_main(out.data + 1, SAVED_MAIN_OWN_MAX + 1));
    buf_truncate(&out, 1);
    m.agent.write_size++;
    assert_false(blob_main_save(&m, &out, &error));
    assert_string_equal(error.reason, "body too large");
    assert_int_equal(out.len, 1);
    free(m.agent.write_data);

    buf_reset(&out);
    buf_append(&out, inputs_bytes, sizeof(inputs_bytes));
    memset(buf_extend(&out, SAVED_INPUTS_MAX), 0, SAVED_INPUTS_MAX);
    assert_false(blob_inputs_load(out.data, out.len, &i, &error));
    assert_string_equal(error.reason, "body too large");
    buf_free(&out);
}

static void trailer_is_bounded(void **state)
{
    uint32_t side = 700; /* twice this square is more than a trailer holds */
    uint64_t *hashes = calloc((size_t)side * side, sizeof(*hashes));
    struct saved_tiles big[] = {{0, side, side, 1, side * side, hashes},
                                {1, side, side, 1, side * side, hashes}};
    struct display_state d = {.tiles_count = 2, .tiles = big};
    struct fields_error error;
    struct buf out = BUF_INIT;

    assert_false(blob_display_save(&d, &out, &error));
    assert_string_equal(error.reason, "trailer too large");
    assert_int_equal(out.len, 0);
    d.tiles_count = 1;
    assert_true(blob_display_save(&d, &out, &error));
    assert_true(try_display(out.data, out.len));
    buf_free(&out);
    free(hashes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(main_reads_and_writes_as_others_do),
        cmocka_unit_test(main_fields_are_where_they_belong),
        cmocka_unit_test(display_reads_and_writes_as_others_do),
        cmocka_unit_test(lossy_layout_is_read_when_told),
        cmocka_unit_test(inputs_reads_and_writes_as_others_do),
        cmocka_unit_test(inputs_carries_every_key),
        cmocka_unit_test(mouse_mode_follows_the_pointed_data),
        cmocka_unit_test(tile_hashes_follow_the_surfaces),
        cmocka_unit_test(unknown_records_are_skipped),
        cmocka_unit_test(other_trailing_bytes_are_ignored),
        cmocka_unit_test(truncations_fail),
        cmocka_unit_test(bit_flips_never_crash),
        cmocka_unit_test(known_attacks_fail),
        cmocka_unit_test(images_and_speed_follow),
        cmocka_unit_test(attacks_on_images_fail),
        cmocka_unit_test(blocks_of_all_images_are_bounded),
        cmocka_unit_test(sizes_are_bounded_both_ways),
        cmocka_unit_test(trailer_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
