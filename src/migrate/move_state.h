/* SPDX-License-Identifier: MIT */
/* Where one client stands in a move; the transitions are rows of proto/move_transitions.h. */
#ifndef CARAVAN_MIGRATE_MOVE_STATE_H
#define CARAVAN_MIGRATE_MOVE_STATE_H

#include <stddef.h>

/* At the source. */
enum move_source {
    MOVE_STAY,           /* nothing under way */
    MOVE_COMING,         /* a move is announced, and its channels are not all here yet */
    MOVE_ASKED_SEAMLESS, /* told where to; it links the target now */
    MOVE_ASKED_SEMI,
    MOVE_READY_SEAMLESS, /* linked to the target */
    MOVE_READY_SEMI,
    MOVE_REFUSED,       /* can't, or said no, or was too slow: it will be sent there anew */
    MOVE_LATE_SEAMLESS, /* the VM has moved while it was still linking the target */
    MOVE_LATE_SEMI,
    MOVE_MOVING,    /* its channels carry their state over */
    MOVE_ENDING,    /* it may use its target links now */
    MOVE_SWITCHING, /* it connects to the target anew */
};

enum move_event {
    MOVE_ASK_SEAMLESS,
    MOVE_ASK_SEMI,
    MOVE_ASK_NONE,
    MOVE_ASK_LATER, /* announced, but it is not up yet */
    MOVE_ANSWER_SEAMLESS,
    MOVE_ANSWER_SEMI,
    MOVE_ANSWER_ERROR,
    MOVE_TIMEOUT,
    MOVE_DONE,         /* the VM runs at the target */
    MOVE_DONE_LATE_OK, /* the same, and that target takes late links */
    MOVE_FAILED,       /* the VM stays */
};

enum move_action {
    MOVE_ACT_NOTHING,
    MOVE_ACT_BEGIN_SEAMLESS,
    MOVE_ACT_BEGIN_SEMI,
    MOVE_ACT_CANCEL,
    MOVE_ACT_MIGRATE,
    MOVE_ACT_END,
    MOVE_ACT_CANCEL_AND_SWITCH,
};

/* At the target. */
enum move_target {
    MOVE_TARGET_NONE,     /* came by itself */
    MOVE_TARGET_LINKED,   /* linked ahead; what kind of move is not known yet */
    MOVE_TARGET_SEAMLESS, /* told that its state will be taken; waits for it */
    MOVE_TARGET_ARRIVED,
};

struct move_client {
    enum move_source source;
    enum move_target target;
    enum move_event why; /* the event that led to `source` */
};

struct move_transition {
    enum move_source from;
    enum move_event event;
    enum move_source to;
    enum move_action action;
};

/* The row for a state and an event; NULL when the event means nothing there. */
const struct move_transition *move_transition_find(enum move_source from, enum move_event event);

const char *move_source_name(enum move_source state);
const char *move_event_name(enum move_event event);
/* What becomes of a client that leaves in this state, for the log. */
const char *move_outcome_name(enum move_source state);

#endif
