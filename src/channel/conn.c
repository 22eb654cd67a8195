/* SPDX-License-Identifier: MIT */
#include "channel/conn.h"

#include <glib.h>
#include <spice/enums.h>
#include <string.h>

#include "base/log.h"

enum {
    MINI_HEADER = 6,  /* u16 type, u32 size */
    FULL_HEADER = 18, /* u64 serial, u16 type, u32 size, u32 sub_list */
    MAX_UNKNOWN = 64 * 1024,
    HELD_MAX = 64 * 1024,  /* bytes of a peer that is not listened to */
    OUTPUT_MAX = 16 << 20, /* a peer that makes us say so much and reads nothing is given up */
};

struct conn {
    const struct conn_kind *kind;
    void *owner;
    bool mini;
    enum conn_phase phase;
    char *error;

    struct buf in;
    struct buf out;
    size_t
        front_left; /* bytes of a message that was taken in part; 0: `out` begins with a header */
    size_t size_at; /* of the open message */
    size_t body_at;
    uint64_t next_serial;

    uint32_t ack_generation;
    uint32_t ack_window; /* 0: no window */
    uint32_t ack_asked;  /* becomes ack_window at ACK_SYNC */
    uint32_t unacked;
    bool wants_fill;
    size_t ahead; /* bytes made ahead of the link */
    bool held;
    bool feeding; /* a handler may be under way */

    void (*wake)(void *opaque);
    void *wake_opaque;
};

struct header {
    uint16_t type;
    uint32_t size;
};

static void on_ack_sync(void *owner, struct reader *body)
{
    struct conn *self = owner;

    if (reader_u32(body) != self->ack_generation)
        return;
    self->ack_window = self->ack_asked;
    self->unacked = 0;
}

static void on_ack(void *owner, struct reader *body)
{
    struct conn *self = owner;

    self->unacked -= MIN(self->unacked, self->ack_window);
}

static void on_pong(void *owner, struct reader *body)
{
    struct conn *self = owner;
    uint32_t id = reader_u32(body);
    uint64_t time = reader_u64(body);

    if (reader_ok(body) && self->kind->pong)
        self->kind->pong(self->owner, id, time);
}

static void on_disconnecting(void *owner, struct reader *body)
{
}

static void on_flush_mark(void *owner, struct reader *body)
{
    struct conn *self = owner;

    if (self->kind->flush_mark)
        self->kind->flush_mark(self->owner);
}

static void on_migrate_data(void *owner, struct reader *body)
{
    struct conn *self = owner;

    if (reader_left(body) > self->kind->max_migrate_data || !self->kind->migrate_data) {
        reader_fail(body);
        return;
    }
    self->kind->migrate_data(self->owner, body);
}

#define ANY_PHASE (CONN_ACTIVE | CONN_TARGET | CONN_SOURCE_MARK | CONN_SOURCE_DONE)
#define MAX_ANY   (16u << 20)
#define BASE_MSG(id, NAME, min, max, phases, handler)                                              \
    {SPICE_MSGC_##NAME, #NAME, min, max, phases, handler},
static const struct msg_row base_rows[] = {
#include "proto/base_messages.h"
};
#undef BASE_MSG

struct conn *conn_new(const struct conn_kind *kind, void *owner, bool mini, enum conn_phase phase)
{
    struct conn *self = g_new0(struct conn, 1);

    self->kind = kind;
    self->owner = owner;
    self->mini = mini;
    self->phase = phase;
    self->next_serial = 1;
    self->ahead = CONN_AHEAD_MAX;
    return self;
}

void conn_free(struct conn *self)
{
    if (!self)
        return;
    buf_free(&self->in);
    buf_free(&self->out);
    g_free(self->error);
    g_free(self);
}

enum conn_phase conn_phase(const struct conn *self)
{
    return self->phase;
}

void conn_set_phase(struct conn *self, enum conn_phase phase)
{
    self->phase = phase;
}

const char *conn_error(const struct conn *self)
{
    return self->error;
}

void conn_fail(struct conn *self, const char *format, ...)
{
    va_list args;

    if (self->error)
        return;
    va_start(args, format);
    self->error = g_strdup_vprintf(format, args);
    va_end(args);
}

static const struct msg_row *find_in(const struct msg_row *rows, size_t n, uint16_t type)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i].type == type)
            return &rows[i];
    }
    return NULL;
}

static const struct msg_row *find_row(const struct conn *self, uint16_t type, bool *base)
{
    const struct msg_row *row = find_in(base_rows, G_N_ELEMENTS(base_rows), type);

    *base = row != NULL;
    return row ? row : find_in(self->kind->rows, self->kind->n_rows, type);
}

static void dispatch(struct conn *self, struct header header, const uint8_t *bytes)
{
    struct reader body = reader_make(bytes, header.size);
    bool base;
    const struct msg_row *row = find_row(self, header.type, &base);

    if (!row) {
        log_debug("%s: message %u of the client is not known, ignored", self->kind->name,
                  header.type);
        return;
    }
    if (!(row->phases & self->phase)) {
        log_info("%s: %s of the client comes at the wrong time, ignored", self->kind->name,
                 row->name);
        return;
    }
    if (header.size < row->min_size) {
        conn_fail(self, "%s: %s is too short (%u bytes)", self->kind->name, row->name, header.size);
        return;
    }
    row->handle(base ? (void *)self : self->owner, &body);
    if (!reader_ok(&body))
        conn_fail(self, "%s: %s has wrong content", self->kind->name, row->name);
}

/* False when the header is not whole yet, or wrong. */
static bool read_header(struct conn *self, struct reader *in, struct header *out)
{
    if (reader_left(in) < (self->mini ? MINI_HEADER : FULL_HEADER))
        return false;
    if (!self->mini)
        reader_u64(in);
    out->type = reader_u16(in);
    out->size = reader_u32(in);
    if (!self->mini)
        reader_u32(in);
    return true;
}

static bool size_allowed(struct conn *self, struct header header)
{
    bool base;
    const struct msg_row *row = find_row(self, header.type, &base);
    uint32_t max = row ? row->max_size : MAX_UNKNOWN;

    if (row && row->type == SPICE_MSGC_MIGRATE_DATA)
        max = self->phase == CONN_TARGET ? self->kind->max_migrate_data : MAX_UNKNOWN;
    if (header.size <= max)
        return true;
    conn_fail(self, "%s: %s is too long (%u bytes, at most %u)", self->kind->name,
              row ? row->name : "message", header.size, max);
    return false;
}

void conn_feed(struct conn *self, const uint8_t *bytes, size_t len)
{
    size_t done = 0;

    buf_append(&self->in, bytes, len);
    self->feeding = true;
    while (!self->error && !self->held && done < self->in.len) {
        struct reader in = reader_make(self->in.data + done, self->in.len - done);
        struct header header;

        if (!read_header(self, &in, &header) || !size_allowed(self, header) ||
            reader_left(&in) < header.size)
            break;
        done += in.pos + header.size;
        dispatch(self, header, in.base + in.pos);
    }
    self->feeding = false;
    buf_consume(&self->in, done);
}

void conn_hold(struct conn *self, bool hold)
{
    if (self->held == hold)
        return;
    self->held = hold;
    if (hold || self->feeding)
        return;
    conn_feed(self, NULL, 0);
    conn_wake(self);
}

bool conn_wants_input(const struct conn *self)
{
    return !self->held || self->in.len < HELD_MAX;
}

struct buf *conn_output(struct conn *self)
{
    return &self->out;
}

size_t conn_message_left(const struct conn *self, size_t at)
{
    size_t header = self->mini ? MINI_HEADER : FULL_HEADER;
    struct reader r = reader_make(self->out.data + at, self->out.len - at);

    if (at == 0 && self->front_left)
        return self->front_left;
    reader_skip(&r, self->mini ? 2 : 10);
    return header + reader_u32(&r);
}

void conn_taken(struct conn *self, size_t n)
{
    size_t at = 0;

    while (at < n)
        at += conn_message_left(self, at);
    self->front_left = at - n;
    buf_consume(&self->out, n);
}

struct buf *conn_begin(struct conn *self, uint16_t type)
{
    if (!self->mini)
        buf_u64(&self->out, self->next_serial);
    buf_u16(&self->out, type);
    self->size_at = self->out.len;
    buf_u32(&self->out, 0);
    if (!self->mini)
        buf_u32(&self->out, 0);
    self->body_at = self->out.len;
    return &self->out;
}

size_t conn_body_pos(const struct conn *self)
{
    return self->out.len - self->body_at;
}

void conn_end(struct conn *self)
{
    buf_set_u32(&self->out, self->size_at, (uint32_t)conn_body_pos(self));
    self->next_serial++;
    self->unacked++;
    if (self->out.len > (self->kind->max_output ? self->kind->max_output : OUTPUT_MAX))
        conn_fail(self, "%s: the client does not read what it asked for", self->kind->name);
}

void conn_send_empty(struct conn *self, uint16_t type)
{
    conn_begin(self, type);
    conn_end(self);
}

uint64_t conn_next_serial(const struct conn *self)
{
    return self->next_serial;
}

void conn_set_next_serial(struct conn *self, uint64_t serial)
{
    self->next_serial = serial;
}

void conn_send_set_ack(struct conn *self, uint32_t window)
{
    struct buf *body = conn_begin(self, SPICE_MSG_SET_ACK);

    self->ack_asked = window;
    buf_u32(body, ++self->ack_generation);
    buf_u32(body, window);
    conn_end(self);
}

void conn_send_ping(struct conn *self, uint32_t id, uint64_t time)
{
    struct buf *body = conn_begin(self, SPICE_MSG_PING);

    buf_u32(body, id);
    buf_u64(body, time);
    conn_end(self);
}

static bool window_open(const struct conn *self)
{
    return self->ack_window == 0 || self->unacked < 2 * self->ack_window;
}

bool conn_fill(struct conn *self)
{
    size_t before = self->out.len;

    self->wants_fill = false;
    while (!self->error && self->phase == CONN_ACTIVE && self->kind->fill && window_open(self)) {
        if (self->out.len >= self->ahead) {
            self->wants_fill = true;
            break;
        }
        if (!self->kind->fill(self->owner))
            break;
    }
    return self->out.len > before;
}

void conn_set_ahead(struct conn *self, size_t bytes)
{
    self->ahead = MIN(bytes, CONN_AHEAD_MAX);
}

bool conn_wants_fill(const struct conn *self)
{
    return self->wants_fill && !self->error;
}

void conn_set_wake(struct conn *self, void (*wake)(void *opaque), void *opaque)
{
    self->wake = wake;
    self->wake_opaque = opaque;
}

void conn_wake(struct conn *self)
{
    if (self->wake)
        self->wake(self->wake_opaque);
}
