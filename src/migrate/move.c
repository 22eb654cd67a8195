/* SPDX-License-Identifier: MIT */
#include "migrate/move.h"

#include <glib.h>
#include <poll.h>
#include <spice/enums.h>
#include <spice/protocol.h>

#include "base/log.h"
#include "channel/main.h"
#include "session/server_impl.h"
#include "stream/pump.h"

enum {
    ANSWER_MS = 10 * 1000, /* for a client to link the target */
    LEAVE_MS = 10 * 1000,  /* for the clients to be gone after the end */
    HOLD_MS = 300,         /* the guest's devices wait for answers before the RAM flows */
};

enum move_phase {
    PHASE_IDLE,
    PHASE_CONNECTING, /* connect_complete is owed */
    PHASE_CONNECTED,
    PHASE_LEAVING, /* end_complete is owed */
};

struct move {
    struct server *server;
    SpiceMigrateInstance *instance;
    enum move_phase phase;
    struct loop_timer *timer; /* of CONNECTING and LEAVING */
    char *host;
    char *cert_subject;
    uint16_t port, secure_port;
};

static void on_timer(void *opaque);

struct move *move_new(struct server *server)
{
    struct move *self = g_new0(struct move, 1);

    self->server = server;
    self->timer = loop_timer_add(server->loop, on_timer, self);
    return self;
}

void move_free(struct move *self)
{
    if (!self)
        return;
    loop_timer_remove(self->timer);
    g_free(self->host);
    g_free(self->cert_subject);
    g_free(self);
}

void move_set_interface(struct move *self, SpiceMigrateInstance *instance)
{
    self->instance = instance;
}

SpiceMigrateInstance *move_interface(const struct move *self)
{
    return self->instance;
}

static const SpiceMigrateInterface *interface_of(const struct move *self)
{
    return (const SpiceMigrateInterface *)(const void *)self->instance->base.sif;
}

static void set_phase(struct move *self, enum move_phase phase)
{
    enum move_phase old = self->phase;

    if (old == phase)
        return;
    self->phase = phase;
    loop_timer_cancel(self->timer);
    if (phase == PHASE_CONNECTING)
        loop_timer_start(self->timer, ANSWER_MS);
    else if (phase == PHASE_LEAVING)
        loop_timer_start(self->timer, LEAVE_MS);

    if (!self->instance)
        return;
    if (old == PHASE_CONNECTING)
        interface_of(self)->migrate_connect_complete(self->instance);
    if (old == PHASE_LEAVING)
        interface_of(self)->migrate_end_complete(self->instance);
}

static struct main_destination destination(const struct move *self)
{
    return (struct main_destination){
        .host = self->host,
        .cert_subject = self->cert_subject,
        .port = self->port,
        .secure_port = self->secure_port,
    };
}

static void migrate_endpoints(struct client *client)
{
    for (guint i = 0; i < client->endpoints->len; i++) {
        struct endpoint *endpoint = g_ptr_array_index(client->endpoints, i);
        if (!endpoint->closing)
            endpoint->ops->migrate(endpoint);
    }
}

static void act(struct move *self, struct client *client, enum move_action action)
{
    struct main_link *link = client->main ? endpoint_main_link(client->main) : NULL;
    struct main_destination dst = destination(self);

    if (!link)
        return;
    switch (action) {
    case MOVE_ACT_NOTHING:
        break;
    case MOVE_ACT_BEGIN_SEAMLESS:
        main_send_migrate_begin(link, &dst, true);
        break;
    case MOVE_ACT_BEGIN_SEMI:
        main_send_migrate_begin(link, &dst, false);
        break;
    case MOVE_ACT_CANCEL:
        main_send_migrate_cancel(link);
        break;
    case MOVE_ACT_MIGRATE:
        migrate_endpoints(client);
        break;
    case MOVE_ACT_END:
        main_send_migrate_end(link);
        break;
    case MOVE_ACT_CANCEL_AND_SWITCH:
        main_send_migrate_cancel(link);
        main_send_switch_host(link, &dst);
        break;
    }
}

static void step(struct move *self, struct client *client, enum move_event event)
{
    const struct move_transition *row = move_transition_find(client->move.source, event);

    if (!row) {
        log_info("client %08x (%s): \"%s\" means nothing while it %s", client->id, client->peer,
                 move_event_name(event), move_source_name(client->move.source));
        return;
    }
    if (row->to != row->from)
        log_info("client %08x (%s): %s; it %s", client->id, client->peer, move_event_name(event),
                 move_source_name(row->to));
    client->move.source = row->to;
    act(self, client, row->action);
}

static void step_all(struct move *self, enum move_event event)
{
    for (guint i = 0; i < self->server->clients->len; i++)
        step(self, g_ptr_array_index(self->server->clients, i), event);
}

static bool is_asked(const struct client *client)
{
    return client->move.source == MOVE_ASKED_SEAMLESS || client->move.source == MOVE_ASKED_SEMI;
}

static unsigned count_asked(const struct move *self)
{
    unsigned n = 0;

    for (guint i = 0; i < self->server->clients->len; i++)
        n += is_asked(g_ptr_array_index(self->server->clients, i));
    return n;
}

/* Every client is judged by its own abilities. */
static enum move_event ask_for(const struct move *self, const struct client *client)
{
    const struct link_caps *caps = &client->main_caps;

    if (!client->told || !client->main)
        return MOVE_ASK_NONE;
    if (self->server->settings.seamless_migration &&
        link_caps_has(caps, SPICE_MAIN_CAP_SEAMLESS_MIGRATE) &&
        link_caps_has(caps, SPICE_MAIN_CAP_AGENT_CONNECTED_TOKENS))
        return MOVE_ASK_SEAMLESS;
    if (link_caps_has(caps, SPICE_MAIN_CAP_SEMI_SEAMLESS_MIGRATE))
        return MOVE_ASK_SEMI;
    return MOVE_ASK_NONE;
}

static void check_answered(struct move *self)
{
    if (self->phase == PHASE_CONNECTING && count_asked(self) == 0)
        set_phase(self, PHASE_CONNECTED);
}

static void check_left(struct move *self)
{
    if (self->phase == PHASE_LEAVING && self->server->clients->len == 0)
        set_phase(self, PHASE_IDLE);
}

static void on_timer(void *opaque)
{
    struct move *self = opaque;

    if (self->phase == PHASE_CONNECTING) {
        for (guint i = 0; i < self->server->clients->len; i++) {
            struct client *client = g_ptr_array_index(self->server->clients, i);
            if (is_asked(client))
                step(self, client, MOVE_TIMEOUT);
        }
        check_answered(self);
    } else if (self->phase == PHASE_LEAVING) {
        clients_disconnect_all(self->server, "it did not leave after the VM had moved");
        set_phase(self, PHASE_IDLE);
    }
}

/* QEMU says -1 for "no port"; on the wire that is 0. */
static uint16_t wire_port(int port)
{
    return port > 0 && port <= UINT16_MAX ? (uint16_t)port : 0;
}

static bool set_destination(struct move *self, const char *host, int port, int secure_port,
                            const char *cert_subject)
{
    g_free(self->host);
    g_free(self->cert_subject);
    self->host = g_strdup(host ? host : "");
    self->cert_subject = cert_subject && *cert_subject ? g_strdup(cert_subject) : NULL;
    self->port = wire_port(port);
    self->secure_port = wire_port(secure_port);
    if (*self->host && (self->port || self->secure_port))
        return true;
    log_warn("a move needs the target's host and a port (client_migrate_info)");
    return false;
}

bool move_connect(struct move *self, const char *host, int port, int secure_port,
                  const char *cert_subject)
{
    if (self->phase == PHASE_CONNECTING || self->phase == PHASE_CONNECTED)
        step_all(self, MOVE_FAILED);
    set_phase(self, PHASE_IDLE);
    set_phase(self, PHASE_CONNECTING);
    if (!set_destination(self, host, port, secure_port, cert_subject)) {
        set_phase(self, PHASE_IDLE);
        return false;
    }
    for (guint i = 0; i < self->server->clients->len; i++) {
        struct client *client = g_ptr_array_index(self->server->clients, i);
        step(self, client, ask_for(self, client));
    }
    check_answered(self);
    return true;
}

static bool is_announced(const struct move *self)
{
    return self->phase == PHASE_CONNECTING || self->phase == PHASE_CONNECTED;
}

/* Handles what the asked clients say within the time; nothing else of the loop runs. */
static void listen_to_asked(struct move *self, int timeout_ms)
{
    GPtrArray *clients = self->server->clients;
    g_autofree struct pollfd *fds = g_new0(struct pollfd, clients->len);
    g_autofree struct pump **pumps = g_new0(struct pump *, clients->len);
    unsigned n = 0;

    for (guint i = 0; i < clients->len; i++) {
        struct client *client = g_ptr_array_index(clients, i);
        struct pump *pump = client->main ? endpoint_main_pump(client->main) : NULL;
        if (!pump || !pump_is_open(pump) || !is_asked(client))
            continue;
        fds[n] = (struct pollfd){.fd = stream_fd(pump_stream(pump)), .events = POLLIN};
        pumps[n++] = pump;
    }
    if (poll(fds, n, timeout_ms) <= 0)
        return;
    for (unsigned i = 0; i < n; i++) {
        if (fds[i].revents)
            pump_turn(pumps[i]);
    }
}

/* A small guest is over before its clients have linked the target, and they would have to connect
 * anew: so the RAM waits for them, but not long, since QEMU's main loop stands still meanwhile. */
bool move_start(struct move *self)
{
    int64_t until = loop_now_us() + HOLD_MS * 1000;
    int64_t left;

    while (count_asked(self) && (left = until - loop_now_us()) > 0)
        listen_to_asked(self, (int)(left / 1000) + 1);
    check_answered(self);
    return is_announced(self);
}

bool move_end(struct move *self, bool completed)
{
    bool announced = is_announced(self);

    if (!completed) {
        if (announced)
            step_all(self, MOVE_FAILED);
        set_phase(self, PHASE_IDLE);
        return announced;
    }
    set_phase(self, PHASE_LEAVING);
    if (announced)
        step_all(self, MOVE_DONE);
    else
        clients_disconnect_all(self->server, "the VM has moved, and nobody said where to");
    check_left(self);
    return announced;
}

bool move_info(struct move *self, const char *host, int port, int secure_port,
               const char *cert_subject)
{
    return set_destination(self, host, port, secure_port, cert_subject);
}

bool move_switch(struct move *self)
{
    if (!self->host || !*self->host) {
        log_warn("no destination to switch the clients to (spice_server_migrate_info)");
        return false;
    }
    step_all(self, MOVE_DONE);
    return true;
}

void move_client_event(struct move *self, struct client *client, enum move_event event)
{
    step(self, client, event);
    check_answered(self);
}

void move_client_gone(struct move *self, struct client *client)
{
    check_answered(self);
    check_left(self);
}
