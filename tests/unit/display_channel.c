/* SPDX-License-Identifier: MIT */
/* The bytes of the display channel: each message's layout, and what a client may say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>
#include <spice/enums.h>
#include <string.h>

#include "channel/display.h"

static unsigned changes;

static bool fill(void *owner)
{
    return false;
}

static void flush_mark(void *owner)
{
}

static void migrate_data(void *owner, struct reader *body)
{
}

static void pong(void *owner, uint32_t number)
{
}

static void changed(void *owner)
{
    changes++;
}

static const struct display_channel_ops ops = {fill, flush_mark, migrate_data, pong, changed};

static struct display_channel *fresh(void)
{
    changes = 0;
    return display_channel_new(&ops, NULL, true, CONN_ACTIVE);
}

static void say(struct display_channel *channel, uint16_t type, const void *body, uint32_t len)
{
    struct buf in = BUF_INIT;

    buf_u16(&in, type);
    buf_u32(&in, len);
    buf_append(&in, body, len);
    conn_feed(display_channel_conn(channel), in.data, in.len);
    buf_free(&in);
}

/* The body of the one message that was sent; it is of this type and size. */
static struct reader sent(struct display_channel *channel, uint16_t type, uint32_t size)
{
    struct buf *out = conn_output(display_channel_conn(channel));
    struct reader in = reader_make(out->data, out->len);

    assert_int_equal(reader_u16(&in), type);
    assert_int_equal(reader_u32(&in), size);
    assert_int_equal(reader_left(&in), size);
    return in;
}

static void assert_u32s(struct reader *in, const uint32_t *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(reader_u32(in), values[i]);
}

static const pixman_box32_t box = {10, 20, 13, 24};

/* surface 0, top, left, bottom, right, no clip */
static void assert_base(struct reader *in)
{
    assert_u32s(in, (uint32_t[]){0, 20, 10, 24, 13}, 5);
    assert_int_equal(reader_u8(in), 0);
}

static void test_copy(void **state)
{
    struct display_channel *channel = fresh();
    struct conn *conn = display_channel_conn(channel);
    struct buf *body = display_begin_copy(conn, &box, SPICE_IMAGE_TYPE_LZ_RGB, 0);
    struct reader in;

    buf_u32(body, 0xabcd);
    conn_end(conn);
    in = sent(channel, SPICE_MSG_DISPLAY_DRAW_COPY, 57 + 18 + 4);
    assert_base(&in);
    assert_u32s(&in, (uint32_t[]){57, 0, 0, 4, 3}, 5);
    assert_int_equal(reader_u16(&in), SPICE_ROPD_OP_PUT);
    reader_u8(&in);
    assert_int_equal(reader_u8(&in), 0);
    assert_u32s(&in, (uint32_t[]){0, 0, 0}, 3);
    assert_int_equal(reader_u64(&in), 0);
    assert_int_equal(reader_u8(&in), SPICE_IMAGE_TYPE_LZ_RGB);
    assert_int_equal(reader_u8(&in), 0);
    assert_u32s(&in, (uint32_t[]){3, 4, 0xabcd}, 3);
    display_channel_free(channel);
}

static void test_fill(void **state)
{
    struct display_channel *channel = fresh();
    struct reader in;

    display_send_fill(display_channel_conn(channel), &box, 0x123456);
    in = sent(channel, SPICE_MSG_DISPLAY_DRAW_FILL, 21 + 5 + 2 + 13);
    assert_base(&in);
    assert_int_equal(reader_u8(&in), SPICE_BRUSH_TYPE_SOLID);
    assert_int_equal(reader_u32(&in), 0x123456);
    assert_int_equal(reader_u16(&in), SPICE_ROPD_OP_PUT);
    display_channel_free(channel);
}

static void test_surface_and_monitors(void **state)
{
    struct display_channel *channel = fresh();
    struct conn *conn = display_channel_conn(channel);
    const QXLHead heads[2] = {{1, 0, 640, 480, 0, 0, 0}, {2, 0, 320, 200, 640, 7, 0}};
    struct reader in;

    display_send_surface_create(conn, 640, 480, SPICE_SURFACE_FMT_32_xRGB);
    in = sent(channel, SPICE_MSG_DISPLAY_SURFACE_CREATE, 20);
    assert_u32s(&in, (uint32_t[]){0, 640, 480, 32, 1}, 5);
    buf_reset(conn_output(conn));
    display_send_monitors(conn, heads, 2, 4);
    in = sent(channel, SPICE_MSG_DISPLAY_MONITORS_CONFIG, 4 + 2 * 28);
    assert_u32s(&in, (uint32_t[]){2 | 4 << 16, 1, 0, 640, 480, 0, 0, 0}, 8);
    assert_u32s(&in, (uint32_t[]){2, 0, 320, 200, 640, 7, 0}, 7);
    buf_reset(conn_output(conn));
    display_send_surface_destroy(conn);
    in = sent(channel, SPICE_MSG_DISPLAY_SURFACE_DESTROY, 4);
    assert_int_equal(reader_u32(&in), 0);
    display_channel_free(channel);
}

static void test_init_is_taken_and_bounded(void **state)
{
    struct display_channel *channel = fresh();
    const struct display_client *client = display_channel_client(channel);
    const uint8_t init[14] = {5, 0, 0, 1, 0, 0, 0, 0, 0, 6, 0, 0, 2, 0};
    const uint8_t wild[14] = {5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 6, 0, 0, 0, 0x80};

    assert_false(client->init);
    say(channel, SPICE_MSGC_DISPLAY_INIT, init, sizeof(init));
    assert_true(client->init);
    assert_int_equal(client->cache_id, 5);
    assert_int_equal(client->cache_size, 0x10000);
    assert_int_equal(client->glz_id, 6);
    assert_int_equal(client->glz_window, 0x20000);
    assert_int_equal(changes, 1);
    say(channel, SPICE_MSGC_DISPLAY_INIT, wild, sizeof(wild));
    assert_int_equal(client->cache_size, INT32_MAX);
    assert_int_equal(client->glz_window, 0);
    assert_null(conn_error(display_channel_conn(channel)));
    say(channel, SPICE_MSGC_DISPLAY_INIT, init, 13);
    assert_non_null(conn_error(display_channel_conn(channel)));
    display_channel_free(channel);
}

static void test_preferred_compression_in_range_only(void **state)
{
    struct display_channel *channel = fresh();
    const struct display_client *client = display_channel_client(channel);
    const uint8_t wishes[] = {SPICE_IMAGE_COMPRESSION_LZ, 0, 8, 255};

    for (unsigned i = 0; i < G_N_ELEMENTS(wishes); i++) {
        say(channel, SPICE_MSGC_DISPLAY_PREFERRED_COMPRESSION, &wishes[i], 1);
        assert_int_equal(client->compression, SPICE_IMAGE_COMPRESSION_LZ);
    }
    assert_int_equal(changes, 1);
    assert_null(conn_error(display_channel_conn(channel)));
    display_channel_free(channel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_surface_and_monitors),
        cmocka_unit_test(test_init_is_taken_and_bounded),
        cmocka_unit_test(test_preferred_compression_in_range_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
