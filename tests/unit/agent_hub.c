/* SPDX-License-Identifier: MIT */
/* The agent hub: a guest and several clients, each as if it had the other side to itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "agent_rig.h"
#include "base/reader.h"

#define TEXT VD_AGENT_CLIPBOARD_UTF8_TEXT
#define PNG  VD_AGENT_CLIPBOARD_IMAGE_PNG

static struct agent_rig *with_clients(unsigned n)
{
    struct agent_rig *rig = agent_rig_new();

    agent_rig_open(rig, LINUX_CAPS);
    for (unsigned i = 0; i < n; i++)
        agent_rig_join(rig, GTK_CAPS);
    agent_rig_forget(rig);
    return rig;
}

static void capabilities_are_the_common_ones(void **state)
{
    struct agent_rig *rig = agent_rig_new();
    unsigned a;

    agent_rig_open(rig, LINUX_CAPS);
    a = agent_rig_join(rig, GTK_CAPS & ~CAP(CLIPBOARD_GRAB_SERIAL));
    agent_hears_u32(rig, a, VD_AGENT_ANNOUNCE_CAPABILITIES, 0,
                    LINUX_CAPS & ~CAP(CLIPBOARD_GRAB_SERIAL), END);
    agent_hears_nothing(rig, a);
    agent_hears(rig, 0, VD_AGENT_ANNOUNCE_CAPABILITIES, NULL);
    agent_hears(rig, 0, VD_AGENT_GRAPHICS_DEVICE_INFO, NULL);
    agent_hears_u32(rig, 0, VD_AGENT_MAX_CLIPBOARD, 0xffffffffu, END);
    agent_hears_nothing(rig, 0);
    agent_rig_free(rig);
}

static void guest_is_asked_once(void **state)
{
    struct agent_rig *rig = with_clients(1);

    agent_rig_join(rig, GTK_CAPS);
    agent_hears_nothing(rig, 0);
    agent_rig_free(rig);
}

static void last_grab_wins_and_requests_go_to_its_owner(void **state)
{
    struct agent_rig *rig = with_clients(3);

    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, PNG, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, PNG, END);
    agent_hears_u32(rig, 2, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, PNG, END);
    agent_hears_u32(rig, 3, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, PNG, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_say_u32(rig, 3, VD_AGENT_CLIPBOARD_REQUEST, 0, PNG, END);
    agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD_REQUEST, 0, PNG, END);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD, 0, PNG, 0x31, END);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD, 0, TEXT, 0x32, 0x33, END);
    agent_hears_u32(rig, 3, VD_AGENT_CLIPBOARD, 0, PNG, 0x31, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 0, TEXT, 0x32, 0x33, END);

    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, END);
    agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, END);
    agent_hears_u32(rig, 2, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, END);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_RELEASE, 0, END); /* it is not his any more */
    agent_hears_nothing(rig, 0);
    agent_say_u32(rig, 2, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_free(rig);
}

static void selections_are_apart(void **state)
{
    struct agent_rig *rig = with_clients(2);

    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 1, 0, TEXT, END);
    agent_rig_forget(rig);
    agent_say_u32(rig, 2, VD_AGENT_CLIPBOARD_REQUEST, 1, TEXT, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 1, TEXT, END);
    agent_say_u32(rig, 2, VD_AGENT_CLIPBOARD_REQUEST, 2, TEXT, END);
    agent_hears_u32(rig, 2, VD_AGENT_CLIPBOARD, 2, VD_AGENT_CLIPBOARD_NONE, END);
    agent_say_u32(rig, 2, VD_AGENT_CLIPBOARD_GRAB, 3, 0, TEXT, END); /* there is none */
    agent_hears_nothing(rig, 0);
    agent_rig_free(rig);
}

static void every_request_is_answered(void **state)
{
    struct agent_rig *rig = with_clients(2);

    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END); /* nobody has it */
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 0, VD_AGENT_CLIPBOARD_NONE, END);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_rig_forget(rig);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, PNG, END); /* it was not offered */
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 0, VD_AGENT_CLIPBOARD_NONE, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_hears_nothing(rig, 0);
    agent_rig_leave(rig, 1); /* the owner goes before it answers */
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 0, VD_AGENT_CLIPBOARD_NONE, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_RELEASE, 0, END);
    agent_hears_nothing(rig, 0);
    agent_say_u32(rig, 2, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, END);
    agent_rig_forget(rig);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_pass(rig, 29);
    agent_hears_nothing(rig, 0);
    agent_rig_pass(rig, 2); /* the owner is silent */
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 0, VD_AGENT_CLIPBOARD_NONE, END);
    agent_say_u32(rig, 2, VD_AGENT_CLIPBOARD, 0, TEXT, 1, END); /* too late: not told twice */
    agent_hears_nothing(rig, 0);
    agent_rig_free(rig);
}

static void a_client_that_comes_later_hears_who_owns(void **state)
{
    struct agent_rig *rig = with_clients(1);
    unsigned b;

    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    b = agent_rig_join(rig, GTK_CAPS & ~CAP(CLIPBOARD_NO_RELEASE_ON_REGRAB));
    agent_hears(rig, b, VD_AGENT_ANNOUNCE_CAPABILITIES, NULL);
    agent_hears_u32(rig, b, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 1, PNG, END);
    agent_hears_u32(rig, b, VD_AGENT_CLIPBOARD_RELEASE, 0, END); /* it knows no regrabs */
    agent_hears_u32(rig, b, VD_AGENT_CLIPBOARD_GRAB, 0, 1, PNG, END);
    agent_rig_free(rig);
}

/* Both grab at once: each has counted its own grab when the other's comes. */
static void grabs_that_cross_end_with_one_owner(void **state)
{
    struct agent_rig *rig = with_clients(1);

    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, PNG, END); /* it wins */
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 1, PNG, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, END); /* it crossed: it loses */
    agent_hears_nothing(rig, 1);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, PNG, END);
    agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD_REQUEST, 0, PNG, END);
    agent_rig_free(rig);
}

static void fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
}

/* Messages of a client cost tokens; the test lets it have more when they come back. */
static void say_as_tokens_allow(struct agent_rig *rig, unsigned who, const uint8_t *bytes,
                                size_t len)
{
    struct rig_peer *peer = &rig->peers[who];

    for (size_t done = 0, n; done < len; done += n) {
        n = MIN(len - done, HUB_DATA_MAX);
        assert_true(peer->sent - peer->tokens < HUB_WINDOW);
        agent_raw(rig, who, bytes + done, n);
    }
}

static void large_pastes_are_passed_on_in_pieces(void **state)
{
    const size_t len = 3 << 20;
    g_autofree uint8_t *body = g_malloc0(8 + len);
    struct agent_rig *rig = with_clients(2);
    struct buf message = BUF_INIT;
    const uint8_t *heard;
    size_t got;

    body[4] = TEXT;
    fill(body + 8, len);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_forget(rig);
    agent_say(rig, 0, VD_AGENT_CLIPBOARD, body, 8 + len);
    heard = agent_hears(rig, 1, VD_AGENT_CLIPBOARD, &got);
    assert_int_equal(got, 8 + len);
    assert_memory_equal(heard, body, got);

    agent_say_u32(rig, 2, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_forget(rig);
    agent_put_message(&message, VD_AGENT_CLIPBOARD, body, 8 + len);
    say_as_tokens_allow(rig, 2, message.data, message.len);
    heard = agent_hears(rig, 0, VD_AGENT_CLIPBOARD, &got);
    assert_int_equal(got, 8 + len);
    assert_memory_equal(heard, body, got);
    buf_free(&message);
    agent_rig_free(rig);
}

/* A guest that does not read: nobody's bytes are lost or pile up. */
static void back_pressure_reaches_the_client(void **state)
{
    static uint8_t body[8 + 64 * 1024];
    struct agent_rig *rig = with_clients(1);
    struct rig_peer *peer = &rig->peers[1];
    struct buf message = BUF_INIT;
    unsigned sent = 0;
    size_t got, out;

    body[4] = TEXT;
    fill(body + 8, sizeof(body) - 8);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_forget(rig);
    agent_put_message(&message, VD_AGENT_CLIPBOARD, body, sizeof(body));
    rig->peers[0].stuck = true;
    while (peer->sent - peer->tokens < HUB_WINDOW) {
        agent_raw(rig, 1, message.data + sent * HUB_DATA_MAX, HUB_DATA_MAX);
        sent++;
    }
    assert_true(sent <= HUB_WINDOW + 3);
    hub_guest_output(rig->hub, &out);
    assert_true(out <= 3 * HUB_DATA_MAX);
    rig->peers[0].stuck = false;
    agent_rig_settle(rig);
    say_as_tokens_allow(rig, 1, message.data + sent * HUB_DATA_MAX,
                        message.len - sent * HUB_DATA_MAX);
    assert_memory_equal(agent_hears(rig, 0, VD_AGENT_CLIPBOARD, &got), body, sizeof(body));
    buf_free(&message);
    agent_rig_free(rig);
}

/* What others say waits for the end of a long message, and is not lost. */
static void messages_do_not_mix(void **state)
{
    static uint8_t body[8 + 5000];
    struct agent_rig *rig = with_clients(2);
    struct buf message = BUF_INIT;
    size_t got;

    body[4] = TEXT;
    fill(body + 8, 5000);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_forget(rig);
    agent_put_message(&message, VD_AGENT_CLIPBOARD, body, sizeof(body));
    agent_raw(rig, 1, message.data, 2500);
    agent_say_u32(rig, 2, VD_AGENT_CLIPBOARD_GRAB, 1, 0, PNG, END);
    agent_raw(rig, 1, message.data + 2500, message.len - 2500);
    assert_memory_equal(agent_hears(rig, 0, VD_AGENT_CLIPBOARD, &got), body, sizeof(body));
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 1, 0, PNG, END);
    buf_free(&message);
    agent_rig_free(rig);
}

/* The guest must not take half a paste for a whole one. */
static void an_owner_that_leaves_in_the_middle_resets_the_guest(void **state)
{
    struct agent_rig *rig = with_clients(2);
    static uint8_t start[20 + 8 + 100];
    struct buf message = BUF_INIT;

    agent_say_u32(rig, 2, VD_AGENT_CLIPBOARD_GRAB, 1, 0, PNG, END);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_forget(rig);
    agent_put_head(&message, VD_AGENT_CLIPBOARD, 1 << 20);
    memcpy(start, message.data, message.len);
    start[24] = TEXT;
    agent_raw(rig, 1, start, sizeof(start));
    buf_free(&message);
    agent_rig_leave(rig, 1);
    buf_reset(&rig->peers[0].stream[0]); /* its half message, and what came before the reset */
    agent_guest_hears_server(rig, VD_AGENT_CLIENT_DISCONNECTED, NULL);
    agent_say_u32(rig, 0, VD_AGENT_ANNOUNCE_CAPABILITIES, 0, LINUX_CAPS, END);
    agent_hears(rig, 0, VD_AGENT_GRAPHICS_DEVICE_INFO, NULL);
    agent_hears(rig, 0, VD_AGENT_MAX_CLIPBOARD, NULL);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 1, 0, PNG, END); /* the other's stays */
    agent_rig_free(rig);
}

static void file_numbers_are_kept_apart(void **state)
{
    struct agent_rig *rig = with_clients(2);
    const uint8_t *heard;
    uint32_t second;
    size_t len;

    agent_say(rig, 1, VD_AGENT_FILE_XFER_START, "\1\0\0\0[file]", 10);
    agent_say(rig, 2, VD_AGENT_FILE_XFER_START, "\1\0\0\0[other]", 11);
    assert_memory_equal(agent_hears(rig, 0, VD_AGENT_FILE_XFER_START, &len), "\1\0\0\0[file]", 10);
    heard = agent_hears(rig, 0, VD_AGENT_FILE_XFER_START, &len);
    second = heard[0] | (uint32_t)heard[2] << 16;
    assert_int_not_equal(second, 1);
    assert_memory_equal(heard + 4, "[other]", 7);
    agent_say_u32(rig, 0, VD_AGENT_FILE_XFER_STATUS, second, 0, END);
    agent_hears_u32(rig, 2, VD_AGENT_FILE_XFER_STATUS, 1, 0, END);
    agent_hears_nothing(rig, 1);
    agent_say_u32(rig, 2, VD_AGENT_FILE_XFER_DATA, 1, 4, 0, 0x64636261, END);
    agent_hears_u32(rig, 0, VD_AGENT_FILE_XFER_DATA, second, 4, 0, 0x64636261, END);
    agent_rig_leave(rig, 2);
    agent_hears_u32(rig, 0, VD_AGENT_FILE_XFER_STATUS, second, VD_AGENT_FILE_XFER_STATUS_CANCELLED,
                    END);
    agent_say_u32(rig, 0, VD_AGENT_FILE_XFER_STATUS, 1, VD_AGENT_FILE_XFER_STATUS_SUCCESS, END);
    agent_hears_u32(rig, 1, VD_AGENT_FILE_XFER_STATUS, 1, VD_AGENT_FILE_XFER_STATUS_SUCCESS, END);
    agent_say_u32(rig, 1, VD_AGENT_FILE_XFER_DATA, 1, 4, 0, 0, END); /* it is over */
    agent_hears_nothing(rig, 0);
    agent_rig_free(rig);
}

static void switches_hold(void **state)
{
    struct agent_rig *rig = agent_rig_new();
    const uint32_t off =
        LINUX_CAPS & ~(CAP(CLIPBOARD_BY_DEMAND) | CAP(CLIPBOARD_SELECTION) | CAP(MAX_CLIPBOARD) |
                       CAP(CLIPBOARD_NO_RELEASE_ON_REGRAB) | CAP(CLIPBOARD_GRAB_SERIAL));

    hub_set_switches(rig->hub, (struct hub_switches){false, false, false});
    agent_rig_open(rig, LINUX_CAPS);
    agent_rig_join(rig, GTK_CAPS);
    agent_hears_u32(rig, 1, VD_AGENT_ANNOUNCE_CAPABILITIES, 0, off | CAP(FILE_XFER_DISABLED), END);
    agent_rig_forget(rig);
    assert_false(hub_takes_mouse(rig->hub));
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_hears_nothing(rig, 0);
    agent_hears_nothing(rig, 1);
    agent_say_u32(rig, 1, VD_AGENT_FILE_XFER_START, 5, 0, END);
    agent_hears_nothing(rig, 0);
    agent_hears_u32(rig, 1, VD_AGENT_FILE_XFER_STATUS, 5, VD_AGENT_FILE_XFER_STATUS_DISABLED, END);
    agent_rig_free(rig);
}

static const uint32_t monitor[] = {1, 1, 600, 800, 32, 0, 0};

static void say_monitors(struct agent_rig *rig, unsigned who, uint32_t width)
{
    agent_say_u32(rig, who, VD_AGENT_MONITORS_CONFIG, 1, 3, 600, width, 32, 0, 0, 0x00640064, END);
}

static void monitors_are_for_who_is_in_charge(void **state)
{
    struct agent_rig *rig = with_clients(2);

    say_monitors(rig, 1, 800); /* without the size in mm */
    agent_hears_u32(rig, 0, VD_AGENT_MONITORS_CONFIG, 1, 1, 600, 800, 32, 0, 0, END);
    agent_say_u32(rig, 0, VD_AGENT_REPLY, VD_AGENT_MONITORS_CONFIG, VD_AGENT_SUCCESS, END);
    agent_hears_u32(rig, 1, VD_AGENT_REPLY, VD_AGENT_MONITORS_CONFIG, VD_AGENT_SUCCESS, END);
    rig->device_takes_monitors = true;
    say_monitors(rig, 2, 1000); /* not in charge: kept */
    assert_int_equal(rig->monitors.len, 0);
    say_monitors(rig, 1, 800);
    agent_hears_nothing(rig, 0);
    assert_int_equal(rig->monitors.len, sizeof(monitor));
    assert_memory_equal(rig->monitors.data, monitor, sizeof(monitor));
    hub_client_input(rig->peers[2].client);
    assert_int_equal(rig->monitors.data[12] | rig->monitors.data[13] << 8, 1000);
    agent_rig_free(rig);
}

static void pointer_goes_through_the_agent(void **state)
{
    struct agent_rig *rig = with_clients(1);
    static const uint32_t pressed[] = {10, 20, VD_AGENT_LBUTTON_MASK};
    size_t len;

    assert_true(hub_takes_mouse(rig->hub));
    hub_mouse_to(rig->hub, 10, 20, 0, 0);
    agent_guest_hears_server(rig, VD_AGENT_MOUSE_STATE, &len);
    assert_int_equal(len, 13);
    rig->peers[0].stuck = true;
    for (uint32_t i = 0; i < 1000; i++)
        hub_mouse_to(rig->hub, i, 5, 0, 0);
    hub_mouse_to(rig->hub, 10, 20, 0, 0);
    hub_mouse_buttons(rig->hub, 1, 0);
    hub_mouse_buttons(rig->hub, 0, 0);
    hub_guest_output(rig->hub, &len);
    assert_true(len <= 2 * HUB_DATA_MAX);
    rig->peers[0].stuck = false;
    agent_rig_settle(rig);
    for (;;) { /* places may be left out, the click not */
        const uint8_t *heard = agent_guest_hears_server(rig, VD_AGENT_MOUSE_STATE, &len);
        if (!memcmp(heard, pressed, sizeof(pressed)))
            break;
    }
    assert_int_equal(agent_guest_hears_server(rig, VD_AGENT_MOUSE_STATE, &len)[8], 0);
    agent_rig_free(rig);
}

static void guest_that_comes_again_is_a_new_one(void **state)
{
    struct agent_rig *rig = with_clients(2);

    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_rig_forget(rig);
    hub_guest_close(rig->hub);
    agent_rig_settle(rig);
    assert_int_equal(rig->peers[1].disconnects, 1);
    assert_false(hub_takes_mouse(rig->hub));
    hub_guest_open(rig->hub);
    agent_rig_settle(rig);
    assert_int_equal(rig->peers[2].connects, 1);
    agent_hears_nothing(rig, 0); /* not before a client wants it */
    hub_client_start(rig->peers[1].client, UINT32_MAX);
    agent_say_u32(rig, 1, VD_AGENT_ANNOUNCE_CAPABILITIES, 1, GTK_CAPS, END);
    agent_hears(rig, 0, VD_AGENT_ANNOUNCE_CAPABILITIES, NULL);
    agent_rig_free(rig);
}

/* Clients send the rest of a long message even if its agent is gone, and a new one there. */
static void the_rest_of_an_old_message_is_skipped(void **state)
{
    struct agent_rig *rig = with_clients(1);
    static const uint8_t rest[3000];
    struct buf message = BUF_INIT;

    agent_say_u32(rig, 1, VD_AGENT_FILE_XFER_START, 1, 0, END);
    agent_put_head(&message, VD_AGENT_FILE_XFER_DATA, 12 + 3000);
    buf_u32(&message, 1);
    buf_u64(&message, 3000);
    agent_raw(rig, 1, message.data, message.len);
    hub_guest_close(rig->hub);
    hub_guest_open(rig->hub);
    agent_rig_forget(rig);
    agent_raw(rig, 1, rest, 1000);
    hub_client_start(rig->peers[1].client, UINT32_MAX);
    agent_raw(rig, 1, rest, 2000);
    agent_say_u32(rig, 1, VD_AGENT_ANNOUNCE_CAPABILITIES, 1, GTK_CAPS, END);
    assert_null(rig->peers[1].garbage);
    agent_hears(rig, 0, VD_AGENT_ANNOUNCE_CAPABILITIES, NULL);
    agent_hears_nothing(rig, 0);
    buf_free(&message);
    agent_rig_free(rig);
}

static void last_client_to_leave_is_told_to_the_guest(void **state)
{
    struct agent_rig *rig = with_clients(2);

    agent_rig_leave(rig, 1);
    agent_hears_nothing(rig, 0);
    agent_rig_leave(rig, 2);
    agent_guest_hears_server(rig, VD_AGENT_CLIENT_DISCONNECTED, NULL);
    agent_rig_free(rig);
}

static void garbage_ends_only_who_sent_it(void **state)
{
    struct agent_rig *rig = with_clients(2);
    static const uint8_t nonsense[64] = {9, 9, 9, 9};

    agent_raw(rig, 1, nonsense, sizeof(nonsense));
    assert_non_null(rig->peers[1].garbage);
    assert_null(rig->peers[2].garbage);
    agent_rig_leave(rig, 1);
    agent_hears_nothing(rig, 0);
    agent_raw(rig, 0, nonsense, sizeof(nonsense));
    assert_non_null(rig->guest_garbage);
    assert_int_equal(rig->peers[2].disconnects, 1);
    assert_null(rig->peers[2].garbage);
    assert_int_equal(hub_guest_room(rig->hub), 0);
    agent_rig_free(rig);
}

static void more_than_the_window_ends_the_client(void **state)
{
    struct agent_rig *rig = with_clients(1);

    rig->peers[1].stuck = true; /* does not take its tokens */
    while (rig->peers[1].sent < HUB_WINDOW)
        agent_say_u32(rig, 1, VD_AGENT_REPLY, 0, 0, END);
    assert_null(rig->peers[1].garbage);
    agent_say_u32(rig, 1, VD_AGENT_REPLY, 0, 0, END);
    assert_non_null(rig->peers[1].garbage);
    agent_rig_free(rig);
}

static void put_clipboard(struct buf *out, uint32_t len)
{
    buf_u32(out, VDP_CLIENT_PORT);
    buf_u32(out, 20 + 8 + len);
    agent_put_head(out, VD_AGENT_CLIPBOARD, 8 + len);
    buf_u32(out, 0);
    buf_u32(out, TEXT);
    for (uint32_t i = 0; i < len; i++)
        buf_u8(out, (uint8_t)i);
}

/* A port that is not read because of a client is looked at again when that has read. */
static void a_guest_that_waits_is_woken(void **state)
{
    struct agent_rig *rig = with_clients(1);
    struct buf message = BUF_INIT;
    size_t done = 0, n;

    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    put_clipboard(&message, 1 << 20);
    while (done < message.len) {
        rig->peers[1].stuck = true;
        while ((n = MIN(hub_guest_room(rig->hub), message.len - done))) {
            hub_guest_feed(rig->hub, message.data + done, n);
            done += n;
        }
        rig->peers[1].stuck = false;
        rig->wakes = 0;
        agent_rig_forget(rig);
        assert_true(hub_guest_room(rig->hub));
        assert_true(rig->wakes || done == message.len);
    }
    buf_free(&message);
    agent_rig_free(rig);
}

/* One that reads nothing is given up alone; the guest goes on with the others. */
static void a_client_that_does_not_read_holds_up_nobody(void **state)
{
    struct agent_rig *rig = with_clients(2);
    struct buf message = BUF_INIT;
    size_t done = 0, n;

    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_forget(rig);
    rig->peers[1].stuck = true;
    put_clipboard(&message, 1 << 20);
    while ((n = MIN(hub_guest_room(rig->hub), message.len - done))) {
        hub_guest_feed(rig->hub, message.data + done, n);
        done += n;
    }
    assert_true(done < 128 * 1024);
    agent_rig_pass(rig, 5);
    agent_rig_pass(rig, 6);
    while ((n = MIN(hub_guest_room(rig->hub), message.len - done))) {
        hub_guest_feed(rig->hub, message.data + done, n);
        done += n;
    }
    assert_int_equal(done, message.len);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 1, PNG, END);
    agent_hears_u32(rig, 2, VD_AGENT_CLIPBOARD_GRAB, 0, 1, PNG, END);
    rig->peers[1].stuck = false;
    agent_rig_settle(rig);
    assert_int_equal(rig->peers[1].disconnects, 1);
    assert_int_equal(rig->peers[1].connects, 1);
    buf_free(&message);
    agent_rig_free(rig);
}

/* Cut anywhere, it is the same. */
static void chunks_may_be_cut_anywhere(void **state)
{
    static const uint32_t message[] = {
        VDP_CLIENT_PORT, 32, VD_AGENT_PROTOCOL, VD_AGENT_CLIPBOARD_GRAB, 0, 0, 12, 0, 0, TEXT};
    const uint8_t *bytes = (const uint8_t *)message;

    for (size_t cut = 0; cut <= sizeof(message); cut++) {
        struct agent_rig *rig = with_clients(1);

        agent_raw(rig, 0, bytes, cut);
        agent_raw(rig, 0, bytes + cut, sizeof(message) - cut);
        agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
        agent_rig_free(rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(capabilities_are_the_common_ones),
        cmocka_unit_test(guest_is_asked_once),
        cmocka_unit_test(last_grab_wins_and_requests_go_to_its_owner),
        cmocka_unit_test(selections_are_apart),
        cmocka_unit_test(every_request_is_answered),
        cmocka_unit_test(a_client_that_comes_later_hears_who_owns),
        cmocka_unit_test(grabs_that_cross_end_with_one_owner),
        cmocka_unit_test(large_pastes_are_passed_on_in_pieces),
        cmocka_unit_test(back_pressure_reaches_the_client),
        cmocka_unit_test(messages_do_not_mix),
        cmocka_unit_test(an_owner_that_leaves_in_the_middle_resets_the_guest),
        cmocka_unit_test(file_numbers_are_kept_apart),
        cmocka_unit_test(switches_hold),
        cmocka_unit_test(monitors_are_for_who_is_in_charge),
        cmocka_unit_test(pointer_goes_through_the_agent),
        cmocka_unit_test(guest_that_comes_again_is_a_new_one),
        cmocka_unit_test(the_rest_of_an_old_message_is_skipped),
        cmocka_unit_test(last_client_to_leave_is_told_to_the_guest),
        cmocka_unit_test(garbage_ends_only_who_sent_it),
        cmocka_unit_test(more_than_the_window_ends_the_client),
        cmocka_unit_test(a_guest_that_waits_is_woken),
        cmocka_unit_test(a_client_that_does_not_read_holds_up_nobody),
        cmocka_unit_test(chunks_may_be_cut_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
