/* SPDX-License-Identifier: MIT */
/*
 * A server without QEMU: a core interface whose timers the test fires, and clients that speak the
 * wire protocol over socket pairs. One thread.
 */
#ifndef CARAVAN_TESTS_SERVER_RIG_H
#define CARAVAN_TESTS_SERVER_RIG_H

#include <spice.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct rig;

/* What QEMU was told. */
struct rig_told {
    unsigned connected, initialized, disconnected; /* channel events */
    unsigned secure;                               /* initialized ones with TLS */
    unsigned connect_complete, end_complete;
    unsigned scans;
};

/* A server with a migration interface and a keyboard, no password, seamless moves on. */
struct rig *rig_new(void);
/* The same; it listens on that socket, too, which it takes. */
struct rig *rig_new_listening(int fd);
/* Destroys the server while clients may still be there. */
void rig_free(struct rig *self);
SpiceServer *rig_server(struct rig *self);
const struct rig_told *rig_told(const struct rig *self);

/* Runs what is ready until nothing is. */
void rig_settle(struct rig *self);
/* Fires the timers that run for `ms` or less, in order; then settles. */
void rig_pass(struct rig *self, uint32_t ms);

/* All that a client sends to link a channel, with an empty ticket. */
void rig_put_link(struct buf *out, uint32_t connection_id, uint8_t type, uint8_t id);

/* A client's link. */
struct rig_link;

/* Links a channel: caps are the main channel's four. Returns NULL with *result when refused. */
struct rig_link *rig_connect(struct rig *self, uint32_t connection_id, uint8_t type, uint8_t id,
                             uint32_t *result);
void rig_close(struct rig_link *link);
void rig_send(struct rig_link *link, uint16_t type, const void *body, uint32_t size);
/* False when the socket does not take it whole; the link is good for nothing then. */
bool rig_try_send(struct rig_link *link, uint16_t type, const void *body, uint32_t size);
/* Many messages with an empty body at once, as far as the socket takes them. */
void rig_send_blind(struct rig_link *link, uint16_t type);
/* The next message; fails the test unless it is of this type. The body is valid until the next. */
const uint8_t *rig_expect(struct rig_link *link, uint16_t type, uint32_t *size);
/* Reads what there is; fails the test if there is a message or the link was closed. */
void rig_expect_nothing(struct rig_link *link);
/* The link belongs to another rig from now on: its own is gone. */
void rig_adopt(struct rig *self, struct rig_link *link);
/* True when the server has closed the link. */
bool rig_is_closed(struct rig_link *link);

#endif
