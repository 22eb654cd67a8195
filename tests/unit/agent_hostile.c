/* SPDX-License-Identifier: MIT */
/* A guest and clients that mean harm to the agent hub: it keeps to its bounds, others go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "agent_rig.h"

#define TEXT VD_AGENT_CLIPBOARD_UTF8_TEXT

enum {
    A_FEW = 20 << 10, /* bytes that may wait for the guest, with what was under way */
};

static struct agent_rig *with_clients(unsigned n)
{
    struct agent_rig *rig = agent_rig_new();

    agent_rig_open(rig, LINUX_CAPS);
    for (unsigned i = 0; i < n; i++)
        agent_rig_join(rig, GTK_CAPS);
    agent_rig_forget(rig);
    return rig;
}

static size_t waiting(const struct agent_rig *rig)
{
    size_t len;

    hub_guest_output(rig->hub, &len);
    return len;
}

static void it_works(struct agent_rig *rig, unsigned who, uint32_t serial)
{
    agent_rig_forget(rig);
    agent_say_u32(rig, who, VD_AGENT_CLIPBOARD_GRAB, 2, serial, TEXT, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 2, serial, TEXT, END);
    assert_null(rig->peers[who].garbage);
    assert_int_equal(rig->peers[who].disconnects, 0);
}

/* Each question is answered; who reads no answers is asked to wait with its questions. */
static void a_guest_that_asks_and_does_not_read(void **state)
{
    struct agent_rig *rig = with_clients(1);

    rig->peers[0].stuck = true;
    for (unsigned i = 0; i < 10000; i++)
        agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    assert_int_equal(hub_guest_room(rig->hub), 0);
    assert_in_range(waiting(rig), 1, A_FEW);
    rig->wakes = 0;
    rig->peers[0].stuck = false;
    agent_rig_settle(rig);
    assert_true(rig->wakes);
    assert_true(hub_guest_room(rig->hub));
    it_works(rig, 1, 0);
    agent_rig_free(rig);
}

static void clients_that_talk_to_a_deaf_guest(void **state)
{
    struct agent_rig *rig = with_clients(2);
    uint8_t volume[1000] = {1, 0, 200};

    rig->peers[0].stuck = true;
    while (rig->peers[1].sent < rig->peers[1].tokens + HUB_WINDOW)
        agent_say(rig, 1, VD_AGENT_AUDIO_VOLUME_SYNC, volume, sizeof(volume));
    assert_in_range(waiting(rig), 1, A_FEW);
    assert_null(rig->peers[1].garbage);
    rig->peers[0].stuck = false;
    it_works(rig, 2, 0);
    agent_rig_free(rig);
}

/* It is told of each client that comes and goes, and reads nothing of it. */
static void clients_that_come_and_go_past_a_deaf_guest(void **state)
{
    struct agent_rig *rig = with_clients(1);

    rig->peers[0].stuck = true;
    for (unsigned i = 0; i < 1000; i++) {
        unsigned who = agent_rig_join(rig, GTK_CAPS);
        agent_say_u32(rig, who, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
        agent_rig_leave(rig, who);
    }
    assert_in_range(waiting(rig), 1, A_FEW);
    rig->peers[0].stuck = false;
    it_works(rig, 1, 0);
    agent_rig_free(rig);
}

/* Before it has started an agent session its messages need no tokens: they are bounded still. */
static void a_client_that_floods_during_a_move(void **state)
{
    static const uint8_t bytes[HUB_DATA_MAX];
    struct agent_rig *rig = with_clients(1);
    struct hub_client *client = hub_client_new(rig->hub, 1002, true, &rig->peers[2]);
    unsigned n = 0;

    rig->peers[2].client = client;
    agent_rig_freeze(rig);
    while (!rig->peers[2].garbage && n++ < 1000)
        hub_client_data(client, bytes, sizeof(bytes));
    assert_in_range(n, 20, 30);
    hub_thaw(rig->hub);
    it_works(rig, 1, 0);
    agent_rig_free(rig);
}

/* What nobody asked for is skipped as it comes, however large it claims to be. */
static void a_guest_that_announces_gigabytes(void **state)
{
    static const uint32_t head[] = {VDP_CLIENT_PORT,    UINT32_MAX, VD_AGENT_PROTOCOL,
                                    VD_AGENT_CLIPBOARD, 0,          0,
                                    1u << 30,           0,          TEXT};
    static const uint8_t body[4096];
    struct agent_rig *rig = with_clients(2);

    agent_raw(rig, 0, head, sizeof(head));
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(hub_guest_room(rig->hub));
        agent_raw(rig, 0, body, sizeof(body));
    }
    assert_null(rig->guest_garbage);
    it_works(rig, 2, 0);
    agent_rig_free(rig);
}

/* The guest's agent would end for want of memory, and all would be without one. */
static void a_client_that_announces_gigabytes(void **state)
{
    static const uint32_t head[] = {
        VD_AGENT_PROTOCOL, VD_AGENT_CLIPBOARD, 0, 0, 500u << 20, 0, TEXT};
    static const uint8_t body[HUB_DATA_MAX];
    struct agent_rig *rig = with_clients(2);

    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_raw(rig, 1, head, sizeof(head));
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 0, VD_AGENT_CLIPBOARD_NONE, END);
    for (unsigned i = 0; i < 1000; i++)
        agent_raw(rig, 1, body, sizeof(body));
    agent_hears_nothing(rig, 0);
    assert_null(rig->peers[1].garbage);
    it_works(rig, 2, 0);
    agent_rig_free(rig);
}

/* Every type with too little, and with too much: skipped, the next one is understood. */
static void messages_of_wrong_sizes(void **state)
{
    static const uint8_t nothing[3000];
    static const size_t sizes[] = {0, 1, 3, 5, 2900};

    for (unsigned who = 0; who <= 1; who++) {
        struct agent_rig *rig = with_clients(2);

        for (uint32_t type = 0; type < VD_AGENT_END_MESSAGE + 3; type++) {
            for (unsigned i = 0; type != VD_AGENT_ANNOUNCE_CAPABILITIES && i < G_N_ELEMENTS(sizes);
                 i++)
                agent_say(rig, who, type, nothing, sizes[i]);
        }
        assert_null(rig->guest_garbage);
        assert_null(rig->peers[1].garbage);
        it_works(rig, 2, 0);
        agent_rig_free(rig);
    }
}

/* Grabs with serials out of thin air decide nothing. */
static void grabs_with_wrong_serials(void **state)
{
    struct agent_rig *rig = with_clients(2);
    static const uint32_t wrong[] = {0x80000001, 0xfffffff0, 0x90000000};

    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, wrong[i], TEXT, END);
        agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, wrong[i], TEXT, END);
    }
    agent_hears_nothing(rig, 0);
    agent_hears_nothing(rig, 1);
    agent_hears_nothing(rig, 2);
    it_works(rig, 1, 0);
    agent_rig_free(rig);
}

/* More questions than one may have under way are answered with nothing, at once. */
static void one_asks_too_much(void **state)
{
    struct agent_rig *rig = with_clients(2);
    unsigned refused = 0;

    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_rig_forget(rig);
    for (unsigned i = 0; i < 100; i++)
        agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_settle(rig);
    while (rig->peers[1].stream[0].len) {
        agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD, 0, VD_AGENT_CLIPBOARD_NONE, END);
        refused++;
    }
    assert_int_equal(refused, 100 - 16);
    agent_rig_forget(rig);
    agent_say_u32(rig, 2, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_that_asks_and_does_not_read),
        cmocka_unit_test(clients_that_talk_to_a_deaf_guest),
        cmocka_unit_test(clients_that_come_and_go_past_a_deaf_guest),
        cmocka_unit_test(a_client_that_floods_during_a_move),
        cmocka_unit_test(a_guest_that_announces_gigabytes),
        cmocka_unit_test(a_client_that_announces_gigabytes),
        cmocka_unit_test(messages_of_wrong_sizes),
        cmocka_unit_test(grabs_with_wrong_serials),
        cmocka_unit_test(one_asks_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
