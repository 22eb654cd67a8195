/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <signal.h>
#include <glib-unix.h>

#define LOOP_TICK_MS 5

struct loop {
    bool interrupted;
    guint sigint;
    guint sigterm;
};

static gboolean loop_on_signal(gpointer data)
{
    struct loop *loop = data;

    loop->interrupted = true;
    return G_SOURCE_CONTINUE;
}

static gboolean loop_on_tick(gpointer data)
{
    (void)data;
    return G_SOURCE_CONTINUE;
}

struct loop *loop_new(void)
{
    struct loop *loop = g_new0(struct loop, 1);

    signal(SIGPIPE, SIG_IGN);
    loop->sigint = g_unix_signal_add(SIGINT, loop_on_signal, loop);
    loop->sigterm = g_unix_signal_add(SIGTERM, loop_on_signal, loop);
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    g_source_remove(loop->sigint);
    g_source_remove(loop->sigterm);
    g_free(loop);
}

bool loop_interrupted(const struct loop *loop)
{
    return loop->interrupted;
}

void loop_clear_interrupt(struct loop *loop)
{
    loop->interrupted = false;
}

enum loop_result loop_wait(struct loop *loop, bool (*condition)(void *data), void *data,
                           double timeout_s)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)(timeout_s * G_USEC_PER_SEC);
    enum loop_result result = LOOP_MET;
    guint tick = 0;

    while (!condition || !condition(data)) {
        if (loop->interrupted) {
            result = LOOP_INTERRUPTED;
            break;
        }
        if (g_get_monotonic_time() >= deadline) {
            result = LOOP_TIMEOUT;
            break;
        }
        if (!tick)
            tick = g_timeout_add(LOOP_TICK_MS, loop_on_tick, NULL);
        g_main_context_iteration(NULL, TRUE);
    }
    if (tick)
        g_source_remove(tick);
    return result;
}
