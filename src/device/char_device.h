/* SPDX-License-Identifier: MIT */
/*
 * One character device as the host attaches it ("spice-char.h"), with a queue for what the guest is
 * to read. Nothing is lost in either direction: what is not read stays in the device, whose writer
 * then waits, and what the guest does not take stays in the queue.
 *
 * While the VM stands still nothing is read or written: the host may have saved the device's state
 * already, and would lose it or show it twice.
 *
 * QEMU's main thread. The host may call back (wakeup, removal) from within any call here that
 * reaches it; a device that is removed then is freed when that call returns.
 */
#ifndef CARAVAN_DEVICE_CHAR_DEVICE_H
#define CARAVAN_DEVICE_CHAR_DEVICE_H

#include <spice.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct char_device;
struct loop;

/* Who serves the device. All optional. */
struct char_device_user {
    /* The guest may have written: read as much as there is room for. */
    void (*readable)(void *owner);
    /* After a char_device_write that took less than it was given: half of the queue is free. */
    void (*writable)(void *owner);
    /* A port's own doing: SPICE_PORT_EVENT_*. */
    void (*port_event)(void *owner, uint8_t event);
    /* The host has taken the device away; it must not be used after this. */
    void (*removed)(void *owner);
};

/* `sin` is borrowed until char_device_remove; sets sin->st. queue_max: bytes. The device starts
 * closed, and as if the VM stood still. */
struct char_device *char_device_new(struct loop *loop, SpiceCharDeviceInstance *sin,
                                    size_t queue_max);

/* The host takes it back: tells the user, lets go of sin, frees. */
void char_device_remove(struct char_device *self);

/* NULL: nobody. */
void char_device_set_user(struct char_device *self, const struct char_device_user *user,
                          void *owner);

const char *char_device_subtype(const struct char_device *self);
/* NULL: it has none. */
const char *char_device_port_name(const struct char_device *self);
/* The guest has the port open, as its events said so far. */
bool char_device_port_opened(const struct char_device *self);

/* Tells the host that somebody is (or nobody is) at the other end. What the guest writes to a
 * closed device the host throws away. Closing drops what is queued. */
void char_device_set_open(struct char_device *self, bool open);
bool char_device_is_open(const struct char_device *self);

/* The VM runs or stands still. When it starts both directions are tried at once. */
void char_device_set_running(struct char_device *self, bool running);

/* Takes up to max bytes the guest wrote; 0: none now, readable() follows. Asking tells the device
 * that there is room, so ask with room only. */
size_t char_device_read(struct char_device *self, uint8_t *out, size_t max);

/* What is written are messages: `size` gives the first one's bytes. They are taken whole or not at
 * all, given to the host one at a time, and survive that the device is closed. */
void char_device_set_messages(struct char_device *self,
                              size_t (*size)(const uint8_t *bytes, size_t len));

/* Drops what is queued, but for the rest of a message that was begun. */
void char_device_drop_queue(struct char_device *self);

/* Queues bytes for the guest, and gives it what it takes at once. Returns how many were taken:
 * less than len when the queue is full, and then writable() follows. */
size_t char_device_write(struct char_device *self, const uint8_t *bytes, size_t len);

/* Bytes that char_device_write would take for sure. */
size_t char_device_room(const struct char_device *self);

/* What the guest has not taken yet; valid until the next call. */
const struct buf *char_device_queue(const struct char_device *self);

/* Tells the guest's side of a port: SPICE_PORT_EVENT_*. */
void char_device_send_event(struct char_device *self, uint8_t event);

/* What the host calls: there is something to read, or room to write. */
void char_device_wakeup(struct char_device *self);
void char_device_port_event(struct char_device *self, uint8_t event);

#endif
