/* SPDX-License-Identifier: MIT */
#include "stream/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

enum {
    BACKLOG = LISTEN_MOST,
    ACCEPTS_A_TURN = 16,
    PAUSE_MS = 200, /* after EMFILE and its like */
};

struct listener {
    int fd;
    char *unlink_path;
    struct loop_watch *watch;
    struct loop_timer *resume; /* at the end of a period, or of a pause */
    unsigned n_accepted;       /* in this period */
    bool rush;                 /* the last one was full, too */
    listen_fn *accepted;
    void *opaque;
};

/* False when the period has had its share. A rush is said once, however long it lasts. */
static bool count(struct listener *self)
{
    if (self->n_accepted++ == 0)
        loop_timer_start(self->resume, LISTEN_PERIOD_MS);
    if (self->n_accepted < LISTEN_MOST)
        return true;
    if (!self->rush)
        log_note("%d new links within %d ms: more have to wait", LISTEN_MOST, LISTEN_PERIOD_MS);
    self->rush = true;
    loop_watch_set(self->watch, 0);
    return false;
}

static void on_ready(void *opaque, unsigned events)
{
    struct listener *self = opaque;

    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(self->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            self->accepted(self->opaque, fd);
            if (!count(self))
                return;
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_warn("cannot take a new client link: %s; trying again", g_strerror(errno));
            loop_watch_set(self->watch, 0);
            loop_timer_start(self->resume, PAUSE_MS);
        }
        return;
    }
}

static void on_resume(void *opaque)
{
    struct listener *self = opaque;

    self->rush = self->n_accepted >= LISTEN_MOST;
    self->n_accepted = 0;
    loop_watch_set(self->watch, LOOP_READ);
}

struct listener *listener_from_fd(struct loop *loop, int fd, listen_fn *accepted, void *opaque)
{
    struct listener *self = g_new0(struct listener, 1);
    int flags = fcntl(fd, F_GETFL);

    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    self->fd = fd;
    self->accepted = accepted;
    self->opaque = opaque;
    self->watch = loop_watch_add(loop, fd, LOOP_READ, on_ready, self);
    self->resume = loop_timer_add(loop, on_resume, self);
    return self;
}

static int bind_and_listen(int fd, const struct sockaddr *addr, socklen_t len)
{
    if (fd < 0)
        return -1;
    if (bind(fd, addr, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int err = errno;
    close(fd);
    errno = err;
    return -1;
}

/* A socket file left by a server that died is in the way: nobody answers there. */
static void remove_stale(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 && errno == ECONNREFUSED)
        unlink(addr->sun_path);
    close(fd);
}

static int listen_unix(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(addr.sun_path, path, strlen(path));
    remove_stale(&addr);
    return bind_and_listen(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
                           (const struct sockaddr *)&addr, sizeof(addr));
}

static int listen_one(const struct addrinfo *info, bool only_v6)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1, v6only = only_v6;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (info->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
    return bind_and_listen(fd, info->ai_addr, info->ai_addrlen);
}

static int family_of(enum listen_family family)
{
    switch (family) {
    case LISTEN_IPV4:
        return AF_INET;
    case LISTEN_IPV6:
        return AF_INET6;
    case LISTEN_ANY:
    case LISTEN_UNIX:
        break;
    }
    return AF_UNSPEC;
}

/* For "every address" an IPv6 socket that takes IPv4 too is tried first, as QEMU's users expect. */
static int listen_tcp(const char *host, int port, enum listen_family family)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char service[16];
    bool any = !host || !*host;
    int fd = -1;

    hints.ai_family = family_of(family);
    g_snprintf(service, sizeof(service), "%d", port);
    if (getaddrinfo(any ? NULL : host, service, &hints, &list)) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    for (int pass = 0; pass < 2 && fd < 0; pass++) {
        for (struct addrinfo *i = list; i && fd < 0; i = i->ai_next) {
            bool first = any ? i->ai_family == AF_INET6 : true;
            if (first == (pass == 0))
                fd = listen_one(i, family == LISTEN_IPV6 || !any);
        }
    }
    freeaddrinfo(list);
    return fd;
}

struct listener *listener_new(struct loop *loop, const char *host, int port,
                              enum listen_family family, listen_fn *accepted, void *opaque)
{
    bool local = family == LISTEN_UNIX;
    int fd = local ? listen_unix(host ? host : "") : listen_tcp(host, port, family);
    struct listener *self;

    if (fd < 0) {
        if (local)
            log_warn("cannot listen on unix socket %s: %s", host, g_strerror(errno));
        else
            log_warn("cannot listen on %s port %d: %s", host && *host ? host : "any address", port,
                     g_strerror(errno));
        return NULL;
    }
    self = listener_from_fd(loop, fd, accepted, opaque);
    if (local)
        self->unlink_path = g_strdup(host);
    return self;
}

void listener_free(struct listener *self)
{
    if (!self)
        return;
    loop_watch_remove(self->watch);
    loop_timer_remove(self->resume);
    close(self->fd);
    if (self->unlink_path)
        unlink(self->unlink_path);
    g_free(self->unlink_path);
    g_free(self);
}

int listener_fd(const struct listener *self)
{
    return self->fd;
}
