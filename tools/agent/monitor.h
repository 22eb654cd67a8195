/* SPDX-License-Identifier: MIT */
/*
 * A QMP monitor of QEMU's. Asks it once whether a migration would carry the state, and says on the
 * log what to set if it would not; then listens. What QEMU says is not trusted.
 */
#ifndef CARAVAN_AGENT_MONITOR_H
#define CARAVAN_AGENT_MONITOR_H

#include <stdbool.h>

struct monitor;

/* Where the VM is from. */
enum monitor_vm {
    MONITOR_UNKNOWN,
    MONITOR_COMES, /* it waits for a migration, or has come by one */
    MONITOR_THERE,
};

/* Called from the main loop. */
struct monitor_ops {
    /* First, once. */
    void (*checked)(void *opaque, enum monitor_vm vm);
    /* The VM runs: what has not come with it does not come. */
    void (*runs)(void *opaque);
    /* A user has come to a VNC server. */
    void (*vnc_user)(void *opaque);
    /* Whether QEMU is connected to the agent's bus. */
    bool (*on_bus)(void *opaque);
};

/* What is looked at; copied. */
struct monitor_setup {
    const char *path; /* of the monitor's socket */
    const char *id;   /* what id-list must name */
    const char *bus;  /* the agent's; NULL: it has none */
};

/* Connects and asks in a thread of its own, some seconds at most for each answer. */
struct monitor *monitor_new(const struct monitor_setup *setup, const struct monitor_ops *ops,
                            void *opaque);
/* Waits for the thread. */
void monitor_free(struct monitor *self);

#endif
