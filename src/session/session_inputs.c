/* SPDX-License-Identifier: MIT */
/* A client's inputs endpoint: what it types and points goes to QEMU's devices. */
#include <spice/enums.h>

#include "agent/hub.h"
#include "channel/inputs.h"
#include "migrate/move.h"
#include "session/hearing.h"
#include "session/server_impl.h"
#include "session/session_agent.h"
#include "stream/pump.h"

struct inputs_endpoint {
    struct inputs_link *link;
    struct pump *pump;
};

static struct server *server_of(void *owner)
{
    struct endpoint *endpoint = owner;

    return endpoint->client->server;
}

static const SpiceMouseInterface *mouse_of(const struct server *server)
{
    return (const SpiceMouseInterface *)(const void *)server->mouse->base.sif;
}

static const SpiceTabletInterface *tablet_of(const struct server *server)
{
    return (const SpiceTabletInterface *)(const void *)server->tablet->base.sif;
}

/* The guest's agent moves the pointer where it can; the tablet needs no help from the guest. */
static struct hub *pointing_agent(const struct server *server)
{
    struct hub *hub = agent_hub(server->agent);

    return server->mouse_mode == SPICE_MOUSE_MODE_CLIENT && hub_takes_mouse(hub) ? hub : NULL;
}

static bool client_mode(const struct server *server)
{
    return server->mouse_mode == SPICE_MOUSE_MODE_CLIENT && server->tablet;
}

static void takes_charge(void *owner)
{
    const struct endpoint *self = owner;

    if (self->client->agent)
        hub_client_input(self->client->agent);
}

static void push_scan(struct server *server, uint8_t byte)
{
    const SpiceKbdInterface *keyboard;

    if (!server->keyboard)
        return;
    keyboard = (const SpiceKbdInterface *)(const void *)server->keyboard->base.sif;
    keyboard->push_scan_freg(server->keyboard, byte);
}

static void on_scan(void *owner, uint8_t byte)
{
    takes_charge(owner);
    push_scan(server_of(owner), byte);
}

/* The client's locks differ from the guest's: press and release the keys that toggle them. */
static void on_modifiers(void *owner, uint16_t modifiers)
{
    static const struct {
        uint16_t flag;
        uint8_t scan;
    } locks[] = {
        {SPICE_KEYBOARD_MODIFIER_FLAGS_SCROLL_LOCK, 0x46},
        {SPICE_KEYBOARD_MODIFIER_FLAGS_NUM_LOCK, 0x45},
        {SPICE_KEYBOARD_MODIFIER_FLAGS_CAPS_LOCK, 0x3a},
    };
    struct server *server = server_of(owner);

    for (unsigned i = 0; i < G_N_ELEMENTS(locks); i++) {
        if (!((modifiers ^ server->leds) & locks[i].flag))
            continue;
        push_scan(server, locks[i].scan);
        push_scan(server, locks[i].scan | 0x80);
    }
}

static void on_motion(void *owner, int dx, int dy, int dz, uint32_t buttons)
{
    struct server *server = server_of(owner);

    if (server->mouse && !client_mode(server))
        mouse_of(server)->motion(server->mouse, dx, dy, dz, buttons);
}

static void on_position(void *owner, int x, int y, uint32_t buttons, uint8_t display)
{
    struct server *server = server_of(owner);
    struct hub *agent = pointing_agent(server);

    if (agent)
        hub_mouse_to(agent, (uint32_t)x, (uint32_t)y, buttons, display);
    else if (client_mode(server))
        tablet_of(server)->position(server->tablet, x, y, buttons);
}

static void on_wheel(void *owner, int dz, uint32_t buttons)
{
    struct server *server = server_of(owner);
    struct hub *agent = pointing_agent(server);

    takes_charge(owner);
    if (agent)
        hub_mouse_buttons(agent, buttons, dz);
    else if (client_mode(server))
        tablet_of(server)->wheel(server->tablet, dz, buttons);
    else if (server->mouse)
        mouse_of(server)->motion(server->mouse, 0, 0, dz, buttons);
}

static void on_buttons(void *owner, uint32_t buttons)
{
    struct server *server = server_of(owner);
    struct hub *agent = pointing_agent(server);

    takes_charge(owner);
    if (agent)
        hub_mouse_buttons(agent, buttons, 0);
    else if (client_mode(server))
        tablet_of(server)->buttons(server->tablet, buttons);
    else if (server->mouse)
        mouse_of(server)->buttons(server->mouse, buttons);
}

/* QEMU drops what comes while the VM stands still. In a move it is kept: here for a VM that has not
 * started, else for the target. */
static bool on_keeps(void *owner, bool key)
{
    struct endpoint *self = owner;
    struct server *server = server_of(self);

    if (!hearing_vm_hears(server->hearing))
        return (self->target && !server->vm_started_us) || move_is_under_way(server->move);
    return key && !hearing_takes_key(server->hearing);
}

static const struct inputs_link_ops link_ops = {
    .scan = on_scan,
    .modifiers = on_modifiers,
    .motion = on_motion,
    .position = on_position,
    .wheel = on_wheel,
    .buttons = on_buttons,
    .keeps = on_keeps,
};

static void on_closed(void *opaque, const char *reason)
{
    endpoint_gone(opaque, reason);
}

static void inputs_attach(struct endpoint *self)
{
    struct inputs_endpoint *impl = g_new0(struct inputs_endpoint, 1);
    struct server *server = server_of(self);
    struct stream *stream = g_steal_pointer(&self->stream);

    self->impl = impl;
    impl->link =
        inputs_link_new(&link_ops, self, self->request.mini_header, self->target, server->leds);
    impl->pump = pump_new(server->loop, stream, inputs_link_conn(impl->link), on_closed, self);
    pump_kick(impl->pump);
}

void endpoint_inputs_release(struct endpoint *self)
{
    struct inputs_endpoint *impl = self->impl;

    if (impl)
        inputs_link_release(impl->link);
}

static void inputs_migrate(struct endpoint *self)
{
    struct inputs_endpoint *impl = self->impl;

    inputs_send_migrate(impl->link);
}

static void inputs_close(struct endpoint *self)
{
    struct inputs_endpoint *impl = self->impl;

    pump_close(impl->pump, NULL);
}

static void inputs_destroy(struct endpoint *self)
{
    struct inputs_endpoint *impl = self->impl;

    if (!impl)
        return;
    pump_free(impl->pump);
    inputs_link_free(impl->link);
    g_free(impl);
    self->impl = NULL;
}

void endpoint_inputs_leds(struct endpoint *self, uint8_t leds)
{
    struct inputs_endpoint *impl = self->impl;

    if (impl)
        inputs_set_modifiers(impl->link, leds);
}

const struct endpoint_ops endpoint_inputs_ops = {
    .name = "inputs",
    .attach = inputs_attach,
    .migrate = inputs_migrate,
    .close = inputs_close,
    .destroy = inputs_destroy,
};
