/* SPDX-License-Identifier: MIT */
/*
 * A move of the VM as the server sees it: which clients are asked, who answered, when QEMU is told.
 * What each client does is its own state (move_state.h). QEMU's main thread.
 */
#ifndef CARAVAN_MIGRATE_MOVE_H
#define CARAVAN_MIGRATE_MOVE_H

#include <stdbool.h>
#include <stdint.h>

#include <spice.h>

#include "migrate/move_state.h"

struct move;
struct server;
struct client;

struct move *move_new(struct server *server);
void move_free(struct move *self);

/* QEMU's interface for the completions; borrowed until set again. NULL: none. */
void move_set_interface(struct move *self, SpiceMigrateInstance *instance);
SpiceMigrateInstance *move_interface(const struct move *self);

/* The VM is going to `host`. Ports -1 or 0: none. False without a host and a port; the completion
 * is called then too. */
bool move_connect(struct move *self, const char *host, int port, int secure_port,
                  const char *cert_subject);
/* The RAM starts to flow. False if nothing was announced. */
bool move_start(struct move *self);
/* The VM runs at the target, or stays. False if nothing was announced. */
bool move_end(struct move *self, bool completed);

/* Clients were told of a move, and it has not ended. */
bool move_is_announced(const struct move *self);
/* That, or the VM has moved and clients are still leaving. */
bool move_is_under_way(const struct move *self);

/* Old style: remembers a destination; sends everybody there. */
bool move_info(struct move *self, const char *host, int port, int secure_port,
               const char *cert_subject);
bool move_switch(struct move *self);

/* A client has come (its main link), was told of the channels, has them all. A client is asked when
 * it has, or some time after it was told. */
void move_client_here(struct move *self, struct client *client);
void move_client_listed(struct move *self, struct client *client);
void move_client_up(struct move *self, struct client *client);
/* client->patience has run. */
void move_client_impatient(struct move *self, struct client *client);

/* A client's answer, its arrival at this target ("seamless"), its end. */
void move_client_event(struct move *self, struct client *client, enum move_event event);
void move_client_arrived(struct move *self, struct client *client, const char *how);
void move_client_gone(struct move *self, struct client *client);

#endif
