/* SPDX-License-Identifier: MIT */
/* A card reader: whole messages only, one owner, and what is cut by a move is carried once. */
#include "device_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <glib.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <string.h>

#include "channel/vscard.h"

static void say(struct rig_link *link, uint32_t type, uint32_t reader, const char *data)
{
    const struct vsc_message message = {type, reader, (uint32_t)strlen(data),
                                        (const uint8_t *)data};
    struct buf bytes = BUF_INIT;

    vsc_put_for_client(&bytes, &message);
    rig_send(link, SPICE_MSGC_SMARTCARD_DATA, bytes.data, (uint32_t)bytes.len);
    buf_free(&bytes);
}

static void hear(struct rig_link *link, uint32_t type, uint32_t reader, const char *data,
                 size_t len)
{
    struct vsc_message message;
    uint32_t size;
    const uint8_t *body = rig_expect(link, SPICE_MSG_SMARTCARD_DATA, &size);

    assert_true(vsc_from_client(body, size, &message));
    assert_int_equal(message.type, type);
    assert_int_equal(message.reader_id, reader);
    assert_int_equal(message.length, len);
    assert_memory_equal(message.data, data, len);
}

/* The first `len` bytes of the message, from `from` on. */
static void device_says(struct rig *rig, struct fake_device *device, const char *data, size_t from,
                        size_t len)
{
    const struct vsc_message message = {VSC_APDU, VSC_READER, (uint32_t)strlen(data),
                                        (const uint8_t *)data};
    struct buf bytes = BUF_INIT;

    vsc_put_for_reader(&bytes, &message);
    buf_append(&device->guest_out, bytes.data + from, MIN(len, bytes.len - from));
    buf_free(&bytes);
    spice_server_char_device_wakeup(&device->sin);
    rig_settle(rig);
}

/* The next message that the device was given. */
static void device_hears(struct fake_device *device, uint32_t type, const char *data)
{
    struct vsc_message message;

    assert_int_equal(vsc_find(device->guest_in.data, device->guest_in.len, &message), VSC_WHOLE);
    assert_int_equal(message.type, type);
    assert_int_equal(message.length, strlen(data));
    assert_memory_equal(message.data, data, message.length);
    buf_consume(&device->guest_in, VSC_HEADER + message.length);
}

static struct fake_device *attach(struct rig *rig)
{
    struct fake_device *device = fake_device_new("smartcard", NULL);

    assert_true(fake_device_attach(rig, device));
    return device;
}

static void detach(struct rig *rig, struct fake_device *device)
{
    fake_device_detach(rig, device);
    fake_device_free(device);
    rig_free(rig);
}

static struct rig *running_rig(void)
{
    struct rig *rig = rig_new();

    spice_server_vm_start(rig_server(rig));
    rig_settle(rig);
    return rig;
}

static void messages_are_passed_whole_and_in_turn(void **state)
{
    static const char code[4] = {VSC_GENERAL_ERROR};
    struct rig *rig = running_rig();
    struct fake_device *device = attach(rig);
    struct device_client client = device_client_new(rig);
    struct rig_link *link = device_client_link(&client, SPICE_CHANNEL_SMARTCARD, 0);

    say(link, VSC_ATR, VSC_READER, "too early");
    hear(link, VSC_ERROR, VSC_READER, code, 4);
    say(link, VSC_APDU, VSC_READER, "too early, too");
    say(link, VSC_INIT, VSC_NO_READER, "VSCD");
    say(link, VSC_READER_REMOVE, 7, "");
    hear(link, VSC_ERROR, 7, code, 4);
    say(link, VSC_READER_ADD, VSC_NO_READER, "its name");
    device_hears(device, VSC_READER_ADD, "");
    device->takes = 5; /* a host that takes messages apart */
    say(link, VSC_ATR, VSC_READER, "atr");
    say(link, VSC_APDU, VSC_READER, "answer");
    assert_int_equal(device->guest_in.len, 5);
    fake_device_take(rig, device, SIZE_MAX);
    device_hears(device, VSC_ATR, "atr");
    device_hears(device, VSC_APDU, "answer");
    device_says(rig, device, "cut anywhere", 0, 7);
    rig_expect_nothing(link);
    device_says(rig, device, "cut anywhere", 7, 100);
    hear(link, VSC_APDU, VSC_READER, "cut anywhere", 12);
    say(link, VSC_APDU, VSC_READER, "answer");
    device_hears(device, VSC_APDU, "answer");
    rig_close(link);
    device_client_leave(&client);
    assert_int_equal(device->guest_in.len, 0);
    rig_pass(rig, 200);
    device_hears(device, VSC_CARD_REMOVE, "");
    device_hears(device, VSC_READER_REMOVE, "");
    assert_int_equal(device->state, 0);
    detach(rig, device);
}

static void device_hears_error(struct fake_device *device)
{
    struct vsc_message message;

    assert_int_equal(vsc_find(device->guest_in.data, device->guest_in.len, &message), VSC_WHOLE);
    assert_int_equal(message.type, VSC_ERROR);
    assert_int_equal(message.length, 4);
    buf_consume(&device->guest_in, VSC_HEADER + 4);
}

/* QEMU's reader forgets what is asked when the card is pulled, so the guest has its answer first.
 */
static void what_was_asked_of_an_owner_that_leaves_ends(void **state)
{
    struct rig *rig = running_rig();
    struct fake_device *device = attach(rig);
    struct device_client one = device_client_new(rig), two = device_client_new(rig);
    struct rig_link *link = device_client_link(&one, SPICE_CHANNEL_SMARTCARD, 0);
    struct rig_link *waiting = device_client_link(&two, SPICE_CHANNEL_SMARTCARD, 0);

    say(link, VSC_READER_ADD, VSC_NO_READER, "");
    device_hears(device, VSC_READER_ADD, "");
    say(waiting, VSC_READER_ADD, VSC_NO_READER, "");
    device_says(rig, device, "a question", 0, 100);
    rig_close(link);
    device_client_leave(&one);
    device_hears_error(device);
    assert_int_equal(device->guest_in.len, 0);
    device_says(rig, device, "again", 0, 100);
    device_hears_error(device);
    rig_pass(rig, 200);
    device_hears(device, VSC_CARD_REMOVE, "");
    device_hears(device, VSC_READER_REMOVE, "");
    assert_int_equal(device->guest_in.len, 0);
    assert_int_equal(device->state, 0);
    rig_pass(rig, 1000);
    device_hears(device, VSC_READER_ADD, "");
    assert_int_equal(device->state, 1);
    rig_close(waiting);
    device_client_leave(&two);
    detach(rig, device);
}

static void an_owner_that_leaves_while_the_vm_stands_is_seen_off_first(void **state)
{
    struct rig *rig = running_rig();
    struct fake_device *device = attach(rig);
    struct device_client one = device_client_new(rig), two = device_client_new(rig);
    struct rig_link *link = device_client_link(&one, SPICE_CHANNEL_SMARTCARD, 0);
    struct rig_link *waiting = device_client_link(&two, SPICE_CHANNEL_SMARTCARD, 0);

    say(link, VSC_READER_ADD, VSC_NO_READER, "");
    device_hears(device, VSC_READER_ADD, "");
    say(waiting, VSC_READER_ADD, VSC_NO_READER, "");
    spice_server_vm_stop(rig_server(rig));
    say(link, VSC_APDU, VSC_READER, "for nobody");
    rig_close(link);
    device_client_leave(&one);
    assert_int_equal(device->guest_in.len, 0);
    spice_server_vm_start(rig_server(rig));
    rig_settle(rig);
    rig_pass(rig, 200);
    device_hears(device, VSC_CARD_REMOVE, "");
    device_hears(device, VSC_READER_REMOVE, "");
    /* and the guest has a while to see it */
    rig_pass(rig, 999);
    assert_int_equal(device->guest_in.len, 0);
    spice_server_vm_stop(rig_server(rig));
    rig_pass(rig, 1000);
    spice_server_vm_start(rig_server(rig));
    rig_settle(rig);
    assert_int_equal(device->guest_in.len, 0);
    rig_pass(rig, 1000);
    device_hears(device, VSC_READER_ADD, "");
    assert_int_equal(device->guest_in.len, 0);
    rig_close(waiting);
    device_client_leave(&two);
    detach(rig, device);
}

static void a_farewell_that_is_not_taken_keeps_the_next_waiting(void **state)
{
    struct rig *rig = running_rig();
    struct fake_device *device = attach(rig);
    struct device_client one = device_client_new(rig), two = device_client_new(rig);
    struct rig_link *link = device_client_link(&one, SPICE_CHANNEL_SMARTCARD, 0);
    struct rig_link *waiting = device_client_link(&two, SPICE_CHANNEL_SMARTCARD, 0);

    say(link, VSC_READER_ADD, VSC_NO_READER, "");
    device_hears(device, VSC_READER_ADD, "");
    say(waiting, VSC_READER_ADD, VSC_NO_READER, "");
    device->takes = 0;
    rig_close(link);
    device_client_leave(&one);
    rig_pass(rig, 200);
    rig_pass(rig, 1000);
    rig_pass(rig, 1000);
    assert_int_equal(device->guest_in.len, 0);
    fake_device_take(rig, device, SIZE_MAX);
    device_hears(device, VSC_CARD_REMOVE, "");
    device_hears(device, VSC_READER_REMOVE, "");
    assert_int_equal(device->guest_in.len, 0);
    rig_pass(rig, 1000);
    device_hears(device, VSC_READER_ADD, "");
    rig_close(waiting);
    device_client_leave(&two);
    detach(rig, device);
}

static void lies_end_the_link_only(void **state)
{
    static const uint8_t lies[][16] = {
        {VSC_APDU, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}, /* a length */
        {VSC_APDU, 0, 0, 0, 0, 0, 0, 0, 3},
        {VSC_APDU, 0, 0, 0, 1, 0, 0, 0, 4},  /* a reader */
        {VSC_ERROR, 0, 0, 0, 1, 0, 0, 0, 4}, /* a reader */
        {99, 0, 0, 0, 0, 0, 0, 0, 4},        /* a type */
    };
    struct rig *rig = running_rig();
    struct fake_device *device = attach(rig);
    struct device_client client = device_client_new(rig);

    for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
        struct rig_link *link = device_client_link(&client, SPICE_CHANNEL_SMARTCARD, 0);
        rig_send(link, SPICE_MSGC_SMARTCARD_DATA, lies[i], sizeof(lies[i]));
        assert_true(rig_is_closed(link));
        rig_close(link);
    }
    /* of the device */
    for (int i = 0; i < 2; i++) {
        struct rig_link *link = device_client_link(&client, SPICE_CHANNEL_SMARTCARD, 0);
        if (i == 0)
            buf_append(&device->guest_out, "\0\0\0\7\0\0\0\0\x7f\0\0\0", 12);
        spice_server_char_device_wakeup(&device->sin);
        rig_settle(rig);
        assert_int_equal(rig_is_closed(link), i == 0);
        rig_close(link);
    }
    assert_int_equal(device->guest_in.len, 0);
    rig_expect_nothing(client.main);
    device_client_leave(&client);
    detach(rig, device);
}

static void what_a_move_cuts_arrives_once(void **state)
{
    struct rig *source = running_rig(), *target = rig_new();
    struct fake_device *here = attach(source), *there = attach(target);
    struct device_client from = device_client_new(source), to;
    struct rig_link *link = device_client_link(&from, SPICE_CHANNEL_SMARTCARD, 0), *after;

    say(link, VSC_READER_ADD, VSC_NO_READER, "");
    device_hears(here, VSC_READER_ADD, "");
    device_says(source, here, "cut by a move", 0, 15);
    to = device_move_begin(&from, target);
    after = device_client_link(&to, SPICE_CHANNEL_SMARTCARD, 0);
    device_move_end(&from, &to);
    say(link, VSC_ATR, VSC_READER, "under way");
    /* the device goes on before the state is there */
    device_says(target, there, "cut by a move", 15, 100);
    device_says(target, there, "and more", 0, 100);
    assert_int_equal(there->guest_out.len, 0);
    device_move_link(link, after);
    device_hears(there, VSC_ATR, "under way");
    hear(after, VSC_APDU, VSC_READER, "cut by a move", 13);
    hear(after, VSC_APDU, VSC_READER, "and more", 8);
    say(after, VSC_READER_REMOVE, VSC_READER, "");
    device_hears(there, VSC_READER_REMOVE, "");
    rig_expect_nothing(after);
    assert_int_equal(there->guest_in.len, 0);
    rig_close(link);
    rig_close(after);
    device_client_leave(&from);
    device_client_leave(&to);
    detach(source, here);
    detach(target, there);
}

/* Said while the client goes over, so answered at the target. */
static void what_is_refused_is_refused_after_a_move(void **state)
{
    static const char general[4] = {VSC_GENERAL_ERROR}, no_more[4] = {VSC_NO_MORE_READERS};

    for (int added = 0; added < 2; added++) {
        struct rig *source = running_rig(), *target = rig_new();
        struct fake_device *here = attach(source), *there = attach(target);
        struct device_client from = device_client_new(source), to;
        struct rig_link *link = device_client_link(&from, SPICE_CHANNEL_SMARTCARD, 0), *after;

        if (added)
            say(link, VSC_READER_ADD, VSC_NO_READER, "");
        to = device_move_begin(&from, target);
        after = device_client_link(&to, SPICE_CHANNEL_SMARTCARD, 0);
        device_move_end(&from, &to);
        if (added)
            say(link, VSC_READER_ADD, VSC_NO_READER, "");
        else
            say(link, VSC_READER_REMOVE, VSC_READER, "");
        device_move_link(link, after);
        if (added)
            hear(after, VSC_ERROR, VSC_NO_READER, no_more, 4);
        else
            hear(after, VSC_ERROR, VSC_READER, general, 4);
        assert_int_equal(there->guest_in.len, 0);
        rig_close(link);
        rig_close(after);
        device_client_leave(&from);
        device_client_leave(&to);
        detach(source, here);
        detach(target, there);
    }
}

/* Every bit of a state flipped, every length: the link ends at most, the device hears messages. */
static void wrong_states_end_the_link_only(void **state)
{
    struct rig *source = running_rig(), *target = rig_new();
    struct fake_device *here = attach(source), *there = attach(target);
    struct device_client from = device_client_new(source), to;
    struct rig_link *link = device_client_link(&from, SPICE_CHANNEL_SMARTCARD, 0);
    const uint8_t *body;
    uint8_t good[200], bad[200];
    uint32_t size, result;
    unsigned ended = 0;

    say(link, VSC_READER_ADD, VSC_NO_READER, "");
    device_says(source, here, "cut", 0, 9);
    to = device_move_begin(&from, target);
    device_move_end(&from, &to);
    say(link, VSC_APDU, VSC_READER, "held");
    rig_expect(link, SPICE_MSG_MIGRATE, NULL);
    rig_send(link, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
    body = rig_expect(link, SPICE_MSG_MIGRATE_DATA, &size);
    assert_true(size <= sizeof(good));
    memcpy(good, body, size);
    for (uint32_t i = 0; i < size * 8 + size; i++) {
        struct device_client c = {.rig = target, .id = 4711};
        struct rig_link *after;

        c.main = rig_connect(target, c.id, SPICE_CHANNEL_MAIN, 0, &result);
        rig_send(c.main, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS, "\1\0\0\0", 4);
        rig_expect(c.main, SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK, NULL);
        after = device_client_link(&c, SPICE_CHANNEL_SMARTCARD, 0);
        memcpy(bad, good, size);
        if (i < size * 8)
            bad[i / 8] ^= (uint8_t)(1u << i % 8);
        rig_send(after, SPICE_MSGC_MIGRATE_DATA, bad, i < size * 8 ? size : i - size * 8);
        ended += rig_is_closed(after);
        rig_close(after);
        device_client_leave(&c);
        /* the farewell is the last that the device is given */
        for (struct vsc_message m;
             vsc_find(there->guest_in.data, there->guest_in.len, &m) == VSC_WHOLE;)
            buf_consume(&there->guest_in, VSC_HEADER + m.length);
        assert_int_equal(there->guest_in.len, 0);
    }
    assert_true(ended > 100);
    rig_close(link);
    device_client_leave(&from);
    device_client_leave(&to);
    detach(source, here);
    detach(target, there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_passed_whole_and_in_turn),
        cmocka_unit_test(what_was_asked_of_an_owner_that_leaves_ends),
        cmocka_unit_test(an_owner_that_leaves_while_the_vm_stands_is_seen_off_first),
        cmocka_unit_test(a_farewell_that_is_not_taken_keeps_the_next_waiting),
        cmocka_unit_test(lies_end_the_link_only),
        cmocka_unit_test(what_a_move_cuts_arrives_once),
        cmocka_unit_test(what_is_refused_is_refused_after_a_move),
        cmocka_unit_test(wrong_states_end_the_link_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
