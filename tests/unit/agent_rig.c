/* SPDX-License-Identifier: MIT */
#include "agent_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "base/reader.h"
#include "migrate/blob.h"

enum {
    HEADER = 20,
    CHUNK = 8,
};

static void split_chunks(struct rig_peer *guest)
{
    for (;;) {
        struct reader in = reader_make(guest->chunks.data, guest->chunks.len);
        uint32_t port = reader_u32(&in);
        uint32_t size = reader_u32(&in);
        const uint8_t *bytes = reader_bytes(&in, size);

        if (!reader_ok(&in))
            return;
        assert_true(port == VDP_CLIENT_PORT || port == VDP_SERVER_PORT);
        assert_true(size <= VD_AGENT_MAX_DATA_SIZE);
        buf_append(&guest->stream[port - 1], bytes, size);
        buf_consume(&guest->chunks, in.pos);
    }
}

static void guest_reads(struct agent_rig *self)
{
    struct rig_peer *guest = &self->peers[0];
    const uint8_t *bytes;
    size_t len;

    if (!guest->stuck)
        agent_guest_reads(self, guest->queue.len);
    bytes = hub_guest_output(self->hub, &len);
    if (guest->stuck)
        len = MIN(len, guest->queue_max - MIN(guest->queue_max, guest->queue.len));
    if (!len)
        return;
    buf_append(guest->stuck ? &guest->queue : &guest->chunks, bytes, len);
    split_chunks(guest);
    hub_guest_taken(self->hub, len);
}

void agent_guest_reads(struct agent_rig *self, size_t len)
{
    struct rig_peer *guest = &self->peers[0];

    assert_true(len <= guest->queue.len);
    buf_append(&guest->chunks, guest->queue.data, len);
    buf_consume(&guest->queue, len);
    split_chunks(guest);
}

static void wake_guest(void *opaque)
{
    struct agent_rig *self = opaque;

    self->wakes++;
    guest_reads(self);
}

static void hear(struct rig_peer *self, const struct hub_word *word)
{
    switch (word->kind) {
    case HUB_SAY_DISCONNECTED:
        self->disconnects++;
        buf_reset(&self->stream[0]);
        break;
    case HUB_SAY_CONNECTED:
    case HUB_SAY_CONNECTED_TOKENS:
        self->connects++;
        break;
    case HUB_SAY_TOKENS:
        self->tokens += word->tokens;
        break;
    case HUB_SAY_DATA:
        assert_true(word->len > 0 && word->len <= HUB_DATA_MAX);
        buf_append(&self->stream[0], word->bytes, word->len);
        break;
    }
}

static void wake_client(void *owner)
{
    struct rig_peer *self = owner;
    struct hub_word word;

    while (!self->stuck && self->client && hub_client_next(self->client, &word))
        hear(self, &word);
}

static void client_garbage(void *owner, const char *reason)
{
    ((struct rig_peer *)owner)->garbage = reason;
}

static void guest_garbage(void *opaque, const char *reason)
{
    ((struct agent_rig *)opaque)->guest_garbage = reason;
}

static void changed(void *opaque)
{
    ((struct agent_rig *)opaque)->changes++;
}

static bool monitors(void *opaque, const uint8_t *config, size_t len)
{
    struct agent_rig *self = opaque;

    if (self->device_takes_monitors && config) {
        buf_reset(&self->monitors);
        buf_append(&self->monitors, config, len);
    }
    return self->device_takes_monitors;
}

static void device_info(void *opaque, struct buf *out)
{
    static const uint32_t info[] = {1, 0, 0, 0, 4};

    for (unsigned i = 0; i < G_N_ELEMENTS(info); i++)
        buf_u32(out, info[i]);
    buf_append(out, "pci", 4);
}

static const struct hub_ops ops = {
    .wake_guest = wake_guest,
    .wake_client = wake_client,
    .client_garbage = client_garbage,
    .guest_garbage = guest_garbage,
    .changed = changed,
    .monitors = monitors,
    .device_info = device_info,
};

struct agent_rig *agent_rig_new(void)
{
    struct agent_rig *self = g_new0(struct agent_rig, 1);

    self->hub = hub_new(&ops, self);
    for (unsigned i = 0; i < RIG_PEERS; i++)
        self->peers[i].rig = self;
    return self;
}

void agent_rig_free(struct agent_rig *self)
{
    for (unsigned i = 1; i < RIG_PEERS; i++) {
        if (self->peers[i].client)
            agent_rig_leave(self, i);
    }
    hub_free(self->hub);
    for (unsigned i = 0; i < RIG_PEERS; i++) {
        buf_free(&self->peers[i].queue);
        buf_free(&self->peers[i].chunks);
        buf_free(&self->peers[i].stream[0]);
        buf_free(&self->peers[i].stream[1]);
        buf_free(&self->peers[i].last);
    }
    buf_free(&self->monitors);
    g_free(self);
}

void agent_rig_settle(struct agent_rig *self)
{
    guest_reads(self);
    for (unsigned i = 1; i < RIG_PEERS; i++)
        wake_client(&self->peers[i]);
}

void agent_rig_forget(struct agent_rig *self)
{
    agent_rig_settle(self);
    for (unsigned i = 0; i < RIG_PEERS; i++) {
        buf_reset(&self->peers[i].stream[0]);
        buf_reset(&self->peers[i].stream[1]);
    }
}

void agent_rig_pass(struct agent_rig *self, unsigned seconds)
{
    self->now_us += (int64_t)seconds * G_USEC_PER_SEC;
    hub_tick(self->hub, self->now_us);
    agent_rig_settle(self);
}

/* It answers whoever asks it. */
static void guest_answers(struct agent_rig *self, uint32_t caps)
{
    struct rig_peer *guest = &self->peers[0];
    struct reader in = reader_make(guest->stream[0].data, guest->stream[0].len);

    reader_u32(&in);
    if (reader_u32(&in) == VD_AGENT_ANNOUNCE_CAPABILITIES && reader_ok(&in))
        agent_say_u32(self, 0, VD_AGENT_ANNOUNCE_CAPABILITIES, 0, caps, END);
}

void agent_rig_open(struct agent_rig *self, uint32_t guest_caps)
{
    hub_guest_open(self->hub);
    agent_rig_settle(self);
    agent_say_u32(self, 0, VD_AGENT_ANNOUNCE_CAPABILITIES, 1, guest_caps, END);
    guest_answers(self, guest_caps);
    agent_rig_forget(self);
}

unsigned agent_rig_join(struct agent_rig *self, uint32_t caps)
{
    unsigned who = 1;

    while (self->peers[who].client)
        who++;
    self->peers[who].client = hub_client_new(self->hub, 1000 + who, true, &self->peers[who]);
    agent_rig_settle(self);
    hub_client_start(self->peers[who].client, UINT32_MAX);
    agent_say_u32(self, who, VD_AGENT_ANNOUNCE_CAPABILITIES, 1, caps, END);
    guest_answers(self, LINUX_CAPS);
    return who;
}

void agent_rig_leave(struct agent_rig *self, unsigned who)
{
    struct hub_client *client = g_steal_pointer(&self->peers[who].client);

    hub_client_free(client);
    agent_rig_settle(self);
}

void agent_raw(struct agent_rig *self, unsigned who, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    for (size_t done = 0, n; done < len; done += n) {
        if (who == 0) {
            n = MIN(len - done, hub_guest_room(self->hub));
            if (!n)
                return;
            hub_guest_feed(self->hub, at + done, n);
        } else {
            n = MIN(len - done, HUB_DATA_MAX);
            self->peers[who].sent++;
            if (self->peers[who].client)
                hub_client_data(self->peers[who].client, at + done, n);
        }
        agent_rig_settle(self);
    }
}

void agent_say(struct agent_rig *self, unsigned who, uint32_t type, const void *body, size_t len)
{
    struct buf out = BUF_INIT;

    if (who == 0) {
        buf_u32(&out, VDP_CLIENT_PORT);
        buf_u32(&out, (uint32_t)len + HEADER);
    }
    agent_put_message(&out, type, body, len);
    agent_raw(self, who, out.data, out.len);
    buf_free(&out);
}

/* ---- A move ---- */

void agent_rig_freeze(struct agent_rig *self)
{
    struct hub_word word;

    hub_freeze(self->hub);
    for (unsigned i = 1; i < RIG_PEERS; i++) {
        while (self->peers[i].client && hub_client_next(self->peers[i].client, &word))
            hear(&self->peers[i], &word);
    }
}

struct agent_rig *agent_rig_target(struct agent_rig *source)
{
    struct agent_rig *self = agent_rig_new();

    self->now_us = source->now_us;
    hub_tick(self->hub, self->now_us);
    for (unsigned i = 0; i < RIG_PEERS; i++) {
        self->peers[i] = source->peers[i];
        self->peers[i].rig = self;
        self->peers[i].client = NULL;
        self->peers[i].queue = (struct buf)BUF_INIT; /* it is in the clients' states */
        source->peers[i].chunks = source->peers[i].last = (struct buf)BUF_INIT;
        source->peers[i].stream[0] = source->peers[i].stream[1] = (struct buf)BUF_INIT;
    }
    return self;
}

void agent_rig_save(struct agent_rig *source, unsigned who, struct buf *out)
{
    struct main_state state = {0};

    hub_save(source->peers[who].client, &source->peers[0].queue, &state);
    assert_true(blob_main_save(&state, out, NULL));
    blob_main_free(&state);
}

void agent_rig_arrive(struct agent_rig *target, unsigned who, const struct buf *bytes)
{
    struct rig_peer *peer = &target->peers[who];
    struct main_state state;

    assert_true(blob_main_load(bytes->data, bytes->len, &state, NULL));
    peer->client = hub_client_arrive(target->hub, 1000 + who, true, peer, &state);
    blob_main_free(&state);
    agent_rig_settle(target);
}

struct agent_rig *agent_rig_move(struct agent_rig *source, bool port_first)
{
    struct agent_rig *target;

    agent_rig_freeze(source);
    target = agent_rig_target(source);
    if (port_first) {
        hub_hold(target->hub, true);
        hub_guest_open(target->hub);
    }
    for (unsigned i = 1; i < RIG_PEERS; i++) {
        struct buf state = BUF_INIT;

        if (!source->peers[i].client)
            continue;
        agent_rig_save(source, i, &state);
        agent_rig_arrive(target, i, &state);
        buf_free(&state);
    }
    if (!port_first)
        hub_guest_open(target->hub);
    agent_rig_settle(target);
    agent_rig_free(source);
    return target;
}

static void collect(struct buf *body, va_list args)
{
    uint32_t value;

    while ((value = va_arg(args, uint32_t)) != END)
        buf_u32(body, value);
}

void agent_say_u32(struct agent_rig *self, unsigned who, uint32_t type, ...)
{
    struct buf body = BUF_INIT;
    va_list args;

    va_start(args, type);
    collect(&body, args);
    va_end(args);
    agent_say(self, who, type, body.data, body.len);
    buf_free(&body);
}

static const uint8_t *next(struct rig_peer *peer, unsigned stream, uint32_t type, size_t *len)
{
    struct buf *from = &peer->stream[stream];
    struct reader in = reader_make(from->data, from->len);
    uint32_t size;

    assert_int_equal(reader_u32(&in), VD_AGENT_PROTOCOL);
    assert_int_equal(reader_u32(&in), type);
    reader_u64(&in);
    size = reader_u32(&in);
    assert_true(reader_ok(&in));
    assert_true(size <= reader_left(&in));
    buf_reset(&peer->last);
    buf_append(&peer->last, from->data + in.pos, size);
    buf_consume(from, in.pos + size);
    if (len)
        *len = size;
    return peer->last.data;
}

const uint8_t *agent_hears(struct agent_rig *self, unsigned who, uint32_t type, size_t *len)
{
    agent_rig_settle(self);
    return next(&self->peers[who], 0, type, len);
}

const uint8_t *agent_guest_hears_server(struct agent_rig *self, uint32_t type, size_t *len)
{
    agent_rig_settle(self);
    return next(&self->peers[0], 1, type, len);
}

void agent_hears_u32(struct agent_rig *self, unsigned who, uint32_t type, ...)
{
    struct buf body = BUF_INIT;
    const uint8_t *heard;
    va_list args;
    size_t len;

    va_start(args, type);
    collect(&body, args);
    va_end(args);
    heard = agent_hears(self, who, type, &len);
    assert_int_equal(len, body.len);
    if (len)
        assert_memory_equal(heard, body.data, len);
    buf_free(&body);
}

void agent_hears_nothing(struct agent_rig *self, unsigned who)
{
    agent_rig_settle(self);
    assert_int_equal(self->peers[who].stream[0].len, 0);
    assert_int_equal(self->peers[who].stream[1].len, 0);
}

void agent_put_head(struct buf *out, uint32_t type, size_t len)
{
    buf_u32(out, VD_AGENT_PROTOCOL);
    buf_u32(out, type);
    buf_u64(out, 0);
    buf_u32(out, (uint32_t)len);
}

void agent_put_message(struct buf *out, uint32_t type, const void *body, size_t len)
{
    agent_put_head(out, type, len);
    buf_append(out, body, len);
}

void agent_put_chunk(struct buf *out, const void *bytes, size_t len)
{
    buf_u32(out, VDP_CLIENT_PORT);
    buf_u32(out, (uint32_t)len);
    buf_append(out, bytes, len);
}
