/* SPDX-License-Identifier: MIT */
/*
 * The agent hub between a guest and three clients, all of whom say anything, while it moves.
 * Input: acts of one byte of kind (its high bits: who), one of length, and that many bytes.
 * Whoever sends what, each receiver hears whole agent messages, and nothing grows without bound.
 */
#include <glib.h>
#include <spice/vd_agent.h>
#include <string.h>

#include "agent/hub.h"
#include "base/buf.h"
#include "base/reader.h"
#include "fuzz/fuzz.h"
#include "migrate/blob.h"

enum {
    CLIENTS = 3,
    HEADER = 20,
    OUTPUT_MAX = 100 << 10,
    ACTS_MAX = 600,
};

enum act {
    GUEST_SAYS,
    GUEST_SAYS_MESSAGE, /* type, then its body */
    GUEST_READS,
    GUEST_PORT,
    CLIENT_SAYS,
    CLIENT_SAYS_MESSAGE,
    CLIENT_STARTS,
    CLIENT_READS,
    CLIENT_COMES_OR_GOES,
    CLIENT_TYPES,
    POINTER,
    SWITCHES,
    TIME,
    MOVE,
    DAMAGED_MOVE, /* a client brings a state with one byte changed */
    N_ACTS,
};

struct world;

struct peer {
    struct world *world;
    struct hub_client *client;
    uint32_t id;
    struct buf heard; /* less than a message */
    uint32_t left;    /* of the message's body */
    uint32_t free;    /* messages it may send */
    bool ended;
};

struct world {
    struct hub *hub;
    struct peer peers[CLIENTS + 1]; /* [0]: the guest, on the clients' port */
    struct buf chunk;
    uint32_t next_id;
    int64_t now_us;
    bool closed;  /* the guest's port is to be closed */
    bool damaged; /* somebody lied about what was under way: only memory must be right */
};

static void hear(struct peer *self, const uint8_t *bytes, size_t len)
{
    if (self->world->damaged)
        return;
    while (len) {
        size_t n = self->left ? MIN(self->left, len) : MIN(HEADER - self->heard.len, len);

        if (self->left)
            self->left -= (uint32_t)n;
        else
            buf_append(&self->heard, bytes, n);
        bytes += n;
        len -= n;
        if (self->heard.len == HEADER) {
            struct reader r = reader_make(self->heard.data, HEADER);

            FUZZ_CHECK(reader_u32(&r) == VD_AGENT_PROTOCOL);
            reader_skip(&r, 12);
            self->left = reader_u32(&r);
            buf_reset(&self->heard);
        }
    }
}

/* CLIENT_DISCONNECTED on the server's port ends what is half said on the clients'. */
static void hear_chunk(struct world *self, uint32_t port, const uint8_t *bytes, size_t size)
{
    if (port == VDP_CLIENT_PORT) {
        hear(&self->peers[0], bytes, size);
    } else if (size >= 8 && bytes[4] == VD_AGENT_CLIENT_DISCONNECTED) {
        buf_reset(&self->peers[0].heard);
        self->peers[0].left = 0;
    }
}

static void read_guest(struct world *self, size_t most)
{
    size_t len;
    const uint8_t *bytes = hub_guest_output(self->hub, &len);

    FUZZ_CHECK(len <= OUTPUT_MAX);
    len = MIN(len, most);
    buf_append(&self->chunk, bytes, len);
    hub_guest_taken(self->hub, len);
    while (!self->damaged && self->chunk.len >= 8) {
        struct reader r = reader_make(self->chunk.data, self->chunk.len);
        uint32_t port = reader_u32(&r);
        uint32_t size = reader_u32(&r);

        FUZZ_CHECK(port == VDP_CLIENT_PORT || port == VDP_SERVER_PORT);
        FUZZ_CHECK(size && size <= VD_AGENT_MAX_DATA_SIZE);
        if (reader_left(&r) < size)
            return;
        hear_chunk(self, port, reader_bytes(&r, size), size);
        buf_consume(&self->chunk, 8 + size);
    }
    if (self->damaged)
        buf_reset(&self->chunk);
}

static void read_client(struct peer *self, unsigned most)
{
    struct hub_word word;

    while (most-- && self->client && hub_client_next(self->client, &word)) {
        switch (word.kind) {
        case HUB_SAY_DISCONNECTED:
            buf_reset(&self->heard);
            self->left = 0;
            break;
        case HUB_SAY_CONNECTED:
            break;
        case HUB_SAY_CONNECTED_TOKENS:
            self->free = HUB_WINDOW;
            break;
        case HUB_SAY_TOKENS:
            self->free += word.tokens;
            FUZZ_CHECK(self->world->damaged || self->free <= HUB_WINDOW);
            break;
        case HUB_SAY_DATA:
            FUZZ_CHECK(word.len && word.len <= HUB_DATA_MAX);
            hear(self, word.bytes, word.len);
        }
    }
}

/* ---- What the hub wants ---- */

static void wake(void *opaque)
{
}

static void client_garbage(void *owner, const char *reason)
{
    ((struct peer *)owner)->ended = true;
}

static void guest_garbage(void *opaque, const char *reason)
{
    ((struct world *)opaque)->closed = true;
}

static bool monitors(void *opaque, const uint8_t *config, size_t len)
{
    struct reader r = reader_make(config, len);

    FUZZ_CHECK(!config || (size_t)reader_u32(&r) * 20 + 8 == len);
    return ((struct world *)opaque)->now_us & 1;
}

static void device_info(void *opaque, struct buf *out)
{
    buf_u32(out, 0);
}

static const struct hub_ops ops = {
    .wake_guest = wake,
    .wake_client = wake,
    .client_garbage = client_garbage,
    .guest_garbage = guest_garbage,
    .changed = wake,
    .monitors = monitors,
    .device_info = device_info,
};

/* ---- Acts ---- */

static void feed_guest(struct world *self, const uint8_t *bytes, size_t len)
{
    for (size_t n; len && (n = MIN(len, hub_guest_room(self->hub))); len -= n, bytes += n)
        hub_guest_feed(self->hub, bytes, n);
}

static void put_message(struct buf *out, const uint8_t *bytes, size_t len)
{
    buf_u32(out, VD_AGENT_PROTOCOL);
    buf_u32(out, len ? bytes[0] : 0);
    buf_u64(out, 0);
    buf_u32(out, len ? (uint32_t)len - 1 : 0);
    buf_append(out, bytes + 1, len ? len - 1 : 0);
}

static void guest_says_message(struct world *self, const uint8_t *bytes, size_t len)
{
    struct buf message = BUF_INIT, chunk = BUF_INIT;

    put_message(&message, bytes, len);
    buf_u32(&chunk, VDP_CLIENT_PORT);
    buf_u32(&chunk, (uint32_t)message.len);
    buf_append(&chunk, message.data, message.len);
    feed_guest(self, chunk.data, chunk.len);
    buf_free(&message);
    buf_free(&chunk);
}

static void client_says(struct peer *self, const uint8_t *bytes, size_t len)
{
    self->free -= self->free > 0;
    hub_client_data(self->client, bytes, len);
}

static void client_says_message(struct peer *self, const uint8_t *bytes, size_t len)
{
    struct buf message = BUF_INIT;

    put_message(&message, bytes, len);
    client_says(self, message.data, message.len);
    buf_free(&message);
}

static void come_or_go(struct peer *self)
{
    struct hub_client *client = g_steal_pointer(&self->client);

    buf_reset(&self->heard);
    self->left = 0;
    self->ended = false;
    if (client) {
        hub_client_free(client);
        return;
    }
    self->id = self->world->next_id++;
    self->free = HUB_WINDOW;
    self->client = hub_client_new(self->world->hub, self->id, self->id % 4, self);
}

static void move_port(struct world *self)
{
    buf_reset(&self->chunk);
    buf_reset(&self->peers[0].heard);
    self->peers[0].left = 0;
    self->closed = false;
    if (hub_guest_is_open(self->hub))
        hub_guest_close(self->hub);
    else
        hub_guest_open(self->hub);
}

static void bring(struct peer *peer, struct hub *to, bool damage, size_t at)
{
    struct main_state state = {0};
    struct buf body = BUF_INIT;
    bool loaded;

    hub_save(peer->client, NULL, &state);
    FUZZ_CHECK(blob_main_save(&state, &body, NULL));
    blob_main_free(&state);
    if (damage)
        body.data[at % body.len] ^= (uint8_t)(at >> 3) | 1;
    loaded = blob_main_load(body.data, body.len, &state, NULL);
    FUZZ_CHECK(loaded || damage);
    hub_client_free(peer->client);
    peer->client = hub_client_arrive(to, peer->id, true, peer, &state);
    blob_main_free(&state);
    buf_free(&body);
}

static void move(struct world *self, bool damage, size_t at, bool port_first)
{
    bool open = hub_guest_is_open(self->hub);
    struct hub *from = self->hub;

    hub_freeze(from);
    for (unsigned i = 1; i <= CLIENTS; i++)
        read_client(&self->peers[i], UINT_MAX);
    self->damaged |= damage;
    self->hub = hub_new(&ops, self);
    hub_tick(self->hub, self->now_us);
    if (open && port_first) {
        hub_hold(self->hub, true);
        hub_guest_open(self->hub);
    }
    for (unsigned i = 1; i <= CLIENTS; i++) {
        if (self->peers[i].client)
            bring(&self->peers[i], self->hub, damage, at * i);
    }
    hub_hold(self->hub, false);
    if (open && !port_first)
        hub_guest_open(self->hub);
    hub_free(from);
}

static void act_of_client(struct world *self, struct peer *peer, enum act act, const uint8_t *bytes,
                          size_t len)
{
    if (!peer->client && act != CLIENT_COMES_OR_GOES)
        return;
    if (act == CLIENT_SAYS)
        client_says(peer, bytes, len);
    else if (act == CLIENT_SAYS_MESSAGE)
        client_says_message(peer, bytes, len);
    else if (act == CLIENT_STARTS)
        hub_client_start(peer->client, len ? bytes[0] : UINT32_MAX);
    else if (act == CLIENT_READS)
        read_client(peer, (unsigned)len + 1);
    else if (act == CLIENT_TYPES)
        hub_client_input(peer->client);
    else
        come_or_go(peer);
    if (peer->ended)
        come_or_go(peer);
}

static void play(struct world *self, uint8_t kind, const uint8_t *bytes, size_t len)
{
    enum act act = (enum act)(kind % N_ACTS);
    size_t first = len ? bytes[0] : 0;

    switch (act) {
    case GUEST_SAYS:
        feed_guest(self, bytes, len);
        break;
    case GUEST_SAYS_MESSAGE:
        guest_says_message(self, bytes, len);
        break;
    case GUEST_READS:
        read_guest(self, first ? first * 20 : SIZE_MAX);
        break;
    case GUEST_PORT:
        move_port(self);
        break;
    case POINTER:
        hub_mouse_to(self->hub, kind, 1, 0, 0);
        hub_mouse_buttons(self->hub, (uint32_t)first, 1);
        break;
    case SWITCHES:
        hub_set_switches(self->hub, (struct hub_switches){first & 1, first & 2, first & 4});
        break;
    case TIME:
        self->now_us += (int64_t)first * 200001;
        hub_tick(self->hub, self->now_us);
        break;
    case MOVE:
    case DAMAGED_MOVE:
        move(self, act == DAMAGED_MOVE, first * 131 + len, kind & 128);
        break;
    case CLIENT_SAYS:
    case CLIENT_SAYS_MESSAGE:
    case CLIENT_STARTS:
    case CLIENT_READS:
    case CLIENT_COMES_OR_GOES:
    case CLIENT_TYPES:
    case N_ACTS:
        act_of_client(self, &self->peers[1 + kind / N_ACTS % CLIENTS], act, bytes, len);
        break;
    }
    if (self->closed)
        move_port(self);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct world self = {.next_id = 1};
    struct reader in = reader_make(bytes, len);

    self.hub = hub_new(&ops, &self);
    for (unsigned i = 0; i <= CLIENTS; i++)
        self.peers[i].world = &self;
    for (unsigned i = 0; i < ACTS_MAX && reader_left(&in) >= 2; i++) {
        uint8_t kind = reader_u8(&in);
        size_t n = reader_u8(&in);

        n = MIN(n, reader_left(&in));
        play(&self, kind, reader_bytes(&in, n), n);
    }
    for (unsigned i = 0; i <= CLIENTS; i++) {
        if (self.peers[i].client)
            hub_client_free(self.peers[i].client);
        buf_free(&self.peers[i].heard);
    }
    buf_free(&self.chunk);
    hub_free(self.hub);
    return 0;
}
