/* SPDX-License-Identifier: MIT */
/* A link's speed: the round trip, the rate of bursts, what is made of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "display/link_speed.h"

#define BURST LINK_SPEED_BURST_BYTES
#define MS    1000

static void the_first_ping_is_for_the_round_trip(void **state)
{
    struct link_speed speed = {0};

    assert_true(link_speed_made(&speed, 100, 5 * MS));
    assert_false(link_speed_made(&speed, 100, 6 * MS)); /* one at a time */
    link_speed_pong(&speed, speed.ping + 1, 7 * MS);    /* of no PING of ours */
    assert_int_equal(speed.round_trip_us, 0);
    link_speed_pong(&speed, speed.ping, 85 * MS);
    assert_int_equal(speed.round_trip_us, 80 * MS);
    link_speed_pong(&speed, speed.ping, 900 * MS); /* twice */
    assert_int_equal(speed.round_trip_us, 80 * MS);
    assert_int_equal(speed.rate, 0);
}

static void a_burst_gives_the_rate(void **state)
{
    struct link_speed speed = {.round_trip_us = 80 * MS};

    assert_false(link_speed_made(&speed, BURST - 1, 0));
    link_speed_pause(&speed); /* no burst */
    assert_false(link_speed_made(&speed, BURST / 2, 1000 * MS));
    assert_true(link_speed_made(&speed, BURST / 2, 1010 * MS));
    link_speed_pause(&speed);
    assert_false(link_speed_made(&speed, 10, 1100 * MS));
    link_speed_pong(&speed, speed.ping, 1180 * MS);
    assert_int_equal(speed.rate, BURST * 10);
    assert_int_equal(link_speed_bytes(&speed, 50, 1, BURST), BURST / 2);
    assert_int_equal(link_speed_bytes(&speed, 1, BURST, 2 * BURST), BURST);
}

static void a_rate_holds_for_a_while(void **state)
{
    struct link_speed speed = {0};

    link_speed_go_on(&speed, 20 * MS, 1000, 50 * MS);
    assert_false(link_speed_made(&speed, 2 * BURST, 60 * MS));
    link_speed_pause(&speed);
    assert_true(link_speed_made(&speed, 2 * BURST, 50 * MS + LINK_SPEED_AGAIN_US));
}

/* A PONG faster than the round trip, a clock that stands still, rates of any size. */
static void nothing_overflows(void **state)
{
    struct link_speed speed = {.round_trip_us = UINT32_MAX};

    assert_true(link_speed_made(&speed, BURST, 0));
    link_speed_pong(&speed, speed.ping, 0);
    assert_int_not_equal(speed.rate, 0);
    link_speed_go_on(&speed, 0, UINT64_MAX, 0);
    assert_int_equal(link_speed_bytes(&speed, 50, 1, 7), 7);
    link_speed_go_on(&speed, 0, 1, 0);
    assert_int_equal(link_speed_bytes(&speed, 50, 3, 7), 3);
    link_speed_go_on(&speed, 0, 0, 0);
    assert_int_equal(link_speed_bytes(&speed, 50, 3, 7), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_ping_is_for_the_round_trip),
        cmocka_unit_test(a_burst_gives_the_rate),
        cmocka_unit_test(a_rate_holds_for_a_while),
        cmocka_unit_test(nothing_overflows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
