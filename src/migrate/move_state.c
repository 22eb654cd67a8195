/* SPDX-License-Identifier: MIT */
#include "migrate/move_state.h"

#define MOVE(from, event, to, action) {MOVE_##from, MOVE_##event, MOVE_##to, MOVE_ACT_##action},
static const struct move_transition transitions[] = {
#include "proto/move_transitions.h"
};
#undef MOVE

const struct move_transition *move_transition_find(enum move_source from, enum move_event event)
{
    for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
        if (transitions[i].from == from && transitions[i].event == event)
            return &transitions[i];
    }
    return NULL;
}

const char *move_source_name(enum move_source state)
{
    switch (state) {
    case MOVE_STAY:
        return "stays";
    case MOVE_COMING:
        return "is still coming";
    case MOVE_ASKED_SEAMLESS:
        return "is asked to link the target (seamless)";
    case MOVE_ASKED_SEMI:
        return "is asked to link the target (semi-seamless)";
    case MOVE_READY_SEAMLESS:
        return "is ready (seamless)";
    case MOVE_READY_SEMI:
        return "is ready (semi-seamless)";
    case MOVE_REFUSED:
        return "will switch host";
    case MOVE_LATE_SEAMLESS:
        return "is late, still linking the target (seamless)";
    case MOVE_LATE_SEMI:
        return "is late, still linking the target (semi-seamless)";
    case MOVE_MOVING:
        return "is moving (seamless)";
    case MOVE_ENDING:
        return "is moving (semi-seamless)";
    case MOVE_SWITCHING:
        return "is switching host";
    }
    return "?";
}

const char *move_event_name(enum move_event event)
{
    switch (event) {
    case MOVE_ASK_SEAMLESS:
        return "seamless move announced";
    case MOVE_ASK_SEMI:
        return "semi-seamless move announced";
    case MOVE_ASK_NONE:
        return "move announced that it can't take part in";
    case MOVE_ASK_LATER:
        return "move announced before its channels were all here";
    case MOVE_ANSWER_SEAMLESS:
        return "linked to the target (seamless)";
    case MOVE_ANSWER_SEMI:
        return "linked to the target (semi-seamless)";
    case MOVE_ANSWER_ERROR:
        return "cannot link to the target";
    case MOVE_TIMEOUT:
        return "no answer in time";
    case MOVE_DONE:
        return "the VM has moved";
    case MOVE_DONE_LATE_OK:
        return "the VM has moved, its target takes late links";
    case MOVE_FAILED:
        return "the VM stays here";
    }
    return "?";
}

const char *move_outcome_name(enum move_source state)
{
    switch (state) {
    case MOVE_STAY:
        return "it was not moved";
    case MOVE_COMING:
    case MOVE_ASKED_SEAMLESS:
    case MOVE_ASKED_SEMI:
    case MOVE_READY_SEAMLESS:
    case MOVE_READY_SEMI:
    case MOVE_REFUSED:
        return "it left before the end of the move";
    case MOVE_LATE_SEAMLESS:
    case MOVE_LATE_SEMI:
        return "it left while linking the target";
    case MOVE_MOVING:
        return "it has moved (seamless)";
    case MOVE_ENDING:
        return "it has moved (semi-seamless)";
    case MOVE_SWITCHING:
        return "it was sent to connect anew (switch-host)";
    }
    return "?";
}
