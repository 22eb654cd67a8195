/* SPDX-License-Identifier: MIT */
#include "session/client.h"

#include <spice/enums.h>
#include <string.h>

#include "base/log.h"
#include "channel/main.h"
#include "migrate/move.h"
#include "session/server_impl.h"
#include "session/vmc.h"

struct client *client_find(const struct server *server, uint32_t id)
{
    for (guint i = 0; i < server->clients->len; i++) {
        struct client *client = g_ptr_array_index(server->clients, i);
        if (client->id == id && client->main && !client->main->closing)
            return client;
    }
    return NULL;
}

static uint32_t free_id(const struct server *server)
{
    uint32_t id;

    do
        id = g_random_int();
    while (id == 0 || client_find(server, id));
    return id;
}

static void on_patience(void *opaque)
{
    struct client *self = opaque;

    move_client_impatient(self->server->move, self);
}

struct client *client_new(struct server *server, uint32_t id, const char *peer)
{
    struct client *self = g_new0(struct client, 1);

    self->server = server;
    self->id = id ? id : free_id(server);
    self->peer = g_strdup(peer);
    self->endpoints = g_ptr_array_new();
    self->patience = loop_timer_add(server->loop, on_patience, self);
    g_ptr_array_add(server->clients, self);
    return self;
}

static void client_free(struct client *self)
{
    struct server *server = self->server;

    g_ptr_array_remove(server->clients, self);
    move_client_gone(server->move, self);
    loop_timer_remove(self->patience);
    g_ptr_array_free(self->endpoints, TRUE);
    g_free(self->peer);
    g_free(self->broken);
    g_free(self);
}

struct endpoint *client_endpoint(const struct client *self, uint8_t type, uint8_t id)
{
    for (guint i = 0; i < self->endpoints->len; i++) {
        struct endpoint *endpoint = g_ptr_array_index(self->endpoints, i);
        if (endpoint->request.channel_type == type && endpoint->request.channel_id == id)
            return endpoint;
    }
    return NULL;
}

bool client_is_arriving(const struct client *self)
{
    switch (self->move.target) {
    case MOVE_TARGET_LINKED:
    case MOVE_TARGET_SEAMLESS:
        return true;
    case MOVE_TARGET_NONE:
    case MOVE_TARGET_ARRIVED:
        break;
    }
    return false;
}

static void attach(struct endpoint *self, bool target)
{
    self->target = target;
    self->ops->attach(self);
}

bool client_has_all_channels(const struct client *self)
{
    uint32_t n;
    g_autofree struct main_channel_id *list = server_channels(self->server, &n);

    for (uint32_t i = 0; i < n; i++) {
        if (!client_endpoint(self, list[i].type, list[i].id))
            return false;
    }
    return true;
}

void client_add_endpoint(struct client *self, const struct endpoint_ops *ops,
                         const struct link_request *request, struct stream *stream,
                         SpiceChannelEventInfo *info)
{
    struct endpoint *endpoint = g_new0(struct endpoint, 1);
    bool is_main = request->channel_type == SPICE_CHANNEL_MAIN;

    *endpoint = (struct endpoint){
        .client = self, .ops = ops, .request = *request, .stream = stream, .info = info};
    g_ptr_array_add(self->endpoints, endpoint);
    info->connection_id = (int)self->id;
    self->server->core->channel_event(SPICE_CHANNEL_EVENT_INITIALIZED, info);
    if (is_main) {
        self->main = endpoint;
        self->main_caps = request->channel_caps;
    }
    if (is_main || self->move.target != MOVE_TARGET_LINKED)
        attach(endpoint, self->move.target == MOVE_TARGET_LINKED ||
                             self->move.target == MOVE_TARGET_SEAMLESS);
    if (is_main)
        move_client_here(self->server->move, self);
    else if (!self->move.target && client_has_all_channels(self))
        move_client_up(self->server->move, self);
}

void client_attach_waiting(struct client *self, bool target)
{
    for (guint i = 0; i < self->endpoints->len; i++) {
        struct endpoint *endpoint = g_ptr_array_index(self->endpoints, i);
        if (endpoint->stream && !endpoint->closing)
            attach(endpoint, target);
    }
}

static void gone_before_attach(void *opaque)
{
    endpoint_gone(opaque, NULL);
}

static void close_endpoint(struct endpoint *self)
{
    if (self->closing)
        return;
    self->closing = true;
    if (self->stream)
        loop_post(self->client->server->loop, gone_before_attach, self);
    else
        self->ops->close(self);
}

static void close_all(struct client *self)
{
    for (guint i = 0; i < self->endpoints->len; i++)
        close_endpoint(g_ptr_array_index(self->endpoints, i));
}

void client_disconnect(struct client *self, const char *reason)
{
    log_info("client %08x (%s) is disconnected: %s", self->id, self->peer, reason);
    self->turned_out = reason;
    close_all(self);
}

static void endpoint_free(struct endpoint *self)
{
    self->ops->destroy(self);
    self->client->server->core->channel_event(SPICE_CHANNEL_EVENT_DISCONNECTED, self->info);
    stream_free(self->stream);
    g_free(self->info);
    g_free(self);
}

static void tell_broken(const struct endpoint *self, const char *reason)
{
    struct client *client = self->client;
    bool others = client->main && client->main != self;

    log_info("client %08x (%s): the %s link ended: %s; %s", client->id, client->peer,
             self->ops->name, reason, others ? "its other links go on" : "so does its session");
    if (!client->broken)
        client->broken = g_strdup_printf("the %s link ended: %s", self->ops->name, reason);
}

void endpoint_gone(struct endpoint *self, const char *reason)
{
    struct client *client = self->client;

    if (reason)
        tell_broken(self, reason);
    g_ptr_array_remove(client->endpoints, self);
    if (client->main == self)
        client->main = NULL;
    endpoint_free(self);
    if (client->endpoints->len == 0)
        client_free(client);
    else if (!client->main)
        close_all(client);
}

void clients_free_all(struct server *server)
{
    while (server->clients->len) {
        struct client *client = g_ptr_array_index(server->clients, 0);
        for (guint i = 0; i < client->endpoints->len; i++)
            endpoint_free(g_ptr_array_index(client->endpoints, i));
        client_free(client);
    }
}

void clients_disconnect_all(struct server *server, const char *reason)
{
    g_autofree struct client **list =
        g_memdup2(server->clients->pdata, server->clients->len * sizeof(gpointer));
    guint n = server->clients->len;

    for (guint i = 0; i < n; i++)
        client_disconnect(list[i], reason);
}

void clients_end_stragglers(struct server *server)
{
    for (guint i = 0; i < server->clients->len; i++) {
        struct client *client = g_ptr_array_index(server->clients, i);
        if (client_is_arriving(client) && !client->turned_out && !server_takes_arrivals(server))
            client_disconnect(client, "it linked ahead of a move and never came");
    }
}

static const struct endpoint_ops *device_ops_find(const struct server *server,
                                                  const struct link_request *request,
                                                  const struct endpoint_ops *ops)
{
    const struct client *client = client_find(server, request->connection_id);
    bool by_move = client && client_is_arriving(client);

    return vmc_device_accepts(server->vmc, request, by_move) ? ops : NULL;
}

const struct endpoint_ops *endpoint_ops_find(const struct server *server,
                                             const struct link_request *request)
{
    uint8_t id = request->channel_id;

    switch (request->channel_type) {
    case SPICE_CHANNEL_MAIN:
        return id == 0 ? &endpoint_main_ops : NULL;
    case SPICE_CHANNEL_INPUTS:
        return id == 0 ? &endpoint_inputs_ops : NULL;
    case SPICE_CHANNEL_DISPLAY:
        return server_screen(server, id) ? &endpoint_display_ops : NULL;
    case SPICE_CHANNEL_CURSOR:
        return server_screen(server, id) ? &endpoint_cursor_ops : NULL;
    case SPICE_CHANNEL_SMARTCARD:
        return device_ops_find(server, request, &endpoint_smartcard_ops);
    case SPICE_CHANNEL_USBREDIR:
        return device_ops_find(server, request, &endpoint_usbredir_ops);
    case SPICE_CHANNEL_PORT:
        return device_ops_find(server, request, &endpoint_port_ops);
    case SPICE_CHANNEL_WEBDAV:
        return device_ops_find(server, request, &endpoint_webdav_ops);
    default:
        return NULL;
    }
}

static void list_channel(GArray *list, uint8_t type, uint8_t id)
{
    const struct main_channel_id channel = {type, id};

    g_array_append_val(list, channel);
}

struct main_channel_id *server_channels(const struct server *server, uint32_t *n)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(struct main_channel_id));

    list_channel(list, SPICE_CHANNEL_INPUTS, 0);
    for (guint i = 0; i < server->screens->len; i++) {
        const struct screen *screen = g_ptr_array_index(server->screens, i);
        list_channel(list, SPICE_CHANNEL_DISPLAY, (uint8_t)screen->qxl->id);
        list_channel(list, SPICE_CHANNEL_CURSOR, (uint8_t)screen->qxl->id);
    }
    vmc_devices_list(server->vmc, list);
    *n = list->len;
    return (struct main_channel_id *)(void *)g_array_free(list, FALSE);
}
