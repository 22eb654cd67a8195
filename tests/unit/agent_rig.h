/* SPDX-License-Identifier: MIT */
/*
 * The agent hub with a guest and clients that the test plays: what each of them heard is cut into
 * agent messages, framing checked on the way. The guest takes all that is written to it and the
 * clients read at once, unless the test holds them.
 */
#ifndef CARAVAN_TESTS_AGENT_RIG_H
#define CARAVAN_TESTS_AGENT_RIG_H

#include <spice/vd_agent.h>

#include "agent/hub.h"
#include "base/buf.h"

#define CAP(name) (1u << VD_AGENT_CAP_##name)
/* What Debian's agent and spice-gtk announce, as far as it matters here. */
#define LINUX_CAPS                                                                                 \
    (CAP(MOUSE_STATE) | CAP(MONITORS_CONFIG) | CAP(REPLY) | CAP(CLIPBOARD_BY_DEMAND) |             \
     CAP(CLIPBOARD_SELECTION) | CAP(SPARSE_MONITORS_CONFIG) | CAP(GUEST_LINEEND_LF) |              \
     CAP(MAX_CLIPBOARD) | CAP(AUDIO_VOLUME_SYNC) | CAP(GRAPHICS_DEVICE_INFO) |                     \
     CAP(CLIPBOARD_NO_RELEASE_ON_REGRAB) | CAP(CLIPBOARD_GRAB_SERIAL))
#define GTK_CAPS                                                                                   \
    (CAP(MOUSE_STATE) | CAP(MONITORS_CONFIG) | CAP(REPLY) | CAP(DISPLAY_CONFIG) |                  \
     CAP(CLIPBOARD_BY_DEMAND) | CAP(CLIPBOARD_SELECTION) | CAP(MONITORS_CONFIG_POSITION) |         \
     CAP(FILE_XFER_DETAILED_ERRORS) | CAP(CLIPBOARD_NO_RELEASE_ON_REGRAB) |                        \
     CAP(CLIPBOARD_GRAB_SERIAL))

#define RIG_PEERS 8

/* A player: the guest is number 0, clients are 1 and on. */
struct rig_peer {
    struct agent_rig *rig;
    struct hub_client *client; /* NULL: the guest, or nobody */
    struct buf queue;          /* guest: taken from the hub, not read yet; only while it is stuck */
    size_t queue_max;          /* how much of that there may be */
    struct buf chunks;         /* guest: bytes not yet a chunk */
    struct buf stream[2];      /* agent messages; the guest has one of each port */
    struct buf last;           /* body of the message expected last */
    bool stuck;                /* does not read */
    unsigned connects, disconnects;
    unsigned sent, tokens; /* messages, and what came back for them */
    const char *garbage;
};

struct agent_rig {
    struct hub *hub;
    struct rig_peer peers[RIG_PEERS];
    int64_t now_us;
    struct buf monitors; /* what the device was given last */
    bool device_takes_monitors;
    const char *guest_garbage;
    unsigned changes;
    unsigned wakes; /* how many times the guest's port was to be looked at */
};

struct agent_rig *agent_rig_new(void);
void agent_rig_free(struct agent_rig *self);

/* The guest opens its port; a client links, starts the agent and announces; both until all is
 * quiet. What was said meanwhile is forgotten. */
void agent_rig_open(struct agent_rig *self, uint32_t guest_caps);
unsigned agent_rig_join(struct agent_rig *self, uint32_t caps);
void agent_rig_leave(struct agent_rig *self, unsigned who);
void agent_rig_pass(struct agent_rig *self, unsigned seconds);

/* `who` says an agent message. The guest in one chunk, clients in pieces of 2048. */
void agent_say(struct agent_rig *self, unsigned who, uint32_t type, const void *body, size_t len);
/* The same with a body of u32s, ended by END. */
#define END 0xfeedfeedu
void agent_say_u32(struct agent_rig *self, unsigned who, uint32_t type, ...);

/* The next message that `who` heard must be of this type; its body, valid until the next. */
const uint8_t *agent_hears(struct agent_rig *self, unsigned who, uint32_t type, size_t *len);
/* The same, and its body is these u32s. */
void agent_hears_u32(struct agent_rig *self, unsigned who, uint32_t type, ...);
/* On the server's port. */
const uint8_t *agent_guest_hears_server(struct agent_rig *self, uint32_t type, size_t *len);
void agent_hears_nothing(struct agent_rig *self, unsigned who);
/* Lets the hub say what it has for everybody who is not stuck. */
void agent_rig_settle(struct agent_rig *self);
void agent_rig_forget(struct agent_rig *self);

/* ---- A move ---- */

/* The source: the clients hear what they are still to hear. What they say now goes along. */
void agent_rig_freeze(struct agent_rig *self);
/* A target: whoever was there has heard what it had. Its port is closed, clients are to come. */
struct agent_rig *agent_rig_target(struct agent_rig *source);
/* The bytes of a client's MIGRATE_DATA, the caller's. */
void agent_rig_save(struct agent_rig *source, unsigned who, struct buf *out);
/* A client arrives with them. */
void agent_rig_arrive(struct agent_rig *target, unsigned who, const struct buf *state);
/* All of that: the port opens before the clients come, or behind them. Frees the source. */
struct agent_rig *agent_rig_move(struct agent_rig *source, bool port_first);

/* The guest, stuck, reads that many bytes of what there is for it. */
void agent_guest_reads(struct agent_rig *self, size_t len);

/* Appends a message of the agent's protocol, or its head alone; appends such bytes as a chunk of
 * the guest's port. */
void agent_put_head(struct buf *out, uint32_t type, size_t len);
void agent_put_message(struct buf *out, uint32_t type, const void *body, size_t len);
void agent_put_chunk(struct buf *out, const void *bytes, size_t len);

/* Bytes as they are. */
void agent_raw(struct agent_rig *self, unsigned who, const void *bytes, size_t len);

#endif
