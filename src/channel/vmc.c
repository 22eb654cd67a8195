/* SPDX-License-Identifier: MIT */
#include "channel/vmc.h"

#include <glib.h>
#include <lz4.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <string.h>

#include "base/log.h"
#include "channel/vscard.h"
#include "migrate/blob.h"

enum {
    VMC_MESSAGE_MAX = 16 << 20, /* bytes of a client's message, also when unpacked */
    WAITING_MAX = 64 * 1024,    /* of the client's bytes, before it is no longer listened to */
    READ_CHUNK = 32 * 1024,     /* of the guest's bytes: one message */
    COMPRESS_MIN = 1000,        /* shorter ones are sent as they are */
    LZ4_EXPANDS = 255,          /* times, at most */
    CARD_SAID_MAX = 256 * 1024, /* of a card reader, for a client that does not listen */
    TOKENS_UNCOUNTED = -1,      /* what other servers write where nobody counts */
};

struct vmc_link {
    const struct vmc_link_ops *ops;
    void *owner;
    struct conn *conn;
    bool lz4;
    bool is_port;
    bool is_card;
    struct buf waiting; /* of the client, for the guest */
    bool giving;        /* the guest may answer from within */
    bool opened, opened_told;
    bool reopened;     /* it was closed since it was told open */
    bool told_unknown; /* the source did not say what it told */
    /* A smart card reader: */
    struct buf said;   /* by it, for the client: messages, the last one not whole */
    bool reader_added; /* as the guest was told */
    unsigned asked;    /* APDUs that the client has and the guest waits for */
};

/* In a move all comes that the client sent before its mark; it is as much as sockets hold. */
static void bound_waiting(struct vmc_link *self)
{
    bool source = conn_phase(self->conn) == CONN_SOURCE_MARK;

    if (self->waiting.len > SAVED_WRITE_MAX)
        conn_fail(self->conn, "the client sent too much while its VM moves");
    conn_hold(self->conn, !source && self->waiting.len >= WAITING_MAX);
}

static bool give_card_message(struct vmc_link *self);

static void give(struct vmc_link *self)
{
    size_t n;

    if (self->giving || !self->waiting.len || conn_phase(self->conn) != CONN_ACTIVE)
        return;
    self->giving = true;
    if (self->is_card) {
        while (give_card_message(self)) {
        }
    } else {
        n = self->ops->write(self->owner, self->waiting.data, self->waiting.len);
        buf_consume(&self->waiting, n);
    }
    self->giving = false;
}

static void on_data(void *opaque, struct reader *body)
{
    struct vmc_link *self = opaque;
    size_t len = reader_left(body);

    buf_append(&self->waiting, reader_bytes(body, len), len);
    give(self);
    bound_waiting(self);
}

/* u8 how, u32 size when unpacked, bytes. */
static void on_compressed_data(void *opaque, struct reader *body)
{
    struct vmc_link *self = opaque;
    uint8_t type = reader_u8(body);
    uint32_t size = reader_u32(body);
    size_t at = self->waiting.len, len = reader_left(body);
    const uint8_t *bytes = reader_bytes(body, len);
    uint8_t *room;

    if (!bytes || type != SPICE_DATA_COMPRESSION_TYPE_LZ4 || size > VMC_MESSAGE_MAX ||
        size > LZ4_EXPANDS * len) {
        reader_fail(body);
        return;
    }
    room = buf_extend(&self->waiting, size);
    if (LZ4_decompress_safe((const char *)bytes, (char *)room, (int)len, (int)size) != (int)size) {
        buf_truncate(&self->waiting, at);
        reader_fail(body);
        return;
    }
    give(self);
    bound_waiting(self);
}

static void on_port_event(void *opaque, struct reader *body)
{
    struct vmc_link *self = opaque;

    self->ops->port_event(self->owner, reader_u8(body));
}

static void send_event(struct vmc_link *self, uint8_t event)
{
    buf_u8(conn_begin(self->conn, SPICE_MSG_PORT_EVENT), event);
    conn_end(self->conn);
}

/* True when an event was sent. */
static bool fill_event(struct vmc_link *self)
{
    if (self->told_unknown) {
        self->told_unknown = false;
        self->opened_told = !self->opened;
    }
    if (self->opened_told && (!self->opened || self->reopened)) {
        self->opened_told = false;
        self->reopened = false;
        send_event(self, SPICE_PORT_EVENT_CLOSED);
        return true;
    }
    if (self->opened && !self->opened_told) {
        self->opened_told = true;
        send_event(self, SPICE_PORT_EVENT_OPENED);
        return true;
    }
    return false;
}

/* False when it would not become smaller. */
static bool send_compressed(struct vmc_link *self, const uint8_t *bytes, size_t len)
{
    char packed[READ_CHUNK];
    int room = (int)len - 5; /* type and size come on top */
    int n = LZ4_compress_default((const char *)bytes, packed, (int)len, room);
    struct buf *body;

    if (n <= 0)
        return false;
    body = conn_begin(self->conn, SPICE_MSG_SPICEVMC_COMPRESSED_DATA);
    buf_u8(body, SPICE_DATA_COMPRESSION_TYPE_LZ4);
    buf_u32(body, (uint32_t)len);
    buf_append(body, packed, (size_t)n);
    conn_end(self->conn);
    return true;
}

static bool fill(void *opaque)
{
    struct vmc_link *self = opaque;
    uint8_t bytes[READ_CHUNK];
    size_t n;

    if (fill_event(self))
        return true;
    n = self->ops->read(self->owner, bytes, sizeof(bytes));
    if (!n)
        return false;
    if (self->lz4 && n > COMPRESS_MIN && send_compressed(self, bytes, n))
        return true;
    buf_append(conn_begin(self->conn, SPICE_MSG_SPICEVMC_DATA), bytes, n);
    conn_end(self->conn);
    return true;
}

/* ---- Smart cards ---- */

static void send_card(struct vmc_link *self, const struct vsc_message *message)
{
    vsc_put_for_client(conn_begin(self->conn, SPICE_MSG_SMARTCARD_DATA), message);
    conn_end(self->conn);
}

static void send_card_error(struct vmc_link *self, uint32_t reader_id, enum vsc_error error)
{
    const uint8_t code[] = {(uint8_t)error, 0, 0, 0};

    send_card(self, &(struct vsc_message){VSC_ERROR, reader_id, sizeof(code), code});
}

/* What cannot be passed on as things stand is answered, as far as it has an answer. */
static bool answer_card_message(struct vmc_link *self, const struct vsc_message *message)
{
    if (message->type == VSC_READER_ADD && self->reader_added)
        send_card_error(self, VSC_NO_READER, VSC_NO_MORE_READERS);
    else if (message->type == VSC_READER_ADD || self->reader_added)
        return false;
    else if (message->type != VSC_APDU && message->type != VSC_ERROR)
        send_card_error(self, message->reader_id, VSC_GENERAL_ERROR);
    return true;
}

/* What ends the guest's wait. */
static void count_answer(struct vmc_link *self, const struct vsc_message *message)
{
    if (message->type == VSC_APDU || message->type == VSC_ERROR)
        self->asked -= self->asked > 0;
    else
        self->asked = 0;
}

/* One message at a time, as a whole: QEMU's reader keeps no room for what it was given ahead. */
static bool give_card_message(struct vmc_link *self)
{
    struct vsc_message message;
    size_t size;

    if (!self->ops->is_owner(self->owner) ||
        vsc_find(self->waiting.data, self->waiting.len, &message) != VSC_WHOLE)
        return false;
    size = VSC_HEADER + message.length;
    if (!answer_card_message(self, &message)) {
        if (!self->ops->write(self->owner, self->waiting.data, size))
            return false;
        self->reader_added = vsc_reader_after(self->waiting.data, size, self->reader_added);
        count_answer(self, &message);
    }
    buf_consume(&self->waiting, size);
    return true;
}

static void on_card_data(void *opaque, struct reader *body)
{
    struct vmc_link *self = opaque;
    size_t len = reader_left(body);
    struct vsc_message message;

    if (!vsc_from_client(reader_bytes(body, len), len, &message)) {
        reader_fail(body);
        return;
    }
    if (message.type == VSC_INIT)
        return;
    if (message.type == VSC_READER_ADD) { /* its name is for nobody */
        message.reader_id = VSC_READER;
        message.length = 0;
    }
    if (message.type == VSC_READER_REMOVE && message.reader_id != VSC_READER) {
        send_card_error(self, message.reader_id, VSC_GENERAL_ERROR);
        return;
    }
    if (!vsc_is_for_reader(&message)) {
        reader_fail(body);
        return;
    }
    vsc_put_for_reader(&self->waiting, &message);
    give(self);
    bound_waiting(self);
}

/* QEMU's reader does not wait: what is not read at once is lost in the middle of a message. */
static void listen_to_card(struct vmc_link *self)
{
    uint8_t bytes[READ_CHUNK];
    size_t n;

    while ((n = self->ops->read(self->owner, bytes, sizeof(bytes))) > 0) {
        if (self->said.len + n > CARD_SAID_MAX)
            conn_fail(self->conn, "the client does not listen to its card reader");
        else
            buf_append(&self->said, bytes, n);
    }
}

/* The device knows of one reader; whose id is ours. True when there was a whole message. */
static bool pass_card_message(struct vmc_link *self)
{
    struct vsc_message message;
    enum vsc_found found = vsc_find(self->said.data, self->said.len, &message);

    if (found == VSC_BAD)
        conn_fail(self->conn, "the card reader says a message of %u bytes", message.length);
    if (found != VSC_WHOLE)
        return false;
    if (message.reader_id != VSC_NO_READER)
        message.reader_id = VSC_READER;
    if (message.type != VSC_INIT)
        send_card(self, &message);
    self->asked += message.type == VSC_APDU;
    buf_consume(&self->said, VSC_HEADER + message.length);
    return true;
}

static bool fill_card(void *opaque)
{
    struct vmc_link *self = opaque;

    listen_to_card(self);
    return pass_card_message(self);
}

void vmc_link_card_said(struct vmc_link *self, const uint8_t *bytes, size_t len)
{
    if (self->said.len + len > CARD_SAID_MAX)
        conn_fail(self->conn, "the card reader said too much while its VM moved");
    else
        buf_append(&self->said, bytes, len);
}

bool vmc_link_card_is_asked(const struct vmc_link *self)
{
    return self->asked || self->said.len;
}

bool vmc_link_card_reader_added(const struct vmc_link *self)
{
    return self->reader_added;
}

size_t vmc_card_message_size(const uint8_t *bytes, size_t len)
{
    struct vsc_message message;

    return vsc_find(bytes, len, &message) == VSC_WHOLE ? VSC_HEADER + message.length : len;
}

static bool restore_card(struct vmc_link *self, const struct vmc_state *state)
{
    const struct saved_char_device *device = &state->device;

    if (!vsc_all_for_reader(device->write_data, device->write_size))
        return false;
    self->reader_added =
        state->has_identity
            ? state->identity.opened
            : vsc_reader_before(device->write_data, device->write_size, state->reader_added);
    buf_append(&self->said, state->read_data, state->read_size);
    return true;
}

/* ---- In a move ---- */

static void save(struct vmc_link *self, struct vmc_state *state, struct buf *unwritten)
{
    state->device = (struct saved_char_device){
        .version = 1,
        .num_client_tokens = (uint32_t)TOKENS_UNCOUNTED,
        .num_send_tokens = (uint32_t)TOKENS_UNCOUNTED,
    };
    self->ops->save(self->owner, state, unwritten);
    state->identity.opened =
        self->is_card ? vsc_reader_before(unwritten->data, unwritten->len, self->reader_added)
                      : self->opened_told;
    buf_append(unwritten, self->waiting.data, self->waiting.len);
    if (self->is_card) {
        state->reader_added =
            vsc_reader_after(self->waiting.data, self->waiting.len, self->reader_added);
        state->read_size = (uint32_t)self->said.len;
        state->read_data = self->said.data;
    }
    state->device.write_size = (uint32_t)unwritten->len;
    state->device.write_data = unwritten->data;
}

static void on_flush_mark(void *opaque)
{
    struct vmc_link *self = opaque;
    struct vmc_state state = {.is_card = self->is_card};
    struct buf unwritten = BUF_INIT;
    struct fields_error error;

    save(self, &state, &unwritten);
    if (!blob_vmc_save(&state, conn_begin(self->conn, SPICE_MSG_MIGRATE_DATA), &error)) {
        conn_fail(self->conn, "cannot save field %s: %s", error.field, error.reason);
    } else {
        conn_end(self->conn);
        conn_set_phase(self->conn, CONN_SOURCE_DONE);
        conn_wake(self->conn);
    }
    buf_free(&unwritten);
}

static void restore(struct vmc_link *self, const struct vmc_state *state, struct reader *body)
{
    if (self->is_card && !restore_card(self, state)) {
        conn_fail(self->conn, "wrong state of a card reader: the bytes for it are no messages");
        return;
    }
    buf_append(&self->waiting, state->device.write_data, state->device.write_size);
    self->told_unknown = self->is_port && !state->has_identity;
    self->opened_told = self->is_port && state->identity.opened;
    conn_set_phase(self->conn, CONN_ACTIVE);
    if (!self->ops->restored(self->owner, state)) {
        reader_fail(body);
        return;
    }
    give(self);
    bound_waiting(self);
    conn_wake(self->conn);
}

static void on_migrate_data(void *opaque, struct reader *body)
{
    struct vmc_link *self = opaque;
    struct vmc_state state;
    struct fields_error error;
    size_t len = reader_left(body);
    bool (*load)(const uint8_t *, size_t, struct vmc_state *, struct fields_error *) =
        self->is_card ? blob_card_load : blob_vmc_load;

    if (!load(reader_bytes(body, len), len, &state, &error)) {
        conn_fail(self->conn, "wrong state of a device: field %s: %s", error.field, error.reason);
        return;
    }
    restore(self, &state, body);
    blob_vmc_free(&state);
}

#define VMC_MSG(NAME, min, max, phases, handler)                                                   \
    {SPICE_MSGC_##NAME, #NAME, min, max, phases, handler},
static const struct msg_row rows[] = {
#include "proto/vmc_messages.h"
};
#undef VMC_MSG

#define CARD_MSG(NAME, min, max, phases, handler)                                                  \
    {SPICE_MSGC_##NAME, #NAME, min, max, phases, handler},
static const struct msg_row card_rows[] = {
#include "proto/card_messages.h"
};
#undef CARD_MSG

#define VMC_KIND(title)                                                                            \
    {                                                                                              \
        .name = title, .rows = rows, .n_rows = G_N_ELEMENTS(rows), .fill = fill,                   \
        .flush_mark = on_flush_mark, .migrate_data = on_migrate_data,                              \
        .max_migrate_data = SAVED_VMC_MAX, .max_output = SAVED_VMC_MAX + (16u << 20),              \
    }
static const struct conn_kind usbredir_kind = VMC_KIND("usbredir");
static const struct conn_kind port_kind = VMC_KIND("port");
static const struct conn_kind webdav_kind = VMC_KIND("webdav");

static const struct conn_kind card_kind = {
    .name = "smartcard",
    .rows = card_rows,
    .n_rows = G_N_ELEMENTS(card_rows),
    .fill = fill_card,
    .flush_mark = on_flush_mark,
    .migrate_data = on_migrate_data,
    .max_migrate_data = SAVED_VMC_MAX,
    .max_output = SAVED_VMC_MAX + (16u << 20),
};

static const struct conn_kind *kind_of(uint8_t channel_type)
{
    switch (channel_type) {
    case SPICE_CHANNEL_SMARTCARD:
        return &card_kind;
    case SPICE_CHANNEL_USBREDIR:
        return &usbredir_kind;
    case SPICE_CHANNEL_WEBDAV:
        return &webdav_kind;
    default:
        return &port_kind;
    }
}

/* u32 size of the name with its NUL, u32 where it is, u8 opened. */
static void send_port_init(struct vmc_link *self, const char *name)
{
    struct buf *body = conn_begin(self->conn, SPICE_MSG_PORT_INIT);
    size_t size = strlen(name) + 1;

    buf_u32(body, (uint32_t)size);
    buf_u32(body, 9);
    buf_u8(body, false);
    buf_append(body, name, size);
    conn_end(self->conn);
}

struct vmc_link *vmc_link_new(const struct vmc_link_ops *ops, void *owner,
                              const struct vmc_link_config *config)
{
    struct vmc_link *self = g_new0(struct vmc_link, 1);

    self->ops = ops;
    self->owner = owner;
    self->lz4 = config->lz4;
    self->is_port =
        config->channel_type == SPICE_CHANNEL_PORT || config->channel_type == SPICE_CHANNEL_WEBDAV;
    self->is_card = config->channel_type == SPICE_CHANNEL_SMARTCARD;
    self->conn = conn_new(kind_of(config->channel_type), self, config->mini,
                          config->target ? CONN_TARGET : CONN_ACTIVE);
    if (config->port_name && !config->target)
        send_port_init(self, config->port_name);
    return self;
}

void vmc_link_free(struct vmc_link *self)
{
    if (!self)
        return;
    conn_free(self->conn);
    buf_free(&self->waiting);
    buf_free(&self->said);
    g_free(self);
}

struct conn *vmc_link_conn(struct vmc_link *self)
{
    return self->conn;
}

void vmc_link_readable(struct vmc_link *self)
{
    if (self->is_card)
        listen_to_card(self);
    conn_fill(self->conn);
    conn_wake(self->conn);
}

void vmc_link_writable(struct vmc_link *self)
{
    give(self);
    bound_waiting(self);
}

void vmc_link_set_opened(struct vmc_link *self, bool opened)
{
    if (!opened && self->opened_told)
        self->reopened = true;
    self->opened = opened;
    conn_wake(self->conn);
}

void vmc_link_send_migrate(struct vmc_link *self)
{
    struct buf *body;

    while (self->is_card && pass_card_message(self)) {
    }
    body = conn_begin(self->conn, SPICE_MSG_MIGRATE);
    buf_u32(body, SPICE_MIGRATE_NEED_FLUSH | SPICE_MIGRATE_NEED_DATA_TRANSFER);
    conn_end(self->conn);
    conn_set_phase(self->conn, CONN_SOURCE_MARK);
    conn_hold(self->conn, false);
    conn_wake(self->conn);
}

bool vmc_link_is_expected(const struct vmc_link *self)
{
    return conn_phase(self->conn) == CONN_TARGET;
}

bool vmc_link_is_gone(const struct vmc_link *self)
{
    return conn_phase(self->conn) == CONN_SOURCE_DONE;
}
