/* SPDX-License-Identifier: MIT */
/*
 * Whether what clients do reaches the guest now. QEMU drops input while the VM stands still, and a
 * keyboard has room for 16 bytes: what was kept over a move, or comes from many clients at once, is
 * let through at the pace of a fast keyboard. QEMU's main thread.
 */
#ifndef CARAVAN_SESSION_HEARING_H
#define CARAVAN_SESSION_HEARING_H

#include <stdbool.h>

struct hearing;
struct server;

enum {
    HEARING_KEYS = 10,    /* scan codes that are let through at once */
    HEARING_TICK_MS = 20, /* HEARING_TICK_KEYS more */
    HEARING_TICK_KEYS = 4,
    HEARING_STILL_MS = 1000, /* for QEMU to tell that it has stopped the VM */
};

/* `server` is borrowed; its loop must be there. server_release_inputs is called when more is let
 * through. */
struct hearing *hearing_new(struct server *server);
void hearing_free(struct hearing *self);

/* The VM was started or stopped. */
void hearing_vm_changed(struct hearing *self);

/* The VM runs. QEMU stops it in two steps: it drops input from the first on, and calls
 * spice_server_vm_stop() after the second, when all CPUs stand still, some milliseconds later. This
 * knows of the first already, if QEMU lets us see it. */
bool hearing_vm_hears(struct hearing *self);

/* The keyboard has room for a scan code, which is taken; else server_release_inputs comes later. */
bool hearing_takes_key(struct hearing *self);

#endif
