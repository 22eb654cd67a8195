/* SPDX-License-Identifier: MIT */
/* A client's endpoint on a character device with one owner. */
#include <spice/enums.h>
#include <spice/protocol.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "session/server_impl.h"
#include "session/vmc.h"
#include "stream/pump.h"

static struct vmc_devices *devices_of(const struct vmc_endpoint *self)
{
    return self->endpoint->client->server->vmc;
}

static size_t on_read(void *owner, uint8_t *out, size_t max)
{
    struct vmc_endpoint *self = owner;

    return vmc_device_is_owner(self) ? char_device_read(vmc_device_char(self->device), out, max)
                                     : 0;
}

static size_t on_write(void *owner, const uint8_t *bytes, size_t len)
{
    struct vmc_endpoint *self = owner;

    return vmc_device_is_owner(self) ? char_device_write(vmc_device_char(self->device), bytes, len)
                                     : 0;
}

static bool on_is_owner(void *owner)
{
    return vmc_device_is_owner(owner);
}

static void on_port_event(void *owner, uint8_t event)
{
    struct vmc_endpoint *self = owner;

    if (vmc_device_is_owner(self))
        char_device_send_event(vmc_device_char(self->device), event);
}

static void on_save(void *owner, struct vmc_state *state, struct buf *unwritten)
{
    struct vmc_endpoint *self = owner;
    const struct buf *queue;

    state->device.connected = vmc_device_is_owner(self);
    if (state->device.connected) {
        queue = char_device_queue(vmc_device_char(self->device));
        buf_append(unwritten, queue->data, queue->len);
    }
    if (!self->device || strlen(vmc_device_name(self->device)) > SAVED_NAME_MAX)
        return;
    state->has_identity = true;
    state->identity = (struct saved_device){
        .channel_type = self->endpoint->request.channel_type,
        .channel_id = vmc_device_id(self->device),
        .name_len = (uint32_t)strlen(vmc_device_name(self->device)),
        .name = (uint8_t *)vmc_device_name(self->device),
    };
}

static bool on_restored(void *owner, const struct vmc_state *state)
{
    struct vmc_endpoint *self = owner;
    const struct client *client = self->endpoint->client;
    struct vmc_device *device = vmc_device_match(devices_of(self), self, state);

    if (!device)
        return false;
    if (vmc_device_restore(device, self, state->device.connected))
        return true;
    log_info("client %08x (%s) comes too late for %s: another client has it", client->id,
             client->peer, vmc_device_name(device));
    return false;
}

static const struct vmc_link_ops link_ops = {
    .read = on_read,
    .write = on_write,
    .is_owner = on_is_owner,
    .port_event = on_port_event,
    .save = on_save,
    .restored = on_restored,
};

static void on_closed(void *opaque, const char *reason)
{
    endpoint_gone(opaque, reason);
}

static struct vmc_link *make_link(struct vmc_endpoint *self, const struct vmc_device *device)
{
    const struct endpoint *endpoint = self->endpoint;
    struct vmc_link_config config = {
        .channel_type = endpoint->request.channel_type,
        .mini = endpoint->request.mini_header,
        .target = endpoint->target,
        .lz4 =
            link_caps_has(&endpoint->request.channel_caps, SPICE_SPICEVMC_CAP_DATA_COMPRESS_LZ4) &&
            endpoint->info->laddr_ext.ss_family != AF_UNIX,
        .port_name = device ? char_device_port_name(vmc_device_char(device)) : NULL,
    };

    return vmc_link_new(&link_ops, self, &config);
}

static void vmc_attach(struct endpoint *endpoint)
{
    struct vmc_endpoint *self = g_new0(struct vmc_endpoint, 1);
    struct server *server = endpoint->client->server;
    struct vmc_device *device =
        vmc_device_find(server->vmc, endpoint->request.channel_type, endpoint->request.channel_id);
    struct stream *stream = g_steal_pointer(&endpoint->stream);

    endpoint->impl = self;
    self->endpoint = endpoint;
    self->link = make_link(self, device);
    self->pump = pump_new(server->loop, stream, vmc_link_conn(self->link), on_closed, endpoint);
    if (device)
        vmc_device_join(device, self);
    else if (!endpoint->target)
        pump_close(self->pump, "its device is not there any more");
    pump_kick(self->pump);
}

static void vmc_migrate(struct endpoint *endpoint)
{
    struct vmc_endpoint *self = endpoint->impl;

    if (vmc_device_is_owner(self))
        char_device_set_running(vmc_device_char(self->device), false);
    vmc_link_send_migrate(self->link);
}

static void vmc_close(struct endpoint *endpoint)
{
    struct vmc_endpoint *self = endpoint->impl;

    pump_close(self->pump, NULL);
}

static void vmc_destroy(struct endpoint *endpoint)
{
    struct vmc_endpoint *self = endpoint->impl;

    if (!self)
        return;
    vmc_device_leave(devices_of(self), self);
    pump_free(self->pump);
    vmc_link_free(self->link);
    g_free(self);
    endpoint->impl = NULL;
}

#define VMC_ENDPOINT(kind)                                                                         \
    const struct endpoint_ops endpoint_##kind##_ops = {                                            \
        .name = #kind,                                                                             \
        .attach = vmc_attach,                                                                      \
        .migrate = vmc_migrate,                                                                    \
        .close = vmc_close,                                                                        \
        .destroy = vmc_destroy,                                                                    \
    }
VMC_ENDPOINT(usbredir);
VMC_ENDPOINT(port);
VMC_ENDPOINT(webdav);
VMC_ENDPOINT(smartcard);
