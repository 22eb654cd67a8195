/* SPDX-License-Identifier: MIT */
/*
 * The host's own desktop as a party of the clipboard. A display server that hangs must not hold up
 * the agent, so each connection lives on a thread of its own; what passes between the two is in
 * mailbox.h. Freeing does not wait for that thread: it ends when its server lets it.
 */
#ifndef CARAVAN_AGENT_DESK_H
#define CARAVAN_AGENT_DESK_H

#include "host_clip.h"

struct desk;

/* `kind`'s functions run on the thread, where its news may be told at any time, also from within
 * them; its connect never returns NULL. */
struct desk *desk_new(const struct host_clip_ops *kind, const char *where,
                      const struct host_clip_news *news, void *opaque);

/* As in host_clip_ops. */
void desk_free(void *self);
void desk_offer(void *self, bool has);
void desk_ask(void *self);
void desk_provide(void *self, const char *text, size_t len);

/* The row for "auto", "x11[:DISPLAY]" or "wayland[:DISPLAY]"; *where becomes the display's name,
 * the caller's to free. NULL with *why, static, when there is none. */
const struct host_clip_ops *desk_find(const char *name, char **where, const char **why);

#endif
