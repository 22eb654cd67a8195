/* SPDX-License-Identifier: MIT */
#include "stream/stream_impl.h"

#include <fcntl.h>
#include <glib.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

/* Keep-alive: a peer that vanished is found after idle + probes * interval = 60 s. */
enum {
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_INTERVAL_S = 10,
    KEEPALIVE_PROBES = 3,
    UNSENT_LOW_WATER = 64 * 1024,
};

static void set_int(int fd, int level, int option, int value)
{
    /* These options tune; a kernel without one still carries the bytes. */
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

static void tune_tcp(int fd)
{
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    set_int(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_LOW_WATER);
}

static char *name_of(const struct stream_addr *addr)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (addr->len == 0 || addr->addr.ss_family == AF_UNIX)
        return g_strdup("unix socket");
    if (getnameinfo((const struct sockaddr *)&addr->addr, addr->len, host, sizeof(host), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
        return g_strdup("unknown address");
    return g_strdup_printf("%s:%s", host, port);
}

bool stream_setup(struct stream *self, const struct stream_ops *ops, int fd)
{
    struct stream_addr addr;
    int flags = fcntl(fd, F_GETFL);
    int domain = 0;
    socklen_t len = sizeof(domain);

    if (flags < 0 || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) < 0 ||
        fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return false;
    self->ops = ops;
    self->fd = fd;
    self->local = domain == AF_UNIX;
    if (!self->local)
        tune_tcp(fd);
    stream_peer_addr(self, &addr);
    self->peer_name = name_of(&addr);
    return true;
}

void stream_free(struct stream *self)
{
    if (!self)
        return;
    self->ops->clear(self);
    close(self->fd);
    g_free(self->peer_name);
    g_free(self);
}

enum stream_step stream_handshake(struct stream *self)
{
    return self->ops->handshake(self);
}

ssize_t stream_read(struct stream *self, void *bytes, size_t len)
{
    return self->ops->read(self, bytes, len);
}

ssize_t stream_peek(struct stream *self, void *bytes, size_t len)
{
    return self->ops->peek(self, bytes, len);
}

ssize_t stream_write(struct stream *self, const void *bytes, size_t len)
{
    return self->ops->write(self, bytes, len);
}

void stream_shut_output(struct stream *self)
{
    self->ops->shut_output(self);
}

bool stream_pending(const struct stream *self)
{
    return self->ops->pending(self);
}

unsigned stream_wait_for(const struct stream *self, unsigned wanted)
{
    return self->ops->wait_for(self, wanted);
}

const char *stream_error(const struct stream *self)
{
    return self->ops->error(self);
}

bool stream_in_units(const struct stream *self)
{
    return self->ops->in_units;
}

bool stream_is_secure(const struct stream *self)
{
    return self->ops->secure;
}

unsigned stream_cipher_bits(const struct stream *self)
{
    return self->ops->cipher_bits(self);
}

int stream_fd(const struct stream *self)
{
    return self->fd;
}

bool stream_is_local(const struct stream *self)
{
    return self->local;
}

void stream_local_addr(const struct stream *self, struct stream_addr *out)
{
    *out = (struct stream_addr){.len = sizeof(out->addr)};
    if (getsockname(self->fd, (struct sockaddr *)&out->addr, &out->len) < 0)
        out->len = 0;
}

void stream_peer_addr(const struct stream *self, struct stream_addr *out)
{
    *out = (struct stream_addr){.len = sizeof(out->addr)};
    if (getpeername(self->fd, (struct sockaddr *)&out->addr, &out->len) < 0)
        out->len = 0;
}

/* The bytes of an IP address that tell hosts apart; 0: it is none. */
static size_t host_bytes(const struct stream_addr *addr, const void **bytes)
{
    const struct in6_addr *six = &((const struct sockaddr_in6 *)&addr->addr)->sin6_addr;

    *bytes = six;
    if (addr->len && addr->addr.ss_family == AF_INET6)
        return IN6_IS_ADDR_V4MAPPED(six) ? sizeof(*six) : sizeof(*six) / 2;
    *bytes = &((const struct sockaddr_in *)&addr->addr)->sin_addr;
    return addr->len && addr->addr.ss_family == AF_INET ? sizeof(struct in_addr) : 0;
}

bool stream_addr_same_host(const struct stream_addr *a, const struct stream_addr *b)
{
    const void *x, *y;
    size_t n = host_bytes(a, &x);

    return n && n == host_bytes(b, &y) && !memcmp(x, y, n);
}

const char *stream_peer_name(const struct stream *self)
{
    return self->peer_name;
}
