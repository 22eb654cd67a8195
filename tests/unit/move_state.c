/* SPDX-License-Identifier: MIT */
/* The transitions of a client in a move: complete, without doubles, and safe for real clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "migrate/move_state.h"

#define MOVE(from, event, to, action) {MOVE_##from, MOVE_##event, MOVE_##to, MOVE_ACT_##action},
static const struct move_transition rows[] = {
#include "proto/move_transitions.h"
};
#undef MOVE

enum {
    N_ROWS = sizeof(rows) / sizeof(rows[0]),
};

static void each_pair_has_one_row(void **state)
{
    for (int i = 0; i < N_ROWS; i++) {
        for (int j = 0; j < i; j++)
            assert_false(rows[i].from == rows[j].from && rows[i].event == rows[j].event);
    }
}

/* Before the end, every state knows what the end means, and that the VM may stay. */
static void every_waiting_state_ends(void **state)
{
    for (int s = MOVE_STAY; s <= MOVE_REFUSED; s++) {
        const struct move_transition *done = move_transition_find(s, MOVE_DONE);
        const struct move_transition *failed = move_transition_find(s, MOVE_FAILED);
        assert_non_null(done);
        assert_true(done->to == MOVE_MOVING || done->to == MOVE_ENDING ||
                    done->to == MOVE_SWITCHING);
        assert_non_null(failed);
        assert_int_equal(failed->to, MOVE_STAY);
    }
}

/* MIGRATE only to a client whose target said yes; MIGRATE_END never to it; who was asked and did
 * not make it gets CANCEL before anything else. */
static void nobody_gets_what_breaks_a_client(void **state)
{
    for (int i = 0; i < N_ROWS; i++) {
        if (rows[i].action == MOVE_ACT_MIGRATE)
            assert_true(rows[i].from == MOVE_READY_SEAMLESS ||
                        rows[i].event == MOVE_ANSWER_SEAMLESS);
        if (rows[i].action == MOVE_ACT_END)
            assert_true(rows[i].from == MOVE_READY_SEMI || rows[i].event == MOVE_ANSWER_SEMI);
        if (rows[i].to == MOVE_SWITCHING)
            assert_int_equal(rows[i].action, MOVE_ACT_CANCEL_AND_SWITCH);
        if (rows[i].event == MOVE_FAILED && rows[i].from != MOVE_STAY &&
            rows[i].from != MOVE_COMING) /* neither was asked */
            assert_int_equal(rows[i].action, MOVE_ACT_CANCEL);
    }
}

/* Who is late has an end, too, whatever it answers, and gets no second BEGIN. */
static void late_ones_end(void **state)
{
    static const enum move_event events[] = {MOVE_ANSWER_SEMI, MOVE_ANSWER_SEAMLESS,
                                             MOVE_ANSWER_ERROR, MOVE_TIMEOUT};

    for (int s = MOVE_LATE_SEAMLESS; s <= MOVE_LATE_SEMI; s++) {
        for (unsigned i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
            const struct move_transition *row = move_transition_find(s, events[i]);
            assert_non_null(row);
            assert_true(row->to >= MOVE_MOVING);
        }
        assert_null(move_transition_find(s, MOVE_ASK_SEAMLESS));
    }
}

static void one_clean_move(void **state)
{
    static const struct {
        enum move_event event;
        enum move_source to;
        enum move_action action;
    } steps[] = {
        {MOVE_ASK_SEAMLESS, MOVE_ASKED_SEAMLESS, MOVE_ACT_BEGIN_SEAMLESS},
        {MOVE_ANSWER_SEAMLESS, MOVE_READY_SEAMLESS, MOVE_ACT_NOTHING},
        {MOVE_DONE, MOVE_MOVING, MOVE_ACT_MIGRATE},
    };
    enum move_source now = MOVE_STAY;

    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        const struct move_transition *row = move_transition_find(now, steps[i].event);
        assert_non_null(row);
        assert_int_equal(row->to, steps[i].to);
        assert_int_equal(row->action, steps[i].action);
        now = row->to;
    }
    assert_null(move_transition_find(now, MOVE_ANSWER_SEAMLESS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pair_has_one_row),
        cmocka_unit_test(every_waiting_state_ends),
        cmocka_unit_test(nobody_gets_what_breaks_a_client),
        cmocka_unit_test(late_ones_end),
        cmocka_unit_test(one_clean_move),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
