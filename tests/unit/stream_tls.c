/* SPDX-License-Identifier: MIT */
/* The server's TLS against OpenSSL's client: bytes both ways, what is held, who is refused. */
#include "stream/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <glib.h>
#include <openssl/err.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "stream/tls.h"
#include "tls_rig.h"

enum {
    TO_SERVER = 200 * 1000,
    TO_CLIENT = 2 * 1000 * 1000,
    IDLE_TURNS = 100, /* in a row: it stalls */
    FLOOD_BYTES = 150 * 1000,
    SMALL_BUFFER = 4096, /* of the socket: writes stop in the middle of a record */
};

struct pair {
    struct tls_rig *files;
    struct tls_context *context;
    struct stream *server;
    SSL *client;
    int fd;    /* the client's */
    int begun; /* bytes of the client's write that has to be repeated */
};

static struct tls_context *context_new(const struct tls_rig *files)
{
    char *error;
    struct tls_context *context = tls_context_new(
        &(struct tls_files){.ca = files->cert, .cert = files->cert, .key = files->key}, &error);

    assert_null(error);
    assert_non_null(context);
    return context;
}

static struct pair pair_new(int max_version)
{
    struct pair pair = {.files = tls_rig_new()};
    int fds[2], size = SMALL_BUFFER;

    pair.context = context_new(pair.files);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    pair.server = stream_from_fd_tls(fds[1], pair.context);
    assert_non_null(pair.server);
    assert_true(stream_is_secure(pair.server));
    pair.fd = fds[0];
    pair.client = tls_rig_client(pair.files, pair.fd, max_version);
    return pair;
}

static void pair_free(struct pair *pair)
{
    stream_free(pair->server);
    tls_context_unref(pair->context);
    SSL_free(pair->client);
    close(pair->fd);
    tls_rig_free(pair->files);
}

static void shake(struct pair *pair)
{
    enum stream_step step = STREAM_WAITS;
    int done = 0;

    for (int i = 0; i < 100 && (step == STREAM_WAITS || done != 1); i++) {
        ERR_clear_error();
        done = SSL_do_handshake(pair->client);
        if (step == STREAM_WAITS)
            step = stream_handshake(pair->server);
    }
    assert_int_equal(step, STREAM_READY);
    assert_int_equal(done, 1);
    assert_int_equal(stream_handshake(pair->server), STREAM_READY);
}

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 7 + at / 251);
}

static size_t check_bytes(const uint8_t *bytes, size_t n, size_t at)
{
    for (size_t i = 0; i < n; i++)
        assert_int_equal(bytes[i], pattern(at + i));
    return n;
}

/* The client's half of a turn: records of 1 to 7 bytes, and now and then new keys. */
static void client_turn(struct pair *pair, size_t *sent, size_t *got, int turn)
{
    uint8_t bytes[5000];
    int n = pair->begun ? pair->begun : (int)MIN((size_t)(1 + turn % 7), TO_SERVER - *sent);
    int written;

    for (int i = 0; i < n; i++)
        bytes[i] = pattern(*sent + (size_t)i);
    ERR_clear_error();
    written = n ? SSL_write(pair->client, bytes, n) : 0;
    pair->begun = written < 0 ? n : 0;
    *sent += (size_t)MAX(written, 0);
    if (!pair->begun && turn % 5000 == 0 && SSL_version(pair->client) == TLS1_3_VERSION)
        SSL_key_update(pair->client, SSL_KEY_UPDATE_REQUESTED);
    if (turn % 3 == 0 && (n = SSL_read(pair->client, bytes, sizeof(bytes))) > 0)
        *got += check_bytes(bytes, (size_t)n, *got);
}

/* The server's half: looks, takes a part of what it saw, writes. */
static void server_turn(struct pair *pair, const uint8_t *out, size_t *sent, size_t *got, int turn)
{
    uint8_t seen[64], bytes[64];
    ssize_t looked = stream_peek(pair->server, seen, 1 + turn % sizeof(seen));
    ssize_t n;

    if (looked > 0) {
        n = stream_read(pair->server, bytes, (size_t)looked / 2 + 1);
        assert_true(n > 0);
        assert_memory_equal(bytes, seen, (size_t)MIN(n, looked));
        *got += check_bytes(bytes, (size_t)n, *got);
    } else {
        assert_int_equal(looked, -1);
        assert_int_equal(errno, EAGAIN);
    }
    if (*sent == TO_CLIENT)
        return;
    n = stream_write(pair->server, out + *sent, MIN((size_t)100 * 1000, TO_CLIENT - *sent));
    if (n < 0)
        assert_int_equal(errno, EAGAIN);
    else
        *sent += (size_t)n;
}

static void bytes_cross_both_ways(int version)
{
    struct pair pair = pair_new(version);
    uint8_t *out = g_malloc(TO_CLIENT);
    size_t up[2] = {0}, down[2] = {0}; /* sent, got */

    for (size_t i = 0; i < TO_CLIENT; i++)
        out[i] = pattern(i);
    shake(&pair);
    assert_int_equal(SSL_version(pair.client), version);
    for (int turn = 0, idle = 0; idle < IDLE_TURNS; turn++) {
        size_t moved = up[1] + down[1];

        client_turn(&pair, &up[0], &down[1], turn);
        server_turn(&pair, out, &down[0], &up[1], turn);
        idle = up[1] + down[1] > moved ? 0 : idle + 1;
    }
    assert_int_equal(up[1], TO_SERVER);
    assert_int_equal(down[1], TO_CLIENT);
    g_free(out);
    pair_free(&pair);
}

static void bytes_cross_1_2(void **state)
{
    bytes_cross_both_ways(TLS1_2_VERSION);
}

static void bytes_cross_1_3(void **state)
{
    bytes_cross_both_ways(TLS1_3_VERSION);
}

static void held_bytes_are_told(void **state)
{
    struct pair pair = pair_new(0);
    struct pollfd socket = {.fd = stream_fd(pair.server), .events = POLLIN};
    uint8_t bytes[500];

    shake(&pair);
    assert_false(stream_pending(pair.server));
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(SSL_write(pair.client, bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(poll(&socket, 1, 0), 1);
    assert_int_equal(stream_peek(pair.server, bytes, 100), 100);
    assert_int_equal(stream_read(pair.server, bytes, 100), 100);
    assert_int_equal(poll(&socket, 1, 0), 0); /* a watch would not fire */
    assert_true(stream_pending(pair.server));
    assert_int_equal(stream_read(pair.server, bytes, sizeof(bytes)), 400);
    assert_false(stream_pending(pair.server));
    pair_free(&pair);
}

static void the_end_is_told(void **state)
{
    struct pair pair = pair_new(0);
    uint8_t byte;

    shake(&pair);
    SSL_shutdown(pair.client);
    assert_int_equal(stream_read(pair.server, &byte, 1), 0);
    stream_shut_output(pair.server);
    assert_int_equal(SSL_read(pair.client, &byte, 1), 0);
    assert_int_equal(SSL_get_error(pair.client, 0), SSL_ERROR_ZERO_RETURN);
    pair_free(&pair);
}

static void a_peer_that_vanishes_is_an_error(void **state)
{
    struct pair pair = pair_new(0);
    uint8_t *much = g_malloc0(TO_CLIENT);
    uint8_t byte;

    shake(&pair);
    assert_true(stream_write(pair.server, much, TO_CLIENT) > 0);
    shutdown(pair.fd, SHUT_RDWR); /* no SIGPIPE comes of it */
    assert_int_equal(stream_write(pair.server, much, TO_CLIENT), -1);
    assert_int_equal(errno, EPIPE);
    assert_int_equal(stream_read(pair.server, &byte, 1), -1);
    assert_int_not_equal(errno, EAGAIN);
    assert_int_equal(stream_wait_for(pair.server, LOOP_READ) & LOOP_READ, LOOP_READ);
    g_free(much);
    pair_free(&pair);
}

static void a_peer_may_vanish_while_shaking_hands(void **state)
{
    for (size_t part = 0; part < 300; part += 13) {
        struct pair pair = pair_new(0);
        BIO *hello = BIO_new(BIO_s_mem()), *answer = BIO_new(BIO_s_mem());
        char *bytes;

        SSL_set_bio(pair.client, answer, hello);
        assert_int_equal(SSL_do_handshake(pair.client), -1);
        assert_true(BIO_get_mem_data(hello, &bytes) > (long)0);
        part = MIN(part, (size_t)BIO_get_mem_data(hello, &bytes) - 1);
        assert_int_equal(send(pair.fd, bytes, part, 0), part);
        assert_int_equal(stream_handshake(pair.server), STREAM_WAITS);
        assert_int_equal(stream_wait_for(pair.server, LOOP_READ), LOOP_READ);
        shutdown(pair.fd, SHUT_WR);
        assert_int_equal(stream_handshake(pair.server), STREAM_FAILED);
        assert_string_equal(stream_error(pair.server), "the peer closed the connection");
        assert_int_equal(stream_handshake(pair.server), STREAM_FAILED);
        pair_free(&pair);
        if (part % 13)
            break;
    }
}

static void what_is_no_tls_is_refused(void **state)
{
    static const char plain[] = "REDQ\2\0\0\0\2\0\0\0\x1a\0\0\0";
    struct pair pair = pair_new(0);

    assert_int_equal(send(pair.fd, plain, sizeof(plain), 0), sizeof(plain));
    assert_int_equal(stream_handshake(pair.server), STREAM_FAILED);
    assert_non_null(strstr(stream_error(pair.server), "version"));
    pair_free(&pair);
}

static void older_versions_are_refused(void **state)
{
    struct pair pair = pair_new(TLS1_1_VERSION);

    assert_int_equal(SSL_do_handshake(pair.client), -1);
    assert_int_equal(stream_handshake(pair.server), STREAM_FAILED);
    assert_non_null(strstr(stream_error(pair.server), "protocol"));
    pair_free(&pair);
}

static void clients_cannot_renegotiate(void **state)
{
    struct pair pair = pair_new(TLS1_2_VERSION);
    uint8_t byte;

    shake(&pair);
    assert_int_equal(SSL_renegotiate(pair.client), 1);
    assert_int_equal(SSL_do_handshake(pair.client), -1);
    assert_int_equal(stream_read(pair.server, &byte, 1), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(SSL_do_handshake(pair.client), -1);
    assert_int_equal(ERR_GET_REASON(ERR_peek_last_error()), SSL_R_NO_RENEGOTIATION);
    pair_free(&pair);
}

static int waiting_bytes(const struct pair *pair)
{
    int n = 0;

    assert_int_equal(ioctl(stream_fd(pair->server), FIONREAD, &n), 0);
    return n;
}

/* Messages of TLS itself give no bytes to read: OpenSSL would go on as long as they come. */
static void a_flood_of_new_keys_leaves_others_their_turn(void **state)
{
    struct pair pair = pair_new(TLS1_3_VERSION);
    BIO *flood = BIO_new(BIO_s_mem());
    int size = FLOOD_BYTES, before, turns = 0;
    uint8_t byte;
    char *bytes;
    long n;

    shake(&pair);
    SSL_set0_wbio(pair.client, flood);
    while ((n = BIO_get_mem_data(flood, &bytes)) < FLOOD_BYTES) {
        assert_int_equal(SSL_key_update(pair.client, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(pair.client), 1);
    }
    setsockopt(pair.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    assert_int_equal(send(pair.fd, bytes, (size_t)n, MSG_DONTWAIT), n);
    do {
        before = waiting_bytes(&pair);
        assert_int_equal(stream_read(pair.server, &byte, 1), -1);
        assert_int_equal(errno, EAGAIN);
        assert_int_equal(stream_wait_for(pair.server, LOOP_READ), LOOP_READ);
        assert_true(waiting_bytes(&pair) < before);
        turns++;
    } while (waiting_bytes(&pair));
    assert_true(turns >= 2);
    pair_free(&pair);
}

/* Settings ------------------------------------------------------------------------------------- */

static void refused(const struct tls_files *files, const char *part, const char *option)
{
    char *error;

    assert_null(tls_context_new(files, &error));
    assert_non_null(error);
    assert_non_null(strstr(error, part));
    assert_non_null(strstr(error, option));
    g_free(error);
}

static void bad_settings_are_named(void **state)
{
    struct tls_rig *rig = tls_rig_new();
    struct tls_files good = {.ca = rig->cert, .cert = rig->cert, .key = rig->key}, bad = good;

    bad.ca = "/nowhere/ca.pem";
    refused(&bad, "/nowhere/ca.pem cannot be read: No such file", "x509-cacert-file");
    bad.ca = rig->garbage;
    refused(&bad, rig->garbage, "x509-cacert-file");
    bad = good;
    bad.cert = rig->garbage;
    refused(&bad, rig->garbage, "x509-cert-file");
    bad = good;
    bad.key = NULL;
    refused(&bad, "no private key", "x509-key-file");
    bad.key = rig->other_key;
    refused(&bad, "key values mismatch", "x509-key-file");
    bad.key = rig->locked_key;
    refused(&bad, rig->locked_key, "x509-key-password");
    bad.key_password = "wrong";
    refused(&bad, rig->locked_key, "x509-key-password");
    bad = good;
    bad.dh = rig->garbage;
    refused(&bad, rig->garbage, "x509-dh-key-file");
    bad = good;
    bad.ciphers = "NO-SUCH-CIPHER";
    refused(&bad, "NO-SUCH-CIPHER", "tls-ciphers");
    bad.ciphers = "TLS_NO_SUCH";
    refused(&bad, "TLS_NO_SUCH", "tls-ciphers");
    tls_rig_free(rig);
}

static void locked_keys_open_with_their_password(void **state)
{
    struct tls_rig *rig = tls_rig_new();
    char *error;
    struct tls_context *context = tls_context_new(
        &(struct tls_files){
            .ca = rig->cert, .cert = rig->cert, .key = rig->locked_key, .key_password = "open"},
        &error);

    assert_non_null(context);
    assert_null(error);
    tls_context_unref(context);
    tls_rig_free(rig);
}

static void only_the_ciphers_that_were_set_are_used(void **state)
{
    static const struct {
        const char *set, *used;
    } rows[] = {
        {"TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
        {"ECDHE-ECDSA-AES256-SHA384:TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"},
        {"", "TLS_AES_256_GCM_SHA384"},
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct pair pair = pair_new(0);
        struct tls_files files = {.ca = pair.files->cert,
                                  .cert = pair.files->cert,
                                  .key = pair.files->key,
                                  .ciphers = rows[i].set};
        struct tls_context *context;
        char *error;

        context = tls_context_new(&files, &error);
        assert_non_null(context);
        tls_context_unref(pair.context);
        pair.context = context;
        int fd = dup(stream_fd(pair.server));
        stream_free(pair.server);
        pair.server = stream_from_fd_tls(fd, context);
        shake(&pair);
        assert_string_equal(SSL_get_cipher_name(pair.client), rows[i].used);
        pair_free(&pair);
    }
}

static void what_is_no_socket_stays_the_callers(void **state)
{
    struct tls_rig *rig = tls_rig_new();
    struct tls_context *context = context_new(rig);
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    assert_null(stream_from_fd_tls(ends[0], context));
    assert_null(stream_from_fd(ends[0]));
    assert_int_equal(close(ends[0]), 0);
    close(ends[1]);
    tls_context_unref(context);
    tls_rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_cross_1_2),
        cmocka_unit_test(bytes_cross_1_3),
        cmocka_unit_test(held_bytes_are_told),
        cmocka_unit_test(the_end_is_told),
        cmocka_unit_test(a_peer_that_vanishes_is_an_error),
        cmocka_unit_test(a_peer_may_vanish_while_shaking_hands),
        cmocka_unit_test(what_is_no_tls_is_refused),
        cmocka_unit_test(older_versions_are_refused),
        cmocka_unit_test(clients_cannot_renegotiate),
        cmocka_unit_test(a_flood_of_new_keys_leaves_others_their_turn),
        cmocka_unit_test(bad_settings_are_named),
        cmocka_unit_test(locked_keys_open_with_their_password),
        cmocka_unit_test(only_the_ciphers_that_were_set_are_used),
        cmocka_unit_test(what_is_no_socket_stays_the_callers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
