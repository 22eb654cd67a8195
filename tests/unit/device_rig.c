/* SPDX-License-Identifier: MIT */
#include "device_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <glib.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <string.h>

bool fake_device_attach(struct rig *rig, struct fake_device *self)
{
    return spice_server_add_interface(rig_server(rig), &self->sin.base) == 0;
}

void fake_device_detach(struct rig *rig, struct fake_device *self)
{
    assert_int_equal(spice_server_remove_interface(&self->sin.base), 0);
    rig_settle(rig);
}

void fake_device_say(struct rig *rig, struct fake_device *self, const char *text)
{
    buf_append(&self->guest_out, text, strlen(text));
    spice_server_char_device_wakeup(&self->sin);
    rig_settle(rig);
}

void fake_device_take(struct rig *rig, struct fake_device *self, size_t bytes)
{
    self->takes = bytes;
    spice_server_char_device_wakeup(&self->sin);
    rig_settle(rig);
}

static uint32_t u32(const uint8_t *at)
{
    return at[0] | at[1] << 8 | at[2] << 16 | (uint32_t)at[3] << 24;
}

struct device_client device_client_new(struct rig *rig)
{
    struct device_client self = {.rig = rig};
    uint32_t result;

    self.main = rig_connect(rig, 0, SPICE_CHANNEL_MAIN, 0, &result);
    assert_non_null(self.main);
    self.id = u32(rig_expect(self.main, SPICE_MSG_MAIN_INIT, NULL));
    rig_expect(self.main, SPICE_MSG_MAIN_NAME, NULL);
    rig_send(self.main, SPICE_MSGC_MAIN_ATTACH_CHANNELS, NULL, 0);
    rig_expect(self.main, SPICE_MSG_MAIN_CHANNELS_LIST, NULL);
    return self;
}

void device_client_leave(struct device_client *self)
{
    rig_close(self->main);
    self->main = NULL;
}

struct rig_link *device_client_link(struct device_client *self, uint8_t type, uint8_t id)
{
    uint32_t result;
    struct rig_link *link = rig_connect(self->rig, self->id, type, id, &result);

    assert_non_null(link);
    return link;
}

uint8_t device_client_expect_channel(struct device_client *self, uint8_t type)
{
    const uint8_t *list = rig_expect(self->main, SPICE_MSG_MAIN_CHANNELS_LIST, NULL);

    assert_int_equal(u32(list), 1);
    assert_int_equal(list[4], type);
    return list[5];
}

void expect_port_init(struct rig_link *link, const char *name)
{
    uint32_t size;
    const uint8_t *body = rig_expect(link, SPICE_MSG_PORT_INIT, &size);

    assert_int_equal(size, 9 + strlen(name) + 1);
    assert_int_equal(u32(body), strlen(name) + 1);
    assert_int_equal(u32(body + 4), 9);
    assert_int_equal(body[8], 0);
    assert_string_equal((const char *)body + 9, name);
}

void expect_port_event(struct rig_link *link, uint8_t event)
{
    assert_int_equal(rig_expect(link, SPICE_MSG_PORT_EVENT, NULL)[0], event);
}

void expect_data(struct rig_link *link, const char *text)
{
    uint32_t size;
    const uint8_t *body = rig_expect(link, SPICE_MSG_SPICEVMC_DATA, &size);

    assert_int_equal(size, strlen(text));
    assert_memory_equal(body, text, size);
}

void send_data(struct rig_link *link, const char *text)
{
    rig_send(link, SPICE_MSGC_SPICEVMC_DATA, text, (uint32_t)strlen(text));
}

struct device_client device_move_begin(struct device_client *from, struct rig *target)
{
    rig_pass(from->rig, 1100); /* it has had the time to link its channels */
    assert_int_equal(spice_server_migrate_connect(rig_server(from->rig), "host", 5900, -1, NULL),
                     0);
    rig_expect(from->main, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, NULL);
    return device_move_join(from, target);
}

struct device_client device_move_join(struct device_client *from, struct rig *target)
{
    struct device_client to = {.rig = target, .id = from->id};
    uint32_t result;

    to.main = rig_connect(target, from->id, SPICE_CHANNEL_MAIN, 0, &result);
    assert_non_null(to.main);
    rig_send(to.main, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS, "\1\0\0\0", 4);
    rig_expect(to.main, SPICE_MSG_MAIN_MIGRATE_DST_SEAMLESS_ACK, NULL);
    return to;
}

void device_move_link(struct rig_link *from, struct rig_link *to)
{
    const uint8_t *body;
    uint32_t size;
    uint8_t *copy;

    rig_expect(from, SPICE_MSG_MIGRATE, NULL);
    rig_send(from, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
    body = rig_expect(from, SPICE_MSG_MIGRATE_DATA, &size);
    copy = g_memdup2(body, size);
    rig_send(to, SPICE_MSGC_MIGRATE_DATA, copy, size);
    g_free(copy);
}

void device_move_end(struct device_client *from, struct device_client *to)
{
    rig_send(from->main, SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS, NULL, 0);
    spice_server_vm_stop(rig_server(from->rig));
    spice_server_vm_start(rig_server(to->rig));
    rig_settle(to->rig);
    assert_int_equal(spice_server_migrate_end(rig_server(from->rig), 1), 0);
    device_move_link(from->main, to->main);
}
