/* SPDX-License-Identifier: MIT */
/* Strangers that link in a loop: how many get into the link stage, and how fast. */
#include "server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <glib.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "session/client.h"
#include "session/linker.h"
#include "stream/listen.h"
#include "stream/stream.h"

enum {
    QUEUE = 1000,
    LINK_MS = 10 * 1000,
};

struct fixture {
    struct rig *rig;
    struct sockaddr_in address;
    GArray *sockets;
};

static struct fixture fixture_new(void)
{
    struct fixture self = {
        .address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)},
        .sockets = g_array_new(FALSE, FALSE, sizeof(int)),
    };
    struct sockaddr *address = (struct sockaddr *)&self.address;
    socklen_t size = sizeof(self.address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, address, size), 0);
    assert_int_equal(listen(fd, QUEUE), 0);
    assert_int_equal(getsockname(fd, address, &size), 0);
    self.rig = rig_new_listening(fd);
    return self;
}

static void fixture_free(struct fixture *self)
{
    for (guint i = 0; i < self->sockets->len; i++)
        close(g_array_index(self->sockets, int, i));
    g_array_free(self->sockets, TRUE);
    rig_settle(self->rig);
    assert_int_equal(rig_told(self->rig)->connected, rig_told(self->rig)->disconnected);
    rig_free(self->rig);
}

/* From 127.0.0.`host`. */
static int connect_from(const struct fixture *self, unsigned host)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&self->address, sizeof(self->address)),
                     0);
    return fd;
}

static void come(struct fixture *self, unsigned host, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int fd = connect_from(self, host);

        g_array_append_val(self->sockets, fd);
    }
    rig_settle(self->rig);
}

static unsigned waiting(const struct fixture *self)
{
    return rig_told(self->rig)->connected - rig_told(self->rig)->disconnected;
}

static void a_host_has_its_share_of_the_link_stage(void **state)
{
    struct fixture self = fixture_new();

    come(&self, 1, LINKER_OF_HOST_MOST / 2);
    rig_pass(self.rig, LISTEN_PERIOD_MS);
    come(&self, 1, LINKER_OF_HOST_MOST / 2 + 10);
    assert_int_equal(waiting(&self), LINKER_OF_HOST_MOST);
    come(&self, 2, 1);
    assert_int_equal(waiting(&self), LINKER_OF_HOST_MOST + 1);
    rig_pass(self.rig, LINK_MS);
    assert_int_equal(waiting(&self), 0);
    come(&self, 1, 1);
    assert_int_equal(waiting(&self), 1);
    fixture_free(&self);
}

static void all_hosts_have_so_much_of_it(void **state)
{
    struct fixture self = fixture_new();

    for (unsigned host = 1; host <= LINKER_WAITING_MOST / 32 + 1; host++) {
        come(&self, host, 32);
        rig_pass(self.rig, LISTEN_PERIOD_MS);
    }
    assert_int_equal(waiting(&self), LINKER_WAITING_MOST);
    fixture_free(&self);
}

/* They are gone at once, so that only their number can stop them. */
static void a_period_has_its_share_of_links(void **state)
{
    struct fixture self = fixture_new();
    const struct rig_told *told = rig_told(self.rig);

    for (unsigned i = 0; i < 2 * LISTEN_MOST + 10; i++)
        close(connect_from(&self, 1));
    rig_settle(self.rig);
    assert_int_equal(told->connected, LISTEN_MOST);
    rig_pass(self.rig, LISTEN_PERIOD_MS - 1);
    assert_int_equal(told->connected, LISTEN_MOST);
    rig_pass(self.rig, 1);
    assert_int_equal(told->connected, 2 * LISTEN_MOST);
    rig_pass(self.rig, LISTEN_PERIOD_MS);
    assert_int_equal(told->connected, 2 * LISTEN_MOST + 10);
    fixture_free(&self);
}

static void so_many_clients_are_let_in(void **state)
{
    struct rig *rig = rig_new();
    struct rig_link *links[CLIENTS_MOST];
    uint32_t result = 0;

    for (unsigned i = 0; i < CLIENTS_MOST; i++) {
        links[i] = rig_connect(rig, 0, SPICE_CHANNEL_MAIN, 0, &result);
        assert_non_null(links[i]);
    }
    assert_null(rig_connect(rig, 0, SPICE_CHANNEL_MAIN, 0, &result));
    assert_int_equal(result, SPICE_LINK_ERR_ERROR);
    rig_close(links[7]);
    links[7] = rig_connect(rig, 0, SPICE_CHANNEL_MAIN, 0, &result);
    assert_non_null(links[7]);
    for (unsigned i = 0; i < CLIENTS_MOST; i++)
        rig_close(links[i]);
    rig_free(rig);
}

/* "": a unix socket's. */
static struct stream_addr address(const char *text)
{
    struct stream_addr addr = {.len = sizeof(addr.addr)};
    struct sockaddr_in *four = (struct sockaddr_in *)&addr.addr;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&addr.addr;

    addr.addr.ss_family = !*text ? AF_UNIX : strchr(text, ':') ? AF_INET6 : AF_INET;
    if (*text)
        assert_int_equal(
            inet_pton(addr.addr.ss_family, text,
                      strchr(text, ':') ? (void *)&six->sin6_addr : (void *)&four->sin_addr),
            1);
    return addr;
}

static void what_tells_hosts_apart(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.1", true},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
        {"::ffff:192.0.2.1", "::1", false},
        {"2001:db8::1", "2001:db8::ffff:2", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
        {"192.0.2.1", "2001:db8::1", false},
        {"", "", false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct stream_addr a = address(rows[i].a), b = address(rows[i].b);

        assert_int_equal(stream_addr_same_host(&a, &b), rows[i].same);
        assert_int_equal(stream_addr_same_host(&b, &a), rows[i].same);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_has_its_share_of_the_link_stage),
        cmocka_unit_test(all_hosts_have_so_much_of_it),
        cmocka_unit_test(a_period_has_its_share_of_links),
        cmocka_unit_test(so_many_clients_are_let_in),
        cmocka_unit_test(what_tells_hosts_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
