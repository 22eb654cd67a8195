/* SPDX-License-Identifier: MIT */
/*
 * The worker's way to the session: events posted to the main loop. What is still on its way when
 * the display ends is dropped there.
 */
#ifndef CARAVAN_DISPLAY_SESSION_H
#define CARAVAN_DISPLAY_SESSION_H

#include "display/display.h"

struct display_session;

/* Main loop's thread. Loop and events are borrowed. */
struct display_session *display_session_new(struct loop *main_loop,
                                            const struct display_events *events, void *opaque);
/* No event comes after this. Main loop's thread. */
void display_session_end(struct display_session *self);

/* Worker's thread. `reason` is copied. */
void display_session_closed(struct display_session *self, void *token, const char *reason);
void display_session_primary(struct display_session *self, uint32_t width, uint32_t height);

#endif
