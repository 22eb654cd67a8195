/* SPDX-License-Identifier: MIT */
/* Sessions and moves as QEMU sees them: who gets in, what is told, each completion exactly once. */
#include "server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <netinet/in.h>
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

/* QEMU's; it says so before it calls spice_server_vm_stop(). */
static bool stands_still;

bool runstate_is_running(void);
bool runstate_is_running(void)
{
    return !stands_still;
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

/* It is taken, or the client would give up its move; it ends when its state comes. */
static void channel_that_only_the_source_has(void **state)
{
    struct rig *rig = rig_new();
    struct session other = start(rig), t = {.id = 4711};
    struct rig_link *missing;
    uint32_t result;

    assert_null(rig_connect(rig, other.id, SPICE_CHANNEL_USBREDIR, 3, &result));
    assert_int_equal(result, SPICE_LINK_ERR_CHANNEL_NOT_AVAILABLE);
    t.main = rig_connect(rig, t.id, SPICE_CHANNEL_MAIN, 0, &result);
    t.inputs = rig_connect(rig, t.id, SPICE_CHANNEL_INPUTS, 0, &result);
    missing = rig_connect(rig, t.id, SPICE_CHANNEL_USBREDIR, 3, &result);
    assert_non_null(missing);
    assert_null(rig_connect(rig, t.id, SPICE_CHANNEL_MAIN, 1, &result));
    rig_send(t.main, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS, "\1\0\0\0", 4);
    rig_expect(t.main, SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK, NULL);
    rig_send(missing, SPICE_MSGC_MIGRATE_DATA, "SVMD\1\0\0\0", 8);
    assert_true(rig_is_closed(missing));
    rig_expect_nothing(t.main);
    assert_int_equal(spice_server_get_num_clients(rig_server(rig)), 2);
    rig_close(missing);
    leave(&t);
    leave(&other);
    rig_free(rig);
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

/* The move is announced again: the client links anew, before its former links are closed. */
static void arriving_client_may_link_again(void **state)
{
    struct rig *rig = rig_new();
    struct session t = {.id = 77}, again = {.id = 77};
    uint32_t result;

    t.main = rig_connect(rig, t.id, SPICE_CHANNEL_MAIN, 0, &result);
    t.inputs = rig_connect(rig, t.id, SPICE_CHANNEL_INPUTS, 0, &result);
    again.main = rig_connect(rig, t.id, SPICE_CHANNEL_MAIN, 0, &result);
    assert_non_null(again.main);
    assert_true(rig_is_closed(t.main));
    again.inputs = rig_connect(rig, t.id, SPICE_CHANNEL_INPUTS, 0, &result);
    assert_non_null(again.inputs);
    rig_send(again.main, SPICE_MSGC_MAIN_MIGRATE_END, NULL, 0);
    rig_expect(again.main, SPICE_MSG_MAIN_INIT, NULL);
    rig_expect(again.inputs, SPICE_MSG_INPUTS_INIT, NULL);
    leave(&t);
    leave(&again);
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
        SPICE_MSGC_MAIN_MIGRATE_CONNECTED,
        SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS,
        SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR,
        SPICE_MSGC_MAIN_MIGRATE_END,
        SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS,
        SPICE_MSGC_MIGRATE_FLUSH_MARK,
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

/* What is typed while the VM stands still is heard when it runs: here again, or at the target. */
static void keys_wait_for_the_vm(void **state)
{
    struct rig *source = rig_new(), *target = rig_new();
    struct session s = start(source), t = {.id = s.id};
    const uint8_t *body;
    uint8_t copy[2048];
    uint32_t result, size;

    spice_server_vm_start(rig_server(source));
    announce(source);
    rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, NULL);
    t.main = rig_connect(target, s.id, SPICE_CHANNEL_MAIN, 0, &result);
    t.inputs = rig_connect(target, s.id, SPICE_CHANNEL_INPUTS, 0, &result);
    rig_send(t.main, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS, "\1\0\0\0", 4);
    rig_send(s.main, SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS, NULL, 0);
    rig_send(s.inputs, SPICE_MSGC_INPUTS_KEY_DOWN, "\x1e\0\0\0", 4);
    assert_int_equal(rig_told(source)->scans, 1);
    spice_server_vm_stop(rig_server(source));
    rig_send(s.inputs, SPICE_MSGC_INPUTS_KEY_UP, "\x9e\0\0\0", 4);
    assert_int_equal(rig_told(source)->scans, 1);
    spice_server_vm_start(rig_server(source)); /* the downtime was too long for QEMU's taste */
    assert_int_equal(rig_told(source)->scans, 2);
    spice_server_vm_stop(rig_server(source));
    rig_send(s.inputs, SPICE_MSGC_INPUTS_KEY_DOWN, "\xe0\x48\0\0", 4);
    spice_server_migrate_end(rig_server(source), 1);
    rig_expect(s.inputs, SPICE_MSG_MIGRATE, NULL);
    rig_send(s.inputs, SPICE_MSGC_INPUTS_KEY_UP, "\xe0\xc8\0\0", 4);
    rig_send(s.inputs, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
    body = rig_expect(s.inputs, SPICE_MSG_MIGRATE_DATA, &size);
    assert_true(size <= sizeof(copy));
    memcpy(copy, body, size);
    rig_send(t.inputs, SPICE_MSGC_MIGRATE_DATA, copy, size);
    rig_send(t.inputs, SPICE_MSGC_INPUTS_KEY_DOWN, "\x1f\0\0\0", 4);
    assert_int_equal(rig_told(target)->scans, 2); /* both rigs count here */
    spice_server_vm_start(rig_server(target));
    assert_int_equal(rig_told(target)->scans, 2 + 4 + 1);
    leave(&s);
    rig_expect(t.inputs, SPICE_MSG_INPUTS_KEY_MODIFIERS, NULL);
    leave(&t);
    rig_free(source);
    rig_free(target);
}

/* QEMU drops keys from when it begins to stop the VM, and tells some ms later. */
static void keys_wait_when_qemu_stops_the_vm(void **state)
{
    struct rig *rig = rig_new();
    struct session s = start(rig);

    spice_server_vm_start(rig_server(rig));
    stands_still = true; /* no move: QEMU shall drop it, as ever */
    rig_send(s.inputs, SPICE_MSGC_INPUTS_KEY_DOWN, "\x1e\0\0\0", 4);
    assert_int_equal(rig_told(rig)->scans, 1);
    announce(rig);
    rig_send(s.inputs, SPICE_MSGC_INPUTS_KEY_UP, "\x9e\0\0\0", 4);
    assert_int_equal(rig_told(rig)->scans, 1);
    spice_server_vm_stop(rig_server(rig));
    rig_pass(rig, 2000);
    assert_int_equal(rig_told(rig)->scans, 1);
    stands_still = false;
    spice_server_vm_start(rig_server(rig));
    assert_int_equal(rig_told(rig)->scans, 2);

    stands_still = true; /* but never stops it: a guest that sleeps hears keys */
    rig_send(s.inputs, SPICE_MSGC_INPUTS_KEY_DOWN, "\x1e\0\0\0", 4);
    assert_int_equal(rig_told(rig)->scans, 2);
    rig_pass(rig, 2000);
    assert_int_equal(rig_told(rig)->scans, 3);
    stands_still = false;
    leave(&s);
    rig_free(rig);
}

/* A keyboard holds 16 bytes: more at once are let through bit by bit, none is lost. */
static void many_keys_wait_for_room(void **state)
{
    struct rig *rig = rig_new();
    struct session s = start(rig), other = start(rig);

    spice_server_vm_start(rig_server(rig));
    for (int i = 0; i < 20; i++) {
        rig_send(s.inputs, SPICE_MSGC_INPUTS_KEY_DOWN, "\x1e\0\0\0", 4);
        rig_send(other.inputs, SPICE_MSGC_INPUTS_KEY_UP, "\x9f\0\0\0", 4);
    }
    assert_in_range(rig_told(rig)->scans, 8, 16);
    rig_pass(rig, 60);
    assert_in_range(rig_told(rig)->scans, 18, 30);
    rig_pass(rig, 500);
    assert_int_equal(rig_told(rig)->scans, 40);
    leave(&s);
    leave(&other);
    rig_free(rig);
}

/* Who comes after the announcement is asked as soon as its channels are there. */
static void late_joiner_is_asked(void **state)
{
    struct rig *rig = rig_new();
    struct session early = start(rig), late;

    announce(rig);
    rig_expect(early.main, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, NULL);
    rig_send(early.main, SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS, NULL, 0);
    assert_int_equal(rig_told(rig)->connect_complete, 1);
    late = start(rig);
    rig_expect(late.main, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, NULL);
    rig_send(late.main, SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS, NULL, 0);
    spice_server_migrate_end(rig_server(rig), 1);
    rig_expect(early.main, SPICE_MSG_MIGRATE, NULL);
    rig_expect(late.main, SPICE_MSG_MIGRATE, NULL);
    rig_expect(late.inputs, SPICE_MSG_MIGRATE, NULL);
    leave(&early);
    assert_int_equal(rig_told(rig)->end_complete, 0);
    leave(&late);
    assert_int_equal(rig_told(rig)->end_complete, 1);
    assert_int_equal(rig_told(rig)->connect_complete, 1);
    rig_free(rig);
}

/* A client that wants fewer channels than there are is asked, too, a second after it knew of them;
 * one that was still coming when the VM had moved, or came after, is sent over. */
static void incomplete_clients_are_not_lost(void **state)
{
    struct rig *rig = rig_new();
    struct rig_link *some, *none, *after;
    uint32_t result;

    announce(rig);
    some = rig_connect(rig, 0, SPICE_CHANNEL_MAIN, 0, &result);
    none = rig_connect(rig, 0, SPICE_CHANNEL_MAIN, 0, &result);
    rig_expect(some, SPICE_MSG_MAIN_INIT, NULL);
    rig_expect(some, SPICE_MSG_MAIN_NAME, NULL);
    rig_send(some, SPICE_MSGC_MAIN_ATTACH_CHANNELS, NULL, 0);
    rig_expect(some, SPICE_MSG_MAIN_CHANNELS_LIST, NULL);
    rig_expect_nothing(some);
    rig_pass(rig, 1000);
    rig_expect(some, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, NULL);
    spice_server_migrate_end(rig_server(rig), 1);
    rig_expect(some, SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
    rig_expect(some, SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST, NULL);
    rig_expect(none, SPICE_MSG_MAIN_INIT, NULL);
    rig_expect(none, SPICE_MSG_MAIN_NAME, NULL);
    rig_expect(none, SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
    rig_expect(none, SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST, NULL);
    after = rig_connect(rig, 0, SPICE_CHANNEL_MAIN, 0, &result);
    rig_expect(after, SPICE_MSG_MAIN_INIT, NULL);
    rig_expect(after, SPICE_MSG_MAIN_NAME, NULL);
    rig_expect(after, SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
    rig_expect(after, SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST, NULL);
    rig_close(some);
    rig_close(none);
    assert_int_equal(rig_told(rig)->end_complete, 0);
    rig_close(after);
    assert_int_equal(rig_told(rig)->end_complete, 1);
    rig_free(rig);
}

/* A server at a loopback port that answers one link with main channel capability word 1 = word. */
static void answer_probe(int listener, uint32_t word)
{
    uint8_t reply[16 + 178 + 3 * 4] = {'R', 'E', 'D', 'Q', 2, 0, 0, 0, 2, 0, 0, 0, 178 + 12};
    uint8_t request[38];
    int fd = accept(listener, NULL, NULL);

    assert_true(fd >= 0);
    assert_int_equal(recv(fd, request, sizeof(request), MSG_WAITALL), sizeof(request));
    assert_memory_equal(request, reply, 12);
    reply[16 + 4 + 162] = 1;
    reply[16 + 4 + 162 + 4] = 2;
    reply[16 + 4 + 162 + 8] = 178;
    for (int i = 0; i < 4; i++)
        reply[16 + 178 + 8 + i] = (uint8_t)(word >> 8 * i);
    for (size_t i = 0; i < sizeof(reply); i += 50)
        assert_true(send(fd, reply + i, sizeof(reply) - i < 50 ? sizeof(reply) - i : 50, 0) > 0);
    close(fd);
}

/* What becomes of a client that has not answered at the end, with such a target. */
static struct session end_while_asked(struct rig *rig, uint32_t word)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct session s = start(rig);

    assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&addr, &len), 0);
    spice_server_migrate_connect(rig_server(rig), "127.0.0.1", ntohs(addr.sin_port), -1, NULL);
    rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, NULL);
    rig_settle(rig);
    answer_probe(listener, word);
    rig_settle(rig);
    close(listener);
    assert_int_equal(spice_server_migrate_end(rig_server(rig), 1), 0);
    return s;
}

static void late_answer_counts_with_our_target(void **state)
{
    static const struct {
        uint16_t answer, then;
    } cases[] = {
        {SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS, SPICE_MSG_MIGRATE},
        {SPICE_MSGC_MAIN_MIGRATE_CONNECTED, SPICE_MSG_MAIN_MIGRATE_END},
        {SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR, SPICE_MSG_MAIN_MIGRATE_CANCEL},
        {0, SPICE_MSG_MAIN_MIGRATE_CANCEL},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig *rig = rig_new();
        struct session s = end_while_asked(rig, UINT32_C(1) << 31);

        rig_expect_nothing(s.main);
        assert_int_equal(rig_told(rig)->end_complete, 0);
        if (cases[i].answer)
            rig_send(s.main, cases[i].answer, NULL, 0);
        else
            rig_pass(rig, 5000);
        rig_expect(s.main, cases[i].then, NULL);
        if (cases[i].then == SPICE_MSG_MAIN_MIGRATE_CANCEL)
            rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST, NULL);
        leave(&s);
        assert_int_equal(rig_told(rig)->end_complete, 1);
        rig_free(rig);
    }
}

static void late_answer_is_not_waited_for_with_others(void **state)
{
    struct rig *rig = rig_new();
    struct session s = end_while_asked(rig, ~(UINT32_C(1) << 31));

    rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_CANCEL, NULL);
    rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST, NULL);
    rig_pass(rig, LEAVE_MS + 1);
    assert_int_equal(rig_told(rig)->end_complete, 1);
    leave(&s);
    rig_free(rig);
}

static void frozen_late_client_is_given_up(void **state)
{
    struct rig *rig = rig_new();
    struct session s = end_while_asked(rig, UINT32_C(1) << 31);

    rig_pass(rig, LEAVE_MS + 1);
    assert_int_equal(rig_told(rig)->end_complete, 1);
    assert_true(rig_is_closed(s.inputs));
    leave(&s);
    rig_free(rig);
}

/* What a client passes on may be wrong in every way: it ends that client at most. -----------------
 */

struct states {
    uint8_t main[2048], inputs[64];
    uint32_t main_size, inputs_size;
};

static void save_states(struct states *out)
{
    struct rig *rig = rig_new();
    struct session s = start(rig);
    const uint8_t *body;

    announce(rig);
    rig_expect(s.main, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, NULL);
    rig_send(s.main, SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS, NULL, 0);
    spice_server_migrate_end(rig_server(rig), 1);
    rig_expect(s.main, SPICE_MSG_MIGRATE, NULL);
    rig_expect(s.inputs, SPICE_MSG_MIGRATE, NULL);
    rig_send(s.main, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
    rig_send(s.inputs, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
    body = rig_expect(s.main, SPICE_MSG_MIGRATE_DATA, &out->main_size);
    assert_true(out->main_size <= sizeof(out->main));
    memcpy(out->main, body, out->main_size);
    body = rig_expect(s.inputs, SPICE_MSG_MIGRATE_DATA, &out->inputs_size);
    assert_true(out->inputs_size <= sizeof(out->inputs));
    memcpy(out->inputs, body, out->inputs_size);
    leave(&s);
    rig_free(rig);
}

/* A client brings these states; true if it is still here then. */
static bool arrive(struct rig *rig, const struct states *states)
{
    struct session t = {.id = 4711};
    uint32_t result;
    bool here;

    t.main = rig_connect(rig, t.id, SPICE_CHANNEL_MAIN, 0, &result);
    assert_non_null(t.main);
    t.inputs = rig_connect(rig, t.id, SPICE_CHANNEL_INPUTS, 0, &result);
    assert_non_null(t.inputs);
    rig_send(t.main, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS, "\1\0\0\0", 4);
    rig_send(t.inputs, SPICE_MSGC_MIGRATE_DATA, states->inputs, states->inputs_size);
    rig_send(t.main, SPICE_MSGC_MIGRATE_DATA, states->main, states->main_size);
    rig_settle(rig);
    here = spice_server_get_num_clients(rig_server(rig)) == 2;
    leave(&t);
    assert_int_equal(spice_server_get_num_clients(rig_server(rig)), 1);
    return here;
}

static void wrong_state_ends_its_client_only(void **state)
{
    struct rig *rig;
    struct session other;
    struct states good, bad;
    unsigned refused = 0;

    save_states(&good);
    rig = rig_new();
    other = start(rig);
    assert_true(arrive(rig, &good));
    for (uint32_t bit = 0; bit < good.main_size * 8; bit++) {
        bad = good;
        bad.main[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused += !arrive(rig, &bad);
    }
    assert_true(refused >= 64); /* the header's bits at least */
    for (uint32_t bit = 0; bit < good.inputs_size * 8; bit++) {
        bad = good;
        bad.inputs[bit / 8] ^= (uint8_t)(1u << bit % 8);
        arrive(rig, &bad);
    }
    for (uint32_t size = 0; size < good.main_size; size++) {
        bad = good;
        bad.main_size = size;
        arrive(rig, &bad);
    }
    rig_expect_nothing(other.main);
    rig_send(other.inputs, SPICE_MSGC_INPUTS_KEY_DOWN, "\x1e\0\0\0", 4);
    assert_int_equal(rig_told(rig)->scans, 1);
    leave(&other);
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
        cmocka_unit_test(channel_that_only_the_source_has),
        cmocka_unit_test(semi_seamless_target_starts_anew),
        cmocka_unit_test(arriving_client_may_link_again),
        cmocka_unit_test(slow_client_is_sent_over),
        cmocka_unit_test(failed_move_leaves_everybody),
        cmocka_unit_test(second_announcement_takes_the_first_back),
        cmocka_unit_test(completions_without_clients),
        cmocka_unit_test(client_that_dies_counts_as_answered),
        cmocka_unit_test(untimely_messages_of_a_move_do_nothing),
        cmocka_unit_test(keys_wait_for_the_vm),
        cmocka_unit_test(keys_wait_when_qemu_stops_the_vm),
        cmocka_unit_test(many_keys_wait_for_room),
        cmocka_unit_test(late_joiner_is_asked),
        cmocka_unit_test(incomplete_clients_are_not_lost),
        cmocka_unit_test(late_answer_counts_with_our_target),
        cmocka_unit_test(late_answer_is_not_waited_for_with_others),
        cmocka_unit_test(frozen_late_client_is_given_up),
        cmocka_unit_test(wrong_state_ends_its_client_only),
        cmocka_unit_test(half_open_links_time_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
