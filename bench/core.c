/* SPDX-License-Identifier: MIT */
#include "core.h"

#include <glib-unix.h>

struct SpiceTimer {
    SpiceTimerFunc func;
    void *opaque;
    guint source;
};

struct SpiceWatch {
    int fd;
    SpiceWatchFunc func;
    void *opaque;
    guint source;
};

static SpiceTimer *timer_add(SpiceTimerFunc func, void *opaque)
{
    SpiceTimer *timer = g_new0(SpiceTimer, 1);

    timer->func = func;
    timer->opaque = opaque;
    return timer;
}

static gboolean timer_fire(gpointer opaque)
{
    SpiceTimer *timer = opaque;

    timer->source = 0;
    timer->func(timer->opaque);
    return G_SOURCE_REMOVE;
}

static void timer_cancel(SpiceTimer *timer)
{
    if (timer->source)
        g_source_remove(timer->source);
    timer->source = 0;
}

static void timer_start(SpiceTimer *timer, uint32_t ms)
{
    timer_cancel(timer);
    timer->source = g_timeout_add(ms, timer_fire, timer);
}

static void timer_remove(SpiceTimer *timer)
{
    timer_cancel(timer);
    g_free(timer);
}

static gboolean watch_fire(gint fd, GIOCondition condition, gpointer opaque)
{
    SpiceWatch *watch = opaque;
    int events = 0;

    if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR))
        events |= SPICE_WATCH_EVENT_READ;
    if (condition & G_IO_OUT)
        events |= SPICE_WATCH_EVENT_WRITE;
    /* The callback may remove the watch: nothing may follow. */
    watch->func(fd, events, watch->opaque);
    return G_SOURCE_CONTINUE;
}

static void watch_update_mask(SpiceWatch *watch, int events)
{
    GIOCondition condition = 0;

    if (watch->source)
        g_source_remove(watch->source);
    watch->source = 0;
    if (events & SPICE_WATCH_EVENT_READ)
        condition |= G_IO_IN | G_IO_HUP | G_IO_ERR;
    if (events & SPICE_WATCH_EVENT_WRITE)
        condition |= G_IO_OUT;
    if (condition)
        watch->source = g_unix_fd_add(watch->fd, condition, watch_fire, watch);
}

static SpiceWatch *watch_add(int fd, int events, SpiceWatchFunc func, void *opaque)
{
    SpiceWatch *watch = g_new0(SpiceWatch, 1);

    watch->fd = fd;
    watch->func = func;
    watch->opaque = opaque;
    watch_update_mask(watch, events);
    return watch;
}

static void watch_remove(SpiceWatch *watch)
{
    if (watch->source)
        g_source_remove(watch->source);
    g_free(watch);
}

static void channel_event(int event, SpiceChannelEventInfo *info)
{
    (void)event;
    (void)info;
}

SpiceCoreInterface *core_interface(void)
{
    static SpiceCoreInterface core = {
        .base = {"core", "bench", SPICE_INTERFACE_CORE_MAJOR, SPICE_INTERFACE_CORE_MINOR},
        .timer_add = timer_add,
        .timer_start = timer_start,
        .timer_cancel = timer_cancel,
        .timer_remove = timer_remove,
        .watch_add = watch_add,
        .watch_update_mask = watch_update_mask,
        .watch_remove = watch_remove,
        .channel_event = channel_event,
    };

    return &core;
}
