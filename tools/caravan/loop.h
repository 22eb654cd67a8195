/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_LOOP_H
#define CARAVAN_LOOP_H

#include <stdbool.h>
#include <glib.h>

/*
 * Straight-line waiting on the default GMainContext: the commands are written
 * top to bottom and wait here while the context serves sockets and timers.
 * Main thread only; never call loop_wait from inside a main loop callback.
 */
struct loop;

enum loop_result { LOOP_MET, LOOP_TIMEOUT, LOOP_INTERRUPTED };

/* Installs handlers for SIGINT and SIGTERM and ignores SIGPIPE. Owned by the caller. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* True once SIGINT or SIGTERM came; every later wait ends at once. */
bool loop_interrupted(const struct loop *loop);

/* Ignores the signals seen so far, so that a clean-up may wait too. */
void loop_clear_interrupt(struct loop *loop);

/*
 * Serves the context until condition(data) holds, timeout_s (seconds) is over
 * or a signal came. The condition is asked after every event and at least
 * every 5 ms. condition may be NULL: then this sleeps.
 */
enum loop_result loop_wait(struct loop *loop, bool (*condition)(void *data), void *data,
                           double timeout_s);

#endif
