/* SPDX-License-Identifier: MIT */
/*
 * What only one client may decide: the monitors, the guest's look and its volume. The client in
 * charge is the one that typed or clicked last; before anybody did, the one here longest.
 */
#include "agent/hub_impl.h"
#include "base/log.h"

#define MONITOR_BYTES 20

struct hub_client *hub_in_charge(const struct hub *self)
{
    if (self->in_charge)
        return self->in_charge;
    for (guint i = 0; i < self->clients->len; i++) {
        struct hub_client *client = g_ptr_array_index(self->clients, i);
        if (client->started)
            return client;
    }
    return NULL;
}

/* The device first, whoever is ready otherwise: asked each time, since drivers come and go. */
static void apply(struct hub_client *client, const struct buf *config)
{
    struct hub *hub = client->party.hub;

    if (hub->ops->monitors(hub->opaque, config->data, config->len))
        return;
    if (!party_is_ready(&hub->guest) || !party_has(&hub->guest, VD_AGENT_CAP_MONITORS_CONFIG))
        return;
    hub->monitors_from = client;
    party_send(&hub->guest, VD_AGENT_MONITORS_CONFIG, config->data, config->len);
}

/* Without the monitors' size in mm: agents before 0.23 take such a message for a wrong one. */
static bool copy_config(struct reader *body, struct buf *out)
{
    uint32_t n = reader_u32(body);
    uint32_t flags = reader_u32(body);
    const uint8_t *monitors;

    if (n > MONITORS_MAX)
        return false;
    monitors = reader_bytes(body, n * MONITOR_BYTES);
    if (!reader_ok(body))
        return false;
    buf_u32(out, n);
    buf_u32(out, flags & ~(uint32_t)VD_AGENT_CONFIG_MONITORS_FLAG_PHYSICAL_SIZE);
    buf_append(out, monitors, n * MONITOR_BYTES);
    return true;
}

bool on_monitors(struct inflow *in, uint32_t type, struct reader *body, uint32_t rest)
{
    struct hub_client *client = in->from->client;
    struct buf config = BUF_INIT;

    if (!copy_config(body, &config)) {
        log_info("agent: a client's monitors make no sense, skipped");
    } else if (hub_in_charge(in->from->hub) == client) {
        apply(client, &config);
    } else {
        buf_reset(&client->monitors);
        buf_append(&client->monitors, config.data, config.len);
    }
    buf_free(&config);
    return true;
}

void hub_keep_monitors(struct hub_client *client, const uint8_t *config, size_t len)
{
    struct reader body = reader_make(config, len);

    buf_reset(&client->monitors);
    if (len && !copy_config(&body, &client->monitors))
        buf_reset(&client->monitors);
}

void hub_client_input(struct hub_client *client)
{
    struct hub *hub = client->party.hub;

    if (hub_in_charge(hub) != client && client->monitors.len)
        apply(client, &client->monitors);
    hub->in_charge = client;
    buf_reset(&client->monitors);
    hub_run(hub);
}

/* The guest's look, its volume. */
bool on_setting(struct inflow *in, uint32_t type, struct reader *body, uint32_t rest)
{
    struct party *guest = &in->from->hub->guest;
    unsigned cap = type == VD_AGENT_DISPLAY_CONFIG ? VD_AGENT_CAP_DISPLAY_CONFIG
                                                   : VD_AGENT_CAP_AUDIO_VOLUME_SYNC;
    size_t len = reader_left(body);

    if (party_is_ready(guest) && party_has(guest, cap) &&
        hub_in_charge(in->from->hub) == in->from->client)
        party_send(guest, type, reader_bytes(body, len), len);
    return true;
}

bool on_reply(struct inflow *in, uint32_t type, struct reader *body, uint32_t rest)
{
    struct hub *hub = in->from->hub;
    struct hub_client *client = hub->monitors_from;
    size_t len = reader_left(body);

    hub->monitors_from = NULL;
    if (client && party_is_ready(&client->party))
        party_send(&client->party, type, reader_bytes(body, len), len);
    return true;
}

void hub_send_devices(struct hub *self)
{
    struct buf body = BUF_INIT;

    if (!party_is_ready(&self->guest) ||
        !party_has(&self->guest, VD_AGENT_CAP_GRAPHICS_DEVICE_INFO))
        return;
    self->ops->device_info(self->opaque, &body);
    if (body.len)
        party_send(&self->guest, VD_AGENT_GRAPHICS_DEVICE_INFO, body.data, body.len);
    buf_free(&body);
}

void hub_devices_changed(struct hub *self)
{
    hub_send_devices(self);
    hub_run(self);
}
