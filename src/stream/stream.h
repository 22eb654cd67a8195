/* SPDX-License-Identifier: MIT */
/*
 * One client link's bytes: plain, TLS at the server's end, or either with a layer that encodes them
 * (of SASL). Non-blocking.
 * Owned by one thread at a time; may be handed over while no watch is on its descriptor.
 */
#ifndef CARAVAN_STREAM_STREAM_H
#define CARAVAN_STREAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "loop/loop.h"

struct stream;
struct stream_layer;
struct tls_context;

struct stream_addr {
    struct sockaddr_storage addr;
    socklen_t len; /* 0 if unknown */
};

enum stream_step {
    STREAM_READY,  /* bytes may flow */
    STREAM_WAITS,  /* again when stream_wait_for says */
    STREAM_FAILED, /* stream_error says why */
};

/* A plain stream on a connected socket, which it takes. NULL when it is no usable socket: then it
 * stays the caller's. Sets it non-blocking, close-on-exec, and for TCP no-delay, keep-alive and a
 * small unsent backlog, so that what waits to be sent waits with us and can still be replaced. */
struct stream *stream_from_fd(int fd);

/* The same with TLS, whose handshake comes first. Holds a reference of the context. */
struct stream *stream_from_fd_tls(int fd, struct tls_context *tls);

/* What encodes the bytes of a link. *out is the layer's until the next call. */
struct stream_layer {
    /* Nothing decoded yet is no error. False: the bytes are wrong, the link is to be closed. */
    bool (*encode)(void *opaque, const void *bytes, size_t len, const void **out, size_t *out_len);
    bool (*decode)(void *opaque, const void *bytes, size_t len, const void **out, size_t *out_len);
    void (*free)(void *opaque);
};

/* The stream with a layer over all that follows. Takes the stream, of which nothing was read ahead,
 * and opaque. encode is called with at most `most` bytes. */
struct stream *stream_with_layer(struct stream *inner, const struct stream_layer *layer,
                                 void *opaque, size_t most);

/* Says goodbye in the stream's way if the link takes it at once, and closes. */
void stream_free(struct stream *self);

/* What comes before the bytes of the link: goes as far as it can now. If plain: nothing. */
enum stream_step stream_handshake(struct stream *self);

/* Bytes read, 0 at the end of the stream, -1 with errno (EAGAIN when there is nothing now). */
ssize_t stream_read(struct stream *self, void *bytes, size_t len);

/* As stream_read, but the bytes stay to be read again. */
ssize_t stream_peek(struct stream *self, void *bytes, size_t len);

/* Bytes taken, -1 with errno (EAGAIN when the link takes nothing now). Never raises SIGPIPE.
 * After EAGAIN the next call must begin with the same bytes, and have at least as many. */
ssize_t stream_write(struct stream *self, const void *bytes, size_t len);

/* True if what one write takes reaches the peer as a unit of its own, or several. */
bool stream_in_units(const struct stream *self);

/* Says to the peer that no more comes. */
void stream_shut_output(struct stream *self);

/* True if a read gives bytes that have left the socket already: no watch will tell of them. */
bool stream_pending(const struct stream *self);

/* The LOOP_* events at the descriptor to wait for, for who wants to read and/or write (LOOP_*). */
unsigned stream_wait_for(const struct stream *self, unsigned wanted);

/* Why the call just made has failed: static text. */
const char *stream_error(const struct stream *self);

int stream_fd(const struct stream *self);

/* True if what goes over the link is encrypted. */
bool stream_is_secure(const struct stream *self);

/* Key bits of TLS; 0: no TLS. */
unsigned stream_cipher_bits(const struct stream *self);

/* True for a link that does not leave this machine (AF_UNIX). */
bool stream_is_local(const struct stream *self);

void stream_local_addr(const struct stream *self, struct stream_addr *out);
void stream_peer_addr(const struct stream *self, struct stream_addr *out);

/* Whether both are addresses of one host, as far as they tell: IPv6 hosts have 64 bits to choose
 * from. False for what is no IP address. */
bool stream_addr_same_host(const struct stream_addr *a, const struct stream_addr *b);

/* A printable "address:port" of the peer, owned by the stream. */
const char *stream_peer_name(const struct stream *self);

#endif
