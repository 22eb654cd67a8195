/* SPDX-License-Identifier: MIT */
/*
 * The pump moves bytes between a stream and a channel's protocol engine (channel/conn.h) on one
 * loop. It asks the engine for more output only when the link takes bytes, so that what is sent is
 * made at the last moment.
 */
#ifndef CARAVAN_STREAM_PUMP_H
#define CARAVAN_STREAM_PUMP_H

#include "channel/conn.h"
#include "loop/loop.h"
#include "stream/stream.h"

struct pump;

/* `reason` is a short text for the log, valid during the call; NULL when the peer closed.
 * Called once, from the loop, never from within pump_kick; the callee frees the pump. */
typedef void pump_closed_fn(void *opaque, const char *reason);

/* Takes the stream; borrows conn, which must outlive the pump. On the loop's thread. */
struct pump *pump_new(struct loop *loop, struct stream *stream, struct conn *conn,
                      pump_closed_fn *closed, void *opaque);

/* Closes the stream. On the loop's thread. */
void pump_free(struct pump *self);

/* Ends the link: `closed` follows from the loop. `reason` is static text. */
void pump_close(struct pump *self, const char *reason);

/* There may be output: writes what the link takes now. */
void pump_kick(struct pump *self);

/* Reads and writes what can be now, without the loop: for a caller that must not return to it yet.
 * Ends are still told from the loop. */
void pump_turn(struct pump *self);

/* False once the end is about to be told. */
bool pump_is_open(const struct pump *self);

struct stream *pump_stream(struct pump *self);

#endif
