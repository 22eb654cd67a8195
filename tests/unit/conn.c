/* SPDX-License-Identifier: MIT */
/* The channel engine: framing both ways, which message is legal when, the acknowledge window. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glib.h>
#include <spice/enums.h>
#include <string.h>

#include "channel/conn.h"

struct seen {
    unsigned calls;
    unsigned marks;
    unsigned pongs;
    size_t migrate_bytes;
    uint32_t value;
    unsigned fills; /* messages fill still has */
    struct conn *conn;
};

static void on_value(void *owner, struct reader *body)
{
    struct seen *seen = owner;

    seen->calls++;
    seen->value = reader_u32(body);
}

static bool fill(void *owner)
{
    struct seen *seen = owner;

    if (!seen->fills)
        return false;
    seen->fills--;
    buf_u32(conn_begin(seen->conn, 900), seen->fills);
    conn_end(seen->conn);
    return true;
}

static void on_mark(void *owner)
{
    ((struct seen *)owner)->marks++;
}

static void on_pong(void *owner, uint32_t id, uint64_t time)
{
    ((struct seen *)owner)->pongs++;
}

static void on_data(void *owner, struct reader *body)
{
    struct seen *seen = owner;

    seen->migrate_bytes = reader_left(body);
    conn_set_phase(seen->conn, CONN_ACTIVE);
}

static const struct msg_row rows[] = {
    {500, "VALUE", 4, 16, CONN_RUNNING, on_value},
    {501, "LATE", 4, 16, CONN_TARGET, on_value},
};

static const struct conn_kind kind = {
    .name = "test",
    .rows = rows,
    .n_rows = G_N_ELEMENTS(rows),
    .fill = fill,
    .flush_mark = on_mark,
    .pong = on_pong,
    .migrate_data = on_data,
    .max_migrate_data = 100,
};

static struct buf message(bool mini, uint16_t type, uint32_t size)
{
    struct buf b = BUF_INIT;

    if (!mini)
        buf_u64(&b, 1);
    buf_u16(&b, type);
    buf_u32(&b, size);
    if (!mini)
        buf_u32(&b, 0);
    return b;
}

static void send(struct conn *conn, bool mini, uint16_t type, const void *body, uint32_t size)
{
    struct buf b = message(mini, type, size);

    buf_append(&b, body, size);
    conn_feed(conn, b.data, b.len);
    buf_free(&b);
}

static void check_framing(bool mini)
{
    struct seen seen = {0};
    struct conn *conn = conn_new(&kind, &seen, mini, CONN_ACTIVE);
    struct buf b = message(mini, 500, 4);

    buf_u32(&b, 0xcafe);
    for (size_t i = 0; i < b.len; i++)
        conn_feed(conn, b.data + i, 1);
    assert_int_equal(seen.calls, 1);
    assert_int_equal(seen.value, 0xcafe);

    buf_u32(conn_begin(conn, 7), 5);
    conn_end(conn);
    struct buf *out = conn_output(conn);
    assert_int_equal(out->len, (mini ? 6 : 18) + 4);
    struct reader r = reader_make(out->data, out->len);
    if (!mini)
        assert_int_equal(reader_u64(&r), 1);
    assert_int_equal(reader_u16(&r), 7);
    assert_int_equal(reader_u32(&r), 4);
    if (!mini)
        assert_int_equal(reader_u32(&r), 0);
    assert_int_equal(reader_u32(&r), 5);
    assert_int_equal(conn_next_serial(conn), 2);
    buf_free(&b);
    conn_free(conn);
}

static void frames_with_mini_headers(void **state)
{
    check_framing(true);
}

static void frames_with_full_headers(void **state)
{
    check_framing(false);
}

static void check_bounds(bool mini)
{
    const size_t header = mini ? 6 : 18, ends[] = {header + 10, 2 * header + 10, 3 * header + 30};
    struct conn *conn = conn_new(&kind, NULL, mini, CONN_ACTIVE);
    struct buf *out = conn_output(conn);

    for (size_t taken = 0; taken <= ends[2]; taken++) {
        size_t at = 0, next = 0;

        memset(buf_extend(conn_begin(conn, 7), 10), 0xff, 10);
        conn_end(conn);
        conn_send_empty(conn, 8);
        memset(buf_extend(conn_begin(conn, 9), 20), 0xff, 20);
        conn_end(conn);
        assert_int_equal(out->len, ends[2]);
        conn_taken(conn, taken / 2); /* in two steps */
        conn_taken(conn, taken - taken / 2);
        while (next < 3 && ends[next] <= taken)
            next++;
        for (; next < 3; next++) {
            at += conn_message_left(conn, at);
            assert_int_equal(at, ends[next] - taken);
        }
        conn_taken(conn, out->len);
        assert_int_equal(out->len, 0);
    }
    conn_free(conn);
}

static void knows_where_messages_end(void **state)
{
    check_bounds(true);
    check_bounds(false);
}

static void wrong_sizes_end_the_link(void **state)
{
    struct seen seen = {0};
    struct conn *conn = conn_new(&kind, &seen, true, CONN_ACTIVE);

    send(conn, true, 500, "abc", 3);
    assert_int_equal(seen.calls, 0);
    assert_non_null(strstr(conn_error(conn), "too short"));
    conn_free(conn);

    conn = conn_new(&kind, &seen, true, CONN_ACTIVE);
    struct buf b = message(true, 500, 0xffffffff); /* judged before any of the body came */
    conn_feed(conn, b.data, b.len);
    assert_non_null(strstr(conn_error(conn), "too long"));
    buf_free(&b);
    conn_free(conn);

    conn = conn_new(&kind, &seen, true, CONN_ACTIVE);
    b = message(true, 4242, 1 << 20);
    conn_feed(conn, b.data, b.len);
    assert_non_null(conn_error(conn));
    buf_free(&b);
    conn_free(conn);
}

static void unknown_and_untimely_messages_are_ignored(void **state)
{
    struct seen seen = {0};
    struct conn *conn = conn_new(&kind, &seen, true, CONN_ACTIVE);

    send(conn, true, 4242, "x", 1);
    send(conn, true, 501, "abcd", 4);
    send(conn, true, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
    send(conn, true, SPICE_MSGC_MIGRATE_DATA, "12345678", 8);
    assert_null(conn_error(conn));
    assert_int_equal(seen.calls, 0);
    assert_int_equal(seen.marks, 0);
    assert_int_equal(seen.migrate_bytes, 0);
    send(conn, true, 500, "abcd", 4);
    assert_int_equal(seen.calls, 1);
    conn_free(conn);
}

static void moves_phase_by_phase(void **state)
{
    struct seen seen = {0};
    struct conn *conn = conn_new(&kind, &seen, true, CONN_TARGET);
    uint8_t big[101] = {0};

    seen.conn = conn;
    seen.fills = 1;
    assert_false(conn_fill(conn)); /* a target link says nothing by itself */
    send(conn, true, 500, "abcd", 4);
    assert_int_equal(seen.calls, 0);
    send(conn, true, SPICE_MSGC_MIGRATE_DATA, "12345678", 8);
    assert_int_equal(seen.migrate_bytes, 8);
    send(conn, true, 500, "abcd", 4);
    assert_int_equal(seen.calls, 1);

    conn_set_phase(conn, CONN_SOURCE_MARK);
    assert_false(conn_fill(conn));
    send(conn, true, 500, "abcd", 4); /* sent before the client saw MIGRATE */
    assert_int_equal(seen.calls, 2);
    send(conn, true, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
    assert_int_equal(seen.marks, 1);
    conn_set_phase(conn, CONN_SOURCE_DONE);
    send(conn, true, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
    assert_int_equal(seen.marks, 1);
    conn_free(conn);

    conn = conn_new(&kind, &seen, true, CONN_TARGET);
    send(conn, true, SPICE_MSGC_MIGRATE_DATA, big, sizeof(big));
    assert_non_null(conn_error(conn));
    conn_free(conn);
}

static void window_holds_fill_back(void **state)
{
    struct seen seen = {.fills = 100};
    struct conn *conn = conn_new(&kind, &seen, true, CONN_ACTIVE);
    uint32_t generation = GUINT32_TO_LE(1);

    seen.conn = conn;
    conn_send_set_ack(conn, 5);
    send(conn, true, SPICE_MSGC_ACK_SYNC, &generation, 4);
    assert_true(conn_fill(conn));
    assert_int_equal(seen.fills, 90); /* twice the window */
    assert_false(conn_fill(conn));
    send(conn, true, SPICE_MSGC_ACK, NULL, 0);
    assert_true(conn_fill(conn));
    assert_int_equal(seen.fills, 85);
    conn_free(conn);
}

static void pongs_are_told(void **state)
{
    struct seen seen = {0};
    struct conn *conn = conn_new(&kind, &seen, true, CONN_ACTIVE);
    uint8_t pong[12] = {1};

    send(conn, true, SPICE_MSGC_PONG, pong, sizeof(pong));
    assert_int_equal(seen.pongs, 1);
    conn_free(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_with_mini_headers),
        cmocka_unit_test(frames_with_full_headers),
        cmocka_unit_test(knows_where_messages_end),
        cmocka_unit_test(wrong_sizes_end_the_link),
        cmocka_unit_test(unknown_and_untimely_messages_are_ignored),
        cmocka_unit_test(moves_phase_by_phase),
        cmocka_unit_test(window_holds_fill_back),
        cmocka_unit_test(pongs_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
