/* SPDX-License-Identifier: MIT */
/*
 * The main channel of one client: what it sends becomes events, what the session says becomes
 * messages ("spice-protocol enums.h", SPICE_MSG_MAIN_*). QEMU's main thread.
 */
#ifndef CARAVAN_CHANNEL_MAIN_H
#define CARAVAN_CHANNEL_MAIN_H

#include "channel/conn.h"
#include "proto/saved_state.h"

struct hub_word;
struct main_link;

/* The client's answer to MIGRATE_BEGIN or MIGRATE_BEGIN_SEAMLESS. */
enum main_answer {
    MAIN_ANSWER_SEAMLESS,
    MAIN_ANSWER_SEMI,
    MAIN_ANSWER_ERROR,
};

/* All required. `owner` is main_link_new's. None may free the link. */
struct main_link_ops {
    void (*attach_channels)(void *owner);
    void (*mouse_mode_request)(void *owner, uint32_t mode); /* SPICE_MOUSE_MODE_* */
    void (*migrate_answer)(void *owner, enum main_answer answer);
    void (*agent_start)(void *owner, uint32_t tokens);
    void (*agent_tokens)(void *owner, uint32_t tokens);
    void (*agent_data)(void *owner, const uint8_t *bytes, size_t len);
    /* The next agent message to send (src/agent/hub.h); false when there is none. */
    bool (*agent_next)(void *owner, struct hub_word *word);
    void (*flush_mark)(void *owner);
    /* At the target of a move: */
    void (*dst_do_seamless)(void *owner, uint32_t src_version);
    void (*dst_migrate_end)(void *owner); /* semi-seamless: the session is ours now */
    void (*restored)(void *owner, const struct main_state *state);
    void (*round_trip)(void *owner, uint64_t ping_time);
};

struct main_init {
    uint32_t session_id;
    uint32_t display_channels_hint;
    uint32_t mouse_modes; /* supported, SPICE_MOUSE_MODE_* bits */
    uint32_t mouse_mode;
    bool agent_connected;
    uint32_t multi_media_time; /* ms */
    uint32_t ram_hint;         /* bytes */
};

struct main_channel_id {
    uint8_t type;
    uint8_t id;
};

/* Where a move goes. Ports 0: none. */
struct main_destination {
    const char *host;
    const char *cert_subject; /* may be NULL */
    uint16_t port;
    uint16_t secure_port;
};

struct main_link *main_link_new(const struct main_link_ops *ops, void *owner, bool mini,
                                bool target);
void main_link_free(struct main_link *self);
struct conn *main_link_conn(struct main_link *self);

void main_send_init(struct main_link *self, const struct main_init *init);
void main_send_name(struct main_link *self, const char *name);
void main_send_uuid(struct main_link *self, const uint8_t uuid[16]);
void main_send_channels(struct main_link *self, const struct main_channel_id *list, uint32_t n);
/* Sent when the link takes it, if it differs from what was sent last; the newest counts. */
void main_set_mouse_mode(struct main_link *self, uint32_t supported, uint32_t current);
/* Sends what agent_next gives, one message, now; false when there was none. Else it is sent when
 * the link takes it (conn_wake). */
bool main_send_agent(struct main_link *self);
void main_send_multi_media_time(struct main_link *self, uint32_t ms);

/* The move, source side, in the order of a move. */
void main_send_migrate_begin(struct main_link *self, const struct main_destination *dst,
                             bool seamless);
void main_send_migrate_cancel(struct main_link *self);
void main_send_switch_host(struct main_link *self, const struct main_destination *dst);
void main_send_migrate_end(struct main_link *self);
/* MIGRATE with both flags; from then only MIGRATE_DATA may follow. */
void main_send_migrate(struct main_link *self);
void main_send_migrate_data(struct main_link *self, const struct main_state *state);

/* Target side: the answer to DST_DO_SEAMLESS. */
void main_send_dst_seamless(struct main_link *self, bool ack);

#endif
