/* SPDX-License-Identifier: MIT */
/*
 * Character devices that have one owner among the clients: USB redirection, named ports, webdav,
 * smart card readers.
 * Every client may link to one. The first has it; the others wait, in the order in which they came,
 * and the next has it when the owner leaves. An owner that moves with the VM stays the owner.
 * docs/devices.md has the rules. For src/session only. QEMU's main thread.
 */
#ifndef CARAVAN_SESSION_VMC_H
#define CARAVAN_SESSION_VMC_H

#include <glib.h>

#include "channel/vmc.h"
#include "device/char_device.h"

struct endpoint;
struct link_request;
struct pump;
struct server;
struct vmc_device;
struct vmc_devices;

/* One client's link to a device. */
struct vmc_endpoint {
    struct endpoint *endpoint;
    struct vmc_link *link;
    struct pump *pump;
    struct vmc_device *device; /* NULL: not known yet, or removed */
};

struct vmc_devices *vmc_devices_new(struct server *server);
/* The devices themselves are gone already. */
void vmc_devices_free(struct vmc_devices *self);

/* The VM runs: whoever waits for a device may have it. */
void vmc_devices_vm_started(struct vmc_devices *self);
/* The guest sees nothing for a while. */
void vmc_devices_vm_stopped(struct vmc_devices *self);

/* A device of this type of channel, which becomes its user. pinned: its channel id, or -1. False,
 * with the reason in the log, when that id is in use. */
bool vmc_device_add(struct vmc_devices *self, struct char_device *device, uint8_t channel_type,
                    int pinned);

bool vmc_devices_have(const struct vmc_devices *self, uint8_t channel_type);
/* NULL: there is none. */
struct vmc_device *vmc_device_find(const struct vmc_devices *self, uint8_t channel_type,
                                   uint8_t channel_id);
/* The one that an arriving client's link belongs to: by name if it has one, else by id. NULL, with
 * the reason in the log, when that cannot be told for sure. */
struct vmc_device *vmc_device_match(const struct vmc_devices *self, const struct vmc_endpoint *link,
                                    const struct vmc_state *state);
/* Whether a link may be let in. */
bool vmc_device_accepts(const struct vmc_devices *self, const struct link_request *request,
                        bool by_move);

/* Appends a struct main_channel_id for every device. */
void vmc_devices_list(const struct vmc_devices *self, GArray *list);

const char *vmc_device_name(const struct vmc_device *self);
uint8_t vmc_device_id(const struct vmc_device *self);
struct char_device *vmc_device_char(const struct vmc_device *self);
bool vmc_device_is_owner(const struct vmc_endpoint *link);

/* A link comes to a device; leaves it, wherever it is. */
void vmc_device_join(struct vmc_device *self, struct vmc_endpoint *link);
void vmc_device_leave(struct vmc_devices *self, struct vmc_endpoint *link);
/* An expected link turns out to be this device's; had_it: it was the owner at the source, and still
 * is. False: another has it now. */
bool vmc_device_restore(struct vmc_device *self, struct vmc_endpoint *link, bool had_it);

#endif
