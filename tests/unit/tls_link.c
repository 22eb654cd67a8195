/* SPDX-License-Identifier: MIT */
/* Links over TLS as the server takes them: no byte waits for another, none waits for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <openssl/err.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/reader.h"
#include "server_rig.h"
#include "tls_rig.h"

enum {
    ANY_PORT = 5999, /* set after the server was started: nothing listens */
    TIMEOUT_MS = 10 * 1000,
};

struct fixture {
    struct tls_rig *files;
    struct rig *rig;
    int fd;
    SSL *client;
};

static struct fixture *fixture_new(void)
{
    struct fixture *self = g_new0(struct fixture, 1);
    int pair[2];

    self->files = tls_rig_new();
    self->rig = rig_new();
    assert_int_equal(spice_server_set_tls(rig_server(self->rig), ANY_PORT, self->files->cert,
                                          self->files->cert, self->files->key, NULL, NULL, NULL),
                     0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(spice_server_add_ssl_client(rig_server(self->rig), pair[1], 0), 0);
    self->fd = pair[0];
    self->client = tls_rig_client(self->files, self->fd, 0);
    return self;
}

static void fixture_free(struct fixture *self)
{
    SSL_free(self->client);
    close(self->fd);
    rig_settle(self->rig);
    assert_int_equal(rig_told(self->rig)->connected, rig_told(self->rig)->disconnected);
    rig_free(self->rig);
    tls_rig_free(self->files);
    g_free(self);
}

static void shake(struct fixture *self)
{
    int done = 0;

    for (int i = 0; i < 10 && done != 1; i++) {
        ERR_clear_error();
        done = SSL_do_handshake(self->client);
        rig_settle(self->rig);
    }
    assert_int_equal(done, 1);
}

/* Reads what the server has to say. */
static void read_all(struct fixture *self, struct buf *in)
{
    uint8_t bytes[4096];
    int n;

    rig_settle(self->rig);
    ERR_clear_error();
    while ((n = SSL_read(self->client, bytes, sizeof(bytes))) > 0) {
        buf_append(in, bytes, (size_t)n);
        rig_settle(self->rig);
    }
}

/* The type of each message behind the link stage. */
static GArray *message_types(const struct buf *in)
{
    GArray *types = g_array_new(FALSE, FALSE, sizeof(uint16_t));
    struct reader r = reader_make(in->data, in->len);

    reader_skip(&r, 12);
    reader_skip(&r, reader_u32(&r));
    assert_int_equal(reader_u32(&r), SPICE_LINK_ERR_OK);
    while (reader_ok(&r) && r.pos < in->len) {
        uint16_t type = reader_u16(&r);
        g_array_append_val(types, type);
        reader_skip(&r, reader_u32(&r));
    }
    assert_true(reader_ok(&r));
    return types;
}

/* One record holds the link stage and a message of the channel: no watch tells of the latter. */
static void a_message_right_behind_the_link_is_answered(void **state)
{
    struct fixture *self = fixture_new();
    struct buf out = BUF_INIT, in = BUF_INIT;
    GArray *types;

    shake(self);
    rig_put_link(&out, 0, SPICE_CHANNEL_MAIN, 0);
    buf_u16(&out, SPICE_MSGC_MAIN_ATTACH_CHANNELS);
    buf_u32(&out, 0);
    assert_int_equal(SSL_write(self->client, out.data, (int)out.len), out.len);
    read_all(self, &in);
    types = message_types(&in);
    assert_true(types->len >= 2);
    assert_int_equal(g_array_index(types, uint16_t, 0), SPICE_MSG_MAIN_INIT);
    assert_int_equal(g_array_index(types, uint16_t, types->len - 1), SPICE_MSG_MAIN_CHANNELS_LIST);
    assert_int_equal(rig_told(self->rig)->secure, 1);
    g_array_free(types, TRUE);
    buf_free(&out);
    buf_free(&in);
    fixture_free(self);
}

static void read_exactly(struct fixture *self, uint8_t *bytes, size_t n)
{
    size_t done = 0;
    int got;

    while (done < n) {
        rig_settle(self->rig);
        ERR_clear_error();
        got = SSL_read(self->client, bytes + done, (int)(n - done));
        assert_true(got > 0);
        done += (size_t)got;
    }
}

/* spice-gtk looks at the socket after each message, not into its SSL. */
static void no_record_holds_two_messages(void **state)
{
    struct fixture *self = fixture_new();
    struct buf out = BUF_INIT;
    uint8_t bytes[4096];
    struct reader r = reader_make(bytes, sizeof(bytes));
    uint16_t type = 0;

    shake(self);
    rig_put_link(&out, 0, SPICE_CHANNEL_MAIN, 0);
    buf_u16(&out, SPICE_MSGC_MAIN_ATTACH_CHANNELS);
    buf_u32(&out, 0);
    assert_int_equal(SSL_write(self->client, out.data, (int)out.len), out.len);
    read_exactly(self, bytes, 16);
    reader_skip(&r, 12);
    read_exactly(self, bytes, reader_u32(&r) + 4);
    assert_int_equal(SSL_pending(self->client), 0);
    while (type != SPICE_MSG_MAIN_CHANNELS_LIST) {
        read_exactly(self, bytes, 6);
        r = reader_make(bytes, 6);
        type = reader_u16(&r);
        read_exactly(self, bytes, reader_u32(&r));
        assert_int_equal(SSL_pending(self->client), 0);
    }
    buf_free(&out);
    fixture_free(self);
}

static void channels_may_ask_for_tls(void **state)
{
    struct fixture *self = fixture_new();
    struct buf out = BUF_INIT, in = BUF_INIT;
    struct reader r;

    assert_int_equal(spice_server_set_channel_security(rig_server(self->rig), "main",
                                                       SPICE_CHANNEL_SECURITY_SSL),
                     0);
    shake(self);
    rig_put_link(&out, 0, SPICE_CHANNEL_MAIN, 0);
    assert_int_equal(SSL_write(self->client, out.data, (int)out.len), out.len);
    read_all(self, &in);
    r = reader_make(in.data, in.len);
    reader_skip(&r, 16);
    assert_int_equal(reader_u32(&r), SPICE_LINK_ERR_OK);
    buf_free(&out);
    buf_free(&in);
    fixture_free(self);
}

static void a_plain_link_of_such_a_channel_is_refused(void **state)
{
    struct rig *rig = rig_new();
    struct buf out = BUF_INIT;
    uint8_t answer[64];
    struct reader r = reader_make(answer, sizeof(answer));
    int pair[2];

    assert_int_equal(
        spice_server_set_channel_security(rig_server(rig), "main", SPICE_CHANNEL_SECURITY_SSL), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(spice_server_add_client(rig_server(rig), pair[1], 0), 0);
    rig_put_link(&out, 0, SPICE_CHANNEL_MAIN, 0);
    assert_int_equal(send(pair[0], out.data, out.len, 0), out.len);
    rig_settle(rig);
    assert_true(recv(pair[0], answer, sizeof(answer), MSG_DONTWAIT) >= 20);
    reader_skip(&r, 16);
    assert_int_equal(reader_u32(&r), SPICE_LINK_ERR_NEED_SECURED);
    buf_free(&out);
    close(pair[0]);
    rig_settle(rig);
    rig_free(rig);
}

static bool is_closed(struct fixture *self)
{
    uint8_t byte;

    rig_settle(self->rig);
    return recv(self->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void half_a_handshake_times_out(void **state)
{
    struct fixture *self = fixture_new();

    assert_int_equal(send(self->fd, "\x16\x03\x01\x01", 4, 0), 4);
    rig_pass(self->rig, TIMEOUT_MS - 1);
    assert_false(is_closed(self));
    rig_pass(self->rig, 1);
    assert_true(is_closed(self));
    fixture_free(self);
}

static void a_handshake_without_a_link_times_out(void **state)
{
    struct fixture *self = fixture_new();

    rig_pass(self->rig, TIMEOUT_MS / 2);
    shake(self);
    rig_pass(self->rig, TIMEOUT_MS / 2 - 1);
    assert_false(is_closed(self));
    rig_pass(self->rig, 1);
    assert_int_equal(rig_told(self->rig)->disconnected, 1);
    fixture_free(self);
}

static void a_plain_client_is_sent_away(void **state)
{
    struct fixture *self = fixture_new();

    assert_int_equal(send(self->fd, "REDQ\2\0\0\0\2\0\0\0\x1a\0\0\0", 16, 0), 16);
    rig_settle(self->rig);
    assert_int_equal(rig_told(self->rig)->disconnected, 1);
    fixture_free(self);
}

static void without_tls_the_socket_stays_the_callers(void **state)
{
    struct rig *rig = rig_new();
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(spice_server_add_ssl_client(rig_server(rig), pair[1], 0), -1);
    assert_int_not_equal(fcntl(pair[1], F_GETFD), -1);
    assert_int_equal(spice_server_set_tls(rig_server(rig), ANY_PORT, "/nowhere/ca", "/nowhere/cert",
                                          "/nowhere/key", NULL, NULL, NULL),
                     -1);
    assert_int_equal(spice_server_add_ssl_client(rig_server(rig), pair[1], 0), -1);
    assert_int_not_equal(fcntl(pair[1], F_GETFD), -1);
    close(pair[0]);
    close(pair[1]);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_right_behind_the_link_is_answered),
        cmocka_unit_test(no_record_holds_two_messages),
        cmocka_unit_test(channels_may_ask_for_tls),
        cmocka_unit_test(a_plain_link_of_such_a_channel_is_refused),
        cmocka_unit_test(half_a_handshake_times_out),
        cmocka_unit_test(a_handshake_without_a_link_times_out),
        cmocka_unit_test(a_plain_client_is_sent_away),
        cmocka_unit_test(without_tls_the_socket_stays_the_callers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
