/* SPDX-License-Identifier: MIT */
/* Capabilities: each side hears what holds for it. The guest is asked once there is a client. */
#include "agent/hub_impl.h"
#include "base/log.h"

/* What decides the layout of messages: in force only when both ends have it. */
#define SHARED_CAPS                                                                                \
    (CAP(CLIPBOARD_BY_DEMAND) | CAP(CLIPBOARD_SELECTION) | CAP(CLIPBOARD_NO_RELEASE_ON_REGRAB) |   \
     CAP(CLIPBOARD_GRAB_SERIAL))

/* What we can do for every client there may be. */
#define OUR_CAPS                                                                                   \
    (CAP(MOUSE_STATE) | CAP(MONITORS_CONFIG) | CAP(REPLY) | CAP(DISPLAY_CONFIG) |                  \
     CAP(MONITORS_CONFIG_POSITION) | CAP(FILE_XFER_DETAILED_ERRORS) | SHARED_CAPS)

static void announce(struct party *to, bool request, uint32_t caps)
{
    struct buf body = BUF_INIT;

    buf_u32(&body, request);
    buf_u32(&body, caps);
    party_send(to, VD_AGENT_ANNOUNCE_CAPABILITIES, body.data, body.len);
    buf_free(&body);
}

static uint32_t our_caps(const struct hub *self)
{
    return self->switches.copy_paste ? OUR_CAPS : OUR_CAPS & ~CLIPBOARD_CAPS;
}

static bool is_wanted(const struct hub *self)
{
    for (guint i = 0; i < self->clients->len; i++) {
        struct hub_client *client = g_ptr_array_index(self->clients, i);
        if (client->started && client->party.known)
            return true;
    }
    return false;
}

void hub_ask_guest(struct hub *self)
{
    if (self->state != GUEST_OPEN || self->held || !is_wanted(self))
        return;
    self->state = GUEST_ASKED;
    announce(&self->guest, true, our_caps(self));
}

static uint32_t caps_for(const struct hub_client *client)
{
    const struct hub *hub = client->party.hub;
    uint32_t caps = hub->guest.caps;

    if (hub->ops->monitors(hub->opaque, NULL, 0))
        caps |= CAP(MONITORS_CONFIG) | CAP(MONITORS_CONFIG_POSITION);
    if (!hub->switches.copy_paste)
        caps &= ~CLIPBOARD_CAPS;
    if (!hub->switches.file_xfer)
        caps |= CAP(FILE_XFER_DISABLED);
    return caps & (client->party.caps | ~SHARED_CAPS);
}

void hub_offer(struct hub_client *client)
{
    struct hub *hub = client->party.hub;
    uint32_t caps = caps_for(client);
    bool first = !client->replied;

    if (hub->state != GUEST_READY || !client->started || !client->party.known)
        return;
    client->party.layout = (caps & client->party.caps) | (caps & ~SHARED_CAPS);
    announce(&client->party, false, caps);
    client->replied = true;
    if (first)
        clipboard_replay(&client->party);
}

void hub_offer_all(struct hub *self)
{
    for (guint i = 0; i < self->clients->len; i++)
        hub_offer(g_ptr_array_index(self->clients, i));
}

static uint32_t guest_layout(const struct hub *self)
{
    return self->guest.caps & (our_caps(self) | ~SHARED_CAPS);
}

/* What the switches decide of what a client was told. */
static bool offer_holds(const struct hub_client *client)
{
    uint32_t decided = CLIPBOARD_CAPS | CAP(FILE_XFER_DISABLED);

    return !((client->party.layout ^ caps_for(client)) & decided);
}

/* Clients first hear that nobody owns anything, in the words that held until then. */
void hub_follow_switches(struct hub *self)
{
    bool again = self->guest.layout != guest_layout(self);

    if (self->state != GUEST_READY || self->transparent)
        return;
    if (!self->switches.copy_paste)
        clipboard_end(self);
    if (!self->switches.file_xfer)
        files_end(self);
    if (again) {
        announce(&self->guest, false, our_caps(self));
        self->guest.layout = guest_layout(self);
    }
    for (guint i = 0; i < self->clients->len; i++) {
        struct hub_client *client = g_ptr_array_index(self->clients, i);
        bool shared = party_has(&client->party, VD_AGENT_CAP_CLIPBOARD_BY_DEMAND);

        if (!client->replied || offer_holds(client))
            continue;
        hub_offer(client);
        if (!shared)
            clipboard_replay(&client->party);
    }
    if (again)
        clipboard_replay(&self->guest);
}

static void guest_is_ready(struct hub *self)
{
    bool first = self->state != GUEST_READY;

    self->state = GUEST_READY;
    self->changed = true;
    if (first)
        memset(self->guest.serial, 0, sizeof(self->guest.serial));
    self->guest.layout = guest_layout(self);
    hub_send_devices(self);
    clipboard_tell_max(self);
    clipboard_replay(&self->guest);
    hub_offer_all(self);
}

static void guest_announced(struct hub *self, bool request)
{
    switch (self->state) {
    case GUEST_CLOSED:
        break;
    case GUEST_OPEN:
        hub_ask_guest(self);
        break;
    case GUEST_ASKED:
    case GUEST_READY:
        if (request)
            announce(&self->guest, false, our_caps(self));
        guest_is_ready(self);
        break;
    }
}

static void client_announced(struct hub_client *client, bool request)
{
    if (client->party.hub->transparent && client->party.hub->transparent != client)
        transparent_end(client->party.hub);
    if (request) {
        clipboard_leave(&client->party);
        memset(client->party.serial, 0, sizeof(client->party.serial));
        client->replied = false;
        hub_offer(client);
    }
    hub_ask_guest(client->party.hub);
}

bool on_announce(struct inflow *in, uint32_t type, struct reader *body, uint32_t rest)
{
    struct party *from = in->from;
    bool request = reader_u32(body) != 0;

    from->caps = reader_left(body) >= 4 ? reader_u32(body) : 0;
    from->known = true;
    if (from->client)
        client_announced(from->client, request);
    else
        guest_announced(from->hub, request);
    return true;
}

void hub_guest_forget(struct hub *self)
{
    if (self->state != GUEST_ASKED && self->state != GUEST_READY)
        return;
    buf_reset(&self->guest.later);
    if (self->guest.source) {
        self->guest.source->to = NULL;
        self->guest.source = NULL;
    }
    /* On the server's port, which also ends half a message on the clients' port. */
    hub_put_server(self, VD_AGENT_CLIENT_DISCONNECTED, 0);
    clipboard_leave(&self->guest);
    files_guest_left(self);
    memset(self->guest.told_grab, 0, sizeof(self->guest.told_grab));
    self->state = GUEST_OPEN;
    self->changed = true;
    hub_ask_guest(self);
}
