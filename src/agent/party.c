/* SPDX-License-Identifier: MIT */
/* Sending to the guest's agent and to clients. To the guest every piece is a chunk. */
#include "agent/hub_impl.h"

const char *party_name(const struct party *self)
{
    return self->client ? "client" : "guest";
}

bool party_has(const struct party *self, unsigned cap)
{
    return self->layout >> cap & 1;
}

bool party_is_ready(const struct party *self)
{
    return self->client ? self->client->replied : self->hub->state == GUEST_READY;
}

size_t hub_guest_backlog(const struct hub *self)
{
    return self->guest.out.len + self->guest.later.len;
}

static void put_chunks(struct buf *out, const uint8_t *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        size_t n = MIN(len - done, HUB_DATA_MAX);

        buf_u32(out, VDP_CLIENT_PORT);
        buf_u32(out, (uint32_t)n);
        buf_append(out, bytes + done, n);
        done += n;
    }
}

static void put(struct party *self, struct buf *out, const void *bytes, size_t len)
{
    if (self->client)
        buf_append(out, bytes, len);
    else
        put_chunks(out, bytes, len);
    self->wake = true;
    self->hub->again = true;
}

static void make_header(struct buf *out, uint32_t type, uint32_t size)
{
    buf_u32(out, VD_AGENT_PROTOCOL);
    buf_u32(out, type);
    buf_u64(out, 0);
    buf_u32(out, size);
}

struct buf *hub_put_server(struct hub *self, uint32_t type, uint32_t size)
{
    struct buf *out = &self->guest.out;

    buf_u32(out, VDP_SERVER_PORT);
    buf_u32(out, MESSAGE_HEADER + size);
    make_header(out, type, size);
    self->guest.wake = true;
    return out;
}

void party_send(struct party *self, uint32_t type, const void *body, size_t len)
{
    struct buf message = BUF_INIT;

    make_header(&message, type, (uint32_t)len);
    buf_append(&message, body, len);
    put(self, self->source ? &self->later : &self->out, message.data, message.len);
    buf_free(&message);
    if (!self->client && hub_guest_backlog(self->hub) > GUEST_OUT_HARD)
        self->hub->garbage = "it does not read";
    if (self->client && self->out.len + self->later.len > CLIENT_OUT_HARD)
        hub_client_renew(self->client, "it does not read what its agent says");
}

void party_begin(struct party *self, struct inflow *source, uint32_t type, const void *head,
                 size_t head_len, uint32_t size)
{
    struct buf message = BUF_INIT;

    self->source = source;
    self->moved_us = self->hub->now_us;
    make_header(&message, type, size);
    buf_append(&message, head, head_len);
    put(self, &self->out, message.data, message.len);
    buf_free(&message);
}

void party_put(struct party *self, const void *bytes, size_t len)
{
    put(self, &self->out, bytes, len);
    self->moved_us = self->hub->now_us;
}

void party_end(struct party *self)
{
    self->source = NULL;
    buf_append(&self->out, self->later.data, self->later.len);
    buf_reset(&self->later);
    self->hub->again = true;
}

size_t party_room(const struct party *self)
{
    size_t most = self->client ? CLIENT_OUT_MAX : HUB_DATA_MAX;

    if (self->client && self->hub->frozen)
        return SIZE_MAX;
    if (self->client)
        return self->out.len < most ? most - self->out.len : 0;
    return self->out.len < most ? most : 0;
}

/* A receiver that has half a message of somebody who is gone. The rest of a file's piece does not
 * matter, the file is cancelled; half a clipboard must not be taken for a whole one. */
static void complete(struct party *to, const struct inflow *source)
{
    static const uint8_t zeros[HUB_DATA_MAX];

    if (source->type == VD_AGENT_FILE_XFER_DATA && source->left <= CLIENT_OUT_MAX) {
        for (uint32_t done = 0; done < source->left;) {
            uint32_t n = MIN(source->left - done, HUB_DATA_MAX);
            party_put(to, zeros, n);
            done += n;
        }
        party_end(to);
    } else if (to->client) {
        hub_client_renew(to->client, "who answered it has left in the middle");
    } else {
        to->source = NULL;
        hub_guest_forget(to->hub);
    }
}

static void cut_from(struct inflow *source)
{
    struct party *to = source->to;

    source->to = NULL;
    if (to && to->source == source)
        complete(to, source);
}

void party_cut(struct party *self)
{
    if (self->source) {
        self->source->to = NULL;
        self->source = NULL;
    }
    cut_from(&self->in);
    if (!self->client)
        cut_from(&self->hub->server_port);
}

void party_clear(struct party *self)
{
    if (!self->client)
        inflow_clear(&self->in);
    buf_free(&self->out);
    buf_free(&self->later);
    self->source = NULL;
    self->known = false;
    self->caps = self->layout = 0;
    memset(self->serial, 0, sizeof(self->serial));
    memset(self->told_grab, 0, sizeof(self->told_grab));
}
