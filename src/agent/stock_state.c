/* SPDX-License-Identifier: MIT */
/* A session in the terms of other servers, who pass messages between one client and the guest. */
#include "agent/hub_impl.h"

/* How much of a message is missing behind the bytes that wait; false if that ends in a header. */
static bool missing(const struct inflow *in, uint32_t *left)
{
    size_t here = MIN(in->in.len, in->left);
    struct reader r = reader_make(in->in.data, in->in.len);

    reader_skip(&r, here);
    *left = in->left - (uint32_t)here;
    while (reader_left(&r)) {
        reader_skip(&r, MESSAGE_HEADER - 4);
        *left = reader_u32(&r);
        if (!reader_ok(&r))
            return false;
        here = MIN(reader_left(&r), *left);
        reader_skip(&r, here);
        *left -= (uint32_t)here;
    }
    return true;
}

static bool same_terms(const struct hub_client *client)
{
    const struct hub *hub = client->party.hub;
    uint32_t differ = (client->party.layout ^ hub->guest.layout) & CLIPBOARD_CAPS;

    for (unsigned i = 0; i < HUB_SELECTIONS; i++)
        differ |= client->party.serial[i] ^ hub->guest.serial[i];
    for (guint i = 0; i < hub->files->len; i++) {
        const struct file *file = &g_array_index(hub->files, struct file, i);
        differ |= file->id ^ file->guest_id;
    }
    return hub->transparent || !differ;
}

static bool is_plain(const struct hub_client *client)
{
    const struct hub *hub = client->party.hub;
    const struct inflow *from_guest = &hub->guest.in;

    return hub->state == GUEST_READY && hub->clients->len == 1 && client->replied &&
           !client->end_session && !client->party.later.len && !hub->guest.later.len &&
           !hub->server_port.in.len && !hub->server_port.left && hub->raw.len < CHUNK_HEADER &&
           (!from_guest->in.len || (from_guest->in.len < MESSAGE_HEADER && !from_guest->left)) &&
           !(from_guest->in.len && !hub->chunk_left) && same_terms(client);
}

static void save_read(const struct hub *hub, struct saved_agent_read *a2c)
{
    const struct inflow *in = &hub->guest.in;
    uint8_t header[CHUNK_HEADER] = {0};
    struct reader r;

    a2c->msg_remaining = in->left;
    a2c->msg_filter = in->left && !in->to ? SAVED_FILTER_DISCARD : SAVED_FILTER_OK;
    if (!hub->chunk_left) {
        memcpy(header, hub->raw.data ? hub->raw.data : header, hub->raw.len);
        r = reader_make(header, sizeof(header));
        a2c->chunk_header_size = (uint32_t)hub->raw.len;
        a2c->chunk_port = reader_u32(&r);
        a2c->chunk_size = reader_u32(&r);
        return;
    }
    a2c->chunk_header_size = CHUNK_HEADER;
    a2c->chunk_port = hub->chunk_port;
    a2c->chunk_size = hub->chunk_left;
    a2c->msg_header_done = in->left > 0;
    a2c->msg_header_len = (uint32_t)in->in.len;
    a2c->msg_header = g_memdup2(in->in.data, in->in.len);
}

bool stock_save(const struct hub_client *client, struct main_state *state)
{
    const struct inflow *in = &client->party.in;
    uint32_t left;

    if (!missing(in, &left))
        return false;
    state->c2a.msg_remaining = left;
    if (!is_plain(client))
        return false;
    state->agent.connected = true;
    state->client_agent_started = true;
    state->c2a.msg_filter =
        left && in->left > in->in.len && !in->to ? SAVED_FILTER_DISCARD : SAVED_FILTER_OK;
    save_read(client->party.hub, &state->a2c);
    return true;
}
