/* SPDX-License-Identifier: MIT */
/* A stream with a layer: bytes come out as they went in, however the link cuts them. */
#include "stream/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

enum {
    MOST = 1000,         /* bytes of a run */
    BYTES = 500 * 1000,  /* of a transfer */
    SMALL_BUFFER = 4096, /* of the socket: writes stop within a run */
    IDLE_TURNS = 100,    /* in a row: it stalls */
};

/* Runs of u16 length and the bytes, inverted. A run of length 0 is wrong. */
struct code {
    struct buf in, out;
    unsigned *frees;
};

static bool encode(void *opaque, const void *bytes, size_t len, const void **out, size_t *out_len)
{
    struct code *self = opaque;

    assert_in_range(len, 1, MOST);
    buf_reset(&self->out);
    buf_u16(&self->out, (uint16_t)len);
    for (size_t i = 0; i < len; i++)
        buf_u8(&self->out, (uint8_t) ~((const uint8_t *)bytes)[i]);
    *out = self->out.data;
    *out_len = self->out.len;
    return true;
}

static bool decode(void *opaque, const void *bytes, size_t len, const void **out, size_t *out_len)
{
    struct code *self = opaque;

    buf_reset(&self->out);
    buf_append(&self->in, bytes, len);
    while (self->in.len >= 2) {
        size_t n = self->in.data[0] | (size_t)self->in.data[1] << 8;

        if (!n)
            return false;
        if (self->in.len < 2 + n)
            break;
        for (size_t i = 0; i < n; i++)
            buf_u8(&self->out, (uint8_t)~self->in.data[2 + i]);
        buf_consume(&self->in, 2 + n);
    }
    *out = self->out.data;
    *out_len = self->out.len;
    return true;
}

static void free_code(void *opaque)
{
    struct code *self = opaque;

    ++*self->frees;
    buf_free(&self->in);
    buf_free(&self->out);
    g_free(self);
}

static const struct stream_layer layer = {encode, decode, free_code};

static struct stream *layered(int fd, unsigned *frees)
{
    struct code *code = g_new0(struct code, 1);
    struct stream *stream = stream_from_fd(fd);

    code->frees = frees;
    assert_non_null(stream);
    stream = stream_with_layer(stream, &layer, code, MOST);
    assert_int_equal(stream_fd(stream), fd);
    assert_true(stream_is_secure(stream));
    assert_true(stream_in_units(stream));
    return stream;
}

struct pair {
    struct stream *a, *b;
    int fd_b;
    unsigned frees;
};

static void pair_init(struct pair *pair)
{
    int fds[2], size = SMALL_BUFFER;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    pair->frees = 0;
    pair->a = layered(fds[0], &pair->frees);
    pair->b = layered(fds[1], &pair->frees);
    pair->fd_b = fds[1];
}

static void pair_clear(struct pair *pair)
{
    stream_free(pair->a);
    stream_free(pair->b);
    assert_int_equal(pair->frees, 2);
}

/* The bytes sent so far, or as before. */
static size_t send_some(struct stream *to, const uint8_t *bytes, size_t done, size_t most)
{
    ssize_t n = stream_write(to, bytes + done, MIN(BYTES - done, most));

    if (n < 0)
        assert_int_equal(errno, EAGAIN);
    return done + (n > 0 ? (size_t)n : 0);
}

static size_t take_some(struct stream *from, uint8_t *bytes, size_t done)
{
    uint8_t peeked[333];
    ssize_t seen = stream_peek(from, peeked, sizeof(peeked)), n;

    n = stream_read(from, bytes + done, MIN(BYTES - done, sizeof(peeked)));
    assert_int_equal(n, seen);
    if (n < 0)
        assert_int_equal(errno, EAGAIN);
    else
        assert_memory_equal(bytes + done, peeked, n);
    return done + (n > 0 ? (size_t)n : 0);
}

static void bytes_come_out_as_they_went_in(void **state)
{
    uint8_t *sent = g_malloc(BYTES), *got = g_malloc0(BYTES);
    size_t to = 0, from = 0;
    unsigned idle = 0;
    struct pair pair;

    pair_init(&pair);
    for (size_t i = 0; i < BYTES; i++)
        sent[i] = (uint8_t)(i * 2654435761u >> 13);
    while (from < BYTES && idle < IDLE_TURNS) {
        size_t before = to + from;

        /* What was begun must be there again; more may be. */
        to = send_some(pair.a, sent, to, 2500 + to % 7000);
        from = take_some(pair.b, got, from);
        idle = to + from == before ? idle + 1 : 0;
    }
    assert_int_equal(from, BYTES);
    assert_memory_equal(got, sent, BYTES);
    g_free(sent);
    g_free(got);
    pair_clear(&pair);
}

static void what_is_decoded_is_pending(void **state)
{
    uint8_t bytes[4];
    struct pair pair;

    pair_init(&pair);
    assert_int_equal(stream_write(pair.a, "four", 4), 4);
    assert_false(stream_pending(pair.b));
    assert_int_equal(stream_read(pair.b, bytes, 1), 1);
    assert_true(stream_pending(pair.b));
    assert_int_equal(stream_read(pair.b, bytes, 4), 3);
    assert_memory_equal(bytes, "our", 3);
    assert_false(stream_pending(pair.b));
    assert_int_equal(stream_read(pair.b, bytes, 4), -1);
    assert_int_equal(errno, EAGAIN);
    stream_shut_output(pair.a);
    assert_int_equal(stream_read(pair.b, bytes, 4), 0);
    pair_clear(&pair);
}

static void half_a_run_is_nothing(void **state)
{
    uint8_t bytes[4];
    struct pair pair;

    pair_init(&pair);
    assert_int_equal(write(pair.fd_b, "\4\0\xff", 3), 3);
    assert_int_equal(stream_read(pair.a, bytes, 4), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(write(pair.fd_b, "\xff\xff\xff", 3), 3);
    assert_int_equal(stream_read(pair.a, bytes, 4), 4);
    pair_clear(&pair);
}

static void wrong_bytes_end_it(void **state)
{
    uint8_t bytes[4];
    struct pair pair;

    pair_init(&pair);
    assert_int_equal(write(pair.fd_b, "\0\0\0", 3), 3);
    assert_int_equal(stream_read(pair.a, bytes, 4), -1);
    assert_int_equal(errno, EPROTO);
    assert_string_equal(stream_error(pair.a), "encoded bytes are wrong");
    assert_int_equal(stream_write(pair.a, "x", 1), -1);
    assert_int_equal(errno, EPROTO);
    pair_clear(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_as_they_went_in),
        cmocka_unit_test(what_is_decoded_is_pending),
        cmocka_unit_test(half_a_run_is_nothing),
        cmocka_unit_test(wrong_bytes_end_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
