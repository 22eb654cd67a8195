/* SPDX-License-Identifier: MIT */
/*
 * The character devices of a server: each subtype has one who serves it. For src/session and the
 * agent only. QEMU's main thread.
 */
#ifndef CARAVAN_SESSION_DEVICES_H
#define CARAVAN_SESSION_DEVICES_H

#include "device/char_device.h"

struct devices;
struct server;

struct devices *devices_new(struct server *server);
/* Takes back what the host has left attached; users hear that it is removed. */
void devices_free(struct devices *self);

/* False for a device without a subtype. One of an unknown subtype is taken and left alone. */
bool devices_add(struct devices *self, SpiceCharDeviceInstance *sin);
bool devices_remove(struct devices *self, SpiceCharDeviceInstance *sin);

/* The VM has started or stopped. */
void devices_follow_vm(struct devices *self);

#endif
