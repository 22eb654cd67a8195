/* SPDX-License-Identifier: MIT */
/* The agent's state as QEMU's stream carries it: proto/agent_blob.h's table, filled and put to use.
 */
#ifndef CARAVAN_AGENT_STATE_H
#define CARAVAN_AGENT_STATE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clip.h"
#include "proto/agent_blob.h"
#include "proto/saved_state.h"

struct hub;
struct port;

/* What is now, with everything on its way in either direction; all goes on as before. The hub wakes
 * its sides meanwhile: what they do then must not come before this returns. port may be NULL.
 * At least one byte, at most BUS_STATE_MAX; never NULL. */
GBytes *state_save(struct hub *hub, struct clip *clip, struct port *port);

/* A state taken apart. */
struct state {
    struct agent_blob blob;
    uint32_t client; /* the clipboard's side, as the hub knew it; 0: it was not in a session */
    struct clip_words words; /* borrowed from blob */
    struct main_state main;
};

/* Fills *out, whatever it held (state_clear frees it). False, with a word in the log and *out
 * empty, when the bytes are of no use or the guest's port was closed. */
bool state_load(const uint8_t *bytes, size_t len, struct state *out);
void state_clear(struct state *self);

#endif
