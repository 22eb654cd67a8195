/* SPDX-License-Identifier: MIT */
#include "channel/main.h"

#include <glib.h>
#include <spice/enums.h>
#include <string.h>

#include "agent/hub.h"
#include "base/log.h"
#include "migrate/blob.h"

#define MIGRATION_VERSION 1 /* src_mig_version: the only one there is */

struct mouse_mode {
    uint16_t supported, current;
};

struct main_link {
    const struct main_link_ops *ops;
    void *owner;
    struct conn *conn;
    struct mouse_mode mouse_wanted, mouse_told;
};

static void on_ignored(void *opaque, struct reader *body)
{
}

static void on_attach_channels(void *opaque, struct reader *body)
{
    struct main_link *self = opaque;

    self->ops->attach_channels(self->owner);
}

static void on_mouse_mode_request(void *opaque, struct reader *body)
{
    struct main_link *self = opaque;

    self->ops->mouse_mode_request(self->owner, reader_u16(body));
}

static void on_migrate_connected(void *opaque, struct reader *body)
{
    struct main_link *self = opaque;

    self->ops->migrate_answer(self->owner, MAIN_ANSWER_SEMI);
}

static void on_migrate_connected_seamless(void *opaque, struct reader *body)
{
    struct main_link *self = opaque;

    self->ops->migrate_answer(self->owner, MAIN_ANSWER_SEAMLESS);
}

static void on_migrate_connect_error(void *opaque, struct reader *body)
{
    struct main_link *self = opaque;

    self->ops->migrate_answer(self->owner, MAIN_ANSWER_ERROR);
}

static void on_migrate_end(void *opaque, struct reader *body)
{
    struct main_link *self = opaque;

    self->ops->dst_migrate_end(self->owner);
}

static void on_dst_do_seamless(void *opaque, struct reader *body)
{
    struct main_link *self = opaque;

    self->ops->dst_do_seamless(self->owner, reader_u32(body));
}

static void on_agent_start(void *opaque, struct reader *body)
{
    struct main_link *self = opaque;

    self->ops->agent_start(self->owner, reader_u32(body));
}

static void on_agent_token(void *opaque, struct reader *body)
{
    struct main_link *self = opaque;

    self->ops->agent_tokens(self->owner, reader_u32(body));
}

static void on_agent_data(void *opaque, struct reader *body)
{
    struct main_link *self = opaque;
    size_t len = reader_left(body);

    self->ops->agent_data(self->owner, reader_bytes(body, len), len);
}

static void on_flush_mark(void *opaque)
{
    struct main_link *self = opaque;

    self->ops->flush_mark(self->owner);
}

static void on_migrate_data(void *opaque, struct reader *body)
{
    struct main_link *self = opaque;
    struct main_state state;
    struct fields_error error;
    size_t len = reader_left(body);

    if (!blob_main_load(reader_bytes(body, len), len, &state, &error)) {
        conn_fail(self->conn, "main: wrong state: field %s: %s", error.field, error.reason);
        return;
    }
    conn_set_phase(self->conn, CONN_ACTIVE);
    self->ops->restored(self->owner, &state);
    blob_main_free(&state);
}

static void send_word(struct main_link *self, const struct hub_word *word)
{
    switch (word->kind) {
    case HUB_SAY_DISCONNECTED:
        buf_u32(conn_begin(self->conn, SPICE_MSG_MAIN_AGENT_DISCONNECTED), SPICE_LINK_ERR_OK);
        break;
    case HUB_SAY_CONNECTED:
        conn_begin(self->conn, SPICE_MSG_MAIN_AGENT_CONNECTED);
        break;
    case HUB_SAY_CONNECTED_TOKENS:
        buf_u32(conn_begin(self->conn, SPICE_MSG_MAIN_AGENT_CONNECTED_TOKENS), word->tokens);
        break;
    case HUB_SAY_TOKENS:
        buf_u32(conn_begin(self->conn, SPICE_MSG_MAIN_AGENT_TOKEN), word->tokens);
        break;
    case HUB_SAY_DATA:
        buf_append(conn_begin(self->conn, SPICE_MSG_MAIN_AGENT_DATA), word->bytes, word->len);
        break;
    }
    conn_end(self->conn);
}

bool main_send_agent(struct main_link *self)
{
    struct hub_word word;

    if (!self->ops->agent_next(self->owner, &word))
        return false;
    send_word(self, &word);
    return true;
}

static bool fill(void *opaque)
{
    struct main_link *self = opaque;
    struct mouse_mode mode = self->mouse_wanted;
    struct buf *body;

    if (mode.supported == self->mouse_told.supported && mode.current == self->mouse_told.current)
        return main_send_agent(self);
    self->mouse_told = mode;
    body = conn_begin(self->conn, SPICE_MSG_MAIN_MOUSE_MODE);
    buf_u16(body, mode.supported);
    buf_u16(body, mode.current);
    conn_end(self->conn);
    return true;
}

static void on_pong(void *opaque, uint32_t id, uint64_t time)
{
    struct main_link *self = opaque;

    self->ops->round_trip(self->owner, time);
}

#define MAIN_MSG(NAME, min, max, phases, handler)                                                  \
    {SPICE_MSGC_MAIN_##NAME, #NAME, min, max, phases, handler},
static const struct msg_row rows[] = {
#include "proto/main_messages.h"
};
#undef MAIN_MSG

static const struct conn_kind main_kind = {
    .name = "main",
    .rows = rows,
    .n_rows = G_N_ELEMENTS(rows),
    .fill = fill,
    .flush_mark = on_flush_mark,
    .migrate_data = on_migrate_data,
    .max_migrate_data = SAVED_MAIN_OWN_MAX,
    .pong = on_pong,
};

struct main_link *main_link_new(const struct main_link_ops *ops, void *owner, bool mini,
                                bool target)
{
    struct main_link *self = g_new0(struct main_link, 1);

    self->ops = ops;
    self->owner = owner;
    self->conn = conn_new(&main_kind, self, mini, target ? CONN_TARGET : CONN_ACTIVE);
    return self;
}

void main_link_free(struct main_link *self)
{
    if (!self)
        return;
    conn_free(self->conn);
    g_free(self);
}

struct conn *main_link_conn(struct main_link *self)
{
    return self->conn;
}

static void finish(struct main_link *self)
{
    conn_end(self->conn);
    conn_wake(self->conn);
}

static void send_empty(struct main_link *self, uint16_t type)
{
    conn_begin(self->conn, type);
    finish(self);
}

void main_send_init(struct main_link *self, const struct main_init *init)
{
    struct buf *body = conn_begin(self->conn, SPICE_MSG_MAIN_INIT);

    self->mouse_told = (struct mouse_mode){(uint16_t)init->mouse_modes, (uint16_t)init->mouse_mode};
    self->mouse_wanted = self->mouse_told;
    buf_u32(body, init->session_id);
    buf_u32(body, init->display_channels_hint);
    buf_u32(body, init->mouse_modes);
    buf_u32(body, init->mouse_mode);
    buf_u32(body, init->agent_connected);
    buf_u32(body, SAVED_AGENT_WINDOW);
    buf_u32(body, init->multi_media_time);
    buf_u32(body, init->ram_hint);
    finish(self);
}

void main_send_name(struct main_link *self, const char *name)
{
    struct buf *body = conn_begin(self->conn, SPICE_MSG_MAIN_NAME);
    size_t len = strlen(name) + 1;

    buf_u32(body, (uint32_t)len);
    buf_append(body, name, len);
    finish(self);
}

void main_send_uuid(struct main_link *self, const uint8_t uuid[16])
{
    buf_append(conn_begin(self->conn, SPICE_MSG_MAIN_UUID), uuid, 16);
    finish(self);
}

void main_send_channels(struct main_link *self, const struct main_channel_id *list, uint32_t n)
{
    struct buf *body = conn_begin(self->conn, SPICE_MSG_MAIN_CHANNELS_LIST);

    buf_u32(body, n);
    for (uint32_t i = 0; i < n; i++) {
        buf_u8(body, list[i].type);
        buf_u8(body, list[i].id);
    }
    finish(self);
}

void main_set_mouse_mode(struct main_link *self, uint32_t supported, uint32_t current)
{
    self->mouse_wanted = (struct mouse_mode){(uint16_t)supported, (uint16_t)current};
    conn_wake(self->conn);
}

void main_send_multi_media_time(struct main_link *self, uint32_t ms)
{
    buf_u32(conn_begin(self->conn, SPICE_MSG_MAIN_MULTI_MEDIA_TIME), ms);
    finish(self);
}

/* The destination's fields, strings behind them; `extra` goes between (src_mig_version or nothing).
 * Offsets count from the body's start; sizes include the NUL. */
static void put_destination(struct main_link *self, struct buf *body,
                            const struct main_destination *dst, const uint32_t *extra)
{
    uint32_t fixed = extra ? 24 : 20;
    uint32_t host = (uint32_t)strlen(dst->host) + 1;
    uint32_t subject = dst->cert_subject ? (uint32_t)strlen(dst->cert_subject) + 1 : 0;

    buf_u16(body, dst->port);
    buf_u16(body, dst->secure_port);
    buf_u32(body, host);
    buf_u32(body, fixed);
    buf_u32(body, subject);
    buf_u32(body, subject ? fixed + host : 0);
    if (extra)
        buf_u32(body, *extra);
    buf_append(body, dst->host, host);
    buf_append(body, dst->cert_subject, subject);
}

void main_send_migrate_begin(struct main_link *self, const struct main_destination *dst,
                             bool seamless)
{
    const uint32_t version = MIGRATION_VERSION;
    uint16_t type = seamless ? SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS : SPICE_MSG_MAIN_MIGRATE_BEGIN;

    put_destination(self, conn_begin(self->conn, type), dst, seamless ? &version : NULL);
    finish(self);
}

void main_send_migrate_cancel(struct main_link *self)
{
    send_empty(self, SPICE_MSG_MAIN_MIGRATE_CANCEL);
}

void main_send_switch_host(struct main_link *self, const struct main_destination *dst)
{
    put_destination(self, conn_begin(self->conn, SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST), dst, NULL);
    finish(self);
}

void main_send_migrate_end(struct main_link *self)
{
    send_empty(self, SPICE_MSG_MAIN_MIGRATE_END);
}

void main_send_migrate(struct main_link *self)
{
    struct buf *body = conn_begin(self->conn, SPICE_MSG_MIGRATE);

    buf_u32(body, SPICE_MIGRATE_NEED_FLUSH | SPICE_MIGRATE_NEED_DATA_TRANSFER);
    conn_set_phase(self->conn, CONN_SOURCE_MARK);
    finish(self);
}

void main_send_migrate_data(struct main_link *self, const struct main_state *state)
{
    struct fields_error error;

    if (!blob_main_save(state, conn_begin(self->conn, SPICE_MSG_MIGRATE_DATA), &error)) {
        conn_fail(self->conn, "main: cannot save field %s: %s", error.field, error.reason);
        return;
    }
    conn_set_phase(self->conn, CONN_SOURCE_DONE);
    finish(self);
}

void main_send_dst_seamless(struct main_link *self, bool ack)
{
    send_empty(self, ack ? SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK
                         : SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_NACK);
}
