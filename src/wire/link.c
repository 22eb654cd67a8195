/* SPDX-License-Identifier: MIT */
#include "wire/link_impl.h"

#include <glib.h>
#include <spice/protocol.h>
#include <string.h>

G_STATIC_ASSERT(LINK_KEY_BYTES == SPICE_TICKET_PUBKEY_BYTES);
G_STATIC_ASSERT(LINK_TICKET_BYTES == SPICE_TICKET_KEY_PAIR_LENGTH / 8);

#define MESSAGE_MAX 4096 /* bytes of a link message: what other servers take */
#define CAPS_MAX    1024 /* words of one set in it */

void link_wait_for(struct link *self, enum phase phase, size_t need)
{
    self->phase = phase;
    self->need = need;
}

struct link *link_new(const struct link_ops *ops, void *opaque)
{
    struct link *self = g_new0(struct link, 1);

    self->ops = ops;
    self->opaque = opaque;
    /* The magic is looked at alone: a peer that speaks something else may never send more. */
    link_wait_for(self, PHASE_MAGIC, sizeof(uint32_t));
    return self;
}

void link_free(struct link *self)
{
    if (!self)
        return;
    buf_free(&self->input);
    buf_free(&self->output);
    g_free(self);
}

/* ---- Answers ---- */

void link_fail(struct link *self, uint32_t error, const char *reason)
{
    self->state = LINK_FAILED;
    self->error = error;
    self->reason = reason;
}

static void put_caps(struct buf *out, const struct link_caps *caps)
{
    for (uint32_t i = 0; i < caps->count; i++)
        buf_u32(out, caps->words[i]);
}

static void put_reply(struct link *self, uint32_t error, const uint8_t key[LINK_KEY_BYTES],
                      const struct link_caps *common, const struct link_caps *channel)
{
    struct buf *out = &self->output;

    buf_u32(out, SPICE_MAGIC);
    buf_u32(out, SPICE_VERSION_MAJOR);
    buf_u32(out, SPICE_VERSION_MINOR);
    buf_u32(out, (uint32_t)(sizeof(SpiceLinkReply) +
                            (common->count + channel->count) * sizeof(uint32_t)));
    buf_u32(out, error);
    buf_append(out, key, LINK_KEY_BYTES);
    buf_u32(out, common->count);
    buf_u32(out, channel->count);
    buf_u32(out, error == SPICE_LINK_ERR_OK ? sizeof(SpiceLinkReply) : 0);
    put_caps(out, common);
    put_caps(out, channel);
}

/* Refuses before the reply was sent: a reply without key and capabilities. */
static void refuse_early(struct link *self, uint32_t error, const char *reason)
{
    static const uint8_t no_key[LINK_KEY_BYTES];
    static const struct link_caps none;

    put_reply(self, error, no_key, &none, &none);
    link_fail(self, error, reason);
}

void link_refuse_late(struct link *self, uint32_t error, const char *reason)
{
    buf_u32(&self->output, error);
    link_fail(self, error, reason);
}

/* ---- Phases ---- */

static void handle_magic(struct link *self, struct reader in)
{
    if (reader_u32(&in) != SPICE_MAGIC)
        refuse_early(self, SPICE_LINK_ERR_INVALID_MAGIC, "not a SPICE link: wrong magic");
    else
        link_wait_for(self, PHASE_HEADER, sizeof(SpiceLinkHeader) - sizeof(uint32_t));
}

static void handle_header(struct link *self, struct reader in)
{
    uint32_t major = reader_u32(&in);
    uint32_t size;

    reader_skip(&in, sizeof(uint32_t)); /* every minor version of ours is understood */
    size = reader_u32(&in);
    if (major != SPICE_VERSION_MAJOR)
        refuse_early(self, SPICE_LINK_ERR_VERSION_MISMATCH, "unknown major protocol version");
    else if (size < sizeof(SpiceLinkMess) || size > MESSAGE_MAX)
        refuse_early(self, SPICE_LINK_ERR_INVALID_DATA, "link message of a wrong size");
    else
        link_wait_for(self, PHASE_MESSAGE, size);
}

static void read_caps(struct reader *in, uint32_t count, struct link_caps *caps)
{
    caps->count = MIN(count, LINK_CAPS_WORDS);
    for (uint32_t i = 0; i < caps->count; i++)
        caps->words[i] = reader_u32(in);
    reader_skip(in, (size_t)(count - caps->count) * sizeof(uint32_t));
}

static bool parse_message(struct reader *in, struct link_request *request)
{
    uint32_t n_common, n_channel, offset;

    request->connection_id = reader_u32(in);
    request->channel_type = reader_u8(in);
    request->channel_id = reader_u8(in);
    n_common = reader_u32(in);
    n_channel = reader_u32(in);
    offset = reader_u32(in);
    if (n_common > CAPS_MAX || n_channel > CAPS_MAX)
        return false;
    /* Without capabilities nothing lies at the offset; old clients may leave it 0. */
    if (n_common + n_channel == 0)
        return reader_ok(in);
    if (offset < sizeof(SpiceLinkMess))
        return false;
    reader_seek(in, offset);
    read_caps(in, n_common, &request->common_caps);
    read_caps(in, n_channel, &request->channel_caps);
    return reader_ok(in);
}

static void send_reply(struct link *self, const struct link_caps *channel_caps)
{
    struct link_caps common = {0};
    uint8_t key[LINK_KEY_BYTES] = {0};

    self->sasl = self->ops->wants_sasl && self->ops->wants_sasl(self->opaque);
    if (!self->sasl && !self->ops->public_key(self->opaque, key)) {
        refuse_early(self, SPICE_LINK_ERR_ERROR, "no key to offer");
        return;
    }
    link_caps_set(&common, SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION);
    link_caps_set(&common, self->sasl ? SPICE_COMMON_CAP_AUTH_SASL : SPICE_COMMON_CAP_AUTH_SPICE);
    link_caps_set(&common, SPICE_COMMON_CAP_MINI_HEADER);
    put_reply(self, SPICE_LINK_ERR_OK, key, &common, channel_caps);
    if (link_caps_has(&self->request.common_caps, SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION))
        link_wait_for(self, PHASE_MECHANISM, sizeof(SpiceLinkAuthMechanism));
    else if (self->sasl)
        link_refuse_late(self, SPICE_LINK_ERR_PERMISSION_DENIED, "client without SASL");
    else
        link_wait_for(self, PHASE_TICKET, LINK_TICKET_BYTES);
}

static void handle_message(struct link *self, struct reader in)
{
    struct link_request request = {0};
    struct link_caps channel_caps = {0};
    uint32_t error;

    if (!parse_message(&in, &request)) {
        refuse_early(self, SPICE_LINK_ERR_INVALID_DATA, "capabilities outside the link message");
        return;
    }
    request.mini_header = link_caps_has(&request.common_caps, SPICE_COMMON_CAP_MINI_HEADER);
    self->request = request;
    error = self->ops->admit(self->opaque, &self->request, &channel_caps);
    if (error != SPICE_LINK_ERR_OK)
        refuse_early(self, error, "channel not admitted on this connection");
    else
        send_reply(self, &channel_caps);
}

static void handle_mechanism(struct link *self, struct reader in)
{
    uint32_t offered = self->sasl ? SPICE_COMMON_CAP_AUTH_SASL : SPICE_COMMON_CAP_AUTH_SPICE;

    if (reader_u32(&in) != offered)
        link_refuse_late(self, SPICE_LINK_ERR_INVALID_DATA, "authentication mechanism not offered");
    else if (self->sasl)
        link_sasl_begin(self);
    else
        link_wait_for(self, PHASE_TICKET, LINK_TICKET_BYTES);
}

void link_go_on(struct link *self)
{
    uint32_t error = self->ops->accept(self->opaque, &self->request);

    if (error != SPICE_LINK_ERR_OK) {
        link_refuse_late(self, error, "channel refused");
        return;
    }
    buf_u32(&self->output, SPICE_LINK_ERR_OK);
    self->state = LINK_DONE;
}

static void handle_ticket(struct link *self, struct reader in)
{
    if (self->ops->check_ticket(self->opaque, reader_bytes(&in, LINK_TICKET_BYTES)))
        link_go_on(self);
    else
        link_refuse_late(self, SPICE_LINK_ERR_PERMISSION_DENIED, "ticket refused");
}

static void (*const handlers[])(struct link *, struct reader) = {
    [PHASE_MAGIC] = handle_magic,       [PHASE_HEADER] = handle_header,
    [PHASE_MESSAGE] = handle_message,   [PHASE_MECHANISM] = handle_mechanism,
    [PHASE_TICKET] = handle_ticket,     [PHASE_SASL_NAME_SIZE] = link_sasl_name_size,
    [PHASE_SASL_NAME] = link_sasl_name, [PHASE_SASL_DATA_SIZE] = link_sasl_data_size,
    [PHASE_SASL_DATA] = link_sasl_data,
};

size_t link_feed(struct link *self, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    size_t used = 0;

    while (self->state == LINK_NEED_MORE && used < len) {
        size_t take = MIN(len - used, self->need - self->input.len);

        buf_append(&self->input, p + used, take);
        used += take;
        if (self->input.len == self->need) {
            handlers[self->phase](self, reader_make(self->input.data, self->input.len));
            buf_reset(&self->input);
        }
    }
    return used;
}

/* ---- What the owner reads ---- */

struct buf *link_output(struct link *self)
{
    return &self->output;
}

enum link_state link_state(const struct link *self)
{
    return self->state;
}

const char *link_reason(const struct link *self)
{
    return self->reason;
}

uint32_t link_error(const struct link *self)
{
    return self->error;
}

const struct link_request *link_request(const struct link *self)
{
    return &self->request;
}

bool link_caps_has(const struct link_caps *self, unsigned cap)
{
    return cap / 32 < self->count && (self->words[cap / 32] >> (cap % 32) & 1);
}

void link_caps_set(struct link_caps *self, unsigned cap)
{
    if (cap / 32 >= LINK_CAPS_WORDS)
        return;
    while (self->count <= cap / 32)
        self->words[self->count++] = 0;
    self->words[cap / 32] |= 1u << (cap % 32);
}
