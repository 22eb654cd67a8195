/* SPDX-License-Identifier: MIT */
/*
 * Clients and their endpoints. An endpoint is one client's link on one channel; it lives until its
 * channel says that the link is gone. A client lives until its last endpoint is gone; when its main
 * endpoint goes, the others are closed. QEMU's main thread.
 */
#ifndef CARAVAN_SESSION_CLIENT_H
#define CARAVAN_SESSION_CLIENT_H

#include <glib.h>
#include <spice.h>

#include "migrate/move_state.h"
#include "stream/stream.h"
#include "wire/link.h"

enum {
    CLIENTS_MOST = 64, /* at a time: each costs memory and descriptors, of which QEMU needs some */
};

struct hub_client;
struct server;
struct client;
struct endpoint;

/* What a kind of channel does with an endpoint. */
struct endpoint_ops {
    const char *name;
    /* Takes endpoint->stream. */
    void (*attach)(struct endpoint *self);
    /* Source of a seamless move: MIGRATE. */
    void (*migrate)(struct endpoint *self);
    /* Starts to close; endpoint_gone follows later, never from within. */
    void (*close)(struct endpoint *self);
    /* Frees impl; no more callbacks after it. */
    void (*destroy)(struct endpoint *self);
};

struct endpoint {
    struct client *client;
    const struct endpoint_ops *ops;
    struct link_request request;
    bool target; /* its state comes in MIGRATE_DATA */
    bool closing;
    struct stream *stream;       /* until attach: a target's links wait for the kind of move */
    SpiceChannelEventInfo *info; /* QEMU keeps the pointer until DISCONNECTED */
    void *impl;                  /* of the kind */
};

struct client {
    struct server *server;
    uint32_t id;           /* connection id; never 0 */
    char *peer;            /* for the log */
    GPtrArray *endpoints;  /* struct endpoint; owned */
    struct endpoint *main; /* NULL once it is gone */
    struct link_caps main_caps;
    struct move_client move;
    bool listed;                 /* knows which channels there are */
    bool told;                   /* INIT was sent, or the session came by a move */
    bool up;                     /* has linked its channels, or had the time to */
    struct loop_timer *patience; /* of src/migrate */
    bool handed_over;            /* source of a seamless move: has its main channel's state */
    struct hub_client *agent;    /* its side of the agent hub; NULL: none yet */
    const char *turned_out;      /* why it is disconnected, static; NULL: it is not */
    char *broken;                /* what the first link that went wrong died of; NULL: none has */
};

/* The client with this connection id; NULL if there is none, or it is about to leave. */
struct client *client_find(const struct server *server, uint32_t id);

/* A new client; id 0 picks one that is free. */
struct client *client_new(struct server *server, uint32_t id, const char *peer);

struct endpoint *client_endpoint(const struct client *self, uint8_t type, uint8_t id);

/* True while it is linked ahead of a move and its state, or the word to start anew, has not come.
 */
bool client_is_arriving(const struct client *self);

/* True when it has linked every channel there is. */
bool client_has_all_channels(const struct client *self);

/* A link is let in: takes stream and info, tells QEMU, attaches it to its channel. */
void client_add_endpoint(struct client *self, const struct endpoint_ops *ops,
                         const struct link_request *request, struct stream *stream,
                         SpiceChannelEventInfo *info);

/* The kind of move is known: attaches the links that wait for it. */
void client_attach_waiting(struct client *self, bool target);

/* Closes every endpoint; the client goes when they are gone. `reason` for the log: static. */
void client_disconnect(struct client *self, const char *reason);

/* The channel's last word on an endpoint; frees it, and the client with its last one. `reason` is
 * NULL when the peer closed. */
void endpoint_gone(struct endpoint *self, const char *reason);

/* Ends those that are still arriving when no more arrivals are taken. */
void clients_end_stragglers(struct server *server);

/* Ends every client. */
void clients_disconnect_all(struct server *server, const char *reason);

/* The same at once, when the server ends; the displays are gone already. */
void clients_free_all(struct server *server);

/* The kinds; NULL for a channel that this server does not have. */
const struct endpoint_ops *endpoint_ops_find(const struct server *server,
                                             const struct link_request *request);
/* Every channel there is, for CHANNELS_LIST; the caller frees. */
struct main_channel_id *server_channels(const struct server *server, uint32_t *n);

extern const struct endpoint_ops endpoint_main_ops;
extern const struct endpoint_ops endpoint_inputs_ops;
extern const struct endpoint_ops endpoint_display_ops;
extern const struct endpoint_ops endpoint_cursor_ops;
extern const struct endpoint_ops endpoint_usbredir_ops;
extern const struct endpoint_ops endpoint_port_ops;
extern const struct endpoint_ops endpoint_webdav_ops;
extern const struct endpoint_ops endpoint_smartcard_ops;
extern const struct endpoint_ops endpoint_missing_ops; /* a channel that only the source has */

struct main_link;
struct pump;
struct main_link *endpoint_main_link(const struct endpoint *self);
/* The pump of the main link, NULL before it is attached. */
struct pump *endpoint_main_pump(const struct endpoint *self);
/* The VM runs: it hears what was kept for it. */
void endpoint_inputs_release(struct endpoint *self);
void endpoint_inputs_leds(struct endpoint *self, uint8_t leds);

#endif
