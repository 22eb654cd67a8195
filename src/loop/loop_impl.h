/* SPDX-License-Identifier: MIT */
/* What a backend of loop.h provides; for src/loop only. */
#ifndef CARAVAN_LOOP_LOOP_IMPL_H
#define CARAVAN_LOOP_LOOP_IMPL_H

#include <glib.h>

#include "loop/loop.h"

struct loop_impl {
    void (*watch_start)(struct loop_watch *watch);
    void (*watch_update)(struct loop_watch *watch);
    void (*watch_stop)(struct loop_watch *watch);
    void (*timer_init)(struct loop_timer *timer);
    void (*timer_start)(struct loop_timer *timer, uint32_t ms);
    void (*timer_cancel)(struct loop_timer *timer);
    void (*timer_fini)(struct loop_timer *timer);
    bool (*is_owner)(struct loop *loop);
    void (*stop)(struct loop *loop);
};

struct loop_work {
    struct loop_work *next;
    loop_fn *fn;
    void *opaque;
};

struct loop {
    const struct loop_impl *impl;
    struct SpiceCoreInterface *core; /* core backend */
    GMainContext *context;           /* thread backend */
    GMainLoop *main;
    GThread *thread;

    int wake_fd;
    struct loop_watch *wake;
    GMutex lock; /* guards the queue */
    struct loop_work *first;
    struct loop_work **last;
};

struct loop_watch {
    struct loop *loop;
    int fd;
    unsigned events;
    loop_watch_fn *fn;
    void *opaque;
    void *backend; /* SpiceWatch or GSource */
};

struct loop_timer {
    struct loop *loop;
    loop_fn *fn;
    void *opaque;
    void *backend;
};

/* Fills the parts that every backend has; false if there is no eventfd. */
bool loop_setup(struct loop *self, const struct loop_impl *impl);
void loop_teardown(struct loop *self);

#endif
