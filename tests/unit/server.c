/* SPDX-License-Identifier: MIT */
/* Sessions and moves as QEMU sees them: who gets in, what is told, each completion exactly once. */
#include "server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <spice/enums.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LEAVE_MS = 10 * 1000,
};

struct session {
    struct rig_link *main, *inputs;
    uint32_t id;
};

static uint32_t u32(const uint8_t *at)
{
    return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

static struct session start(struct rig *rig)
{
    struct session s = {0};
    uint32_t result, size;

    s.main = rig_connect(rig, 0, SPICE_CHANNEL_MAIN, 0, &result);
    assert_non_null(s.main);
    s.id = u32(rig_expect(s.main, SPICE_MSG_MAIN_INIT, &size));
    assert_int_equal(size, 32);
    rig_expect(s.main, SPICE_MSG_MAIN_NAME, NULL);
    rig_send(s.main, SPICE_MSGC_MAIN_ATTACH_CHANNELS, NULL, 0);
    assert_int_equal(u32(rig_expect(s.main, SPICE_MSG_MAIN_CHANNELS_LIST, NULL)), 1);
    s.inputs = rig_connect(rig, s.id, SPICE_CHANNEL_INPUTS, 0, &result);
    assert_non_null(s.inputs);
    rig_expect(s.inputs, SPICE_MSG_INPUTS_INIT, NULL);
    return s;
}

static void leave(struct session *s)
{
    rig_close(s->inputs);
    rig_close(s->main);
}

static void clients_come_and_go(void **state)
{
    struct rig *rig = rig_new();
    struct session a = start(rig), b = start(rig);
    uint32_t result;

    assert_int_not_equal(a.id, b.id);
    assert_int_equal(spice_server_get_num_clients(rig_server(rig)), 2);
    rig_send(a.inputs, SPICE_MSGC_INPUTS_KEY_DOWN, "\x1e\0\0\0", 4);
    assert_int_equal(rig_told(rig)->scans, 1);
    leave(&a);
    assert_int_equal(rig_told(rig)->scans, 2); /* the key is let go */
    assert_int_equal(spice_server_get_num_clients(rig_server(rig)), 1);
    assert_null(rig_connect(rig, a.id, SPICE_CHANNEL_INPUTS, 0, &result));
    assert_int_equal(result, SPICE_LINK_ERR_BAD_CONNECTION_ID);
    assert_null(rig_connect(rig, b.id, SPICE_CHANNEL_INPUTS, 0, &result));
    assert_int_equal(result, SPICE_LINK_ERR_CHANNEL_NOT_AVAILABLE); /* it has one */
    assert_null(rig_connect(rig, b.id, SPICE_CHANNEL_DISPLAY, 0, &result));
    assert_int_equal(result, SPICE_LINK_ERR_CHANNEL_NOT_AVAILABLE); /* there is no screen */
    leave(&b);
    assert_int_equal(rig_told(rig)->connected, rig_told(rig)->disconnected);
    assert_int_equal(rig_told(rig)->initialized, 4);
    rig_free(rig);
}

static void main_link_takes_the_others_along(void **state)
{
    struct rig *rig = rig_new();
    struct session s = start(rig);

    rig_close(s.main);
    assert_true(rig_is_closed(s.inputs));
    assert_int_equal(spice_server_get_num_clients(rig_server(rig)), 0);
    rig_close(s.inputs);
    rig_free(rig);
}

static void garbage_ends_one_client_only(void **state)
{
    struct rig *rig = rig_new();
    struct session good = start(rig), bad = start(rig);

    rig_send(bad.main, SPICE_MSGC_MAIN_MOUSE_MODE_REQUEST, NULL, 0);
    assert_true(rig_is_closed(bad.main));
    assert_int_equal(spice_server_get_num_clients(rig_server(rig)), 1);
    rig_expect_nothing(good.main);
    leave(&bad);
    leave(&good);
    rig_free(rig);
}

/* One that asks and asks and never reads is given up; nobody's memory grows for it. */
static void asking_without_reading_ends(void **state)
{
    struct rig *rig = rig_new();
    struct session good = start(rig), bad = start(rig);
    unsigned n = 0;

    while (spice_server_get_num_clients(rig_server(rig)) == 2 && n++ < 2 * 1000 * 1000)
        rig_send_blind(bad.main, SPICE_MSGC_MAIN_ATTACH_CHANNELS);
    assert_int_equal(spice_server_get_num_clients(rig_server(rig)), 1);
    rig_expect_nothing(good.main);
    leave(&bad);
    leave(&good);
    rig_free(rig);
}

static void policy_replaces_or_refuses(void **state)
{
    struct rig *rig;
    struct session first;
    struct rig_link *link;
    uint32_t result;

    setenv("CARAVAN_CLIENTS", "replace", 1);
    rig = rig_new();
    first = start(rig);
    link = rig_connect(rig, 0, SPICE_CHANNEL_MAIN, 0, &result);
    assert_non_null(link);
    assert_true(rig_is_closed(first.main));
    rig_close(link);
    leave(&first);
    rig_free(rig);
    unsetenv("CARAVAN_CLIENTS");
}

static void destroying_with_clients_is_clean(void **state)
{
    struct rig *rig = rig_new();
    struct session s = start(rig);
    struct rig *other = rig_new(); /* keeps the counts alive */

    rig_free(rig);
    assert_int_equal(rig_told(other)->connected, rig_told(other)->disconnected);
    rig_adopt(other, s.main);
    rig_adopt(other, s.inputs);
    assert_true(rig_is_closed(s.main));
    leave(&s);
    rig_free(other);
}

/* Moves -------------------------------------------------------------------------------------- */

static void announce(struct rig *rig)
{
    assert_int_equal(spice_server_migrate_connect(rig_server(rig), "host", 5900, -1, NULL), 0);
}

static void seamless_move_between_two_servers(void **state)
{
    struct rig *source = rig_new(), *target = rig_new();
    struct session s = start(source);
    struct session t = {.id = s.id};
    const uint8_t *body;
    uint8_t copy[32 * 1024];
    uint32_t result, size;

    rig_send(s.inputs, SPICE_MSGC_INPUTS_KEY_DOWN, "\x1e\0\0\0", 4);
    announce(source);
    rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, NULL);
    assert_int_equal(rig_told(source)->connect_complete, 0);

    t.main = rig_connect(target, s.id, SPICE_CHANNEL_MAIN, 0, &result);
    assert_non_null(t.main);
    t.inputs = rig_connect(target, s.id, SPICE_CHANNEL_INPUTS, 0, &result);
    rig_expect_nothing(t.main);
    rig_expect_nothing(t.inputs);
    rig_send(t.main, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS, "\1\0\0\0", 4);
    rig_expect(t.main, SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK, NULL);
    rig_pass(target, 6000); /* no ping until the state is there */
    rig_expect_nothing(t.main);

    rig_send(s.main, SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS, NULL, 0);
    assert_int_equal(rig_told(source)->connect_complete, 1);
    assert_int_equal(spice_server_migrate_start(rig_server(source)), 0);
    assert_int_equal(spice_server_migrate_end(rig_server(source), 1), 0);
    for (int i = 0; i < 2; i++) {
        struct rig_link *from = i ? s.inputs : s.main, *to = i ? t.inputs : t.main;
        assert_int_equal(u32(rig_expect(from, SPICE_MSG_MIGRATE, NULL)), 3);
        rig_send(from, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
        body = rig_expect(from, SPICE_MSG_MIGRATE_DATA, &size);
        assert_true(size <= sizeof(copy));
        memcpy(copy, body, size);
        rig_send(to, SPICE_MSGC_MIGRATE_DATA, copy, size);
    }
    rig_expect(t.main, SPICE_MSG_MAIN_MULTI_MEDIA_TIME, NULL);
    rig_expect(t.main, SPICE_MSG_MAIN_MOUSE_MODE, NULL);
    rig_expect(t.inputs, SPICE_MSG_INPUTS_KEY_MODIFIERS, NULL);
    assert_int_equal(rig_told(source)->end_complete, 0);
    leave(&s);
    assert_int_equal(rig_told(source)->end_complete, 1);
    assert_int_equal(rig_told(source)->scans, 1); /* the key stays down: it moved */
    rig_pass(source, LEAVE_MS + 1);
    assert_int_equal(rig_told(source)->end_complete, 1);
    assert_int_equal(rig_told(source)->connect_complete, 1);
    assert_int_equal(spice_server_get_num_clients(rig_server(target)), 1);
    leave(&t);
    rig_free(source);
    rig_free(target);
}

static void semi_seamless_target_starts_anew(void **state)
{
    struct rig *rig = rig_new();
    struct session t = {.id = 77};
    uint32_t result;

    t.main = rig_connect(rig, t.id, SPICE_CHANNEL_MAIN, 0, &result);
    t.inputs = rig_connect(rig, t.id, SPICE_CHANNEL_INPUTS, 0, &result);
    assert_non_null(t.inputs);
    rig_expect_nothing(t.inputs);
    rig_send(t.main, SPICE_MSGC_MAIN_MIGRATE_END, NULL, 0);
    assert_int_equal(u32(rig_expect(t.main, SPICE_MSG_MAIN_INIT, NULL)), 77);
    rig_expect(t.inputs, SPICE_MSG_INPUTS_INIT, NULL);
    assert_null(rig_connect(rig, t.id, SPICE_CHANNEL_MAIN, 0, &result));
    assert_int_equal(result, SPICE_LINK_ERR_BAD_CONNECTION_ID); /* ids are not taken twice */
    leave(&t);
    rig_free(rig);
}

static void slow_client_is_sent_over(void **state)
{
    struct rig *rig = rig_new();
    struct session s = start(rig);

    announce(rig);
    rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, NULL);
    rig_pass(rig, LEAVE_MS + 1);
    rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
    assert_int_equal(rig_told(rig)->connect_complete, 1);
    spice_server_migrate_end(rig_server(rig), 1);
    rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
    rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST, NULL);
    rig_pass(rig, LEAVE_MS + 1); /* and it does not leave */
    assert_true(rig_is_closed(s.main));
    assert_int_equal(rig_told(rig)->end_complete, 1);
    assert_int_equal(rig_told(rig)->connect_complete, 1);
    leave(&s);
    rig_free(rig);
}

static void failed_move_leaves_everybody(void **state)
{
    struct rig *rig = rig_new();
    struct session s = start(rig);

    for (int i = 0; i < 3; i++) {
        announce(rig);
        rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, NULL);
        if (i != 1)
            rig_send(s.main, SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS, NULL, 0);
        spice_server_migrate_end(rig_server(rig), 0);
        rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
        assert_int_equal(rig_told(rig)->connect_complete, i + 1);
    }
    assert_int_equal(rig_told(rig)->end_complete, 0);
    leave(&s);
    rig_free(rig);
}

static void second_announcement_takes_the_first_back(void **state)
{
    struct rig *rig = rig_new();
    struct session s = start(rig);

    announce(rig);
    rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, NULL);
    announce(rig);
    rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
    rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, NULL);
    assert_int_equal(rig_told(rig)->connect_complete, 1);
    rig_send(s.main, SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR, NULL, 0);
    assert_int_equal(rig_told(rig)->connect_complete, 2);
    leave(&s);
    rig_free(rig);
}

static void completions_without_clients(void **state)
{
    struct rig *rig = rig_new();

    assert_int_equal(spice_server_migrate_start(rig_server(rig)), -1);
    assert_int_equal(spice_server_migrate_connect(rig_server(rig), "", 5900, -1, NULL), -1);
    assert_int_equal(rig_told(rig)->connect_complete, 1);
    assert_int_equal(spice_server_migrate_connect(rig_server(rig), "host", -1, -1, NULL), -1);
    assert_int_equal(rig_told(rig)->connect_complete, 2);
    announce(rig);
    assert_int_equal(rig_told(rig)->connect_complete, 3);
    spice_server_migrate_end(rig_server(rig), 1);
    assert_int_equal(rig_told(rig)->end_complete, 1);
    assert_int_equal(spice_server_migrate_end(rig_server(rig), 1), -1);
    assert_int_equal(rig_told(rig)->end_complete, 2);
    rig_free(rig);
}

/* A client that dies between announcement and end holds nothing up. */
static void client_that_dies_counts_as_answered(void **state)
{
    struct rig *rig = rig_new();
    struct session s = start(rig);

    announce(rig);
    leave(&s);
    assert_int_equal(rig_told(rig)->connect_complete, 1);
    spice_server_migrate_end(rig_server(rig), 1);
    assert_int_equal(rig_told(rig)->end_complete, 1);
    rig_free(rig);
}

static void untimely_messages_of_a_move_do_nothing(void **state)
{
    static const uint16_t types[] = {
        SPICE_MSGC_MAIN_MIGRATE_CONNECTED,       SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS,
        SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR,   SPICE_MSGC_MAIN_MIGRATE_END,
        SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS, SPICE_MSGC_MIGRATE_FLUSH_MARK,
        SPICE_MSGC_MIGRATE_DATA,
    };
    struct rig *rig = rig_new();
    struct session s = start(rig);

    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        rig_send(s.main, types[i], "\1\0\0\0\0\0\0\0", 8);
    rig_expect_nothing(s.main);
    assert_int_equal(rig_told(rig)->connect_complete, 0);
    leave(&s);
    rig_free(rig);
}

static void half_open_links_time_out(void **state)
{
    struct rig *rig = rig_new();
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(spice_server_add_client(rig_server(rig), pair[1], 0), 0);
    rig_pass(rig, 9000);
    assert_int_equal(rig_told(rig)->disconnected, 0);
    rig_pass(rig, 2000);
    assert_int_equal(rig_told(rig)->disconnected, 1);
    close(pair[0]);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_come_and_go),
        cmocka_unit_test(main_link_takes_the_others_along),
        cmocka_unit_test(garbage_ends_one_client_only),
        cmocka_unit_test(asking_without_reading_ends),
        cmocka_unit_test(policy_replaces_or_refuses),
        cmocka_unit_test(destroying_with_clients_is_clean),
        cmocka_unit_test(seamless_move_between_two_servers),
        cmocka_unit_test(semi_seamless_target_starts_anew),
        cmocka_unit_test(slow_client_is_sent_over),
        cmocka_unit_test(failed_move_leaves_everybody),
        cmocka_unit_test(second_announcement_takes_the_first_back),
        cmocka_unit_test(completions_without_clients),
        cmocka_unit_test(client_that_dies_counts_as_answered),
        cmocka_unit_test(untimely_messages_of_a_move_do_nothing),
        cmocka_unit_test(half_open_links_time_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
