/* SPDX-License-Identifier: MIT */
/*
 * The cursor channel of one client. It looks at the display's pointer (struct pointer) when there
 * is room to send, and sends what the client does not have yet: never more than the newest.
 * Layouts as spice.proto's SpiceMsgCursor*. One owner thread.
 */
#ifndef CARAVAN_CHANNEL_CURSOR_H
#define CARAVAN_CHANNEL_CURSOR_H

#include "channel/conn.h"
#include "display/qxl/read.h"

/* The pointer of a display. Generations count changes, from 0. */
struct pointer {
    struct cursor *shape; /* owned by the display; NULL: none */
    uint64_t shape_generation;
    uint64_t reset_generation; /* the guest's device began anew */
    uint64_t trail_generation;
    int16_t x, y;
    bool visible;
    bool running; /* the guest runs */
    uint16_t trail_length, trail_frequency;
};

struct cursor_channel;

/* pointer is borrowed. `target`: linked ahead of a move; the client knows a pointer then. */
struct cursor_channel *cursor_channel_new(const struct pointer *pointer, bool mini, bool target);
void cursor_channel_free(struct cursor_channel *self);

/* Owned by the channel. */
struct conn *cursor_channel_conn(struct cursor_channel *self);

/* The source's end of a move: MIGRATE; this channel carries no state. */
void cursor_channel_migrate(struct cursor_channel *self);

#endif
