/* SPDX-License-Identifier: MIT */
/* loop.h on a thread of our own. */
#include "loop/loop_impl.h"

#include <glib-unix.h>
#include <signal.h>

static gboolean on_fd(gint fd, GIOCondition condition, gpointer opaque)
{
    struct loop_watch *watch = opaque;
    unsigned events = 0;

    if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR))
        events |= LOOP_READ;
    if (condition & G_IO_OUT)
        events |= LOOP_WRITE;
    watch->fn(watch->opaque, events);
    return G_SOURCE_CONTINUE;
}

static void thread_watch_stop(struct loop_watch *watch)
{
    GSource *source = watch->backend;

    if (!source)
        return;
    g_source_destroy(source);
    g_source_unref(source);
    watch->backend = NULL;
}

static void thread_watch_start(struct loop_watch *watch)
{
    GIOCondition condition = G_IO_HUP | G_IO_ERR;
    GSource *source;

    thread_watch_stop(watch);
    if (!watch->events)
        return;
    if (watch->events & LOOP_READ)
        condition |= G_IO_IN;
    if (watch->events & LOOP_WRITE)
        condition |= G_IO_OUT;
    source = g_unix_fd_source_new(watch->fd, condition);
    g_source_set_callback(source, G_SOURCE_FUNC(on_fd), watch, NULL);
    g_source_attach(source, watch->loop->context);
    watch->backend = source;
}

static gboolean on_timeout(gpointer opaque)
{
    struct loop_timer *timer = opaque;

    g_source_set_ready_time(timer->backend, -1);
    timer->fn(timer->opaque);
    return G_SOURCE_CONTINUE;
}

static gboolean dispatch_timer(GSource *source, GSourceFunc callback, gpointer opaque)
{
    return callback(opaque);
}

static GSourceFuncs timer_funcs = {.dispatch = dispatch_timer};

static void thread_timer_init(struct loop_timer *timer)
{
    GSource *source = g_source_new(&timer_funcs, sizeof(GSource));

    g_source_set_callback(source, on_timeout, timer, NULL);
    g_source_attach(source, timer->loop->context);
    timer->backend = source;
}

static void thread_timer_start(struct loop_timer *timer, uint32_t ms)
{
    g_source_set_ready_time(timer->backend, g_get_monotonic_time() + (gint64)ms * 1000);
}

static void thread_timer_cancel(struct loop_timer *timer)
{
    g_source_set_ready_time(timer->backend, -1);
}

static void thread_timer_fini(struct loop_timer *timer)
{
    g_source_destroy(timer->backend);
    g_source_unref(timer->backend);
}

static bool thread_is_owner(struct loop *loop)
{
    return g_thread_self() == loop->thread;
}

static void quit_main(void *opaque)
{
    struct loop *loop = opaque;

    g_main_loop_quit(loop->main);
}

static void thread_stop(struct loop *loop)
{
    loop_post(loop, quit_main, loop);
    g_thread_join(loop->thread);
    g_main_loop_unref(loop->main);
    g_main_context_unref(loop->context);
}

static const struct loop_impl thread_impl = {
    .watch_start = thread_watch_start,
    .watch_update = thread_watch_start,
    .watch_stop = thread_watch_stop,
    .timer_init = thread_timer_init,
    .timer_start = thread_timer_start,
    .timer_cancel = thread_timer_cancel,
    .timer_fini = thread_timer_fini,
    .is_owner = thread_is_owner,
    .stop = thread_stop,
};

static gpointer thread_main(gpointer opaque)
{
    struct loop *loop = opaque;

    g_main_context_push_thread_default(loop->context);
    g_main_loop_run(loop->main);
    g_main_context_pop_thread_default(loop->context);
    return NULL;
}

/* QEMU handles its signals in its own threads: ours takes none. */
static GThread *start_thread(const char *name, struct loop *loop)
{
    sigset_t all, old;
    GThread *thread;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    thread = g_thread_try_new(name, thread_main, loop, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return thread;
}

struct loop *loop_new_thread(const char *name)
{
    struct loop *self = g_new0(struct loop, 1);

    self->context = g_main_context_new();
    self->main = g_main_loop_new(self->context, FALSE);
    if (loop_setup(self, &thread_impl)) {
        self->thread = start_thread(name, self);
        if (self->thread)
            return self;
        loop_teardown(self);
    }
    g_main_loop_unref(self->main);
    g_main_context_unref(self->context);
    g_free(self);
    return NULL;
}
