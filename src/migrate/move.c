/* SPDX-License-Identifier: MIT */
#include "migrate/move.h"

#include <glib.h>
#include <poll.h>
#include <spice/enums.h>
#include <spice/protocol.h>

#include "base/log.h"
#include "channel/main.h"
#include "migrate/story.h"
#include "migrate/target_probe.h"
#include "session/server_impl.h"
#include "stream/pump.h"

enum {
    ANSWER_MS = 10 * 1000, /* for a client to link the target */
    LEAVE_MS = 10 * 1000,  /* for the clients to be gone after the end */
    LATE_MS = 5 * 1000,    /* of these, for a client that still links the target at the end */
    UP_MS = 1000,          /* for a client to link the channels it was told of */
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
    struct loop_timer *timer;   /* of CONNECTING and LEAVING */
    struct target_probe *probe; /* NULL: the target's kind is unknown */
    struct story *story;
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
    self->host = g_strdup("");
    self->story = story_new(server->settings.move_log);
    return self;
}

void move_free(struct move *self)
{
    if (!self)
        return;
    loop_timer_remove(self->timer);
    target_probe_free(self->probe);
    story_free(self->story);
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

static void tell(struct move *self, const char *what)
{
    const struct story_field fields[] = {{"clients", NULL, self->server->clients->len}};

    story_tell(self->story, what, fields, G_N_ELEMENTS(fields));
}

static void tell_client(struct move *self, const struct client *client, const char *what,
                        const char *state)
{
    g_autofree char *id = g_strdup_printf("%08x", client->id);
    const struct story_field fields[] = {
        {"client", id, 0},
        {"peer", client->peer, 0},
        {"state", state, 0},
    };

    story_tell(self->story, what, fields, G_N_ELEMENTS(fields));
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

    if (old == PHASE_CONNECTING) {
        tell(self, "connect complete");
        if (self->instance)
            interface_of(self)->migrate_connect_complete(self->instance);
    }
    if (old == PHASE_LEAVING) {
        tell(self, "end complete");
        if (self->instance)
            interface_of(self)->migrate_end_complete(self->instance);
    }
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

/* How long a client may stay in a state. */
static void limit_stay(struct client *client)
{
    switch (client->move.source) {
    case MOVE_ASKED_SEAMLESS:
    case MOVE_ASKED_SEMI:
        loop_timer_start(client->patience, ANSWER_MS);
        break;
    case MOVE_LATE_SEAMLESS:
    case MOVE_LATE_SEMI:
        loop_timer_start(client->patience, LATE_MS);
        break;
    case MOVE_STAY:
    case MOVE_COMING: /* the timer says when it is up */
        break;
    case MOVE_READY_SEAMLESS:
    case MOVE_READY_SEMI:
    case MOVE_REFUSED:
    case MOVE_MOVING:
    case MOVE_ENDING:
    case MOVE_SWITCHING:
        loop_timer_cancel(client->patience);
        break;
    }
}

static bool is_asked(const struct client *client)
{
    return client->move.source == MOVE_ASKED_SEAMLESS || client->move.source == MOVE_ASKED_SEMI;
}

/* That the VM has moved is no reason why a client can't move with it. */
static enum move_event reason_of(const struct client *client, enum move_event event)
{
    if (event != MOVE_DONE)
        return event;
    if (client->move.source == MOVE_REFUSED)
        return client->move.why;
    return is_asked(client) ? MOVE_TIMEOUT : event;
}

static void step(struct move *self, struct client *client, enum move_event event)
{
    const struct move_transition *row = move_transition_find(client->move.source, event);
    const char *what = move_event_name(event);

    if (!row) {
        log_info("client %08x (%s): \"%s\" means nothing while it %s", client->id, client->peer,
                 what, move_source_name(client->move.source));
        return;
    }
    if (row->to != row->from || row->action != MOVE_ACT_NOTHING) {
        log_info("client %08x (%s): %s; it %s", client->id, client->peer, what,
                 move_source_name(row->to));
        tell_client(self, client, what, move_source_name(row->to));
    }
    if (row->to != row->from) {
        client->move.why = reason_of(client, event);
        client->move.source = row->to;
        limit_stay(client);
    }
    act(self, client, row->action);
}

static void step_all(struct move *self, enum move_event event)
{
    for (guint i = 0; i < self->server->clients->len; i++)
        step(self, g_ptr_array_index(self->server->clients, i), event);
}

static unsigned count_asked(const struct move *self)
{
    unsigned n = 0;

    for (guint i = 0; i < self->server->clients->len; i++)
        n += is_asked(g_ptr_array_index(self->server->clients, i));
    return n;
}

/* Who has not decided yet: asked, or about to be. */
static unsigned count_undecided(const struct move *self)
{
    unsigned n = count_asked(self);

    for (guint i = 0; i < self->server->clients->len; i++) {
        const struct client *client = g_ptr_array_index(self->server->clients, i);
        n += client->move.source == MOVE_COMING;
    }
    return n;
}

/* Every client is judged by its own abilities. */
static enum move_event ask_for(const struct move *self, const struct client *client)
{
    const struct link_caps *caps = &client->main_caps;

    if (!client->main)
        return MOVE_ASK_NONE;
    if (!client->up)
        return MOVE_ASK_LATER;
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
    if (self->phase == PHASE_CONNECTING && count_undecided(self) == 0)
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
        set_phase(self, PHASE_CONNECTED);
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

static void tell_announced(struct move *self)
{
    const struct story_field fields[] = {
        {"host", self->host, 0},
        {"port", NULL, self->port},
        {"tls_port", NULL, self->secure_port},
        {"clients", NULL, self->server->clients->len},
    };

    story_begin(self->story);
    story_tell(self->story, "announced", fields, G_N_ELEMENTS(fields));
}

/* Late links are worth knowing about only if somebody can come late. */
static void probe_target(struct move *self)
{
    target_probe_free(self->probe);
    self->probe = NULL;
    if (self->server->settings.seamless_migration && self->server->clients->len)
        self->probe = target_probe_new(self->server->loop, self->host, self->port);
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
    tell_announced(self);
    for (guint i = 0; i < self->server->clients->len; i++) {
        struct client *client = g_ptr_array_index(self->server->clients, i);
        step(self, client, ask_for(self, client));
    }
    probe_target(self);
    check_answered(self);
    return true;
}

bool move_is_announced(const struct move *self)
{
    return self->phase == PHASE_CONNECTING || self->phase == PHASE_CONNECTED;
}

bool move_is_under_way(const struct move *self)
{
    return self->phase != PHASE_IDLE;
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

    tell(self, "start");
    while (count_asked(self) && (left = until - loop_now_us()) > 0)
        listen_to_asked(self, (int)(left / 1000) + 1);
    check_answered(self);
    tell(self, "RAM flows");
    return move_is_announced(self);
}

/* What the end means for a client: DONE_LATE_OK has rows only for who is still linking. */
static void step_done(struct move *self, struct client *client)
{
    bool late = is_asked(client) &&
                (client->move.source == MOVE_ASKED_SEMI || target_probe_takes_late(self->probe));

    step(self, client, late ? MOVE_DONE_LATE_OK : MOVE_DONE);
}

static void move_done(struct move *self, bool announced)
{
    tell(self, "end: the VM has moved");
    set_phase(self, PHASE_LEAVING);
    if (announced) {
        for (guint i = 0; i < self->server->clients->len; i++)
            step_done(self, g_ptr_array_index(self->server->clients, i));
    } else {
        clients_disconnect_all(self->server, "the VM has moved, and nobody said where to");
    }
    check_left(self);
}

bool move_end(struct move *self, bool completed)
{
    bool announced = move_is_announced(self);

    if (completed) {
        move_done(self, announced);
    } else {
        tell(self, "end: the VM stays");
        if (announced)
            step_all(self, MOVE_FAILED);
        set_phase(self, PHASE_IDLE);
    }
    target_probe_free(self->probe);
    self->probe = NULL;
    return announced;
}

bool move_info(struct move *self, const char *host, int port, int secure_port,
               const char *cert_subject)
{
    return set_destination(self, host, port, secure_port, cert_subject);
}

bool move_switch(struct move *self)
{
    if (!*self->host) {
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

void move_client_here(struct move *self, struct client *client)
{
    if (client->move.target)
        return;
    if (move_is_announced(self))
        step(self, client, MOVE_ASK_LATER);
    else if (self->phase == PHASE_LEAVING && *self->host)
        step(self, client, MOVE_DONE);
}

void move_client_listed(struct move *self, struct client *client)
{
    if (!client->up)
        loop_timer_start(client->patience, UP_MS);
}

void move_client_up(struct move *self, struct client *client)
{
    if (client->up)
        return;
    client->up = true;
    loop_timer_cancel(client->patience);
    if (client->move.source == MOVE_COMING)
        move_client_event(self, client, ask_for(self, client));
}

void move_client_impatient(struct move *self, struct client *client)
{
    if (client->up)
        move_client_event(self, client, MOVE_TIMEOUT);
    else
        move_client_up(self, client);
}

void move_client_arrived(struct move *self, struct client *client, const char *how)
{
    move_client_up(self, client);
    log_info("client %08x (%s) has arrived (%s)", client->id, client->peer, how);
    tell_client(self, client, "arrived", how);
}

/* It went by itself, before the move let it go. */
static bool left_early(const struct client *client)
{
    switch (client->move.source) {
    case MOVE_ENDING:
    case MOVE_SWITCHING:
        return false;
    case MOVE_MOVING:
        return !client->handed_over;
    case MOVE_STAY:
    case MOVE_COMING:
    case MOVE_ASKED_SEAMLESS:
    case MOVE_ASKED_SEMI:
    case MOVE_READY_SEAMLESS:
    case MOVE_READY_SEMI:
    case MOVE_REFUSED:
    case MOVE_LATE_SEAMLESS:
    case MOVE_LATE_SEMI:
        return true;
    }
    return true;
}

/* What became of a client that took part in a move; NULL: it did not. */
static const char *outcome(const struct client *client)
{
    if (client_is_arriving(client))
        return "it has not arrived";
    if (client->move.source == MOVE_STAY)
        return NULL;
    if (client->turned_out)
        return "it was given up";
    if (client->move.source == MOVE_MOVING && !client->handed_over)
        return "it left before it had its state";
    return move_outcome_name(client->move.source);
}

static const char *why_gone(const struct client *client)
{
    if (client->turned_out)
        return client->turned_out;
    if (!left_early(client))
        return move_event_name(client->move.why);
    return client->broken ? client->broken : "it closed its links";
}

/* One line says why and how. */
void move_client_gone(struct move *self, struct client *client)
{
    const char *why = why_gone(client);
    const char *how = outcome(client);

    if (how) {
        log_info("client %08x (%s) has left: %s; %s", client->id, client->peer, why, how);
        tell_client(self, client, why, how);
    } else {
        log_info("client %08x (%s) has left", client->id, client->peer);
    }
    check_answered(self);
    check_left(self);
}
