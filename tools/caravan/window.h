/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_WINDOW_H
#define CARAVAN_WINDOW_H

#include <stdbool.h>
#include <spice-client.h>

/* A window that shows display 0 of a session. Exists only in builds with spice-client-gtk. */
struct window;

/* NULL and error when there is no display to show it on, or the build has no windows. */
struct window *window_new(SpiceSession *session, const char *title, GError **error);
void window_free(struct window *window);

/* True once the user closed it. */
bool window_closed(const struct window *window);

#endif
