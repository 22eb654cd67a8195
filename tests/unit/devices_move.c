/* SPDX-License-Identifier: MIT */
/* Devices through a move: every byte once and in order, at the right device, with its owner. */
#include "device_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <glib.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <string.h>

struct world {
    struct rig *source, *target;
    struct fake_device *at_source[2], *at_target[2];
};

/* Devices of this subtype (or ports of these names) on both hosts, in these orders. */
static struct world world(const char *subtype, const char *const source[2],
                          const char *const target[2])
{
    bool port = !strcmp(subtype, "port");
    struct world w = {rig_new(), rig_new()};

    spice_server_vm_start(rig_server(w.source));
    rig_settle(w.source);
    for (int i = 0; i < 2; i++) {
        w.at_source[i] = fake_device_new(port ? subtype : source[i], port ? source[i] : NULL);
        w.at_target[i] = fake_device_new(port ? subtype : target[i], port ? target[i] : NULL);
        assert_true(fake_device_attach(w.source, w.at_source[i]));
        assert_true(fake_device_attach(w.target, w.at_target[i]));
    }
    return w;
}

static void end_world(struct world *w)
{
    for (int i = 0; i < 2; i++) {
        fake_device_detach(w->source, w->at_source[i]);
        fake_device_detach(w->target, w->at_target[i]);
        fake_device_free(w->at_source[i]);
        fake_device_free(w->at_target[i]);
    }
    rig_free(w->source);
    rig_free(w->target);
}

static const char *const usb[2] = {"usbredir", "usbredir"};
static const char *const ports[2] = {"org.a", "org.b"};
static const char *const ports_swapped[2] = {"org.b", "org.a"};

static void what_the_guest_has_not_taken_travels_in_order(void **state)
{
    struct world w = world("usbredir", usb, usb);
    struct device_client from = device_client_new(w.source), to;
    struct rig_link *link = device_client_link(&from, SPICE_CHANNEL_USBREDIR, 0), *there;
    struct buf many = BUF_INIT;

    /* more than the queue holds: some waits in the link, some in its input */
    w.at_source[0]->takes = 3;
    for (unsigned i = 0; i < 60000; i++)
        buf_append(&many, &"0123456789abcdef"[i % 10], 6);
    for (size_t at = 0; at < many.len; at += 10000)
        rig_send(link, SPICE_MSGC_SPICEVMC_DATA, many.data + at, 10000);
    assert_int_equal(w.at_source[0]->guest_in.len, 3);

    to = device_move_begin(&from, w.target);
    there = device_client_link(&to, SPICE_CHANNEL_USBREDIR, 0);
    assert_int_equal(w.at_target[0]->state, 1); /* the host loads it as connected */
    device_move_end(&from, &to);
    send_data(link, "under way");
    device_move_link(link, there);
    send_data(there, " and here");
    assert_int_equal(w.at_target[0]->guest_in.len, many.len - 3 + 18);
    assert_memory_equal(w.at_target[0]->guest_in.data, many.data + 3, many.len - 3);
    assert_memory_equal(w.at_target[0]->guest_in.data + many.len - 3, "under way and here", 18);
    assert_int_equal(w.at_target[0]->states, 1); /* and is not closed meanwhile */
    fake_device_say(w.target, w.at_target[0], "from there");
    expect_data(there, "from there");
    buf_free(&many);
    rig_close(link);
    rig_close(there);
    device_client_leave(&from);
    device_client_leave(&to);
    end_world(&w);
}

static void what_the_guest_wrote_comes_before_the_state(void **state)
{
    struct world w = world("usbredir", usb, usb);
    struct device_client from = device_client_new(w.source), to;
    struct rig_link *link = device_client_link(&from, SPICE_CHANNEL_USBREDIR, 0), *there;

    fake_device_say(w.source, w.at_source[0], "said");
    to = device_move_begin(&from, w.target);
    there = device_client_link(&to, SPICE_CHANNEL_USBREDIR, 0);
    device_move_end(&from, &to);
    /* what a device says while its VM stands still is saved with the VM */
    fake_device_say(w.source, w.at_source[0], "stays");
    assert_int_equal(w.at_source[0]->guest_out.len, 5);
    expect_data(link, "said");
    device_move_link(link, there);
    rig_close(link);
    rig_close(there);
    device_client_leave(&from);
    device_client_leave(&to);
    end_world(&w);
}

static void ports_are_found_by_name(void **state)
{
    struct world w = world("port", ports, ports_swapped);
    struct device_client from = device_client_new(w.source), to;
    struct rig_link *here[2], *there[2];

    for (int i = 0; i < 2; i++) {
        spice_server_port_event(&w.at_source[i]->sin, SPICE_PORT_EVENT_OPENED);
        spice_server_port_event(&w.at_target[i]->sin, SPICE_PORT_EVENT_OPENED);
        here[i] = device_client_link(&from, SPICE_CHANNEL_PORT, (uint8_t)i);
        expect_port_init(here[i], ports[i]);
        expect_port_event(here[i], SPICE_PORT_EVENT_OPENED);
    }
    to = device_move_begin(&from, w.target);
    for (int i = 0; i < 2; i++)
        there[i] = device_client_link(&to, SPICE_CHANNEL_PORT, (uint8_t)i);
    device_move_end(&from, &to);
    for (int i = 0; i < 2; i++) {
        device_move_link(here[i], there[i]);
        send_data(there[i], ports[i]);
        rig_expect_nothing(there[i]); /* neither INIT nor OPENED again */
    }
    fake_device_expect(w.at_target[0], "org.b");
    fake_device_expect(w.at_target[1], "org.a");
    fake_device_say(w.target, w.at_target[1], "from a");
    expect_data(there[0], "from a");
    for (int i = 0; i < 2; i++)
        assert_int_equal(w.at_target[i]->states, 1);
    for (int i = 0; i < 2; i++) {
        rig_close(here[i]);
        rig_close(there[i]);
    }
    device_client_leave(&from);
    device_client_leave(&to);
    end_world(&w);
}

static void a_port_that_is_not_there_ends_its_link_only(void **state)
{
    static const char *const others[2] = {"org.c", "org.b"};
    struct world w = world("port", ports, others);
    struct device_client from = device_client_new(w.source), to;
    struct rig_link *link = device_client_link(&from, SPICE_CHANNEL_PORT, 0), *there;

    expect_port_init(link, "org.a");
    send_data(link, "for a");
    w.at_source[0]->takes = 0;
    to = device_move_begin(&from, w.target);
    there = device_client_link(&to, SPICE_CHANNEL_PORT, 0);
    device_move_end(&from, &to);
    device_move_link(link, there);
    assert_true(rig_is_closed(there));
    fake_device_expect(w.at_target[0], ""); /* another port's bytes are nobody's */
    assert_int_equal(w.at_target[0]->state, 0);
    assert_int_equal(spice_server_get_num_clients(rig_server(w.target)), 1);
    rig_close(link);
    rig_close(there);
    device_client_leave(&from);
    device_client_leave(&to);
    end_world(&w);
}

static void pinned_sockets_stay_matched_in_any_order(void **state)
{
    static const char *const one[2] = {"usbredir.1", "usbredir.4"};
    static const char *const two[2] = {"usbredir.4", "usbredir.1"};
    struct world w = world("usbredir", one, two);
    struct device_client from = device_client_new(w.source), to;
    struct rig_link *link = device_client_link(&from, SPICE_CHANNEL_USBREDIR, 4), *there;

    to = device_move_begin(&from, w.target);
    there = device_client_link(&to, SPICE_CHANNEL_USBREDIR, 4);
    device_move_end(&from, &to);
    send_data(link, "four");
    device_move_link(link, there);
    fake_device_expect(w.at_target[0], "four");
    fake_device_expect(w.at_target[1], "");
    rig_close(link);
    rig_close(there);
    device_client_leave(&from);
    device_client_leave(&to);
    end_world(&w);
}

/* One host pins, the other does not: the ids agree by chance, if at all. */
static void a_pinned_socket_is_not_taken_for_another(void **state)
{
    static const char *const pinned[2] = {"usbredir.0", "usbredir.1"};
    struct world w = world("usbredir", pinned, usb);
    struct device_client from = device_client_new(w.source), to;
    struct rig_link *link = device_client_link(&from, SPICE_CHANNEL_USBREDIR, 0), *there;

    to = device_move_begin(&from, w.target);
    there = device_client_link(&to, SPICE_CHANNEL_USBREDIR, 0);
    device_move_end(&from, &to);
    device_move_link(link, there);
    assert_true(rig_is_closed(there));
    assert_int_equal(w.at_target[0]->state, 0);
    rig_close(link);
    rig_close(there);
    device_client_leave(&from);
    device_client_leave(&to);
    end_world(&w);
}

static void the_owner_stays_the_owner_whoever_arrives_first(void **state)
{
    struct world w = world("usbredir", usb, usb);
    struct device_client owner = device_client_new(w.source), other = device_client_new(w.source);
    struct device_client owner_to, other_to, local;
    struct rig_link *link = device_client_link(&owner, SPICE_CHANNEL_USBREDIR, 0), *there;
    struct rig_link *waiting = device_client_link(&other, SPICE_CHANNEL_USBREDIR, 0), *waiting_to;
    struct rig_link *fresh;

    send_data(waiting, "hello of the second");
    rig_pass(w.source, 1100);
    owner_to = device_move_begin(&owner, w.target);
    rig_expect(other.main, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, NULL);
    other_to = device_move_join(&other, w.target);
    there = device_client_link(&owner_to, SPICE_CHANNEL_USBREDIR, 0);
    waiting_to = device_client_link(&other_to, SPICE_CHANNEL_USBREDIR, 0);
    local = device_client_new(w.target);
    fresh = device_client_link(&local, SPICE_CHANNEL_USBREDIR, 0);
    rig_send(other.main, SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS, NULL, 0);
    device_move_end(&owner, &owner_to);
    device_move_link(other.main, other_to.main);
    device_move_link(waiting, waiting_to);
    send_data(fresh, "hello of the third");
    send_data(waiting_to, "; more of it");
    fake_device_expect(w.at_target[0], "");
    device_move_link(link, there);
    send_data(there, "first");
    fake_device_expect(w.at_target[0], "first");
    assert_int_equal(w.at_target[0]->states, 1);

    device_client_leave(&owner_to);
    fake_device_expect(w.at_target[0], "firsthello of the second; more of it");
    device_client_leave(&other_to);
    fake_device_expect(w.at_target[0], "firsthello of the second; more of ithello of the third");
    rig_close(link);
    rig_close(there);
    rig_close(waiting);
    rig_close(waiting_to);
    rig_close(fresh);
    device_client_leave(&owner);
    device_client_leave(&other);
    device_client_leave(&local);
    end_world(&w);
}

static void an_owner_that_never_arrives_is_not_waited_for_for_ever(void **state)
{
    struct world w = world("usbredir", usb, usb);
    struct device_client owner = device_client_new(w.source), owner_to, local;
    struct rig_link *link = device_client_link(&owner, SPICE_CHANNEL_USBREDIR, 0), *there, *fresh;
    const uint8_t *body;
    uint8_t late[200];
    uint32_t size;

    owner_to = device_move_begin(&owner, w.target);
    there = device_client_link(&owner_to, SPICE_CHANNEL_USBREDIR, 0);
    local = device_client_new(w.target);
    fresh = device_client_link(&local, SPICE_CHANNEL_USBREDIR, 0);
    send_data(fresh, "mine");
    device_move_end(&owner, &owner_to);
    fake_device_expect(w.at_target[0], "");
    rig_expect(link, SPICE_MSG_MIGRATE, NULL);
    rig_send(link, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
    body = rig_expect(link, SPICE_MSG_MIGRATE_DATA, &size);
    assert_true(size <= sizeof(late));
    memcpy(late, body, size);
    rig_pass(w.target, 10001);
    fake_device_expect(w.at_target[0], "mine");
    assert_int_equal(w.at_target[0]->states, 3); /* opened ahead, then anew */
    rig_send(there, SPICE_MSGC_MIGRATE_DATA, late, size);
    assert_true(rig_is_closed(there));
    rig_close(link);
    rig_close(there);
    rig_close(fresh);
    device_client_leave(&owner);
    device_client_leave(&owner_to);
    device_client_leave(&local);
    end_world(&w);
}

/* Every bit of a state flipped, every length: the link ends at most. */
static void wrong_states_end_the_link_only(void **state)
{
    struct world w = world("port", ports, ports);
    struct device_client from = device_client_new(w.source), to;
    struct rig_link *link = device_client_link(&from, SPICE_CHANNEL_PORT, 0), *there;
    const uint8_t *body;
    uint8_t good[200], bad[200];
    uint32_t size, result;
    unsigned ended = 0;

    w.at_source[0]->takes = 0;
    send_data(link, "bytes");
    to = device_move_begin(&from, w.target);
    device_move_end(&from, &to);
    expect_port_init(link, "org.a");
    rig_expect(link, SPICE_MSG_MIGRATE, NULL);
    rig_send(link, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
    body = rig_expect(link, SPICE_MSG_MIGRATE_DATA, &size);
    assert_true(size <= sizeof(good));
    memcpy(good, body, size);
    for (uint32_t i = 0; i < size * 8 + size; i++) {
        struct device_client c = {.rig = w.target, .id = 4711};

        c.main = rig_connect(w.target, c.id, SPICE_CHANNEL_MAIN, 0, &result);
        rig_send(c.main, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS, "\1\0\0\0", 4);
        rig_expect(c.main, SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK, NULL);
        there = device_client_link(&c, SPICE_CHANNEL_PORT, 0);
        memcpy(bad, good, size);
        if (i < size * 8)
            bad[i / 8] ^= (uint8_t)(1u << i % 8);
        rig_send(there, SPICE_MSGC_MIGRATE_DATA, bad, i < size * 8 ? size : i - size * 8);
        ended += rig_is_closed(there);
        rig_expect_nothing(c.main);
        rig_close(there);
        device_client_leave(&c);
    }
    assert_true(ended > 100);
    assert_int_equal(spice_server_get_num_clients(rig_server(w.target)), 1);
    rig_close(link);
    device_client_leave(&from);
    device_client_leave(&to);
    end_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_guest_has_not_taken_travels_in_order),
        cmocka_unit_test(what_the_guest_wrote_comes_before_the_state),
        cmocka_unit_test(ports_are_found_by_name),
        cmocka_unit_test(a_port_that_is_not_there_ends_its_link_only),
        cmocka_unit_test(pinned_sockets_stay_matched_in_any_order),
        cmocka_unit_test(a_pinned_socket_is_not_taken_for_another),
        cmocka_unit_test(the_owner_stays_the_owner_whoever_arrives_first),
        cmocka_unit_test(an_owner_that_never_arrives_is_not_waited_for_for_ever),
        cmocka_unit_test(wrong_states_end_the_link_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
