/* SPDX-License-Identifier: MIT */
/* The agent hub's place in the server: its port, its clients' main links, what it may be used for.
 * QEMU's main thread; for src/session only. */
#ifndef CARAVAN_SESSION_AGENT_H
#define CARAVAN_SESSION_AGENT_H

struct agent;
struct char_device;
struct endpoint;
struct hub;
struct server;

struct agent *agent_new(struct server *server);
/* After the clients and the devices have gone. */
void agent_free(struct agent *self);
/* NULL while there is none: the functions of the hub that only ask take that. */
struct hub *agent_hub(const struct agent *self);

/* The guest's agent has opened its port. */
void agent_attach(struct agent *self, struct char_device *device);

/* A main endpoint that is about to be told INIT, or has arrived by a move. */
void agent_add_client(struct agent *self, struct endpoint *main);
void agent_drop_client(struct endpoint *main);

#endif
