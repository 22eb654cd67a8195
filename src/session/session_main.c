/* SPDX-License-Identifier: MIT */
/* A client's main endpoint: the session's side of channel/main.h. */
#include <spice/enums.h>
#include <spice/protocol.h>

#include "agent/hub.h"
#include "base/log.h"
#include "channel/main.h"
#include "migrate/blob.h"
#include "migrate/move.h"
#include "session/server_impl.h"
#include "session/session_agent.h"
#include "stream/pump.h"

struct main_endpoint {
    struct main_link *link;
    struct pump *pump;
};

static struct server *server_of(const struct endpoint *endpoint)
{
    return endpoint->client->server;
}

struct main_link *endpoint_main_link(const struct endpoint *self)
{
    const struct main_endpoint *impl = self->impl;

    return impl ? impl->link : NULL;
}

struct pump *endpoint_main_pump(const struct endpoint *self)
{
    const struct main_endpoint *impl = self->impl;

    return impl ? impl->pump : NULL;
}

static void on_attach_channels(void *owner)
{
    struct endpoint *self = owner;
    uint32_t n;
    struct main_channel_id *list = server_channels(server_of(self), &n);

    main_send_channels(endpoint_main_link(self), list, n);
    g_free(list);
    self->client->listed = true;
    if (client_has_all_channels(self->client))
        move_client_up(server_of(self)->move, self->client);
    else
        move_client_listed(server_of(self)->move, self->client);
}

static void on_mouse_mode_request(void *owner, uint32_t mode)
{
    struct endpoint *self = owner;

    mouse_set_mode(server_of(self), mode);
}

static void on_migrate_answer(void *owner, enum main_answer answer)
{
    struct endpoint *self = owner;
    enum move_event event = MOVE_ANSWER_ERROR;

    switch (answer) {
    case MAIN_ANSWER_SEAMLESS:
        event = MOVE_ANSWER_SEAMLESS;
        break;
    case MAIN_ANSWER_SEMI:
        event = MOVE_ANSWER_SEMI;
        break;
    case MAIN_ANSWER_ERROR:
        break;
    }
    move_client_event(server_of(self)->move, self->client, event);
}

static void on_flush_mark(void *owner)
{
    struct endpoint *self = owner;
    struct main_state state = {
        .agent = {.version = SAVED_VERSION},
        .has_mouse_mode = true,
        .mouse_mode = {.mode = server_of(self)->mouse_mode},
    };

    agent_save_client(server_of(self)->agent, self->client, &state);
    main_send_migrate_data(endpoint_main_link(self), &state);
    blob_main_free(&state);
    self->client->handed_over = true;
}

static void send_start(struct endpoint *self)
{
    struct server *server = server_of(self);
    const struct settings *settings = &server->settings;
    struct main_link *link = endpoint_main_link(self);
    struct main_init init = {
        .session_id = self->client->id,
        .display_channels_hint = server->screens->len,
        .mouse_modes = mouse_modes_supported(server),
        .mouse_mode = server->mouse_mode,
        .agent_connected = hub_guest_is_open(agent_hub(server->agent)),
        .multi_media_time = server_multi_media_time(),
    };

    agent_add_client(server->agent, self);
    main_send_init(link, &init);
    if (link_caps_has(&self->request.channel_caps, SPICE_MAIN_CAP_NAME_AND_UUID)) {
        if (settings->name)
            main_send_name(link, settings->name);
        if (settings->has_uuid)
            main_send_uuid(link, settings->uuid);
    }
    self->client->told = true;
}

/* The ACK must be the last thing on this link until the client's state has come. */
static void on_dst_do_seamless(void *owner, uint32_t src_version)
{
    struct endpoint *self = owner;
    struct client *client = self->client;

    if (client->move.target != MOVE_TARGET_LINKED)
        return;
    client->move.target = MOVE_TARGET_SEAMLESS;
    main_send_dst_seamless(endpoint_main_link(self), true);
    client_attach_waiting(client, true);
}

static void on_dst_migrate_end(void *owner)
{
    struct endpoint *self = owner;
    struct client *client = self->client;

    if (client->move.target != MOVE_TARGET_LINKED)
        return;
    client->move.target = MOVE_TARGET_ARRIVED;
    client->listed = true;
    conn_set_phase(main_link_conn(endpoint_main_link(self)), CONN_ACTIVE);
    move_client_arrived(server_of(self)->move, client, "semi-seamless");
    send_start(self);
    client_attach_waiting(client, false);
}

static void on_restored(void *owner, const struct main_state *state)
{
    struct endpoint *self = owner;
    struct server *server = server_of(self);
    struct main_link *link = endpoint_main_link(self);

    self->client->move.target = MOVE_TARGET_ARRIVED;
    self->client->told = true;
    self->client->listed = true;
    move_client_arrived(server->move, self->client, "seamless");
    agent_arrive_client(server->agent, self, state);
    if (state->has_mouse_mode && state->mouse_mode.mode != server->mouse_mode)
        mouse_set_mode(server, state->mouse_mode.mode);
    main_set_mouse_mode(link, mouse_modes_supported(server), server->mouse_mode);
    main_send_multi_media_time(link, server_multi_media_time());
    server_ping_briskly(server);
}

static void on_round_trip(void *owner, uint64_t ping_time)
{
    struct endpoint *self = owner;

    log_debug("client %08x: round trip %" G_GINT64_FORMAT " us", self->client->id,
              loop_now_us() - (int64_t)ping_time);
}

static void on_agent_start(void *owner, uint32_t tokens)
{
    struct endpoint *self = owner;

    if (self->client->agent)
        hub_client_start(self->client->agent, tokens);
}

static void on_agent_tokens(void *owner, uint32_t tokens)
{
    struct endpoint *self = owner;

    if (self->client->agent)
        hub_client_tokens(self->client->agent, tokens);
}

static void on_agent_data(void *owner, const uint8_t *bytes, size_t len)
{
    struct endpoint *self = owner;

    if (self->client->agent)
        hub_client_data(self->client->agent, bytes, len);
}

static bool agent_next(void *owner, struct hub_word *word)
{
    struct endpoint *self = owner;

    return self->client->agent && hub_client_next(self->client->agent, word);
}

static const struct main_link_ops link_ops = {
    .attach_channels = on_attach_channels,
    .mouse_mode_request = on_mouse_mode_request,
    .migrate_answer = on_migrate_answer,
    .flush_mark = on_flush_mark,
    .dst_do_seamless = on_dst_do_seamless,
    .dst_migrate_end = on_dst_migrate_end,
    .restored = on_restored,
    .round_trip = on_round_trip,
    .agent_start = on_agent_start,
    .agent_tokens = on_agent_tokens,
    .agent_data = on_agent_data,
    .agent_next = agent_next,
};

static void on_closed(void *opaque, const char *reason)
{
    endpoint_gone(opaque, reason);
}

static void main_attach(struct endpoint *self)
{
    struct main_endpoint *impl = g_new0(struct main_endpoint, 1);
    struct stream *stream = g_steal_pointer(&self->stream);

    self->impl = impl;
    impl->link = main_link_new(&link_ops, self, self->request.mini_header, self->target);
    impl->pump =
        pump_new(server_of(self)->loop, stream, main_link_conn(impl->link), on_closed, self);
    if (!self->target)
        send_start(self);
}

static void main_migrate(struct endpoint *self)
{
    struct main_link *link = endpoint_main_link(self);

    hub_freeze(agent_hub(server_of(self)->agent));
    while (main_send_agent(link)) {
    }
    main_send_migrate(link);
}

static void main_close(struct endpoint *self)
{
    struct main_endpoint *impl = self->impl;

    pump_close(impl->pump, NULL);
}

static void main_destroy(struct endpoint *self)
{
    struct main_endpoint *impl = self->impl;

    if (!impl)
        return;
    agent_drop_client(self);
    pump_free(impl->pump);
    main_link_free(impl->link);
    g_free(impl);
    self->impl = NULL;
}

const struct endpoint_ops endpoint_main_ops = {
    .name = "main",
    .attach = main_attach,
    .migrate = main_migrate,
    .close = main_close,
    .destroy = main_destroy,
};
