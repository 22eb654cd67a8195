/* SPDX-License-Identifier: MIT */
/* The agent hub's place in the server: its port, its clients' main links, what it may be used for.
 * QEMU's main thread; for src/session only. */
#ifndef CARAVAN_SESSION_AGENT_H
#define CARAVAN_SESSION_AGENT_H

struct agent;
struct client;
struct main_state;
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

/* The VM has started. */
void agent_vm_started(struct agent *self);

/* A main endpoint that is about to be told INIT. */
void agent_add_client(struct agent *self, struct endpoint *main);
/* It has arrived by a move, with this state. */
void agent_arrive_client(struct agent *self, struct endpoint *main, const struct main_state *state);
void agent_drop_client(struct endpoint *main);
/* What it is to take along; the hub must have been frozen. */
void agent_save_client(const struct agent *self, const struct client *client,
                       struct main_state *state);

#endif
