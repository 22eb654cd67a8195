/* SPDX-License-Identifier: MIT */
#include "loop/loop_impl.h"

#include <sys/eventfd.h>
#include <unistd.h>

void loop_drain(struct loop *self)
{
    struct loop_work *work;

    g_mutex_lock(&self->lock);
    work = self->first;
    self->first = NULL;
    self->last = &self->first;
    g_mutex_unlock(&self->lock);

    while (work) {
        struct loop_work *next = work->next;
        work->fn(work->opaque);
        g_free(work);
        work = next;
    }
}

static void run_posted(void *opaque, unsigned events)
{
    struct loop *self = opaque;
    uint64_t count;

    if (read(self->wake_fd, &count, sizeof(count)) > 0)
        loop_drain(self);
}

bool loop_setup(struct loop *self, const struct loop_impl *impl)
{
    self->impl = impl;
    self->last = &self->first;
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (self->wake_fd < 0)
        return false;
    g_mutex_init(&self->lock);
    self->wake = loop_watch_add(self, self->wake_fd, LOOP_READ, run_posted, self);
    return true;
}

void loop_teardown(struct loop *self)
{
    loop_drain(self);
    loop_watch_remove(self->wake);
    close(self->wake_fd);
    g_mutex_clear(&self->lock);
}

void loop_free(struct loop *self)
{
    if (!self)
        return;
    self->impl->stop(self);
    loop_teardown(self);
    g_free(self);
}

struct loop_watch *loop_watch_add(struct loop *self, int fd, unsigned events, loop_watch_fn *fn,
                                  void *opaque)
{
    struct loop_watch *watch = g_new0(struct loop_watch, 1);

    *watch =
        (struct loop_watch){.loop = self, .fd = fd, .events = events, .fn = fn, .opaque = opaque};
    self->impl->watch_start(watch);
    return watch;
}

void loop_watch_set(struct loop_watch *watch, unsigned events)
{
    if (watch->events == events)
        return;
    watch->events = events;
    watch->loop->impl->watch_update(watch);
}

void loop_watch_remove(struct loop_watch *watch)
{
    if (!watch)
        return;
    watch->loop->impl->watch_stop(watch);
    g_free(watch);
}

struct loop_timer *loop_timer_add(struct loop *self, loop_fn *fn, void *opaque)
{
    struct loop_timer *timer = g_new0(struct loop_timer, 1);

    *timer = (struct loop_timer){.loop = self, .fn = fn, .opaque = opaque};
    self->impl->timer_init(timer);
    return timer;
}

void loop_timer_start(struct loop_timer *timer, uint32_t ms)
{
    timer->loop->impl->timer_start(timer, ms);
}

void loop_timer_cancel(struct loop_timer *timer)
{
    timer->loop->impl->timer_cancel(timer);
}

void loop_timer_remove(struct loop_timer *timer)
{
    if (!timer)
        return;
    timer->loop->impl->timer_fini(timer);
    g_free(timer);
}

void loop_post(struct loop *self, loop_fn *fn, void *opaque)
{
    struct loop_work *work = g_new0(struct loop_work, 1);
    const uint64_t one = 1;

    work->fn = fn;
    work->opaque = opaque;
    g_mutex_lock(&self->lock);
    *self->last = work;
    self->last = &work->next;
    g_mutex_unlock(&self->lock);
    /* The counter can't overflow: the reader drains it and each post adds one. */
    if (write(self->wake_fd, &one, sizeof(one)) < 0)
        return;
}

struct call {
    loop_fn *fn;
    void *opaque;
    GMutex lock;
    GCond done_cond;
    bool done;
};

static void run_call(void *opaque)
{
    struct call *call = opaque;

    call->fn(call->opaque);
    g_mutex_lock(&call->lock);
    call->done = true;
    g_cond_signal(&call->done_cond);
    g_mutex_unlock(&call->lock);
}

void loop_call(struct loop *self, loop_fn *fn, void *opaque)
{
    struct call call = {.fn = fn, .opaque = opaque};

    if (self->impl->is_owner(self)) {
        fn(opaque);
        return;
    }
    g_mutex_init(&call.lock);
    g_cond_init(&call.done_cond);
    loop_post(self, run_call, &call);
    g_mutex_lock(&call.lock);
    while (!call.done)
        g_cond_wait(&call.done_cond, &call.lock);
    g_mutex_unlock(&call.lock);
    g_cond_clear(&call.done_cond);
    g_mutex_clear(&call.lock);
}

int64_t loop_now_us(void)
{
    return g_get_monotonic_time();
}
