/* SPDX-License-Identifier: MIT */
/*
 * A character device and the client that has it, both of whom say anything, while they move:
 * USB redirection, a port, webdav, a smart card reader.
 * Input: one byte of how (see enum how), then acts of one byte of kind, one of length, and that
 * many bytes. Each hears whole messages; what is a stream arrives as it was said, nothing twice.
 */
#include <glib.h>
#include <lz4.h>
#include <spice.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <string.h>

#include "base/buf.h"
#include "base/reader.h"
#include "channel/vmc.h"
#include "channel/vscard.h"
#include "device/char_device.h"
#include "fuzz/fuzz.h"
#include "loop/loop.h"

enum {
    ACTS_MAX = 600,
    QUEUE_MAX = 2000, /* of a stream; a card reader's takes a whole message */
    REPEATED = 16,    /* what is sent compressed is that much longer */
};

enum how {
    KIND = 3, /* which of kinds */
    FULL = 4,
    LZ4 = 8,
};

enum act {
    CLIENT_SAYS, /* bytes of the link */
    CLIENT_SENDS,
    CLIENT_SENDS_PACKED,
    CLIENT_READS,
    GUEST_SAYS, /* a card reader: any bytes */
    GUEST_SAYS_MESSAGE,
    GUEST_TAKES,
    OWNER,
    PORT,
    RUN,
    MOVE,
    DAMAGED_MOVE, /* one byte of the state is changed */
    ARRIVAL,      /* a state from nowhere */
    N_ACTS,
};

static const uint8_t kinds[] = {SPICE_CHANNEL_USBREDIR, SPICE_CHANNEL_PORT, SPICE_CHANNEL_WEBDAV,
                                SPICE_CHANNEL_SMARTCARD};

/* What one says and the other has heard of it. */
struct way {
    struct buf said;
    size_t heard;
};

struct host {
    SpiceCharDeviceInstance sin; /* first */
    struct world *world;
    struct char_device *device;
    struct buf out; /* what the guest wrote, not read yet */
    size_t takes;   /* bytes that it takes now */
};

struct world {
    uint8_t how;
    bool card, owner, arriving;
    bool unknown; /* somebody said what is not understood here: only memory must be right */
    struct host *host;
    struct vmc_link *link;
    struct way to_guest, to_client;
    struct buf message; /* card reader: of what it is given, less than a message */
    struct buf early;   /* card reader: what it says before the state is there */
    bool reader;
};

/* ---- The loop ---- */

static SpiceTimer *timer_add(SpiceTimerFunc func, void *opaque)
{
    return (SpiceTimer *)opaque;
}

static void timer_start(SpiceTimer *timer, uint32_t ms)
{
}

static void timer_nothing(SpiceTimer *timer)
{
}

static SpiceWatch *watch_add(int fd, int events, SpiceWatchFunc func, void *opaque)
{
    return (SpiceWatch *)opaque;
}

static void watch_update(SpiceWatch *watch, int events)
{
}

static void watch_remove(SpiceWatch *watch)
{
}

static SpiceCoreInterface core = {
    .base = {SPICE_INTERFACE_CORE, "fuzz", SPICE_INTERFACE_CORE_MAJOR, SPICE_INTERFACE_CORE_MINOR},
    .timer_add = timer_add,
    .timer_start = timer_start,
    .timer_cancel = timer_nothing,
    .timer_remove = timer_nothing,
    .watch_add = watch_add,
    .watch_update_mask = watch_update,
    .watch_remove = watch_remove,
};

/* ---- The guest ---- */

static void hear(struct world *self, struct way *way, const uint8_t *bytes, size_t len)
{
    if (self->unknown)
        return;
    FUZZ_CHECK(way->heard + len <= way->said.len);
    FUZZ_CHECK(!len || !memcmp(way->said.data + way->heard, bytes, len));
    way->heard += len;
}

static void hear_card_message(struct world *self, const struct vsc_message *message)
{
    FUZZ_CHECK(vsc_is_for_reader(message));
    if (message->type == VSC_READER_ADD) {
        FUZZ_CHECK(!self->reader && !message->length);
        self->reader = true;
    } else {
        FUZZ_CHECK(self->reader);
        self->reader = message->type != VSC_READER_REMOVE;
    }
}

static void hear_card(struct world *self, const uint8_t *bytes, size_t len)
{
    struct vsc_message message;

    if (self->unknown)
        return;
    buf_append(&self->message, bytes, len);
    while (vsc_find(self->message.data, self->message.len, &message) == VSC_WHOLE) {
        hear_card_message(self, &message);
        buf_consume(&self->message, VSC_HEADER + message.length);
    }
}

static void host_state(SpiceCharDeviceInstance *sin, int connected)
{
}

static int host_read(SpiceCharDeviceInstance *sin, uint8_t *out, int len)
{
    struct host *self = (struct host *)sin;
    size_t n = MIN((size_t)len, self->out.len);

    if (n)
        memcpy(out, self->out.data, n);
    buf_consume(&self->out, n);
    return (int)n;
}

static int host_write(SpiceCharDeviceInstance *sin, const uint8_t *bytes, int len)
{
    struct host *self = (struct host *)sin;
    size_t n = MIN((size_t)len, self->takes);

    self->takes -= n;
    if (self->world->card)
        hear_card(self->world, bytes, n);
    else
        hear(self->world, &self->world->to_guest, bytes, n);
    return (int)n;
}

static void host_event(SpiceCharDeviceInstance *sin, uint8_t event)
{
}

static const SpiceCharDeviceInterface host_interface = {
    .base = {SPICE_INTERFACE_CHAR_DEVICE, "fuzz", SPICE_INTERFACE_CHAR_DEVICE_MAJOR,
             SPICE_INTERFACE_CHAR_DEVICE_MINOR},
    .state = host_state,
    .write = host_write,
    .read = host_read,
    .event = host_event,
    .flags = SPICE_CHAR_DEVICE_NOTIFY_WRITABLE,
};

/* As src/session/vmc.c: a card reader's words for a link whose state is to come are kept. */
static void on_readable(void *owner)
{
    struct world *self = owner;
    uint8_t bytes[512];
    size_t n;

    if (self->link && !self->arriving) {
        vmc_link_readable(self->link);
        return;
    }
    while (self->card && (n = char_device_read(self->host->device, bytes, sizeof(bytes))) > 0)
        buf_append(&self->early, bytes, n);
}

static void on_writable(void *owner)
{
    struct world *self = owner;

    if (self->link)
        vmc_link_writable(self->link);
}

static const struct char_device_user user = {.readable = on_readable, .writable = on_writable};

static struct host *host_new(struct world *world)
{
    static struct loop *loop;
    struct host *self = g_new0(struct host, 1);

    if (!loop)
        loop = loop_new_core(&core);
    self->world = world;
    self->sin.base.sif = &host_interface.base;
    self->sin.subtype = world->card ? "smartcard" : "fuzz";
    self->device = char_device_new(loop, &self->sin, world->card ? 4 * VSC_MESSAGE_MAX : QUEUE_MAX);
    if (world->card)
        char_device_set_messages(self->device, vmc_card_message_size);
    char_device_set_user(self->device, &user, world);
    return self;
}

static void host_free(struct host *self)
{
    char_device_remove(self->device);
    buf_free(&self->out);
    g_free(self);
}

/* ---- What the link wants: as src/session/session_vmc.c ---- */

static size_t link_read(void *owner, uint8_t *out, size_t max)
{
    struct world *self = owner;

    return self->owner ? char_device_read(self->host->device, out, max) : 0;
}

static size_t link_write(void *owner, const uint8_t *bytes, size_t len)
{
    struct world *self = owner;

    return self->owner ? char_device_write(self->host->device, bytes, len) : 0;
}

static bool link_is_owner(void *owner)
{
    return ((struct world *)owner)->owner;
}

static void link_port_event(void *owner, uint8_t event)
{
    char_device_send_event(((struct world *)owner)->host->device, event);
}

static void link_save(void *owner, struct vmc_state *state, struct buf *unwritten)
{
    struct world *self = owner;
    const struct buf *queue = char_device_queue(self->host->device);

    state->device.connected = self->owner;
    if (self->owner)
        buf_append(unwritten, queue->data, queue->len);
    state->has_identity = true;
    state->identity = (struct saved_device){
        .channel_type = kinds[self->how & KIND], .name_len = 4, .name = (uint8_t *)"fuzz"};
}

static bool link_restored(void *owner, const struct vmc_state *state)
{
    struct world *self = owner;

    FUZZ_CHECK(!state->identity.name_len || state->identity.name);
    self->arriving = false;
    self->owner = state->device.connected;
    if (self->owner)
        vmc_link_card_said(self->link, self->early.data, self->early.len);
    else if (self->early.len)
        self->unknown = true;
    buf_reset(&self->early);
    return true;
}

static const struct vmc_link_ops ops = {
    .read = link_read,
    .write = link_write,
    .is_owner = link_is_owner,
    .port_event = link_port_event,
    .save = link_save,
    .restored = link_restored,
};

static struct vmc_link *link_new(struct world *self, bool target)
{
    const uint8_t type = kinds[self->how & KIND];
    const struct vmc_link_config config = {
        .channel_type = type,
        .mini = !(self->how & FULL),
        .lz4 = self->how & LZ4,
        .target = target,
        .port_name =
            type == SPICE_CHANNEL_PORT || type == SPICE_CHANNEL_WEBDAV ? "org.test.0" : NULL,
    };

    return vmc_link_new(&ops, self, &config);
}

/* ---- The client ---- */

static bool is_over(const struct world *self)
{
    return conn_error(vmc_link_conn(self->link)) != NULL;
}

/* A message of the client; false: its link does not read just now. */
static bool send_message(struct world *self, uint16_t type, const struct buf *body)
{
    struct conn *conn = vmc_link_conn(self->link);
    struct buf out = BUF_INIT;

    if (!conn_wants_input(conn) || is_over(self))
        return false;
    if (self->how & FULL)
        buf_u64(&out, 1);
    buf_u16(&out, type);
    buf_u32(&out, (uint32_t)body->len);
    if (self->how & FULL)
        buf_u32(&out, 0);
    buf_append(&out, body->data, body->len);
    conn_feed(conn, out.data, out.len);
    buf_free(&out);
    return true;
}

/* What is said before it can be heard: the guest may hear it from within. */
static void send_data(struct world *self, uint16_t type, const struct buf *body,
                      const uint8_t *bytes, size_t len)
{
    size_t before = self->to_guest.said.len;

    buf_append(&self->to_guest.said, bytes, len);
    if (!send_message(self, type, body))
        buf_truncate(&self->to_guest.said, before);
}

/* A card reader's: its first byte is the type. */
static void client_sends(struct world *self, const uint8_t *bytes, size_t len)
{
    struct buf body = BUF_INIT;

    if (self->card && len) {
        vsc_put_for_client(
            &body, &(struct vsc_message){bytes[0] % 9, VSC_READER, (uint32_t)len - 1, bytes + 1});
        send_message(self, SPICE_MSGC_SMARTCARD_DATA, &body);
    } else if (!self->card) {
        buf_append(&body, bytes, len);
        send_data(self, SPICE_MSGC_SPICEVMC_DATA, &body, bytes, len);
    }
    buf_free(&body);
}

static void client_sends_packed(struct world *self, const uint8_t *bytes, size_t len)
{
    struct buf plain = BUF_INIT, body = BUF_INIT;
    char packed[LZ4_COMPRESSBOUND(REPEATED * 256)];
    int n;

    if (self->card)
        return;
    for (int i = 0; i < REPEATED; i++)
        buf_append(&plain, bytes, len);
    n = LZ4_compress_default((const char *)plain.data, packed, (int)plain.len, sizeof(packed));
    if (len && n > 0) {
        buf_u8(&body, SPICE_DATA_COMPRESSION_TYPE_LZ4);
        buf_u32(&body, (uint32_t)plain.len);
        buf_append(&body, packed, (size_t)n);
        send_data(self, SPICE_MSGC_SPICEVMC_COMPRESSED_DATA, &body, plain.data, plain.len);
    }
    buf_free(&plain);
    buf_free(&body);
}

static void hear_packed(struct world *self, struct reader *body)
{
    uint8_t type = reader_u8(body);
    uint32_t size = reader_u32(body);
    size_t len = reader_left(body);
    const uint8_t *bytes = reader_bytes(body, len);
    char *plain = g_malloc(size + 1);

    FUZZ_CHECK(type == SPICE_DATA_COMPRESSION_TYPE_LZ4);
    FUZZ_CHECK(LZ4_decompress_safe((const char *)bytes, plain, (int)len, (int)size) == (int)size);
    hear(self, &self->to_client, (const uint8_t *)plain, size);
    g_free(plain);
}

static void hear_message(struct world *self, uint16_t type, struct reader *body)
{
    size_t len = reader_left(body);
    struct vsc_message message;

    if (self->card && type == SPICE_MSG_SMARTCARD_DATA) {
        FUZZ_CHECK(vsc_from_client(reader_bytes(body, len), len, &message));
        if (message.type == VSC_APDU)
            hear(self, &self->to_client, message.data, message.length);
    } else if (!self->card && type == SPICE_MSG_SPICEVMC_DATA) {
        hear(self, &self->to_client, reader_bytes(body, len), len);
    } else if (!self->card && type == SPICE_MSG_SPICEVMC_COMPRESSED_DATA) {
        hear_packed(self, body);
    }
}

/* Takes what has been sent; the body of MIGRATE_DATA goes to `state` if that is not NULL. */
static void client_reads(struct world *self, struct buf *state)
{
    struct conn *conn = vmc_link_conn(self->link);
    const struct buf *out = conn_output(conn);

    conn_fill(conn);
    while (out->len) {
        struct reader r = reader_make(out->data, conn_message_left(conn, 0));
        uint16_t type;
        uint32_t size;

        FUZZ_CHECK(reader_left(&r) <= out->len);
        if (self->how & FULL)
            reader_u64(&r);
        type = reader_u16(&r);
        size = reader_u32(&r);
        if (self->how & FULL)
            reader_u32(&r);
        FUZZ_CHECK(reader_ok(&r) && reader_left(&r) == size);
        if (state && type == SPICE_MSG_MIGRATE_DATA)
            buf_append(state, reader_bytes(&r, size), size);
        else
            hear_message(self, type, &r);
        conn_taken(conn, conn_message_left(conn, 0));
        conn_fill(conn);
    }
}

/* ---- Acts ---- */

static void guest_says(struct world *self, const uint8_t *bytes, size_t len)
{
    buf_append(&self->host->out, bytes, len);
    if (!self->card)
        buf_append(&self->to_client.said, bytes, len);
    else
        self->unknown = true;
    char_device_wakeup(self->host->device);
}

static void guest_says_message(struct world *self, const uint8_t *bytes, size_t len)
{
    const struct vsc_message message = {VSC_APDU, VSC_READER, (uint32_t)len, bytes};

    if (!self->card)
        return;
    vsc_put_for_reader(&self->host->out, &message);
    buf_append(&self->to_client.said, bytes, len);
    char_device_wakeup(self->host->device);
}

/* With the device's state; what the guest takes later is the target's. */
static void move_host(struct world *self)
{
    struct host *from = self->host, *to = host_new(self);

    to->takes = from->takes;
    buf_append(&to->out, from->out.data, from->out.len);
    self->host = to;
    host_free(from);
}

static void arrive(struct world *self, const struct buf *state)
{
    self->arriving = true;
    self->link = link_new(self, true);
    char_device_set_open(self->host->device, true);
    char_device_set_running(self->host->device, true);
    send_message(self, SPICE_MSGC_MIGRATE_DATA, state);
    if (self->arriving)
        self->unknown = true;
    self->arriving = false;
}

static void move(struct world *self, bool damage, const uint8_t *bytes, size_t len)
{
    struct buf state = BUF_INIT, none = BUF_INIT;

    if (!self->owner && char_device_queue(self->host->device)->len)
        self->unknown = true; /* nobody's; a device that changes hands is closed */
    char_device_set_running(self->host->device, false);
    vmc_link_send_migrate(self->link);
    client_sends(self, bytes, len);
    send_message(self, SPICE_MSGC_MIGRATE_FLUSH_MARK, &none);
    client_reads(self, &state);
    FUZZ_CHECK(state.len || self->unknown || is_over(self));
    if (state.len) {
        if (damage && len) {
            state.data[(bytes[0] * 131 + len) % state.len] ^= (uint8_t)(bytes[0] | 1);
            self->unknown = true;
        }
        vmc_link_free(g_steal_pointer(&self->link));
        move_host(self);
        arrive(self, &state);
    }
    buf_free(&state);
}

static void change_owner(struct world *self)
{
    self->owner = !self->owner;
    char_device_wakeup(self->host->device);
    vmc_link_writable(self->link);
}

static void play(struct world *self, uint8_t kind, const uint8_t *bytes, size_t len)
{
    struct buf state = BUF_INIT;

    switch ((enum act)(kind % N_ACTS)) {
    case CLIENT_SAYS:
        self->unknown = true;
        if (conn_wants_input(vmc_link_conn(self->link)))
            conn_feed(vmc_link_conn(self->link), bytes, len);
        break;
    case CLIENT_SENDS:
        client_sends(self, bytes, len);
        break;
    case CLIENT_SENDS_PACKED:
        client_sends_packed(self, bytes, len);
        break;
    case CLIENT_READS:
        client_reads(self, NULL);
        break;
    case GUEST_SAYS:
        guest_says(self, bytes, len);
        break;
    case GUEST_SAYS_MESSAGE:
        guest_says_message(self, bytes, len);
        break;
    case GUEST_TAKES:
        self->host->takes = len * len;
        char_device_wakeup(self->host->device);
        break;
    case OWNER:
        change_owner(self);
        break;
    case PORT:
        vmc_link_set_opened(self->link, kind & 128);
        break;
    case RUN:
        char_device_set_running(self->host->device, kind & 128);
        break;
    case MOVE:
    case DAMAGED_MOVE:
        move(self, kind % N_ACTS == DAMAGED_MOVE, bytes, len);
        break;
    case ARRIVAL:
        buf_append(&state, bytes, len);
        self->unknown = true;
        vmc_link_free(g_steal_pointer(&self->link));
        arrive(self, &state);
        buf_free(&state);
        break;
    case N_ACTS:
        break;
    }
    FUZZ_CHECK(self->card || char_device_queue(self->host->device)->len <= QUEUE_MAX);
}

/* With nothing in its way all arrives. */
static void check_end(struct world *self)
{
    self->host->takes = SIZE_MAX;
    self->owner = true;
    char_device_set_running(self->host->device, true);
    for (int i = 0; i < 2; i++) {
        char_device_wakeup(self->host->device);
        vmc_link_writable(self->link);
        vmc_link_readable(self->link);
        client_reads(self, NULL);
    }
    if (self->unknown || is_over(self))
        return;
    FUZZ_CHECK(self->card || self->to_guest.heard == self->to_guest.said.len);
    FUZZ_CHECK(self->to_client.heard == self->to_client.said.len);
    FUZZ_CHECK(!self->message.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct world self = {.owner = true};
    struct reader in = reader_make(bytes, len);

    self.how = reader_u8(&in);
    self.card = kinds[self.how & KIND] == SPICE_CHANNEL_SMARTCARD;
    self.host = host_new(&self);
    self.host->takes = SIZE_MAX;
    char_device_set_open(self.host->device, true);
    char_device_set_running(self.host->device, true);
    self.link = link_new(&self, false);
    for (unsigned i = 0; i < ACTS_MAX && reader_left(&in) >= 2 && !is_over(&self); i++) {
        uint8_t kind = reader_u8(&in);
        size_t n = reader_u8(&in);

        n = MIN(n, reader_left(&in));
        play(&self, kind, reader_bytes(&in, n), n);
    }
    check_end(&self);
    vmc_link_free(g_steal_pointer(&self.link));
    host_free(self.host);
    buf_free(&self.to_guest.said);
    buf_free(&self.to_client.said);
    buf_free(&self.message);
    buf_free(&self.early);
    return 0;
}
