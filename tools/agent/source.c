/* SPDX-License-Identifier: MIT */
#include "source.h"

#include <glib-unix.h>

static GSource *attach(GSource *source, GSourceFunc call, void *opaque)
{
    g_source_set_callback(source, call, opaque, NULL);
    g_source_attach(source, g_main_context_get_thread_default());
    return source;
}

GSource *source_fd(int fd, GIOCondition condition, gboolean (*ready)(int, GIOCondition, void *),
                   void *opaque)
{
    return attach(g_unix_fd_source_new(fd, condition), G_SOURCE_FUNC(ready), opaque);
}

GSource *source_timer(unsigned ms, gboolean (*due)(void *), void *opaque)
{
    return attach(g_timeout_source_new(ms), due, opaque);
}

void source_end(GSource **self)
{
    if (!*self)
        return;
    g_source_destroy(*self);
    g_source_unref(*self);
    *self = NULL;
}
