/* SPDX-License-Identifier: MIT */
/*
 * QEMU's dbus-vmstate without a D-Bus daemon: the bus that QEMU's object connects to
 * (`addr=unix:path=...`), and on it the one service that it calls ("QEMU
 * docs/interop/dbus-vmstate": org.qemu.VMState1). QEMU's main loop stands still during each call,
 * so both answer at once and never with an error. Main thread.
 */
#ifndef CARAVAN_AGENT_BUS_H
#define CARAVAN_AGENT_BUS_H

#include <glib.h>
#include <stdbool.h>

struct bus;

struct bus_ops {
    /* QEMU looks for the service: at its load, load follows at once unless the stream has no state
     * for it. */
    void (*looked_for)(void *opaque);
    /* The state now: at least one byte, at most BUS_STATE_MAX. A pure look: the VM may go on here.
     */
    GBytes *(*save)(void *opaque);
    /* A state from elsewhere, hostile; replaces what is. */
    void (*load)(void *opaque, const guint8 *bytes, gsize len);
};

#define BUS_STATE_MAX (1u << 20)
#define BUS_ID_MAX    255u

/* Listens on the unix socket at path, in the place of what is left of another agent's. id: 1 to
 * BUS_ID_MAX bytes, what `id-list` names. */
struct bus *bus_new(const char *path, const char *id, const struct bus_ops *ops, void *opaque,
                    GError **error);
/* QEMU is connected, or another. */
bool bus_in_use(const struct bus *self);
/* Closes and removes the socket. */
void bus_free(struct bus *self);

#endif
