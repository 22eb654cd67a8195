/* SPDX-License-Identifier: MIT */
/* What a kind of stream is made of; for src/stream only. */
#ifndef CARAVAN_STREAM_STREAM_IMPL_H
#define CARAVAN_STREAM_STREAM_IMPL_H

#include "stream/stream.h"

/* The functions of stream.h for one kind; all are required. */
struct stream_ops {
    bool secure;
    bool in_units;
    enum stream_step (*handshake)(struct stream *self);
    ssize_t (*read)(struct stream *self, void *bytes, size_t len);
    ssize_t (*peek)(struct stream *self, void *bytes, size_t len);
    ssize_t (*write)(struct stream *self, const void *bytes, size_t len);
    void (*shut_output)(struct stream *self);
    bool (*pending)(const struct stream *self);
    unsigned (*wait_for)(const struct stream *self, unsigned wanted);
    const char *(*error)(const struct stream *self);
    unsigned (*cipher_bits)(const struct stream *self);
    void (*clear)(struct stream *self); /* what it holds besides the common part */
};

/* Common to all kinds, first in each. */
struct stream {
    const struct stream_ops *ops;
    int fd; /* owned */
    bool local;
    char *peer_name;
};

/* Sets the socket and the common part up. False when fd is no usable socket: then it stays the
 * caller's, and nothing is held. */
bool stream_setup(struct stream *self, const struct stream_ops *ops, int fd);

#endif
