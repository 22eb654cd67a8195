/* SPDX-License-Identifier: MIT */
/* The parts of the hub; for src/agent only. */
#ifndef CARAVAN_AGENT_HUB_IMPL_H
#define CARAVAN_AGENT_HUB_IMPL_H

#include <glib.h>
#include <spice/vd_agent.h>

#include "agent/hub.h"
#include "base/buf.h"
#include "base/reader.h"
#include "proto/saved_state.h"

enum {
    MESSAGE_HEADER = 20,
    CHUNK_HEADER = 8,
    TOKENS_AT_ONCE = HUB_WINDOW / 2,
    GUEST_PORTS = 2,             /* VDP_CLIENT_PORT, VDP_SERVER_PORT */
    IN_MAX = 8192,               /* bytes of one stream waiting to be understood */
    CLIENT_OUT_MAX = 64 << 10,   /* what is streamed to a client waits above this */
    CLIENT_OUT_HARD = 256 << 10, /* who lets small messages pile up to here starts anew */
    GUEST_LATER_MAX = 8 << 10,   /* nobody says more to a guest that has this much to read */
    GUEST_OUT_HARD = 64 << 10,   /* and one that reads none of it is closed here */
    CLIENT_IN_HARD = 2 * HUB_WINDOW * HUB_DATA_MAX + IN_MAX,
    TYPES_MAX = 32,
    REQUESTS_MAX = 64,
    REQUESTS_EACH = 16, /* of one party */
    FILES_MAX = 128,    /* what the guest's agent takes */
    FILES_EACH = 64,    /* of one client */
    MONITORS_MAX = 64,
    ARRIVE_US = 10 * G_USEC_PER_SEC, /* for clients and the port after a move */
    ANSWER_US = 30 * G_USEC_PER_SEC,
    STALL_US = 10 * G_USEC_PER_SEC,
};

#define CAP(name) (1u << VD_AGENT_CAP_##name)
#define CLIPBOARD_CAPS                                                                             \
    (CAP(CLIPBOARD) | CAP(CLIPBOARD_BY_DEMAND) | CAP(CLIPBOARD_SELECTION) | CAP(MAX_CLIPBOARD) |   \
     CAP(CLIPBOARD_NO_RELEASE_ON_REGRAB) | CAP(CLIPBOARD_GRAB_SERIAL))

struct party;

/* Messages of one stream as they come in. */
struct inflow {
    struct party *from;
    struct buf in;    /* not handled yet: less than a message, or held up */
    uint32_t type;    /* of the message that is passed on as it comes */
    uint32_t left;    /* bytes of its body still to come; 0: between messages */
    struct party *to; /* where they go; NULL: nowhere */
    bool held;        /* what is in `in` waits for a receiver, not for more bytes */
};

/* Who speaks the agent protocol with us: the guest's agent, or a client. */
struct party {
    struct hub *hub;
    struct hub_client *client; /* NULL: the guest */
    uint32_t caps;             /* what it announced; word 0 is all there is */
    bool known;                /* it has announced */
    uint32_t layout; /* capabilities in force both ways: they decide the layout of messages */
    uint32_t serial[HUB_SELECTIONS]; /* of the next grab, either way */
    bool told_grab[HUB_SELECTIONS];  /* it has our grab and no release since */

    struct inflow in;
    struct buf out;        /* client: messages; guest: chunks */
    struct buf later;      /* whole messages that wait for the end of the one being passed on */
    struct inflow *source; /* of the message being passed on to it */
    bool wake;
    int64_t moved_us; /* last time that bytes of it moved, for stalls */
};

struct hub_client {
    struct party party;
    uint32_t id;
    void *owner; /* NULL: it is still on its way here, or gone on */
    bool new_tokens;
    bool here_before;        /* while a state is loaded: hub_find finds whom that speaks of */
    bool told;               /* it knows of an agent */
    bool renew;              /* it is to be told that the agent has gone, first */
    bool started;            /* AGENT_START since it was told */
    bool replied;            /* it has our capabilities */
    const char *end_session; /* why its session is about to begin anew; NULL: it is not */
    const char *garbage;     /* why it is about to be sent away */
    uint32_t tokens;         /* messages we may send; ~0: as many as we like */
    uint32_t owed;           /* tokens of its messages to be given back */
    uint32_t held;           /* its messages that wait in party.in */
    uint32_t window_left;    /* messages it may send */
    int32_t max_clipboard;
    struct buf monitors; /* asked for while another was in charge */
};

enum guest_state {
    GUEST_CLOSED,
    GUEST_OPEN,  /* nothing was asked */
    GUEST_ASKED, /* for its capabilities */
    GUEST_READY,
};

struct selection {
    struct party *owner; /* NULL: nobody */
    uint32_t n_types;
    uint32_t types[TYPES_MAX];
};

/* A request that was passed to the owner. */
struct request {
    struct party *from; /* NULL: it has left */
    struct party *to;
    uint8_t selection;
    uint32_t type;
    int64_t until_us;
};

struct file {
    struct hub_client *client;
    uint32_t id, guest_id;
};

struct mouse {
    bool known; /* it was told where it is */
    bool dirty;
    uint32_t x, y, buttons;
    uint8_t display;
};

struct hub {
    const struct hub_ops *ops;
    void *opaque;
    struct hub_switches switches;
    int64_t now_us;
    bool busy, again;
    bool frozen;                    /* it moves: nothing is handled any more */
    bool held;                      /* it may be about to arrive: nothing is handled yet */
    bool awaits_port;               /* it has arrived before its port opened */
    int64_t arrive_until;           /* when who has not arrived is given up */
    struct hub_client *transparent; /* its state was another server's: see transparent.c */
    bool changed;

    enum guest_state state;
    struct party guest;
    struct inflow server_port; /* what the guest says on VDP_SERVER_PORT */
    struct buf raw;            /* of the guest, not cut into chunks yet */
    uint32_t chunk_port;       /* 0: between chunks */
    uint32_t chunk_left;
    struct mouse mouse;
    const char *garbage; /* why the guest's port is about to be closed */

    GPtrArray *clients; /* struct hub_client, in the order they came */
    struct hub_client *in_charge;
    struct selection selections[HUB_SELECTIONS];
    GArray *requests;                 /* struct request, oldest first */
    GArray *files;                    /* struct file */
    struct hub_client *monitors_from; /* whom the guest's next REPLY is for */
};

/* party.c: sending, and who is who */
/* What the guest has not read yet, bytes. */
size_t hub_guest_backlog(const struct hub *self);
const char *party_name(const struct party *self);
bool party_has(const struct party *self, unsigned cap);
/* The guest, once it is ready; a client that has our capabilities. */
bool party_is_ready(const struct party *self);
/* A whole message, behind what is being passed on. */
void party_send(struct party *self, uint32_t type, const void *body, size_t len);
/* The head of a message to the guest on the server's port, between chunks of the clients' one; the
 * caller appends the body, of `size` bytes. */
struct buf *hub_put_server(struct hub *self, uint32_t type, uint32_t size);
/* A message of which the body comes by and by from `source`. One at a time. */
void party_begin(struct party *self, struct inflow *source, uint32_t type, const void *head,
                 size_t head_len, uint32_t size);
void party_put(struct party *self, const void *bytes, size_t len);
void party_end(struct party *self);
/* How many bytes of a passed message it takes now. */
size_t party_room(const struct party *self);
/* The streams from and to it end here. */
void party_cut(struct party *self);
/* Nothing holds any more. What a client is saying stays: it ends its messages, whatever comes. */
void party_clear(struct party *self);

/* dispatch.c */
/* Handles what it can; false when the bytes are no agent protocol. */
bool inflow_run(struct inflow *self);
void inflow_clear(struct inflow *self);

/* A handler of a row. `body` holds the head (all of it, or what the row says), `rest` bytes follow
 * as they come; whoever passes them on sets inflow->to. False: not now, ask again. */
typedef bool agent_handler_fn(struct inflow *in, uint32_t type, struct reader *body, uint32_t rest);

agent_handler_fn on_announce;                                           /* caps.c */
agent_handler_fn on_grab, on_request, on_release, on_clipboard, on_max; /* clipboard.c */
agent_handler_fn on_file_start, on_file_status, on_file_data;           /* files.c */
agent_handler_fn on_monitors, on_setting, on_reply;                     /* settings.c */

/* caps.c */
void hub_ask_guest(struct hub *self);
void hub_offer(struct hub_client *client);
void hub_offer_all(struct hub *self);
/* The host's switches may hold otherwise than when both sides were told. */
void hub_follow_switches(struct hub *self);
/* The guest has to begin anew: nothing that was open with it holds. */
void hub_guest_forget(struct hub *self);

/* clipboard.c */
/* Nobody owns anything any more. */
void clipboard_end(struct hub *self);
/* Tells a party that is ready now of the grabs of others. */
void clipboard_replay(struct party *to);
/* A party leaves: what it owned is released, what it was asked is answered. */
void clipboard_leave(struct party *party);
void clipboard_tell_max(struct hub *self);
void clipboard_tick(struct hub *self);

/* files.c */
void files_client_left(struct hub_client *client);
void files_guest_left(struct hub *self);
/* The host lets no more files through. */
void files_end(struct hub *self);

/* settings.c */
struct hub_client *hub_in_charge(const struct hub *self);
/* Keeps what another server says the client asked for, if it makes sense. */
void hub_keep_monitors(struct hub_client *client, const uint8_t *config, size_t len);
void hub_send_devices(struct hub *self);

/* guest.c */
bool hub_run_guest(struct hub *self);
void hub_flush_mouse(struct hub *self);

/* transparent.c */
bool transparent_takes(const struct inflow *in);
/* A message goes on as it is; false when it cannot yet. */
bool transparent_begin(struct inflow *in, uint32_t type, uint32_t size);
/* Others want a part: both ends begin anew. */
void transparent_end(struct hub *self);
void transparent_restore(struct hub_client *client, const struct main_state *state);
/* Fills what other servers read; false if this session cannot be told in their terms. */
bool stock_save(const struct hub_client *client, struct main_state *state);

/* hub.c */
struct hub_client *hub_client_make(struct hub *self, uint32_t id);
struct hub_client *hub_find(const struct hub *self, uint32_t id);
void hub_run(struct hub *self);
/* The client's agent session is to end and begin anew; happens soon. `reason` is static. */
void hub_client_renew(struct hub_client *client, const char *reason);

#endif
