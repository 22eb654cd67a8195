/* SPDX-License-Identifier: MIT */
/*
 * A loop has one owner thread (for QEMU's main loop: whoever holds its big lock). Watches and
 * timers are added, changed and removed on that thread only; loop_post and loop_call are for every
 * thread. A callback may remove its own watch or timer.
 */
#ifndef CARAVAN_LOOP_LOOP_H
#define CARAVAN_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_watch;
struct loop_timer;
struct SpiceCoreInterface;

enum loop_events {
    LOOP_READ = 1, /* also on hang-up and error */
    LOOP_WRITE = 2,
};

typedef void loop_watch_fn(void *opaque, unsigned events);
typedef void loop_fn(void *opaque);

/* QEMU's main loop; `core` is borrowed for the loop's life. NULL if no eventfd can be had. */
struct loop *loop_new_core(struct SpiceCoreInterface *core);

/* A loop with a thread of its own, which starts at once. NULL as above. */
struct loop *loop_new_thread(const char *name);

/* Ends the thread (work posted before is done first) and frees the loop. From the thread that made
 * it. Every watch and timer must have been removed. */
void loop_free(struct loop *self);

/* `fd` is borrowed and must stay open until the watch is removed. */
struct loop_watch *loop_watch_add(struct loop *self, int fd, unsigned events, loop_watch_fn *fn,
                                  void *opaque);
void loop_watch_set(struct loop_watch *watch, unsigned events);
void loop_watch_remove(struct loop_watch *watch);

/* One-shot timers; starting a running one moves it. */
struct loop_timer *loop_timer_add(struct loop *self, loop_fn *fn, void *opaque);
void loop_timer_start(struct loop_timer *timer, uint32_t ms);
void loop_timer_cancel(struct loop_timer *timer);
void loop_timer_remove(struct loop_timer *timer);

/* Runs fn(opaque) on the owner thread, in the order of posting, never from within this call. */
void loop_post(struct loop *self, loop_fn *fn, void *opaque);

/* The same, and waits until it ran; runs it at once if the caller is the loop's own thread.
 * Not for loop_new_core: its thread may be the one that waits. */
void loop_call(struct loop *self, loop_fn *fn, void *opaque);

/* Runs now what was posted so far. On the owner thread. */
void loop_drain(struct loop *self);

/* CLOCK_MONOTONIC in microseconds. Any thread. */
int64_t loop_now_us(void);

#endif
