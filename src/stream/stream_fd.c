/* SPDX-License-Identifier: MIT */
/* The plain kind of stream: the socket's own bytes. */
#include <errno.h>
#include <glib.h>

#include "stream/stream_impl.h"

static enum stream_step fd_handshake(struct stream *self)
{
    return STREAM_READY;
}

static ssize_t fd_read(struct stream *self, void *bytes, size_t len)
{
    return recv(self->fd, bytes, len, 0);
}

static ssize_t fd_peek(struct stream *self, void *bytes, size_t len)
{
    return recv(self->fd, bytes, len, MSG_PEEK);
}

static ssize_t fd_write(struct stream *self, const void *bytes, size_t len)
{
    return send(self->fd, bytes, len, MSG_NOSIGNAL);
}

static void fd_shut_output(struct stream *self)
{
    (void)shutdown(self->fd, SHUT_WR);
}

static bool fd_pending(const struct stream *self)
{
    return false;
}

static unsigned fd_wait_for(const struct stream *self, unsigned wanted)
{
    return wanted;
}

static const char *fd_error(const struct stream *self)
{
    return g_strerror(errno);
}

static unsigned fd_cipher_bits(const struct stream *self)
{
    return 0;
}

static void fd_clear(struct stream *self)
{
}

static const struct stream_ops fd_ops = {
    .handshake = fd_handshake,
    .read = fd_read,
    .peek = fd_peek,
    .write = fd_write,
    .shut_output = fd_shut_output,
    .pending = fd_pending,
    .wait_for = fd_wait_for,
    .error = fd_error,
    .cipher_bits = fd_cipher_bits,
    .clear = fd_clear,
};

struct stream *stream_from_fd(int fd)
{
    struct stream *self = g_new0(struct stream, 1);

    if (stream_setup(self, &fd_ops, fd))
        return self;
    g_free(self);
    return NULL;
}
