/* SPDX-License-Identifier: MIT */
/* The agent's state as QEMU's stream carries it: saved.h's table, filled and put to use. */
#ifndef CARAVAN_AGENT_STATE_H
#define CARAVAN_AGENT_STATE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hub;
struct port;

/* What is now, with everything on its way in either direction; changes nothing. port may be NULL.
 * At least one byte, at most BUS_STATE_MAX. */
GBytes *state_save(struct hub *hub, struct port *port);

/* The guest goes on where the bytes say; hub is as new. False, with a word in the log, when they
 * are of no use: then nothing was changed. */
bool state_load(struct hub *hub, struct port *port, const uint8_t *bytes, size_t len,
                uint32_t client_id);

#endif
