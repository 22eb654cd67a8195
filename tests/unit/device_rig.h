/* SPDX-License-Identifier: MIT */
/* Character devices at a server, and clients that link to them. */
#ifndef CARAVAN_TESTS_DEVICE_RIG_H
#define CARAVAN_TESTS_DEVICE_RIG_H

#include "fake_device.h"
#include "server_rig.h"

/* Attaches it; false when the server does not take it. */
bool fake_device_attach(struct rig *rig, struct fake_device *self);
void fake_device_detach(struct rig *rig, struct fake_device *self);
/* The guest writes; the host tells. */
void fake_device_say(struct rig *rig, struct fake_device *self, const char *text);
/* The guest takes that many bytes more; the host tells. */
void fake_device_take(struct rig *rig, struct fake_device *self, size_t bytes);

/* A client with a main link that knows its channels. */
struct device_client {
    struct rig *rig;
    struct rig_link *main;
    uint32_t id;
};

struct device_client device_client_new(struct rig *rig);
void device_client_leave(struct device_client *self);
/* Links a channel that must be there. */
struct rig_link *device_client_link(struct device_client *self, uint8_t type, uint8_t id);
/* A new channel is announced: its id. */
uint8_t device_client_expect_channel(struct device_client *self, uint8_t type);

void expect_port_init(struct rig_link *link, const char *name);
void expect_port_event(struct rig_link *link, uint8_t event);
void expect_data(struct rig_link *link, const char *text);
void send_data(struct rig_link *link, const char *text);

/* The seamless move of one client. `to` is a client of the target's rig with the same id; its
 * channels are linked after device_move_begin. */
struct device_client device_move_begin(struct device_client *from, struct rig *target);
/* The same for a further client, who was told of the move already. */
struct device_client device_move_join(struct device_client *from, struct rig *target);
/* The VM has moved; the main channel's state too. */
void device_move_end(struct device_client *from, struct device_client *to);
/* One channel's state goes over. */
void device_move_link(struct rig_link *from, struct rig_link *to);

#endif
