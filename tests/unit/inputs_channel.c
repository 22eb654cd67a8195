/* SPDX-License-Identifier: MIT */
/* Keys and pointer: what reaches the devices, what is acknowledged, what is let go at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <spice/enums.h>
#include <string.h>

#include "channel/inputs.h"

struct seen {
    uint8_t scans[64];
    unsigned n_scans;
    int dx, dy, dz;
    uint32_t buttons;
    bool deaf; /* the guest can't hear */
};

static void on_scan(void *owner, uint8_t byte)
{
    struct seen *seen = owner;

    assert_true(seen->n_scans < sizeof(seen->scans));
    seen->scans[seen->n_scans++] = byte;
}

static void on_modifiers(void *owner, uint16_t modifiers)
{
}

static void on_motion(void *owner, int dx, int dy, int dz, uint32_t buttons)
{
    struct seen *seen = owner;

    seen->dx += dx;
    seen->dy += dy;
    seen->buttons = buttons;
}

static void on_position(void *owner, int x, int y, uint32_t buttons, uint8_t display)
{
    struct seen *seen = owner;

    seen->dx = x;
    seen->dy = y;
}

static void on_wheel(void *owner, int dz, uint32_t buttons)
{
    ((struct seen *)owner)->dz += dz;
}

static void on_buttons(void *owner, uint32_t buttons)
{
    ((struct seen *)owner)->buttons = buttons;
}

static bool on_keeps(void *owner, bool key)
{
    return ((struct seen *)owner)->deaf;
}

static const struct inputs_link_ops ops = {
    .scan = on_scan,
    .modifiers = on_modifiers,
    .motion = on_motion,
    .position = on_position,
    .wheel = on_wheel,
    .buttons = on_buttons,
    .keeps = on_keeps,
};

static void feed(struct inputs_link *link, uint16_t type, const void *body, uint32_t size)
{
    struct buf b = BUF_INIT;

    buf_u16(&b, type);
    buf_u32(&b, size);
    buf_append(&b, body, size);
    conn_feed(inputs_link_conn(link), b.data, b.len);
    buf_free(&b);
}

static unsigned count_messages(struct inputs_link *link, uint16_t type)
{
    struct buf *out = conn_output(inputs_link_conn(link));
    struct reader r = reader_make(out->data, out->len);
    unsigned n = 0;

    while (reader_left(&r)) {
        n += reader_u16(&r) == type;
        reader_skip(&r, reader_u32(&r));
    }
    assert_true(reader_ok(&r));
    buf_reset(out);
    return n;
}

static void motion(struct inputs_link *link, int32_t dx, int32_t dy, uint16_t buttons)
{
    struct buf b = BUF_INIT;

    buf_i32(&b, dx);
    buf_i32(&b, dy);
    buf_u16(&b, buttons);
    feed(link, SPICE_MSGC_INPUTS_MOUSE_MOTION, b.data, (uint32_t)b.len);
    buf_free(&b);
}

static void keys_reach_the_guest_and_are_let_go(void **state)
{
    struct seen seen = {0};
    struct inputs_link *link = inputs_link_new(&ops, &seen, true, false, 0);

    feed(link, SPICE_MSGC_INPUTS_KEY_DOWN, "\x1e\0\0\0", 4);
    feed(link, SPICE_MSGC_INPUTS_KEY_UP, "\x9e\0\0\0", 4);
    feed(link, SPICE_MSGC_INPUTS_KEY_DOWN, "\xe0\x48\0\0", 4);
    feed(link, SPICE_MSGC_INPUTS_KEY_SCANCODE, "\xe1\x1d\x45", 3); /* Pause */
    assert_int_equal(seen.n_scans, 7);
    assert_memory_equal(seen.scans, "\x1e\x9e\xe0\x48\xe1\x1d\x45", 7);
    inputs_link_free(link); /* e0 48 is still down */
    assert_int_equal(seen.n_scans, 9);
    assert_memory_equal(seen.scans + 7, "\xe0\xc8", 2);
}

/* Once something is kept, all that follows is: or the order would be lost. */
static void what_is_kept_is_told_in_order(void **state)
{
    struct seen seen = {.deaf = true};
    struct inputs_link *link = inputs_link_new(&ops, &seen, true, false, 0);

    feed(link, SPICE_MSGC_INPUTS_KEY_DOWN, "\x1e\0\0\0", 4);
    seen.deaf = false;
    feed(link, SPICE_MSGC_INPUTS_KEY_UP, "\x9e\0\0\0", 4);
    assert_int_equal(seen.n_scans, 0);
    inputs_link_release(link);
    feed(link, SPICE_MSGC_INPUTS_KEY_DOWN, "\x1f\0\0\0", 4);
    assert_int_equal(seen.n_scans, 3);
    assert_memory_equal(seen.scans, "\x1e\x9e\x1f", 3);
    inputs_link_free(link);
}

static void every_fourth_motion_is_acknowledged(void **state)
{
    struct seen seen = {0};
    struct inputs_link *link = inputs_link_new(&ops, &seen, true, false, 0);

    count_messages(link, 0);
    for (int i = 0; i < 11; i++)
        motion(link, 1, -2, SPICE_MOUSE_BUTTON_MASK_RIGHT);
    assert_int_equal(count_messages(link, SPICE_MSG_INPUTS_MOUSE_MOTION_ACK), 2);
    assert_int_equal(seen.dx, 11);
    assert_int_equal(seen.dy, -22);
    assert_int_equal(seen.buttons, 2);
    inputs_link_free(link);
}

static void wheel_is_a_button_on_the_wire(void **state)
{
    struct seen seen = {0};
    struct inputs_link *link = inputs_link_new(&ops, &seen, true, false, 0);

    feed(link, SPICE_MSGC_INPUTS_MOUSE_PRESS, "\4\0\0", 3);
    assert_int_equal(seen.dz, -1);
    feed(link, SPICE_MSGC_INPUTS_MOUSE_PRESS, "\5\0\0", 3);
    assert_int_equal(seen.dz, 0);
    feed(link, SPICE_MSGC_INPUTS_MOUSE_PRESS, "\2\2\0", 3);
    assert_int_equal(seen.buttons, 4);
    inputs_link_free(link);
}

/* The source has its move and its mark: what it says goes to the target, and it is done. */
static void hand_over(struct inputs_link *source, struct inputs_link *target)
{
    struct buf *out = conn_output(inputs_link_conn(source));
    struct reader r = reader_make(out->data, out->len);
    uint32_t size;

    assert_int_equal(reader_u16(&r), SPICE_MSG_MIGRATE);
    reader_skip(&r, reader_u32(&r));
    assert_int_equal(reader_u16(&r), SPICE_MSG_MIGRATE_DATA);
    size = reader_u32(&r);
    feed(target, SPICE_MSGC_MIGRATE_DATA, reader_bytes(&r, size), size);
    assert_int_equal(reader_left(&r), 0);
    assert_null(conn_error(inputs_link_conn(target)));
}

/* Motions that were not acknowledged at the source are at the target, and no ack goes out between.
 */
static void motion_count_travels(void **state)
{
    struct seen seen = {0};
    struct inputs_link *source = inputs_link_new(&ops, &seen, true, false, 0);
    struct inputs_link *target = inputs_link_new(&ops, &seen, true, true, 0);
    struct buf *out = conn_output(inputs_link_conn(source));

    assert_int_equal(conn_output(inputs_link_conn(target))->len, 0);
    for (int i = 0; i < 3; i++)
        motion(source, 1, 1, 0);
    buf_reset(out);
    inputs_send_migrate(source);
    for (int i = 0; i < 3; i++)
        motion(source, 1, 1, 0);
    inputs_set_modifiers(source, 7);
    assert_false(conn_fill(inputs_link_conn(source)));
    feed(source, SPICE_MSGC_INPUTS_KEY_DOWN, "\x1e\0\0\0", 4);
    feed(source, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);

    hand_over(source, target);
    assert_int_equal(count_messages(target, SPICE_MSG_INPUTS_MOUSE_MOTION_ACK), 1);
    motion(target, 1, 1, 0);
    motion(target, 1, 1, 0);
    assert_int_equal(count_messages(target, SPICE_MSG_INPUTS_MOUSE_MOTION_ACK), 1);
    seen.n_scans = 0;
    inputs_link_free(source); /* the session moved: the held key is the target's */
    assert_int_equal(seen.n_scans, 0);
    inputs_link_free(target);
    assert_int_equal(seen.n_scans, 1);
    assert_int_equal(seen.scans[0], 0x9e);
}

/* Two moves: keys that were held before the first, and one that the guest could not hear of. */
static void held_keys_travel_and_are_let_go(void **state)
{
    struct seen seen = {0};
    struct inputs_link *link = inputs_link_new(&ops, &seen, true, false, 0), *next;

    feed(link, SPICE_MSGC_INPUTS_KEY_DOWN, "\x2a\0\0\0", 4); /* stays */
    feed(link, SPICE_MSGC_INPUTS_KEY_DOWN, "\x1e\0\0\0", 4); /* let go while the VM is on its way */
    feed(link, SPICE_MSGC_INPUTS_KEY_DOWN, "\xe0\x1d\0\0", 4);
    for (int hop = 0; hop < 2; hop++) {
        buf_reset(conn_output(inputs_link_conn(link)));
        inputs_send_migrate(link);
        seen.deaf = true;
        if (hop == 0) {
            feed(link, SPICE_MSGC_INPUTS_KEY_UP, "\x9e\0\0\0", 4);
            feed(link, SPICE_MSGC_INPUTS_KEY_DOWN, "\x1f\0\0\0", 4);
        }
        feed(link, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
        next = inputs_link_new(&ops, &seen, true, true, 0);
        seen.deaf = false;
        seen.n_scans = 0;
        hand_over(link, next);
        inputs_link_free(link);
        assert_int_equal(seen.n_scans, hop == 0 ? 2 : 0);
        link = next;
    }
    inputs_link_free(link);
    assert_int_equal(seen.n_scans, 4);
    assert_memory_equal(seen.scans, "\x9f\xaa\xe0\x9d", 4);
}

static void huge_motion_count_is_bounded(void **state)
{
    struct seen seen = {0};
    struct inputs_link *target = inputs_link_new(&ops, &seen, true, true, 0);

    feed(target, SPICE_MSGC_MIGRATE_DATA, "ICMD\1\0\0\0\xff\xff", 10);
    assert_null(conn_error(inputs_link_conn(target)));
    assert_true(count_messages(target, SPICE_MSG_INPUTS_MOUSE_MOTION_ACK) <= 64);
    inputs_link_free(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_reach_the_guest_and_are_let_go),
        cmocka_unit_test(what_is_kept_is_told_in_order),
        cmocka_unit_test(every_fourth_motion_is_acknowledged),
        cmocka_unit_test(wheel_is_a_button_on_the_wire),
        cmocka_unit_test(motion_count_travels),
        cmocka_unit_test(held_keys_travel_and_are_let_go),
        cmocka_unit_test(huge_motion_count_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
