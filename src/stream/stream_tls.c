/* SPDX-License-Identifier: MIT */
/* The TLS kind of stream, at the server's end. */
#include <errno.h>
#include <glib.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "stream/stream_impl.h"
#include "stream/tls.h"

enum {
    RECORD_BYTES = 16 * 1024, /* the most that one TLS record carries */
    /* The most that one call takes from the socket: a peer that sends nothing but handshake
     * messages would keep OpenSSL reading on and on. */
    READ_BUDGET = 4 * RECORD_BYTES,
};

struct stream_tls {
    struct stream base;
    struct tls_context *context;
    SSL *ssl;
    size_t budget;     /* bytes this call may still take from the socket */
    size_t begun;      /* bytes of the write that OpenSSL wants to see again; 0: none */
    unsigned to_read;  /* LOOP_*: what has to happen before a read gets on; */
    unsigned to_write; /* before a write does */
    bool ready;        /* the handshake is done */
    bool broken;       /* OpenSSL must not be called any more */
    int socket_error;
    const char *reason; /* why it broke */
};

static struct stream_tls *from_base(struct stream *base)
{
    return (struct stream_tls *)(void *)base;
}

static const struct stream_tls *from_const(const struct stream *base)
{
    return (const struct stream_tls *)(const void *)base;
}

/* The socket as a BIO. OpenSSL's own would raise SIGPIPE. -------------------------------------- */

static bool is_passing(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static int bio_read(BIO *bio, char *bytes, int len)
{
    struct stream_tls *self = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    if (!self->budget) {
        BIO_set_retry_read(bio);
        return -1;
    }
    n = recv(self->base.fd, bytes, MIN((size_t)len, self->budget), 0);
    if (n > 0)
        self->budget -= (size_t)n;
    else if (n == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    else if (is_passing(errno))
        BIO_set_retry_read(bio);
    else
        self->socket_error = errno;
    return (int)n;
}

static int bio_write(BIO *bio, const char *bytes, int len)
{
    struct stream_tls *self = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    n = send(self->base.fd, bytes, (size_t)len, MSG_NOSIGNAL);
    if (n < 0 && is_passing(errno))
        BIO_set_retry_write(bio);
    else if (n < 0)
        self->socket_error = errno;
    return (int)n;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    default:
        return 0;
    }
}

BIO_METHOD *stream_tls_bio_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "link");

    if (!method)
        return NULL;
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
    return method;
}

/* ---------------------------------------------------------------------------------------------- */

static bool begin(struct stream_tls *self)
{
    self->budget = READ_BUDGET;
    ERR_clear_error();
    if (self->broken)
        errno = EPROTO;
    return !self->broken;
}

static void breaks(struct stream_tls *self)
{
    const char *text = tls_reason();

    if (BIO_test_flags(SSL_get_rbio(self->ssl), BIO_FLAGS_IN_EOF))
        text = "the peer closed the connection";
    else if (self->socket_error)
        text = g_strerror(self->socket_error);
    self->broken = true;
    self->reason = text;
    errno = self->socket_error ? self->socket_error : EPROTO;
}

/* What a result of 0 or less from OpenSSL means: 0 at the end of the stream, or -1 with errno.
 * *waits_for gets what has to happen first. */
static ssize_t no_bytes(struct stream_tls *self, int result, unsigned *waits_for)
{
    switch (SSL_get_error(self->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        *waits_for = LOOP_READ;
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_WANT_WRITE:
        *waits_for = LOOP_WRITE;
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        breaks(self);
        return -1;
    }
}

static enum stream_step tls_handshake(struct stream *base)
{
    struct stream_tls *self = from_base(base);
    int result;

    if (self->ready)
        return STREAM_READY;
    if (!begin(self))
        return STREAM_FAILED;
    result = SSL_accept(self->ssl);
    if (result == 1) {
        self->ready = true;
        self->to_read = LOOP_READ;
        return STREAM_READY;
    }
    if (no_bytes(self, result, &self->to_read) < 0 && !self->broken)
        return STREAM_WAITS;
    if (!self->broken)
        breaks(self);
    return STREAM_FAILED;
}

static ssize_t take(struct stream *base, void *bytes, size_t len, int (*call)(SSL *, void *, int))
{
    struct stream_tls *self = from_base(base);
    int result;

    if (!begin(self))
        return -1;
    result = call(self->ssl, bytes, (int)MIN(len, (size_t)G_MAXINT));
    if (result <= 0)
        return no_bytes(self, result, &self->to_read);
    self->to_read = LOOP_READ;
    return result;
}

static ssize_t tls_read(struct stream *base, void *bytes, size_t len)
{
    return take(base, bytes, len, SSL_read);
}

static ssize_t tls_peek(struct stream *base, void *bytes, size_t len)
{
    return take(base, bytes, len, SSL_peek);
}

/* One record; 0 when nothing was taken, errno says why. A write that OpenSSL could not finish has
 * to be repeated with the very same bytes. */
static size_t write_record(struct stream_tls *self, const uint8_t *bytes, size_t len)
{
    size_t n = self->begun ? self->begun : MIN(len, RECORD_BYTES);
    int result;

    if (!begin(self))
        return 0;
    if (n > len) {
        errno = EINVAL;
        return 0;
    }
    result = SSL_write(self->ssl, bytes, (int)n);
    if (result > 0) {
        self->begun = 0;
        self->to_write = LOOP_WRITE;
        return (size_t)result;
    }
    if (no_bytes(self, result, &self->to_write) == 0)
        errno = EPIPE;
    self->begun = n;
    return 0;
}

static ssize_t tls_write(struct stream *base, const void *bytes, size_t len)
{
    struct stream_tls *self = from_base(base);
    size_t done = 0, n;

    while (done < len) {
        n = write_record(self, (const uint8_t *)bytes + done, len - done);
        if (!n)
            return done ? (ssize_t)done : -1;
        done += n;
    }
    return (ssize_t)done;
}

static void say_end(struct stream_tls *self)
{
    if (!self->ready || self->begun || !begin(self))
        return;
    (void)SSL_shutdown(self->ssl); /* the peer's answer is not waited for */
    ERR_clear_error();
}

static void tls_shut_output(struct stream *base)
{
    say_end(from_base(base));
    (void)shutdown(base->fd, SHUT_WR);
}

static bool tls_pending(const struct stream *base)
{
    const struct stream_tls *self = from_const(base);

    return !self->broken && SSL_pending(self->ssl) > 0;
}

static unsigned tls_wait_for(const struct stream *base, unsigned wanted)
{
    const struct stream_tls *self = from_const(base);

    return (wanted & LOOP_READ ? self->to_read : 0) | (wanted & LOOP_WRITE ? self->to_write : 0);
}

static const char *tls_error(const struct stream *base)
{
    const struct stream_tls *self = from_const(base);

    return self->reason ? self->reason : g_strerror(errno);
}

static unsigned tls_cipher_bits(const struct stream *base)
{
    int bits = SSL_get_cipher_bits(from_const(base)->ssl, NULL);

    return bits > 0 ? (unsigned)bits : 1;
}

static void tls_clear(struct stream *base)
{
    struct stream_tls *self = from_base(base);

    say_end(self);
    SSL_free(self->ssl);
    tls_context_unref(self->context);
}

static const struct stream_ops tls_ops = {
    .secure = true,
    .in_units = true,
    .handshake = tls_handshake,
    .read = tls_read,
    .peek = tls_peek,
    .write = tls_write,
    .shut_output = tls_shut_output,
    .pending = tls_pending,
    .wait_for = tls_wait_for,
    .error = tls_error,
    .cipher_bits = tls_cipher_bits,
    .clear = tls_clear,
};

static bool open_session(struct stream_tls *self, struct tls_context *tls)
{
    BIO *bio = BIO_new(tls_context_bio(tls));

    self->ssl = tls_context_session(tls);
    if (!bio || !self->ssl) {
        BIO_free(bio);
        SSL_free(self->ssl);
        return false;
    }
    BIO_set_data(bio, self);
    BIO_set_init(bio, 1);
    SSL_set_bio(self->ssl, bio, bio);
    SSL_set_accept_state(self->ssl);
    return true;
}

struct stream *stream_from_fd_tls(int fd, struct tls_context *tls)
{
    struct stream_tls *self = g_new0(struct stream_tls, 1);

    if (!open_session(self, tls)) {
        g_free(self);
        return NULL;
    }
    if (!stream_setup(&self->base, &tls_ops, fd)) {
        SSL_free(self->ssl);
        g_free(self);
        return NULL;
    }
    self->context = tls_context_ref(tls);
    self->to_read = LOOP_READ;
    self->to_write = LOOP_WRITE;
    return &self->base;
}
