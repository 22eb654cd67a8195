/* SPDX-License-Identifier: MIT */
/* A stream whose bytes go through a layer's hands. */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "base/buf.h"
#include "stream/stream_impl.h"

enum {
    READ_BYTES = 4096, /* encoded ones that are taken at once */
    READS_MAX = 64,    /* in one call: a peer may send much that decodes to nothing */
};

struct stream_layered {
    struct stream base; /* its descriptor is inner's */
    struct stream *inner;
    const struct stream_layer *layer;
    void *opaque;
    size_t most;
    struct buf input;   /* decoded, not read yet */
    struct buf output;  /* encoded, not sent yet */
    size_t output_from; /* so many bytes of the caller's, which are taken once it is sent */
    bool broken;
};

static struct stream_layered *from_base(struct stream *base)
{
    return (struct stream_layered *)(void *)base;
}

static const struct stream_layered *from_const(const struct stream *base)
{
    return (const struct stream_layered *)(const void *)base;
}

static ssize_t breaks(struct stream_layered *self)
{
    self->broken = true;
    errno = EPROTO;
    return -1;
}

static enum stream_step layer_handshake(struct stream *base)
{
    return STREAM_READY;
}

/* More than 0: there is input. Else what the read is to return. */
static ssize_t fill(struct stream_layered *self)
{
    uint8_t bytes[READ_BYTES];
    const void *plain;
    size_t len;

    for (unsigned i = 0; i < READS_MAX && !self->input.len; i++) {
        ssize_t n = self->inner->ops->read(self->inner, bytes, sizeof(bytes));

        if (n <= 0)
            return n;
        if (self->broken || !self->layer->decode(self->opaque, bytes, (size_t)n, &plain, &len))
            return breaks(self);
        if (len)
            buf_append(&self->input, plain, len);
    }
    errno = EAGAIN;
    return self->input.len ? 1 : -1;
}

static ssize_t layer_peek(struct stream *base, void *bytes, size_t len)
{
    struct stream_layered *self = from_base(base);
    ssize_t n = fill(self);

    if (n <= 0)
        return n;
    len = MIN(len, self->input.len);
    memcpy(bytes, self->input.data, len);
    return (ssize_t)len;
}

static ssize_t layer_read(struct stream *base, void *bytes, size_t len)
{
    ssize_t n = layer_peek(base, bytes, len);

    if (n > 0)
        buf_consume(&from_base(base)->input, (size_t)n);
    return n;
}

static bool encode(struct stream_layered *self, const void *bytes, size_t len)
{
    const void *coded;
    size_t coded_len;

    if (self->broken || !self->layer->encode(self->opaque, bytes, len, &coded, &coded_len) ||
        !coded_len)
        return false;
    buf_append(&self->output, coded, coded_len);
    self->output_from = len;
    return true;
}

/* Bytes of the caller's that were sent; -1 with errno. */
static ssize_t write_run(struct stream_layered *self, const void *bytes, size_t len)
{
    ssize_t n;

    if (!self->output.len && !encode(self, bytes, MIN(len, self->most)))
        return breaks(self);
    n = self->inner->ops->write(self->inner, self->output.data, self->output.len);
    if (n < 0)
        return n;
    buf_consume(&self->output, (size_t)n);
    if (!self->output.len)
        return (ssize_t)self->output_from;
    errno = EAGAIN;
    return -1;
}

static ssize_t layer_write(struct stream *base, const void *bytes, size_t len)
{
    struct stream_layered *self = from_base(base);
    size_t sent = 0;

    if (self->output.len && self->output_from > len) {
        errno = EINVAL;
        return -1;
    }
    while (sent < len) {
        ssize_t n = write_run(self, (const uint8_t *)bytes + sent, len - sent);

        if (n < 0)
            return sent ? (ssize_t)sent : -1;
        sent += (size_t)n;
    }
    return (ssize_t)sent;
}

static void layer_shut_output(struct stream *base)
{
    struct stream_layered *self = from_base(base);

    self->inner->ops->shut_output(self->inner);
}

static bool layer_pending(const struct stream *base)
{
    const struct stream_layered *self = from_const(base);

    return self->input.len || self->inner->ops->pending(self->inner);
}

static unsigned layer_wait_for(const struct stream *base, unsigned wanted)
{
    const struct stream_layered *self = from_const(base);

    return self->inner->ops->wait_for(self->inner, wanted);
}

static const char *layer_error(const struct stream *base)
{
    const struct stream_layered *self = from_const(base);

    return self->broken ? "encoded bytes are wrong" : self->inner->ops->error(self->inner);
}

static unsigned layer_cipher_bits(const struct stream *base)
{
    const struct stream_layered *self = from_const(base);

    return self->inner->ops->cipher_bits(self->inner);
}

static void layer_clear(struct stream *base)
{
    struct stream_layered *self = from_base(base);

    self->inner->ops->clear(self->inner);
    g_free(self->inner);
    self->layer->free(self->opaque);
    buf_free(&self->input);
    buf_free(&self->output);
}

static const struct stream_ops layer_ops = {
    .secure = true,
    .in_units = true,
    .handshake = layer_handshake,
    .read = layer_read,
    .peek = layer_peek,
    .write = layer_write,
    .shut_output = layer_shut_output,
    .pending = layer_pending,
    .wait_for = layer_wait_for,
    .error = layer_error,
    .cipher_bits = layer_cipher_bits,
    .clear = layer_clear,
};

struct stream *stream_with_layer(struct stream *inner, const struct stream_layer *layer,
                                 void *opaque, size_t most)
{
    struct stream_layered *self = g_new0(struct stream_layered, 1);

    self->base = *inner;
    self->base.ops = &layer_ops;
    inner->peer_name = NULL;
    self->inner = inner;
    self->layer = layer;
    self->opaque = opaque;
    self->most = most;
    return &self->base;
}
