/* SPDX-License-Identifier: MIT */
/*
 * The guest's port: the unix socket of QEMU's `-chardev socket` behind a virtserialport. Bytes in
 * both directions, none lost: what QEMU has not read yet can be told at any time, so that a move
 * can carry it. Main thread.
 */
#ifndef CARAVAN_AGENT_PORT_H
#define CARAVAN_AGENT_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct port;

/* Called from the main loop, or from port_kick. */
struct port_ops {
    /* How many bytes of the guest are wanted now; 0: they stay where they are. */
    size_t (*room)(void *opaque);
    void (*bytes)(void *opaque, const uint8_t *bytes, size_t len);
    /* What is to be written (valid until the next call), and how much of it was. */
    const uint8_t *(*output)(void *opaque, size_t *len);
    void (*taken)(void *opaque, size_t len);
    /* QEMU has closed it; port_free follows, not from within. */
    void (*ended)(void *opaque);
};

/* Connects; NULL with errno when it cannot. */
struct port *port_new(const char *path, const struct port_ops *ops, void *opaque);
void port_free(struct port *self);

/* Room or output may have grown. Never blocks. */
void port_kick(struct port *self);

/* Takes what the guest has written so far out of the socket (at most `max` bytes), though there may
 * be no room: it comes as `bytes` later, before anything else. Appends it to `held`, too. */
void port_drain(struct port *self, size_t max, struct buf *held);

/* Appends what was written and QEMU has not read. */
void port_unread(struct port *self, struct buf *out);

/* The guest is another one now: what it has said so far is forgotten, these bytes of it come first.
 * False: QEMU still has bytes to read that were meant for the other. */
bool port_restore(struct port *self, const uint8_t *in, size_t len);

#endif
