/* SPDX-License-Identifier: MIT */
/* A character device and its host: nothing lost, nothing unbounded, removal at any moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glib.h>
#include <spice/protocol.h>
#include <string.h>

#include "device/char_device.h"
#include "fake_device.h"
#include "loop/loop.h"

enum { QUEUE = 100 };

/* ---- A loop whose timers the test fires ---- */

struct SpiceTimer {
    SpiceTimerFunc func;
    void *opaque;
    bool runs;
};

static struct SpiceTimer *last_timer;

static SpiceTimer *timer_add(SpiceTimerFunc func, void *opaque)
{
    last_timer = g_new0(SpiceTimer, 1);
    *last_timer = (SpiceTimer){.func = func, .opaque = opaque};
    return last_timer;
}

static void timer_start(SpiceTimer *timer, uint32_t ms)
{
    timer->runs = true;
}

static void timer_cancel(SpiceTimer *timer)
{
    timer->runs = false;
}

static void timer_remove(SpiceTimer *timer)
{
    g_free(timer);
}

static SpiceWatch *watch_add(int fd, int events, SpiceWatchFunc func, void *opaque)
{
    return (SpiceWatch *)&last_timer;
}

static void watch_update_mask(SpiceWatch *watch, int events)
{
}

static void watch_remove(SpiceWatch *watch)
{
}

static SpiceCoreInterface core = {
    .base = {SPICE_INTERFACE_CORE, "test", SPICE_INTERFACE_CORE_MAJOR, SPICE_INTERFACE_CORE_MINOR},
    .timer_add = timer_add,
    .timer_start = timer_start,
    .timer_cancel = timer_cancel,
    .timer_remove = timer_remove,
    .watch_add = watch_add,
    .watch_update_mask = watch_update_mask,
    .watch_remove = watch_remove,
};

/* ---- The host's side, and the user's ---- */

struct rig {
    struct fake_device *host;
    struct loop *loop;
    struct char_device *device;
    bool remove_in_write, reply_in_write, reopen_in_write;
    struct buf read;
    size_t read_room;
    unsigned writable, removed, port_events;
};

static void host_written(void *opaque)
{
    struct rig *rig = opaque;

    if (rig->remove_in_write) {
        rig->remove_in_write = false;
        char_device_remove(rig->device);
    }
    if (rig->reply_in_write) {
        rig->reply_in_write = false;
        char_device_write(rig->device, (const uint8_t *)"reply", 5);
    }
    if (rig->reopen_in_write) {
        rig->reopen_in_write = false;
        char_device_set_open(rig->device, false);
        char_device_set_open(rig->device, true);
        char_device_write(rig->device, (const uint8_t *)"new", 3);
    }
}

static void user_readable(void *owner)
{
    struct rig *rig = owner;
    uint8_t bytes[64];
    size_t n;

    while (rig->read_room &&
           (n = char_device_read(rig->device, bytes, MIN(rig->read_room, sizeof(bytes))))) {
        buf_append(&rig->read, bytes, n);
        rig->read_room -= n;
    }
}

static void user_writable(void *owner)
{
    ((struct rig *)owner)->writable++;
}

static void user_event(void *owner, uint8_t event)
{
    ((struct rig *)owner)->port_events++;
}

static void user_removed(void *owner)
{
    ((struct rig *)owner)->removed++;
}

static const struct char_device_user user = {user_readable, user_writable, user_event,
                                             user_removed};

static int setup(void **state)
{
    struct rig *rig = g_new0(struct rig, 1);

    rig->host = fake_device_new("port", "org.test");
    rig->host->takes = 0;
    rig->host->written = host_written;
    rig->host->opaque = rig;
    rig->read_room = SIZE_MAX;
    rig->loop = loop_new_core(&core);
    rig->device = char_device_new(rig->loop, &rig->host->sin, QUEUE);
    char_device_set_user(rig->device, &user, rig);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;

    if (rig->host->sin.st)
        char_device_remove(rig->device);
    loop_free(rig->loop);
    fake_device_free(rig->host);
    buf_free(&rig->read);
    g_free(rig);
    return 0;
}

static void run(struct rig *rig)
{
    char_device_set_running(rig->device, true);
    char_device_set_open(rig->device, true);
}

static void guest_writes(struct rig *rig, const char *text)
{
    buf_append(&rig->host->guest_out, text, strlen(text));
    char_device_wakeup(rig->device);
}

static void expect_bytes(const struct buf *buf, const char *text)
{
    assert_int_equal(buf->len, strlen(text));
    assert_memory_equal(buf->data, text, buf->len);
}

static size_t give(struct rig *rig, const char *text)
{
    return char_device_write(rig->device, (const uint8_t *)text, strlen(text));
}

/* ---- Tests ---- */

static void what_there_is_no_room_for_stays_in_the_device(void **state)
{
    struct rig *rig = *state;

    run(rig);
    rig->read_room = 3;
    guest_writes(rig, "abcdef");
    expect_bytes(&rig->read, "abc");
    expect_bytes(&rig->host->guest_out, "def");
    rig->read_room = 10;
    char_device_wakeup(rig->device);
    expect_bytes(&rig->read, "abcdef");
}

static void a_guest_takes_what_it_can_and_the_rest_in_order(void **state)
{
    struct rig *rig = *state;

    run(rig);
    rig->host->takes = 2;
    assert_int_equal(give(rig, "abcdef"), 6);
    fake_device_expect(rig->host, "ab");
    expect_bytes(char_device_queue(rig->device), "cdef");
    rig->host->takes = 100;
    char_device_wakeup(rig->device);
    fake_device_expect(rig->host, "abcdef");
    assert_int_equal(char_device_room(rig->device), QUEUE);
}

static void the_queue_is_bounded_and_says_when_there_is_room(void **state)
{
    struct rig *rig = *state;
    uint8_t many[3 * QUEUE] = {0};

    run(rig);
    assert_int_equal(char_device_write(rig->device, many, sizeof(many)), QUEUE);
    assert_int_equal(char_device_write(rig->device, many, 1), 0);
    rig->host->takes = QUEUE / 2 - 1;
    char_device_wakeup(rig->device);
    assert_int_equal(rig->writable, 0);
    rig->host->takes = 1;
    char_device_wakeup(rig->device);
    assert_int_equal(rig->writable, 1);
    rig->host->takes = 1;
    char_device_wakeup(rig->device);
    assert_int_equal(rig->writable, 1);
}

static void a_willing_guest_is_given_more_than_the_queue_holds(void **state)
{
    struct rig *rig = *state;
    uint8_t many[3 * QUEUE] = {0};

    run(rig);
    rig->host->takes = sizeof(many);
    assert_int_equal(char_device_write(rig->device, many, sizeof(many)), sizeof(many));
    assert_int_equal(rig->host->guest_in.len, sizeof(many));
}

static void nothing_moves_while_the_vm_stands_still(void **state)
{
    struct rig *rig = *state;

    run(rig);
    rig->host->takes = 100;
    char_device_set_running(rig->device, false);
    guest_writes(rig, "out");
    assert_int_equal(give(rig, "in"), 2);
    assert_int_equal(rig->read.len, 0);
    assert_int_equal(rig->host->guest_in.len, 0);
    char_device_set_running(rig->device, true);
    expect_bytes(&rig->read, "out");
    fake_device_expect(rig->host, "in");
}

static void hosts_that_do_not_say_when_there_is_room_are_asked_again(void **state)
{
    struct rig *rig = *state;

    run(rig);
    give(rig, "a");
    assert_false(last_timer->runs);
    rig->host->sif.flags = 0;
    give(rig, "b");
    assert_true(last_timer->runs);
    last_timer->runs = false;
    rig->host->takes = 5;
    last_timer->func(last_timer->opaque);
    fake_device_expect(rig->host, "ab");
    assert_false(last_timer->runs);
}

/* Members that an interface of an older minor does not have are not touched. */
static void old_interfaces_are_not_read_past_their_end(void **state)
{
    struct rig *rig = *state;

    run(rig);
    rig->host->sif.base.minor_version = 1;
    char_device_send_event(rig->device, SPICE_PORT_EVENT_BREAK);
    assert_int_equal(rig->host->event, 0);
    give(rig, "a");
    assert_true(last_timer->runs);
    rig->host->sif.base.minor_version = 2;
    char_device_send_event(rig->device, SPICE_PORT_EVENT_BREAK);
    assert_int_equal(rig->host->event, SPICE_PORT_EVENT_BREAK);
}

static void closing_drops_what_is_queued(void **state)
{
    struct rig *rig = *state;

    run(rig);
    give(rig, "old");
    char_device_set_open(rig->device, false);
    assert_int_equal(rig->host->state, 0);
    assert_int_equal(give(rig, "none"), 0);
    char_device_set_open(rig->device, true);
    char_device_set_open(rig->device, true);
    assert_int_equal(rig->host->states, 3);
    rig->host->takes = 100;
    give(rig, "new");
    fake_device_expect(rig->host, "new");
}

static void an_answer_from_within_a_write_keeps_the_order(void **state)
{
    struct rig *rig = *state;

    run(rig);
    rig->host->takes = 100;
    rig->reply_in_write = true;
    give(rig, "ask ");
    fake_device_expect(rig->host, "ask reply");
}

static void a_device_closed_and_opened_within_a_write_starts_anew(void **state)
{
    struct rig *rig = *state;

    run(rig);
    rig->host->takes = 1;
    rig->reopen_in_write = true;
    give(rig, "old");
    expect_bytes(char_device_queue(rig->device), "new");
}

static void a_device_may_be_removed_within_a_write(void **state)
{
    struct rig *rig = *state;

    run(rig);
    rig->host->takes = 1;
    rig->remove_in_write = true;
    give(rig, "abc");
    assert_int_equal(rig->removed, 1);
    assert_null(rig->host->sin.st);
}

static void a_port_says_whether_it_is_open(void **state)
{
    struct rig *rig = *state;

    assert_false(char_device_port_opened(rig->device));
    char_device_port_event(rig->device, SPICE_PORT_EVENT_OPENED);
    assert_true(char_device_port_opened(rig->device));
    char_device_port_event(rig->device, SPICE_PORT_EVENT_BREAK);
    assert_true(char_device_port_opened(rig->device));
    char_device_port_event(rig->device, SPICE_PORT_EVENT_CLOSED);
    assert_false(char_device_port_opened(rig->device));
    assert_int_equal(rig->port_events, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_there_is_no_room_for_stays_in_the_device),
        TEST(a_guest_takes_what_it_can_and_the_rest_in_order),
        TEST(the_queue_is_bounded_and_says_when_there_is_room),
        TEST(a_willing_guest_is_given_more_than_the_queue_holds),
        TEST(nothing_moves_while_the_vm_stands_still),
        TEST(hosts_that_do_not_say_when_there_is_room_are_asked_again),
        TEST(old_interfaces_are_not_read_past_their_end),
        TEST(closing_drops_what_is_queued),
        TEST(an_answer_from_within_a_write_keeps_the_order),
        TEST(a_device_closed_and_opened_within_a_write_starts_anew),
        TEST(a_device_may_be_removed_within_a_write),
        TEST(a_port_says_whether_it_is_open),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
