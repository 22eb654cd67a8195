/* SPDX-License-Identifier: MIT */
/* Devices with one owner: who has one, what the others see, ids, devices that come and go. */
#include "device_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <glib.h>
#include <lz4.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <string.h>

#define PORT "org.test.0"

static struct rig *running_rig(void)
{
    struct rig *rig = rig_new();

    spice_server_vm_start(rig_server(rig));
    rig_settle(rig);
    return rig;
}

static struct fake_device *attached(struct rig *rig, const char *subtype, const char *portname)
{
    struct fake_device *device = fake_device_new(subtype, portname);

    assert_true(fake_device_attach(rig, device));
    return device;
}

static void the_first_client_has_a_port_and_the_next_when_it_leaves(void **state)
{
    struct rig *rig = running_rig();
    struct fake_device *device = attached(rig, "port", PORT);
    struct device_client a = device_client_new(rig), b = device_client_new(rig);
    struct rig_link *first, *second;

    assert_int_equal(device->state, -1);
    spice_server_port_event(&device->sin, SPICE_PORT_EVENT_OPENED);
    first = device_client_link(&a, SPICE_CHANNEL_PORT, 0);
    assert_int_equal(device->state, 1);
    expect_port_init(first, PORT);
    expect_port_event(first, SPICE_PORT_EVENT_OPENED);
    second = device_client_link(&b, SPICE_CHANNEL_PORT, 0);
    expect_port_init(second, PORT);

    fake_device_say(rig, device, "hello");
    expect_data(first, "hello");
    send_data(first, "one ");
    send_data(second, "two ");
    rig_expect_nothing(second);
    fake_device_expect(device, "one ");

    device_client_leave(&a);
    assert_int_equal(device->states, 3); /* closed and opened: the guest meets somebody new */
    assert_int_equal(device->state, 1);
    expect_port_event(second, SPICE_PORT_EVENT_OPENED);
    fake_device_expect(device, "one two ");
    device_client_leave(&b);
    assert_int_equal(device->state, 0);
    rig_close(first);
    rig_close(second);
    fake_device_detach(rig, device);
    fake_device_free(device);
    rig_free(rig);
}

static void a_port_that_closes_and_opens_is_said_in_order(void **state)
{
    struct rig *rig = running_rig();
    struct fake_device *device = attached(rig, "port", PORT);
    struct device_client a = device_client_new(rig);
    struct rig_link *link = device_client_link(&a, SPICE_CHANNEL_PORT, 0);

    expect_port_init(link, PORT);
    rig_expect_nothing(link);
    spice_server_port_event(&device->sin, SPICE_PORT_EVENT_OPENED);
    expect_port_event(link, SPICE_PORT_EVENT_OPENED);
    spice_server_port_event(&device->sin, SPICE_PORT_EVENT_CLOSED);
    spice_server_port_event(&device->sin, SPICE_PORT_EVENT_OPENED);
    expect_port_event(link, SPICE_PORT_EVENT_CLOSED);
    expect_port_event(link, SPICE_PORT_EVENT_OPENED);
    rig_send(link, SPICE_MSGC_PORT_EVENT, "\2", 1);
    assert_int_equal(device->event, SPICE_PORT_EVENT_BREAK);
    rig_close(link);
    device_client_leave(&a);
    fake_device_detach(rig, device);
    fake_device_free(device);
    rig_free(rig);
}

static void a_guest_that_takes_nothing_throttles_its_client(void **state)
{
    struct rig *rig = running_rig();
    struct fake_device *device = attached(rig, "usbredir", NULL);
    struct device_client a = device_client_new(rig);
    struct rig_link *link = device_client_link(&a, SPICE_CHANNEL_USBREDIR, 0);
    static uint8_t body[8000];
    unsigned sent = 0;

    device->takes = 0;
    while (sent < 1000 && rig_try_send(link, SPICE_MSGC_SPICEVMC_DATA, body, sizeof(body)))
        sent++;
    assert_true(sent < 200); /* of 8 MB most had to stay with the client */
    fake_device_take(rig, device, SIZE_MAX);
    assert_true(device->guest_in.len >= sizeof(body) * sent);
    rig_expect_nothing(link);
    rig_close(link);
    device_client_leave(&a);
    fake_device_detach(rig, device);
    fake_device_free(device);
    rig_free(rig);
}

static void a_client_that_reads_nothing_throttles_its_guest(void **state)
{
    struct rig *rig = running_rig();
    struct fake_device *device = attached(rig, "usbredir", NULL);
    struct device_client a = device_client_new(rig);
    struct rig_link *link = device_client_link(&a, SPICE_CHANNEL_USBREDIR, 0);
    size_t total = 16 << 20, left, got = 0;
    uint32_t size;

    memset(buf_extend(&device->guest_out, total), 'x', total);
    fake_device_say(rig, device, "");
    left = device->guest_out.len;
    assert_true(left > total / 2);
    while (got < total) {
        rig_expect(link, SPICE_MSG_SPICEVMC_DATA, &size);
        got += size;
        spice_server_char_device_wakeup(&device->sin);
    }
    assert_int_equal(got, total);
    assert_int_equal(device->guest_out.len, 0);
    rig_close(link);
    device_client_leave(&a);
    fake_device_detach(rig, device);
    fake_device_free(device);
    rig_free(rig);
}

static void nothing_is_read_or_written_while_the_vm_stands_still(void **state)
{
    struct rig *rig = running_rig();
    struct fake_device *device = attached(rig, "usbredir", NULL);
    struct device_client a = device_client_new(rig);
    struct rig_link *link = device_client_link(&a, SPICE_CHANNEL_USBREDIR, 0);

    spice_server_vm_stop(rig_server(rig));
    send_data(link, "in");
    fake_device_say(rig, device, "out");
    rig_expect_nothing(link);
    fake_device_expect(device, "");
    spice_server_vm_start(rig_server(rig));
    expect_data(link, "out");
    fake_device_expect(device, "in");
    rig_close(link);
    device_client_leave(&a);
    fake_device_detach(rig, device);
    fake_device_free(device);
    rig_free(rig);
}

static uint32_t put_compressed(uint8_t *out, const char *bytes, uint32_t len, uint32_t claim)
{
    int n = LZ4_compress_default(bytes, (char *)out + 5, (int)len, 4096);

    out[0] = SPICE_DATA_COMPRESSION_TYPE_LZ4;
    memcpy(out + 1, &claim, 4);
    return 5 + (uint32_t)n;
}

static void compressed_data_is_unpacked_and_lies_end_the_link_only(void **state)
{
    static const uint32_t lies[] = {4, 6, 100000, 0xffffffff};
    struct rig *rig = running_rig();
    struct fake_device *device = attached(rig, "usbredir", NULL);
    struct device_client a = device_client_new(rig);
    struct rig_link *link;
    uint8_t body[5000];

    for (size_t i = 0; i < G_N_ELEMENTS(lies); i++) {
        link = device_client_link(&a, SPICE_CHANNEL_USBREDIR, 0);
        rig_send(link, SPICE_MSGC_SPICEVMC_COMPRESSED_DATA, body,
                 put_compressed(body, "hello", 5, 5));
        fake_device_expect(device, "hello");
        rig_send(link, SPICE_MSGC_SPICEVMC_COMPRESSED_DATA, body,
                 put_compressed(body, "hello", 5, lies[i]));
        assert_true(rig_is_closed(link));
        fake_device_expect(device, "hello");
        buf_reset(&device->guest_in);
        rig_close(link);
        rig_expect_nothing(a.main);
    }
    device_client_leave(&a);
    fake_device_detach(rig, device);
    fake_device_free(device);
    rig_free(rig);
}

static void ids_follow_the_order_and_are_not_used_again_while_known(void **state)
{
    struct rig *rig = running_rig();
    struct fake_device *usb0 = attached(rig, "usbredir", NULL);
    struct fake_device *usb1 = attached(rig, "usbredir", NULL);
    struct fake_device *port = attached(rig, "port", PORT);
    struct device_client a = device_client_new(rig);
    struct rig_link *link = device_client_link(&a, SPICE_CHANNEL_USBREDIR, 0);

    rig_close(device_client_link(&a, SPICE_CHANNEL_USBREDIR, 1));
    rig_close(device_client_link(&a, SPICE_CHANNEL_PORT, 0));
    fake_device_detach(rig, usb0);
    assert_true(rig_is_closed(link));
    rig_close(link);
    assert_true(fake_device_attach(rig, usb0));
    assert_int_equal(device_client_expect_channel(&a, SPICE_CHANNEL_USBREDIR), 2);
    fake_device_detach(rig, usb0);
    device_client_leave(&a);
    assert_true(fake_device_attach(rig, usb0));
    a = device_client_new(rig);
    rig_close(device_client_link(&a, SPICE_CHANNEL_USBREDIR, 0));
    device_client_leave(&a);
    fake_device_detach(rig, usb0);
    fake_device_detach(rig, usb1);
    fake_device_detach(rig, port);
    fake_device_free(usb0);
    fake_device_free(usb1);
    fake_device_free(port);
    rig_free(rig);
}

static void a_name_with_a_number_pins_the_id(void **state)
{
    struct rig *rig = running_rig();
    struct fake_device *two = attached(rig, "usbredir.2", NULL);
    struct fake_device *zero = attached(rig, "usbredir.0", NULL);
    struct fake_device *again = fake_device_new("usbredir.2", NULL);
    struct device_client a = device_client_new(rig);
    struct rig_link *link = device_client_link(&a, SPICE_CHANNEL_USBREDIR, 2);

    assert_false(fake_device_attach(rig, again));
    assert_null(again->sin.st);
    send_data(link, "two");
    fake_device_expect(two, "two");
    fake_device_expect(zero, "");
    fake_device_detach(rig, two);
    assert_true(fake_device_attach(rig, again));
    assert_int_equal(device_client_expect_channel(&a, SPICE_CHANNEL_USBREDIR), 2);
    rig_close(link);
    device_client_leave(&a);
    fake_device_detach(rig, zero);
    fake_device_detach(rig, again);
    fake_device_free(two);
    fake_device_free(zero);
    fake_device_free(again);
    rig_free(rig);
}

static void subtypes_are_those_of_others_and_numbered_ones(void **state)
{
    static const char *const first[] = {"vdagent", "smartcard", "usbredir", "usbredir.0"};
    const char **list = spice_server_char_device_recognized_subtypes();

    for (size_t i = 0; i < G_N_ELEMENTS(first); i++)
        assert_string_equal(list[i], first[i]);
    while (list[1])
        list++;
    assert_string_equal(list[0], "usbredir.15");
}

static void odd_devices_are_refused_or_left_alone(void **state)
{
    struct rig *rig = running_rig();
    struct fake_device *unknown = attached(rig, "nosuch", NULL);
    struct fake_device *nameless = fake_device_new(NULL, NULL);
    struct fake_device *port = fake_device_new("port", NULL);

    assert_null(unknown->sin.st);
    fake_device_say(rig, unknown, "left");
    assert_int_equal(unknown->guest_out.len, 4);
    assert_false(fake_device_attach(rig, nameless));
    assert_false(fake_device_attach(rig, port));
    fake_device_detach(rig, unknown);
    fake_device_free(unknown);
    fake_device_free(nameless);
    fake_device_free(port);
    rig_free(rig);
}

/* Its next program may not notice that it was closed, and would wait. */
static void an_agent_port_closed_for_garbage_is_opened_again(void **state)
{
    static const char garbage[] = "no chunk of any port, however long";
    struct rig *rig = running_rig();
    struct device_client a = device_client_new(rig);
    struct fake_device *device = attached(rig, "vdagent", NULL);

    assert_int_equal(device->state, 1);
    for (uint32_t ms = 1000; ms <= 4000; ms *= 2) {
        fake_device_say(rig, device, garbage);
        assert_int_equal(device->state, 0);
        rig_pass(rig, ms - 1);
        assert_int_equal(device->state, 0);
        buf_reset(&device->guest_out); /* what a closed device says is thrown away */
        rig_pass(rig, ms);
        assert_int_equal(device->state, 1);
    }
    fake_device_say(rig, device, garbage);
    fake_device_detach(rig, device); /* and it comes again while it is closed */
    assert_true(fake_device_attach(rig, device));
    assert_int_equal(device->state, 1);
    fake_device_detach(rig, device);
    fake_device_free(device);
    device_client_leave(&a);
    rig_free(rig);
}

static void the_server_may_end_before_its_devices(void **state)
{
    struct rig *rig = running_rig();
    struct fake_device *device = attached(rig, "port", PORT);
    struct device_client a = device_client_new(rig);
    struct rig_link *link = device_client_link(&a, SPICE_CHANNEL_PORT, 0);

    rig_free(rig);
    assert_null(device->sin.st);
    spice_server_char_device_wakeup(&device->sin);
    spice_server_port_event(&device->sin, SPICE_PORT_EVENT_CLOSED);
    rig = rig_new();
    rig_adopt(rig, link);
    rig_adopt(rig, a.main);
    rig_close(link);
    device_client_leave(&a);
    rig_free(rig);
    fake_device_free(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_client_has_a_port_and_the_next_when_it_leaves),
        cmocka_unit_test(a_port_that_closes_and_opens_is_said_in_order),
        cmocka_unit_test(a_guest_that_takes_nothing_throttles_its_client),
        cmocka_unit_test(a_client_that_reads_nothing_throttles_its_guest),
        cmocka_unit_test(nothing_is_read_or_written_while_the_vm_stands_still),
        cmocka_unit_test(compressed_data_is_unpacked_and_lies_end_the_link_only),
        cmocka_unit_test(ids_follow_the_order_and_are_not_used_again_while_known),
        cmocka_unit_test(a_name_with_a_number_pins_the_id),
        cmocka_unit_test(subtypes_are_those_of_others_and_numbered_ones),
        cmocka_unit_test(odd_devices_are_refused_or_left_alone),
        cmocka_unit_test(an_agent_port_closed_for_garbage_is_opened_again),
        cmocka_unit_test(the_server_may_end_before_its_devices),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
