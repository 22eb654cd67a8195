/* SPDX-License-Identifier: MIT */
/*
 * A client that comes from another kind of server brings no word of what it and the guest's agent
 * have agreed on. As long as it is alone they go on talking to each other through us, message by
 * message; what the host has switched off holds, and monitors go to the devices. When another
 * client joins, or the guest's agent does anything anew, both begin anew with the hub between them.
 */
#include "agent/hub_impl.h"
#include "base/log.h"

static struct party *other_end(const struct inflow *in)
{
    struct hub *hub = in->from->hub;

    return in->from->client ? &hub->guest : &hub->transparent->party;
}

bool transparent_takes(const struct inflow *in)
{
    const struct hub_client *client = in->from->hub->transparent;

    return client && (!in->from->client || in->from->client == client);
}

bool transparent_begin(struct inflow *in, uint32_t type, uint32_t size)
{
    struct party *to = other_end(in);

    if (to->source || !party_room(to))
        return false;
    in->to = to;
    party_begin(to, in, type, NULL, 0, size);
    return true;
}

void transparent_end(struct hub *self)
{
    struct hub_client *client = g_steal_pointer(&self->transparent);

    if (!client)
        return;
    hub_client_renew(client, "another client joins what came from another server");
    hub_guest_forget(self);
}

/* A message of which `left` bytes are still to come. */
static void continue_message(struct inflow *in, struct party *to, uint32_t left, uint8_t filter)
{
    in->left = left;
    in->to = NULL;
    if (!left || filter != SAVED_FILTER_OK || to->source)
        return;
    in->to = to;
    to->source = in;
    to->moved_us = to->hub->now_us;
}

static void put_partial(struct hub *self, const struct saved_agent_read *a2c)
{
    struct buf header = BUF_INIT;

    if (a2c->chunk_header_size == CHUNK_HEADER) {
        self->chunk_port = a2c->chunk_size ? a2c->chunk_port : 0;
        self->chunk_left = a2c->chunk_size;
        buf_append(&self->guest.in.in, a2c->msg_header, a2c->msg_header_len);
        return;
    }
    buf_u32(&header, a2c->chunk_port);
    buf_u32(&header, a2c->chunk_size);
    buf_append(&self->raw, header.data, a2c->chunk_header_size);
    buf_free(&header);
}

/* The bytes of the client that wait are all chunks for the guest, or the rest of one. */
void transparent_restore(struct hub_client *client, const struct main_state *state)
{
    struct hub *hub = client->party.hub;
    const struct saved_agent_read *a2c = &state->a2c;

    if (a2c->chunk_header_size == CHUNK_HEADER && a2c->chunk_size &&
        a2c->chunk_port != VDP_CLIENT_PORT && a2c->chunk_port != VDP_SERVER_PORT)
        return;
    hub->transparent = client;
    hub->state = GUEST_READY;
    hub->guest.caps = hub->guest.layout = CAP(MOUSE_STATE) | CAP(MONITORS_CONFIG);
    hub->changed = true;
    buf_append(&hub->guest.out, state->agent.write_data, state->agent.write_size);
    put_partial(hub, a2c);
    continue_message(&hub->guest.in, &client->party, a2c->msg_remaining, a2c->msg_filter);
    continue_message(&client->party.in, &hub->guest, state->c2a.msg_remaining,
                     state->c2a.msg_filter);
    client->started = client->replied = client->party.known = true;
}
