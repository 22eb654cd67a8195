/* SPDX-License-Identifier: MIT */
#include "channel/cursor.h"

#include <glib.h>
#include <spice/enums.h>

enum {
    ACK_WINDOW = 20,
};

struct cursor_channel {
    const struct pointer *pointer;
    struct conn *conn;
    bool moved;          /* linked ahead of a move, and the guest has not run here since */
    bool init;           /* the client has had INIT since the last RESET */
    struct pointer sent; /* what the client shows; the shape is not looked at */
};

static void put_point(struct buf *body, int16_t x, int16_t y)
{
    buf_u16(body, (uint16_t)x);
    buf_u16(body, (uint16_t)y);
}

/* Sent whole each time, so that nothing has to be known of the client's cache. */
static void put_cursor(struct buf *body, const struct cursor *shape)
{
    if (!shape) {
        buf_u16(body, SPICE_CURSOR_FLAGS_NONE);
        return;
    }
    buf_u16(body, 0);
    buf_u64(body, shape->unique);
    buf_u8(body, shape->type);
    buf_u16(body, shape->width);
    buf_u16(body, shape->height);
    buf_u16(body, shape->hot_x);
    buf_u16(body, shape->hot_y);
    buf_append(body, shape->data, shape->size);
}

static void send_init(struct cursor_channel *self)
{
    const struct pointer *now = self->pointer;
    struct buf *body = conn_begin(self->conn, SPICE_MSG_CURSOR_INIT);

    put_point(body, now->x, now->y);
    buf_u16(body, now->trail_length);
    buf_u16(body, now->trail_frequency);
    buf_u8(body, now->visible);
    put_cursor(body, now->shape);
    conn_end(self->conn);
    self->init = true;
    self->sent = *now;
}

static void send_set(struct cursor_channel *self)
{
    const struct pointer *now = self->pointer;
    struct buf *body = conn_begin(self->conn, SPICE_MSG_CURSOR_SET);

    put_point(body, now->x, now->y);
    buf_u8(body, now->visible);
    put_cursor(body, now->shape);
    conn_end(self->conn);
    self->sent.shape_generation = now->shape_generation;
    self->sent.x = now->x;
    self->sent.y = now->y;
    self->sent.visible = true; /* clients show what is set: HIDE follows if it is not to be seen */
}

static void send_hide(struct cursor_channel *self)
{
    conn_send_empty(self->conn, SPICE_MSG_CURSOR_HIDE);
    self->sent.visible = false;
}

static void send_move(struct cursor_channel *self)
{
    put_point(conn_begin(self->conn, SPICE_MSG_CURSOR_MOVE), self->pointer->x, self->pointer->y);
    conn_end(self->conn);
    self->sent.x = self->pointer->x;
    self->sent.y = self->pointer->y;
}

static void send_trail(struct cursor_channel *self)
{
    struct buf *body = conn_begin(self->conn, SPICE_MSG_CURSOR_TRAIL);

    buf_u16(body, self->pointer->trail_length);
    buf_u16(body, self->pointer->trail_frequency);
    conn_end(self->conn);
    self->sent.trail_generation = self->pointer->trail_generation;
}

static void send_reset(struct cursor_channel *self)
{
    conn_send_empty(self->conn, SPICE_MSG_CURSOR_RESET);
    self->init = false;
}

/* True when the client has to be given the shape: a new one, or it shows none now. */
static bool wants_set(const struct pointer *now, const struct pointer *sent)
{
    return now->shape_generation != sent->shape_generation || (now->visible && !sent->visible);
}

/* The client shows what the source sent last: as good as what the guest has here, unless that is a
 * shape. What the device did while the guest was loaded is not for the client. */
static void arrive(struct cursor_channel *self)
{
    self->moved = false;
    self->sent = *self->pointer;
    if (self->pointer->shape)
        self->sent.shape_generation = 0;
}

static bool fill(void *owner)
{
    struct cursor_channel *self = owner;
    const struct pointer *now = self->pointer, *sent = &self->sent;

    if (self->moved && !now->running)
        return false;
    if (self->moved)
        arrive(self);
    if (self->init && now->reset_generation != sent->reset_generation)
        send_reset(self);
    else if (!self->init)
        send_init(self);
    else if (wants_set(now, sent))
        send_set(self);
    else if (!now->visible && sent->visible)
        send_hide(self);
    else if (now->visible && (now->x != sent->x || now->y != sent->y))
        send_move(self);
    else if (now->trail_generation != sent->trail_generation)
        send_trail(self);
    else
        return false;
    return true;
}

static const struct conn_kind kind = {
    .name = "cursor",
    .fill = fill,
};

struct cursor_channel *cursor_channel_new(const struct pointer *pointer, bool mini, bool target)
{
    struct cursor_channel *self = g_new0(struct cursor_channel, 1);

    self->pointer = pointer;
    self->conn = conn_new(&kind, self, mini, CONN_ACTIVE);
    self->moved = target;
    self->init = target;
    conn_send_set_ack(self->conn, ACK_WINDOW);
    return self;
}

void cursor_channel_free(struct cursor_channel *self)
{
    if (!self)
        return;
    conn_free(self->conn);
    g_free(self);
}

struct conn *cursor_channel_conn(struct cursor_channel *self)
{
    return self->conn;
}

void cursor_channel_migrate(struct cursor_channel *self)
{
    if (conn_phase(self->conn) != CONN_ACTIVE)
        return;
    buf_u32(conn_begin(self->conn, SPICE_MSG_MIGRATE), 0);
    conn_end(self->conn);
    conn_set_phase(self->conn, CONN_SOURCE_DONE);
    conn_wake(self->conn);
}
