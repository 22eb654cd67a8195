/* SPDX-License-Identifier: MIT */
/*
 * One client link's bytes. Non-blocking. Owned by one thread at a time; may be handed over while no
 * watch is on its descriptor.
 */
#ifndef CARAVAN_STREAM_STREAM_H
#define CARAVAN_STREAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct stream;

struct stream_addr {
    struct sockaddr_storage addr;
    socklen_t len; /* 0 if unknown */
};

/* Takes a connected socket (closed with the stream, also when NULL is returned). NULL when it is no
 * usable socket. Sets it non-blocking, close-on-exec, and for TCP no-delay, keep-alive and a small
 * unsent backlog, so that what waits to be sent waits with us and can still be replaced. */
struct stream *stream_from_fd(int fd);

void stream_free(struct stream *self);

/* Bytes read, 0 at the end of the stream, -1 with errno (EAGAIN when there is nothing now). */
ssize_t stream_read(struct stream *self, void *bytes, size_t len);

/* As stream_read, but the bytes stay to be read again. */
ssize_t stream_peek(struct stream *self, void *bytes, size_t len);

/* Bytes taken, -1 with errno (EAGAIN when the link takes nothing now). Never raises SIGPIPE. */
ssize_t stream_write(struct stream *self, const void *bytes, size_t len);

/* Says to the peer that no more comes. */
void stream_shut_output(struct stream *self);

int stream_fd(const struct stream *self);

/* True for a link that does not leave this machine (AF_UNIX). */
bool stream_is_local(const struct stream *self);

void stream_local_addr(const struct stream *self, struct stream_addr *out);
void stream_peer_addr(const struct stream *self, struct stream_addr *out);

/* A printable "address:port" of the peer, owned by the stream. */
const char *stream_peer_name(const struct stream *self);

#endif
