/* SPDX-License-Identifier: MIT */
/* loop.h on QEMU's main loop ("spice-core.h" SpiceCoreInterface 1.x). */
#include "loop/loop_impl.h"

#include <spice.h>

static unsigned to_core(unsigned events)
{
    return (events & LOOP_READ ? SPICE_WATCH_EVENT_READ : 0) |
           (events & LOOP_WRITE ? SPICE_WATCH_EVENT_WRITE : 0);
}

static void on_watch(int fd, int event, void *opaque)
{
    struct loop_watch *watch = opaque;
    unsigned events = (event & SPICE_WATCH_EVENT_READ ? LOOP_READ : 0) |
                      (event & SPICE_WATCH_EVENT_WRITE ? LOOP_WRITE : 0);

    watch->fn(watch->opaque, events);
}

/* QEMU takes a watch without events badly: no events means no watch there. */
static void core_watch_update(struct loop_watch *watch)
{
    SpiceCoreInterface *core = watch->loop->core;

    if (!watch->events && watch->backend) {
        core->watch_remove(watch->backend);
        watch->backend = NULL;
    } else if (watch->events && !watch->backend) {
        watch->backend = core->watch_add(watch->fd, to_core(watch->events), on_watch, watch);
    } else if (watch->backend) {
        core->watch_update_mask(watch->backend, to_core(watch->events));
    }
}

static void core_watch_stop(struct loop_watch *watch)
{
    if (watch->backend)
        watch->loop->core->watch_remove(watch->backend);
}

static void on_timer(void *opaque)
{
    struct loop_timer *timer = opaque;

    timer->fn(timer->opaque);
}

static void core_timer_init(struct loop_timer *timer)
{
    timer->backend = timer->loop->core->timer_add(on_timer, timer);
}

static void core_timer_start(struct loop_timer *timer, uint32_t ms)
{
    timer->loop->core->timer_start(timer->backend, ms);
}

static void core_timer_cancel(struct loop_timer *timer)
{
    timer->loop->core->timer_cancel(timer->backend);
}

static void core_timer_fini(struct loop_timer *timer)
{
    timer->loop->core->timer_remove(timer->backend);
}

static bool core_is_owner(struct loop *loop)
{
    return true;
}

static void core_stop(struct loop *loop)
{
}

static const struct loop_impl core_impl = {
    .watch_start = core_watch_update,
    .watch_update = core_watch_update,
    .watch_stop = core_watch_stop,
    .timer_init = core_timer_init,
    .timer_start = core_timer_start,
    .timer_cancel = core_timer_cancel,
    .timer_fini = core_timer_fini,
    .is_owner = core_is_owner,
    .stop = core_stop,
};

struct loop *loop_new_core(struct SpiceCoreInterface *core)
{
    struct loop *self = g_new0(struct loop, 1);

    self->core = core;
    if (!loop_setup(self, &core_impl)) {
        g_free(self);
        return NULL;
    }
    return self;
}
