/* SPDX-License-Identifier: MIT */
/* Listening sockets: TCP over IPv4 and IPv6, unix. */
#ifndef CARAVAN_STREAM_LISTEN_H
#define CARAVAN_STREAM_LISTEN_H

#include "loop/loop.h"

struct listener;

/* What a peer that links in a loop may take of the loop's time: more connections wait in the
 * system's queue until the next period. */
enum {
    LISTEN_MOST = 128, /* connections of one listener within a period */
    LISTEN_PERIOD_MS = 1000,
};

enum listen_family {
    LISTEN_ANY,
    LISTEN_IPV4,
    LISTEN_IPV6,
    LISTEN_UNIX,
};

/* `fd` is a new connection and passes to the callee. */
typedef void listen_fn(void *opaque, int fd);

/* Listens on host (NULL or "": every address) and port, or on the unix path `host`. On the loop's
 * thread. NULL with a warning in the log that names the address and the reason. */
struct listener *listener_new(struct loop *loop, const char *host, int port,
                              enum listen_family family, listen_fn *accepted, void *opaque);

/* The same for a socket that listens already; takes it. */
struct listener *listener_from_fd(struct loop *loop, int fd, listen_fn *accepted, void *opaque);

void listener_free(struct listener *self);

int listener_fd(const struct listener *self);

#endif
