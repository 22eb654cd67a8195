/* SPDX-License-Identifier: MIT */
/*
 * The agent hub: ends the agent protocol ("spice-protocol vd_agent.h") towards the guest and
 * towards every client. No I/O, no clock, no locks: one thread (QEMU's main thread). What it wants
 * of others it says by struct hub_ops; those calls may come from within any function here and may
 * call back into it.
 *
 * All bytes it is fed are hostile.
 */
#ifndef CARAVAN_AGENT_HUB_H
#define CARAVAN_AGENT_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct hub;
struct hub_client;

#define HUB_WINDOW     10    /* AGENT_DATA messages a client may have under way */
#define HUB_DATA_MAX   2048u /* bytes of one, and of one chunk for the guest */
#define HUB_READ_MAX   4096u /* bytes of the guest taken at once */
#define HUB_SELECTIONS 3

/* All required. */
struct hub_ops {
    /* hub_guest_output has bytes, or hub_guest_room has grown. */
    void (*wake_guest)(void *opaque);
    /* hub_client_next has something. `owner` is hub_client_new's. */
    void (*wake_client)(void *owner);
    /* What a client sends is no agent protocol, or more than it may: its link is to be ended. */
    void (*client_garbage)(void *owner, const char *reason);
    /* What the guest sends is no agent protocol: its port is to be closed. */
    void (*guest_garbage)(void *opaque, const char *reason);
    /* hub_takes_mouse may have changed. */
    void (*changed)(void *opaque);
    /* A client's VDAgentMonitorsConfig (whole, checked) for the devices; NULL only asks. True when
     * they take care of it, false when the guest's agent is to. */
    bool (*monitors)(void *opaque, const uint8_t *config, size_t len);
    /* Appends what GRAPHICS_DEVICE_INFO says (VDAgentGraphicsDeviceInfo), nothing if nothing is
     * known. */
    void (*device_info)(void *opaque, struct buf *out);
};

struct hub_switches {
    bool mouse, copy_paste, file_xfer;
};

struct hub *hub_new(const struct hub_ops *ops, void *opaque);
/* The clients must have been freed. */
void hub_free(struct hub *self);

void hub_set_switches(struct hub *self, struct hub_switches switches);
/* Call it about once a second while there are clients: answers that are overdue. */
void hub_tick(struct hub *self, int64_t now_us);

/* ---- The guest's port ---- */

/* The guest's agent has opened or closed its port. */
void hub_guest_open(struct hub *self);
void hub_guest_close(struct hub *self);
bool hub_guest_is_open(const struct hub *self);
/* How many bytes of the guest the hub takes now; 0: leave them where they are. */
size_t hub_guest_room(const struct hub *self);
void hub_guest_feed(struct hub *self, const uint8_t *bytes, size_t len);
/* What is to be written to the guest (valid until the next call), and how much of it was. */
const uint8_t *hub_guest_output(const struct hub *self, size_t *len);
void hub_guest_taken(struct hub *self, size_t len);

/* The guest's agent moves the pointer. */
bool hub_takes_mouse(const struct hub *self);
/* buttons: spice-input.h's buttons_state; wheel: -1 up, 1 down, 0. */
void hub_mouse_to(struct hub *self, uint32_t x, uint32_t y, uint32_t buttons, uint8_t display);
void hub_mouse_buttons(struct hub *self, uint32_t buttons, int wheel);
/* What device_info gives has changed. */
void hub_devices_changed(struct hub *self);

/* ---- Clients ---- */

/* A client that is about to be told INIT: agent_connected in it must be hub_guest_is_open. `id`:
 * its connection id. new_tokens: it takes AGENT_CONNECTED_TOKENS. Nothing is called back. */
struct hub_client *hub_client_new(struct hub *self, uint32_t id, bool new_tokens, void *owner);
void hub_client_free(struct hub_client *client);

/* AGENT_START, AGENT_TOKEN, AGENT_DATA. */
void hub_client_start(struct hub_client *client, uint32_t tokens);
void hub_client_tokens(struct hub_client *client, uint32_t tokens);
void hub_client_data(struct hub_client *client, const uint8_t *bytes, size_t len);
/* It has typed or clicked: it is in charge now. */
void hub_client_input(struct hub_client *client);

enum hub_word_kind {
    HUB_SAY_DISCONNECTED,
    HUB_SAY_CONNECTED,        /* AGENT_CONNECTED */
    HUB_SAY_CONNECTED_TOKENS, /* AGENT_CONNECTED_TOKENS with HUB_WINDOW */
    HUB_SAY_TOKENS,           /* AGENT_TOKEN */
    HUB_SAY_DATA,             /* AGENT_DATA */
};

struct hub_word {
    enum hub_word_kind kind;
    uint32_t tokens;
    size_t len; /* HUB_SAY_DATA: at most HUB_DATA_MAX */
    uint8_t bytes[HUB_DATA_MAX];
};

/* The next message for the client; false when there is none now. */
bool hub_client_next(struct hub_client *client, struct hub_word *word);

/* ---- A move ---- */

struct main_state;

/* The source: handles what it still can, without regard to how much the clients take, then nothing
 * any more. Each client is to be sent what hub_client_next has before its MIGRATE. What clients
 * say until their marks is kept for their states. */
void hub_freeze(struct hub *self);
/* The VM runs here again after all: who has left meanwhile is forgotten. */
void hub_thaw(struct hub *self);
/* What the client brings to the target. `queued`: bytes that were taken by hub_guest_taken, and
 * that the guest has not read. The lists in *state are the caller's (blob_main_free). */
void hub_save(const struct hub_client *client, const struct buf *queued, struct main_state *state);

/* The target: while held nothing of the guest is read, and it is asked nothing. */
void hub_hold(struct hub *self, bool hold);
/* A client has come with its state, instead of hub_client_new; hostile. The first that comes brings
 * what all share. If its session cannot go on it is told so, and begins anew. */
struct hub_client *hub_client_arrive(struct hub *self, uint32_t id, bool new_tokens, void *owner,
                                     const struct main_state *state);
/* Clients that are still to come, as those who came said. */
bool hub_awaits_clients(const struct hub *self);

#endif
