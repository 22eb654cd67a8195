/* SPDX-License-Identifier: MIT */
#include "migrate/target_probe.h"

#include <errno.h>
#include <glib.h>
#include <netdb.h>
#include <netinet/in.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/reader.h"
#include "loop/loop.h"
#include "proto/main_caps.h"
#include "wire/link.h"

enum {
    PROBE_MS = 10 * 1000,
    HEADER_BYTES = 16,
    REPLY_MAX = 4096, /* bytes of a reply that are looked at */
    MAGIC_REDQ = 0x51444552,
    LINK_MESS_BYTES = 18,
};

struct target_probe {
    int fd; /* -1 once it is over */
    struct loop_watch *watch;
    struct loop_timer *timer;
    struct buf out, in;
    bool takes_late;
};

static void stop(struct target_probe *self)
{
    if (self->fd < 0)
        return;
    loop_watch_remove(self->watch);
    loop_timer_cancel(self->timer);
    close(self->fd);
    self->fd = -1;
}

/* SpiceLinkHeader and SpiceLinkMess of <spice/protocol.h>: a new session's main channel. */
static void put_link(struct buf *out)
{
    buf_u32(out, MAGIC_REDQ);
    buf_u32(out, SPICE_VERSION_MAJOR);
    buf_u32(out, SPICE_VERSION_MINOR);
    buf_u32(out, LINK_MESS_BYTES + sizeof(uint32_t));
    buf_u32(out, 0); /* connection_id */
    buf_u8(out, SPICE_CHANNEL_MAIN);
    buf_u8(out, 0);
    buf_u32(out, 1); /* words of common capabilities */
    buf_u32(out, 0);
    buf_u32(out, LINK_MESS_BYTES);
    buf_u32(out, 1u << SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION |
                     1u << SPICE_COMMON_CAP_AUTH_SPICE | 1u << SPICE_COMMON_CAP_MINI_HEADER);
}

/* SpiceLinkReply behind the header. */
static bool read_reply(struct reader *in, bool *takes_late)
{
    size_t start = in->pos;
    uint32_t error = reader_u32(in), n_common, n_channel, offset;
    const uint32_t word = MAIN_CAP_CARAVAN_LATE_LINKS / 32;

    reader_skip(in, LINK_KEY_BYTES);
    n_common = reader_u32(in);
    n_channel = reader_u32(in);
    offset = reader_u32(in);
    if (!reader_ok(in) || error != SPICE_LINK_ERR_OK || n_common > REPLY_MAX || n_channel <= word ||
        offset > REPLY_MAX)
        return false;
    reader_seek(in, start + offset + (n_common + word) * sizeof(uint32_t));
    *takes_late = reader_u32(in) >> MAIN_CAP_CARAVAN_LATE_LINKS % 32 & 1;
    return reader_ok(in);
}

/* True when the reply is whole, or can't become a reply any more. */
static bool look(struct target_probe *self)
{
    struct reader in = reader_make(self->in.data, self->in.len);
    uint32_t size;
    bool takes_late = false;

    if (self->in.len < HEADER_BYTES)
        return false;
    if (reader_u32(&in) != MAGIC_REDQ)
        return true;
    reader_skip(&in, 8);
    size = reader_u32(&in);
    if (size > REPLY_MAX - HEADER_BYTES)
        return true;
    if (reader_left(&in) < size)
        return false;
    if (read_reply(&in, &takes_late) && takes_late)
        self->takes_late = true;
    return true;
}

/* False when there is no more to come. */
static bool receive(struct target_probe *self)
{
    uint8_t bytes[1024];
    ssize_t n = recv(self->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        return false;
    buf_append(&self->in, bytes, (size_t)n);
    return !look(self) && self->in.len < REPLY_MAX;
}

static bool transmit(struct target_probe *self)
{
    ssize_t n = send(self->fd, self->out.data, self->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    buf_consume(&self->out, (size_t)n);
    if (!self->out.len)
        loop_watch_set(self->watch, LOOP_READ);
    return true;
}

static void on_ready(void *opaque, unsigned events)
{
    struct target_probe *self = opaque;
    bool more = self->out.len ? transmit(self) : receive(self);

    if (more)
        return;
    log_info("the target of the move %s",
             self->takes_late ? "takes late links" : "is not known to take late links");
    stop(self);
}

static void on_timeout(void *opaque)
{
    stop(opaque);
}

/* A socket on its way to the address; -1 if there can't be one. */
static int start_connect(const char *host, uint16_t port)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char service[8];
    int fd;

    snprintf(service, sizeof(service), "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return -1;
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) < 0 && errno != EINPROGRESS) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

struct target_probe *target_probe_new(struct loop *loop, const char *host, uint16_t port)
{
    struct target_probe *self;
    int fd = port ? start_connect(host, port) : -1;

    if (fd < 0)
        return NULL;
    self = g_new0(struct target_probe, 1);
    self->fd = fd;
    put_link(&self->out);
    self->watch = loop_watch_add(loop, fd, LOOP_WRITE, on_ready, self);
    self->timer = loop_timer_add(loop, on_timeout, self);
    loop_timer_start(self->timer, PROBE_MS);
    return self;
}

void target_probe_free(struct target_probe *self)
{
    if (!self)
        return;
    stop(self);
    loop_timer_remove(self->timer);
    buf_free(&self->out);
    buf_free(&self->in);
    g_free(self);
}

bool target_probe_takes_late(const struct target_probe *self)
{
    return self && self->takes_late;
}
