/* SPDX-License-Identifier: MIT */
#include "port.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "connect.h"
#include "unread.h"

enum {
    READ_MAX = 16 * 1024,
    READS_MAX = 64,           /* before others have a turn */
    SEND_BUFFER = 64 * 1024,  /* what QEMU may leave unread, about; a move carries it */
    WRITTEN_MAX = 512 * 1024, /* of what was written last: more than a socket holds */
};

struct port {
    const struct port_ops *ops;
    void *opaque;
    int fd;
    unsigned source, events;
    unsigned end_source;
    bool ended;
    bool busy, again;   /* in port_kick, which is called from within, too */
    struct buf held;    /* of the guest, not yet handed on */
    struct buf written; /* the last of it */
};

static gboolean on_fd(gint fd, GIOCondition condition, gpointer opaque);

static gboolean tell_end(gpointer opaque)
{
    struct port *self = opaque;

    self->end_source = 0;
    self->ops->ended(self->opaque);
    return G_SOURCE_REMOVE;
}

static void end(struct port *self)
{
    if (self->ended)
        return;
    self->ended = true;
    self->end_source = g_idle_add(tell_end, self);
}

static void watch(struct port *self)
{
    size_t len;
    unsigned events = 0;

    if (!self->ended && self->ops->room(self->opaque))
        events |= G_IO_IN;
    if (!self->ended && self->ops->output(self->opaque, &len) && len)
        events |= G_IO_OUT;
    if (self->source && events == self->events)
        return;
    if (self->source)
        g_source_remove(self->source);
    self->events = events;
    self->source = events ? g_unix_fd_add(self->fd, (GIOCondition)events, on_fd, self) : 0;
}

/* Kept as long as QEMU may not have read it. */
static void remember(struct port *self, const uint8_t *bytes, size_t len)
{
    buf_append(&self->written, bytes, len);
    if (self->written.len > 2 * WRITTEN_MAX)
        buf_consume(&self->written, self->written.len - WRITTEN_MAX);
}

/* How much the socket took. */
static size_t give(struct port *self, const uint8_t *bytes, size_t len)
{
    ssize_t n = len ? send(self->fd, bytes, len, MSG_NOSIGNAL) : 0;

    if (n < 0 && errno != EAGAIN && errno != EINTR)
        end(self);
    if (n <= 0)
        return 0;
    remember(self, bytes, (size_t)n);
    return (size_t)n;
}

static void write_some(struct port *self)
{
    while (!self->ended) {
        size_t len = 0;
        const uint8_t *bytes = self->ops->output(self->opaque, &len);
        size_t n = bytes ? give(self, bytes, len) : 0;
        if (!n)
            return;
        self->ops->taken(self->opaque, n);
    }
}

static void hand_on_held(struct port *self)
{
    while (self->held.len) {
        size_t n = MIN(self->ops->room(self->opaque), self->held.len);
        g_autofree uint8_t *bytes = n ? g_memdup2(self->held.data, n) : NULL;
        if (!n)
            return;
        buf_consume(&self->held, n);
        self->ops->bytes(self->opaque, bytes, n);
    }
}

static void read_some(struct port *self)
{
    uint8_t bytes[READ_MAX];

    hand_on_held(self);
    for (unsigned i = 0; i < READS_MAX && !self->ended && !self->held.len; i++) {
        size_t want = MIN(self->ops->room(self->opaque), sizeof(bytes));
        ssize_t n = want ? recv(self->fd, bytes, want, 0) : -1;
        if (n == 0 || (want && n < 0 && errno != EAGAIN && errno != EINTR))
            end(self);
        if (n <= 0)
            return;
        self->ops->bytes(self->opaque, bytes, (size_t)n);
    }
}

static gboolean on_fd(gint fd, GIOCondition condition, gpointer opaque)
{
    struct port *self = opaque;
    unsigned source = self->source;

    port_kick(self);
    return self->source == source ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void port_kick(struct port *self)
{
    self->again = self->busy;
    if (self->busy)
        return;
    self->busy = true;
    do {
        self->again = false;
        read_some(self);
        write_some(self);
    } while (self->again);
    self->busy = false;
    watch(self);
}

struct port *port_new(const char *path, const struct port_ops *ops, void *opaque)
{
    struct port *self;
    int size = SEND_BUFFER;
    int fd = connect_unix(path);

    if (fd < 0)
        return NULL;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    self = g_new0(struct port, 1);
    *self = (struct port){.ops = ops, .opaque = opaque, .fd = fd};
    return self;
}

void port_free(struct port *self)
{
    if (!self)
        return;
    if (self->source)
        g_source_remove(self->source);
    if (self->end_source)
        g_source_remove(self->end_source);
    close(self->fd);
    buf_free(&self->held);
    buf_free(&self->written);
    g_free(self);
}

void port_drain(struct port *self, size_t max, struct buf *held)
{
    while (!self->ended && self->held.len < max) {
        size_t before = self->held.len;
        size_t want = MIN(max - before, (size_t)READ_MAX);
        uint8_t *to = buf_extend(&self->held, want);
        ssize_t n = recv(self->fd, to, want, 0);
        buf_truncate(&self->held, before + (n > 0 ? (size_t)n : 0));
        if (n <= 0)
            break;
    }
    if (self->held.len)
        buf_append(held, self->held.data, self->held.len);
}

void port_unread(struct port *self, struct buf *out)
{
    int64_t unread = unread_by_peer(self->fd);

    if (unread < 0)
        log_warn("how much of its port the guest has not read is not known: %s", g_strerror(errno));
    if (unread > 0) {
        size_t n = MIN((size_t)unread, self->written.len);
        buf_append(out, self->written.data + self->written.len - n, n);
    }
}

bool port_restore(struct port *self, const uint8_t *in, size_t len)
{
    struct buf old = BUF_INIT;

    do {
        buf_reset(&self->held);
        buf_reset(&old);
        port_drain(self, READ_MAX, &old);
    } while (old.len);
    buf_free(&old);
    if (len)
        buf_append(&self->held, in, len);
    return unread_by_peer(self->fd) <= 0;
}
