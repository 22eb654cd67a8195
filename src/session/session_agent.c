/* SPDX-License-Identifier: MIT */
#include "session/session_agent.h"

#include <spice/enums.h>
#include <spice/protocol.h>
#include <spice/vd_agent.h>
#include <string.h>

#include "agent/hub.h"
#include "base/buf.h"
#include "base/log.h"
#include "channel/main.h"
#include "device/char_device.h"
#include "session/server_impl.h"

enum {
    TICK_MS = 1000,
    HOLD_US = 10 * G_USEC_PER_SEC,
    JUST_STARTED_US = G_USEC_PER_SEC / 2,
    REOPEN_MS = 1000, /* how long a port stays closed that said what makes no sense */
    REOPEN_MAX_MS = 8000,
    MONITORS_MINOR = 3, /* of QXLInterface: since when it has client_monitors_config */
};

struct agent {
    struct server *server;
    struct hub *hub;
    struct char_device *device; /* NULL: the port is closed */
    struct char_device *closed; /* for what it said, until `reopen` */
    struct loop_timer *reopen;
    uint32_t reopen_ms;
    struct loop_timer *tick; /* runs while something may be overdue */
    int64_t
        hold_until; /* the guest came with a move, and the clients' states may be on their way */
};

/* ---- The port ---- */

static void write_port(struct agent *self)
{
    const uint8_t *bytes;
    size_t len, n;

    while (self->device && (bytes = hub_guest_output(self->hub, &len), len)) {
        n = char_device_write(self->device, bytes, len);
        hub_guest_taken(self->hub, n);
        if (n < len)
            return;
    }
}

static void read_port(struct agent *self)
{
    uint8_t bytes[HUB_READ_MAX];
    size_t n;

    while (self->device && (n = MIN(hub_guest_room(self->hub), sizeof(bytes)))) {
        n = char_device_read(self->device, bytes, n);
        if (!n)
            return;
        hub_guest_feed(self->hub, bytes, n);
    }
}

static void on_readable(void *owner)
{
    read_port(owner);
}

static void on_writable(void *owner)
{
    write_port(owner);
}

static void on_removed(void *owner)
{
    struct agent *self = owner;

    self->device = NULL;
    self->reopen_ms = REOPEN_MS;
    hub_guest_close(self->hub);
}

static const struct char_device_user port_user = {
    .readable = on_readable,
    .writable = on_writable,
    .removed = on_removed,
};

/* No guest that boots here opens a port within this time. */
static bool guest_has_moved(const struct server *server)
{
    return !server->vm_started_us || loop_now_us() - server->vm_started_us < JUST_STARTED_US;
}

/* Whoever may still bring the agent's state is waited for, but not if others want to begin. */
static bool must_hold(const struct agent *self)
{
    const GPtrArray *clients = self->server->clients;
    bool coming = false, here = false;

    for (guint i = 0; i < clients->len; i++) {
        const struct client *client = g_ptr_array_index(clients, i);
        coming |= client->move.target == MOVE_TARGET_LINKED ||
                  client->move.target == MOVE_TARGET_SEAMLESS;
        here |= client->agent != NULL;
    }
    return self->device && loop_now_us() < self->hold_until && (coming || !here);
}

static void update(struct agent *self)
{
    hub_tick(self->hub, loop_now_us());
    hub_hold(self->hub, must_hold(self));
    loop_timer_start(self->tick, TICK_MS);
}

void agent_attach(struct agent *self, struct char_device *device)
{
    if (self->device) {
        log_warn("the guest has a second agent port; it stays closed");
        return;
    }
    self->device = device;
    char_device_set_user(device, &port_user, self);
    if (guest_has_moved(self->server) && !hub_guest_is_open(self->hub))
        self->hold_until = loop_now_us() + HOLD_US;
    update(self);
    char_device_set_open(device, true);
    hub_guest_open(self->hub);
}

/* ---- What the hub asks for ---- */

static void wake_guest(void *opaque)
{
    write_port(opaque);
    read_port(opaque);
}

static struct main_link *link_of(void *owner)
{
    return endpoint_main_link(owner);
}

static void wake_client(void *owner)
{
    conn_wake(main_link_conn(link_of(owner)));
}

static void client_garbage(void *owner, const char *reason)
{
    struct conn *conn = main_link_conn(link_of(owner));

    conn_fail(conn, "main: %s", reason);
    conn_wake(conn);
}

static void on_closed_removed(void *owner)
{
    struct agent *self = owner;

    self->closed = NULL;
    self->reopen_ms = REOPEN_MS;
    loop_timer_cancel(self->reopen);
}

static const struct char_device_user closed_user = {.removed = on_closed_removed};

/* An agent that has just opened its port does not always notice that it was closed: it would wait
 * for ever. That happens to who comes after one that was ended in the middle: QEMU may still have
 * bytes of his. */
static void on_reopen(void *opaque)
{
    struct agent *self = opaque;
    struct char_device *device = g_steal_pointer(&self->closed);

    if (device)
        agent_attach(self, device);
}

/* The guest's agent finds its port closed, and opened anew. */
static void guest_garbage(void *opaque, const char *reason)
{
    struct agent *self = opaque;
    struct char_device *device = g_steal_pointer(&self->device);

    log_warn("the guest's agent is disconnected: %s", reason);
    if (!device)
        return;
    char_device_set_user(device, &closed_user, self);
    char_device_set_open(device, false);
    self->closed = device;
    loop_timer_start(self->reopen, self->reopen_ms);
    self->reopen_ms = MIN(2 * self->reopen_ms, REOPEN_MAX_MS);
}

static void changed(void *opaque)
{
    struct agent *self = opaque;

    mouse_update(self->server);
}

static const QXLInterface *interface_of(const struct screen *screen)
{
    const QXLInterface *interface = (const QXLInterface *)(const void *)screen->qxl->base.sif;

    return interface->base.minor_version >= MONITORS_MINOR && interface->client_monitors_config ? interface : NULL;
}

static bool all_take_monitors(const struct server *server)
{
    for (guint i = 0; i < server->screens->len; i++) {
        const struct screen *screen = g_ptr_array_index(server->screens, i);
        const QXLInterface *interface = interface_of(screen);
        if (!interface || !interface->client_monitors_config(screen->qxl, NULL))
            return false;
    }
    return server->screens->len > 0;
}

static bool monitors(void *opaque, const uint8_t *config, size_t len)
{
    struct agent *self = opaque;
    g_autofree uint8_t *copy = g_memdup2(config, len); /* aligned, and the device's to change */

    if (!all_take_monitors(self->server))
        return false;
    for (guint i = 0; copy && i < self->server->screens->len; i++) {
        const struct screen *screen = g_ptr_array_index(self->server->screens, i);
        interface_of(screen)->client_monitors_config(screen->qxl,
                                                     (VDAgentMonitorsConfig *)(void *)copy);
    }
    return true;
}

/* An entry a monitor: of which channel, and where the guest finds it. */
static void device_info(void *opaque, struct buf *out)
{
    struct agent *self = opaque;
    size_t start = out->len;
    uint32_t count = 0;

    buf_u32(out, 0);
    for (guint i = 0; i < self->server->screens->len; i++) {
        const struct screen *screen = g_ptr_array_index(self->server->screens, i);
        uint32_t len = screen->address ? (uint32_t)strlen(screen->address) + 1 : 0;
        for (uint32_t j = 0; len && j < MIN(screen->n_outputs, 16); j++) {
            buf_u32(out, (uint32_t)screen->qxl->id);
            buf_u32(out, j);
            buf_u32(out, screen->first_output + j);
            buf_u32(out, len);
            buf_append(out, screen->address, len);
            count++;
        }
    }
    buf_set_u32(out, start, count);
    if (!count)
        buf_truncate(out, start);
}

static const struct hub_ops hub_ops = {
    .wake_guest = wake_guest,
    .wake_client = wake_client,
    .client_garbage = client_garbage,
    .guest_garbage = guest_garbage,
    .changed = changed,
    .monitors = monitors,
    .device_info = device_info,
};

/* ---- The server's side ---- */

static void on_tick(void *opaque)
{
    struct agent *self = opaque;

    loop_timer_cancel(self->tick);
    if (self->server->clients->len || must_hold(self) || hub_awaits_clients(self->hub))
        update(self);
    else
        hub_hold(self->hub, false);
}

struct agent *agent_new(struct server *server)
{
    struct agent *self = g_new0(struct agent, 1);

    self->server = server;
    self->hub = hub_new(&hub_ops, self);
    hub_set_switches(self->hub, server->settings.agent);
    self->tick = loop_timer_add(server->loop, on_tick, self);
    self->reopen = loop_timer_add(server->loop, on_reopen, self);
    self->reopen_ms = REOPEN_MS;
    return self;
}

void agent_free(struct agent *self)
{
    if (!self)
        return;
    loop_timer_remove(self->tick);
    loop_timer_remove(self->reopen);
    hub_free(self->hub);
    g_free(self);
}

struct hub *agent_hub(const struct agent *self)
{
    return self ? self->hub : NULL;
}

static bool takes_tokens(const struct client *client)
{
    return link_caps_has(&client->main_caps, SPICE_MAIN_CAP_AGENT_CONNECTED_TOKENS);
}

void agent_add_client(struct agent *self, struct endpoint *main)
{
    struct client *client = main->client;

    client->agent = hub_client_new(self->hub, client->id, takes_tokens(client), main);
    update(self);
}

void agent_arrive_client(struct agent *self, struct endpoint *main, const struct main_state *state)
{
    struct client *client = main->client;

    hub_tick(self->hub, loop_now_us());
    self->hold_until = 0;
    client->agent = hub_client_arrive(self->hub, client->id, takes_tokens(client), main, state);
    update(self);
}

void agent_save_client(const struct agent *self, const struct client *client,
                       struct main_state *state)
{
    if (client->agent)
        hub_save(client->agent, self->device ? char_device_queue(self->device) : NULL, state);
}

void agent_vm_started(struct agent *self)
{
    hub_thaw(self->hub);
}

void agent_drop_client(struct endpoint *main)
{
    struct hub_client *client = g_steal_pointer(&main->client->agent);

    if (client)
        hub_client_free(client);
}

void server_set_agent(struct server *self, enum agent_use use, bool on)
{
    struct hub_switches *switches = &self->settings.agent;

    switch (use) {
    case AGENT_MOUSE:
        switches->mouse = on;
        break;
    case AGENT_COPY_PASTE:
        switches->copy_paste = on;
        break;
    case AGENT_FILE_XFER:
        switches->file_xfer = on;
        break;
    }
    if (self->agent)
        hub_set_switches(self->agent->hub, *switches);
}
