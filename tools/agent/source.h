/* SPDX-License-Identifier: MIT */
/* GLib's sources on the calling thread's own context: g_timeout_add and its like know only the
 * main one. Each belongs to the caller until source_end, which takes NULL too. */
#ifndef CARAVAN_AGENT_SOURCE_H
#define CARAVAN_AGENT_SOURCE_H

#include <glib.h>

GSource *source_fd(int fd, GIOCondition condition, gboolean (*ready)(int, GIOCondition, void *),
                   void *opaque);
GSource *source_timer(unsigned ms, gboolean (*due)(void *), void *opaque);
void source_end(GSource **self);

#endif
