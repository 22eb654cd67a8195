/* SPDX-License-Identifier: MIT */
/*
 * What the agent hub hands over in a move: one record of the main channels' trailers
 * (saved_state.h), the same in each client's body. The bytes that wait for the guest are in the
 * body proper (write_data), where other servers look: first those of all clients, then the client's
 * own. What is more than those take goes on in `rest`; then they are told of no agent.
 */
#ifndef CARAVAN_PROTO_SAVED_AGENT_H
#define CARAVAN_PROTO_SAVED_AGENT_H

#include <stdbool.h>
#include <stdint.h>

struct field_table;

#define SAVED_AGENT_VERSION    1
#define SAVED_AGENT_SELECTIONS 3
#define SAVED_AGENT_TYPES      32
#define SAVED_AGENT_REQUESTS   64
#define SAVED_AGENT_MEMBERS    128
#define SAVED_AGENT_FILES      64    /* of one client */
#define SAVED_AGENT_IN         16384 /* bytes not understood yet, of one stream */
#define SAVED_AGENT_LATER      16384 /* bytes of whole messages that wait for one to end */
#define SAVED_AGENT_MONITORS   2048
#define SAVED_AGENT_REST       (128 * 1024) /* bytes for the guest that write_data has no room for */

/* Who: the guest's agent, or the client with a connection id. */
enum saved_who_kind {
    SAVED_NOBODY,
    SAVED_GUEST,
    SAVED_CLIENT,
};

struct saved_who {
    uint8_t kind; /* enum saved_who_kind */
    uint32_t id;  /* SAVED_CLIENT */
};

/* A stream of agent messages, in the middle of one whose body is passed on as it comes, or not. */
struct saved_inflow {
    uint32_t type; /* of that message */
    uint32_t left; /* bytes of it still to come */
    struct saved_who to;
    uint32_t in_len;
    uint8_t *in; /* bytes of the next message so far */
};

/* What holds between us and one agent. */
struct saved_agent_party {
    uint32_t caps, layout;
    uint32_t serial[SAVED_AGENT_SELECTIONS];
    bool told_grab[SAVED_AGENT_SELECTIONS];
    uint32_t later_len;
    uint8_t *later;
};

struct saved_selection {
    struct saved_who owner;
    uint32_t n_types;
    uint32_t *types;
};

struct saved_request {
    struct saved_who from, to;
    uint8_t selection;
    uint32_t type;
};

struct saved_file {
    uint32_t id, guest_id;
};

/* Where the agent has put the pointer. */
struct saved_mouse {
    bool known;
    uint32_t x, y, buttons; /* VD_AGENT_*BUTTON_MASK */
    uint8_t display;
};

/* A client, as the hub sees it. */
struct saved_member {
    uint32_t id; /* connection id */
    bool known, started, replied;
    struct saved_agent_party party;
    struct saved_inflow in; /* but for `in`, which is in its own write_data */
    int32_t max_clipboard;
    uint32_t n_files;
    struct saved_file *files;
    uint32_t monitors_len;
    uint8_t *monitors; /* asked for while another was in charge */
};

struct saved_hub {
    uint32_t version;
    uint8_t state; /* of the guest's side: enum guest_state, not closed */
    struct saved_agent_party guest;
    uint32_t n_members;
    struct saved_member *members;
    uint32_t in_charge; /* 0: nobody */
    uint32_t out_len;   /* bytes of all clients among those for the guest; behind: the client's */
    uint32_t rest_len;
    uint8_t *rest;
    struct saved_mouse mouse;
    uint32_t chunk_port, chunk_left; /* of the guest's chunk that is coming in */
    uint32_t raw_len;
    uint8_t *raw; /* bytes of the next chunk so far */
    struct saved_inflow client_port, server_port;
    uint32_t n_selections;
    struct saved_selection *selections; /* SAVED_AGENT_SELECTIONS */
    uint32_t n_requests;
    struct saved_request *requests;
};

extern const struct field_table saved_hub_table;

#endif
