/* SPDX-License-Identifier: MIT */
#include "stream/pump.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

enum {
    READ_CHUNK = 32 * 1024,
    READS_A_TURN = 4, /* then others have their turn */
    FILLS_A_TURN = 16,
};

struct pump {
    struct loop *loop;
    struct stream *stream;
    struct conn *conn;
    struct loop_watch *watch;
    struct loop_timer *ending; /* reports the end from the loop, not from within a call */
    struct loop_timer *again;  /* runs while the stream holds bytes that no watch tells of */
    pump_closed_fn *closed;
    void *opaque;
    const char *reason;
    bool ended;
    bool busy; /* inside the engine: what it makes is written on the way out */
};

static void report_end(void *opaque)
{
    struct pump *self = opaque;

    self->closed(self->opaque, self->reason);
}

static void end(struct pump *self, const char *reason)
{
    if (self->ended)
        return;
    self->ended = true;
    self->reason = reason;
    loop_watch_set(self->watch, 0);
    loop_timer_cancel(self->again);
    loop_timer_start(self->ending, 0);
}

void pump_close(struct pump *self, const char *reason)
{
    end(self, reason);
}

static bool read_once(struct pump *self)
{
    uint8_t bytes[READ_CHUNK];
    ssize_t n = stream_read(self->stream, bytes, sizeof(bytes));

    if (n == 0) {
        end(self, NULL);
    } else if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            end(self, stream_error(self->stream));
    } else {
        self->busy = true;
        conn_feed(self->conn, bytes, (size_t)n);
        self->busy = false;
    }
    return n == READ_CHUNK || stream_pending(self->stream);
}

/* Clients read a unit (a TLS record) and handle one message of it, then wait for the socket: what
 * else was in it they would find too late. So a unit ends where a message ends. */
static ssize_t write_units(struct pump *self, const struct buf *out)
{
    size_t done = 0, len;
    ssize_t n;

    do {
        len = conn_message_left(self->conn, done);
        n = stream_write(self->stream, out->data + done, len);
        if (n < 0)
            return done ? (ssize_t)done : -1;
        done += (size_t)n;
    } while ((size_t)n == len && done < out->len);
    return (ssize_t)done;
}

/* False when the link takes no more now. */
static bool write_once(struct pump *self)
{
    struct buf *out = conn_output(self->conn);
    ssize_t n = stream_in_units(self->stream) ? write_units(self, out)
                                              : stream_write(self->stream, out->data, out->len);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            end(self, stream_error(self->stream));
        return false;
    }
    conn_taken(self->conn, (size_t)n);
    return out->len == 0;
}

static void write_some(struct pump *self)
{
    for (int i = 0; i < FILLS_A_TURN && !self->ended; i++) {
        if (conn_output(self->conn)->len == 0 && !conn_fill(self->conn))
            return;
        if (!write_once(self))
            return;
    }
}

/* Write interest stays on while bytes wait or the engine could make more. */
static void settle(struct pump *self)
{
    bool waiting, listening = conn_wants_input(self->conn);

    if (self->ended)
        return;
    if (conn_error(self->conn)) {
        end(self, conn_error(self->conn));
        return;
    }
    waiting = conn_output(self->conn)->len > 0 || conn_wants_fill(self->conn);
    loop_watch_set(self->watch, stream_wait_for(self->stream, (listening ? LOOP_READ : 0) |
                                                                  (waiting ? LOOP_WRITE : 0)));
    if (listening && stream_pending(self->stream))
        loop_timer_start(self->again, 0);
}

void pump_kick(struct pump *self)
{
    if (self->ended || self->busy)
        return;
    self->busy = true;
    write_some(self);
    self->busy = false;
    settle(self);
}

static void on_wake(void *opaque)
{
    pump_kick(opaque);
}

static void on_ready(void *opaque, unsigned events)
{
    struct pump *self = opaque;
    bool readable = events & stream_wait_for(self->stream, LOOP_READ);

    for (int i = 0; readable && i < READS_A_TURN && !self->ended; i++) {
        if (!conn_wants_input(self->conn) || !read_once(self) || conn_error(self->conn))
            break;
    }
    pump_kick(self);
}

void pump_turn(struct pump *self)
{
    if (!self->ended && !self->busy)
        on_ready(self, LOOP_READ | LOOP_WRITE);
}

static void on_again(void *opaque)
{
    pump_turn(opaque);
}

struct pump *pump_new(struct loop *loop, struct stream *stream, struct conn *conn,
                      pump_closed_fn *closed, void *opaque)
{
    struct pump *self = g_new0(struct pump, 1);

    self->loop = loop;
    self->stream = stream;
    self->conn = conn;
    self->closed = closed;
    self->opaque = opaque;
    self->ending = loop_timer_add(loop, report_end, self);
    self->again = loop_timer_add(loop, on_again, self);
    self->watch =
        loop_watch_add(loop, stream_fd(stream), stream_wait_for(stream, LOOP_READ), on_ready, self);
    if (stream_pending(stream))
        loop_timer_start(self->again, 0);
    conn_set_wake(conn, on_wake, self);
    return self;
}

void pump_free(struct pump *self)
{
    if (!self)
        return;
    conn_set_wake(self->conn, NULL, NULL);
    loop_watch_remove(self->watch);
    loop_timer_remove(self->ending);
    loop_timer_remove(self->again);
    stream_free(self->stream);
    g_free(self);
}

bool pump_is_open(const struct pump *self)
{
    return !self->ended;
}

struct stream *pump_stream(struct pump *self)
{
    return self->stream;
}
