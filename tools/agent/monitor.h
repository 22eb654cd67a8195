/* SPDX-License-Identifier: MIT */
/*
 * A QMP monitor of QEMU's. Asks it once whether a migration would carry the state, and says on the
 * log what to set if it would not; then listens. What QEMU says is not trusted.
 */
#ifndef CARAVAN_AGENT_MONITOR_H
#define CARAVAN_AGENT_MONITOR_H

#include <stdbool.h>

struct monitor;

/* Called from the main loop. */
struct monitor_ops {
    /* First, once: the VM waits for a migration to come. False, too, when QEMU does not say. */
    void (*checked)(void *opaque, bool incoming);
    /* A user has come to a VNC server. */
    void (*vnc_user)(void *opaque);
};

/* Connects and asks in a thread of its own, some seconds at most for each answer. */
struct monitor *monitor_new(const char *path, const char *id, const struct monitor_ops *ops,
                            void *opaque);
/* Waits for the thread. */
void monitor_free(struct monitor *self);

#endif
