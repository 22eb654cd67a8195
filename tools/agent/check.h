/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_AGENT_CHECK_H
#define CARAVAN_AGENT_CHECK_H

#include <stdbool.h>

struct check;

/* Asks the monitor at that socket whether a migration would carry the state, and says on the log
 * what to set if it would not. Does it in a thread of its own, some seconds at most for each
 * answer; then `done` is called from the main loop, once: the VM waits for a migration to come. */
struct check *check_new(const char *qmp_path, const char *id,
                        void (*done)(void *opaque, bool incoming), void *opaque);
/* Waits for the thread. */
void check_free(struct check *self);

#endif
