/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_FOLLOW_H
#define CARAVAN_FOLLOW_H

#include "viewer.h"

/*
 * Follows moves of the session as its client sees them: steps, each with the time since its move
 * was announced. All functions belong to the main thread.
 */
struct follow;

/* One step. Fields that a step does not have are 0 or NULL. */
struct follow_step {
    gint64 time;
    unsigned move; /* counts from 1; 0: no move is under way */
    const char *what;
    gint64 since;                         /* microseconds since the move began */
    const struct viewer_channel *channel; /* whose step it is */
    int port;                             /* TCP, where the channel is now */
    const char *how;                      /* kind of move, or its outcome */
    unsigned channels;                    /* how many have moved */
    gint64 gap;                           /* longest time between two pictures, microseconds */
    const char *reason;
};

typedef void (*follow_listener)(void *data, const struct follow_step *step);

struct follow *follow_new(struct viewer *const *viewer, follow_listener listener, void *data);
void follow_free(struct follow *self);

/* Every event of the viewer. */
void follow_event(struct follow *self, const struct viewer_event *event);

#endif
