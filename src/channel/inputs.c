/* SPDX-License-Identifier: MIT */
#include "channel/inputs.h"

#include <glib.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <string.h>

#include "base/log.h"
#include "migrate/blob.h"

enum {
    ACK_BUNCH = SPICE_INPUT_MOTION_ACK_BUNCH,
    MAX_ACKS = 64, /* of a restored motion count, which is the client's word */
    ALL_MODIFIERS = SPICE_KEYBOARD_MODIFIER_FLAGS_MASK,
    SCAN_EXTENDED = 0xe0,
    SCAN_EXTENDED_1 = 0xe1,
    SCAN_RELEASE = 0x80,
};

struct inputs_link {
    const struct inputs_link_ops *ops;
    void *owner;
    struct conn *conn;
    uint16_t modifiers, modifiers_told;
    uint16_t motions;  /* since the last MOTION_ACK */
    bool extended;     /* the last byte was e0 */
    bool prefix_told;  /* the last byte that the guest was told is not the end of a scan code */
    uint8_t skip;      /* bytes of an e1 sequence still to come */
    bool held[2][128]; /* plain and e0 keys */
    struct saved_input kept[SAVED_INPUTS_HELD]; /* what the VM could not hear, for when it runs */
    uint32_t n_kept;
};

/* A position's display is kept above its buttons. */
#define DISPLAY_SHIFT 24
#define BUTTONS       0xffffffu

static void tell(struct inputs_link *self, const struct saved_input *e)
{
    self->prefix_told =
        e->kind == SAVED_INPUT_SCAN && (e->x == SCAN_EXTENDED || e->x == SCAN_EXTENDED_1);
    switch ((enum saved_input_kind)e->kind) {
    case SAVED_INPUT_SCAN:
        self->ops->scan(self->owner, (uint8_t)e->x);
        break;
    case SAVED_INPUT_MODIFIERS:
        self->ops->modifiers(self->owner, (uint16_t)e->x);
        break;
    case SAVED_INPUT_MOTION:
        self->ops->motion(self->owner, e->x, e->y, 0, e->buttons);
        break;
    case SAVED_INPUT_POSITION:
        self->ops->position(self->owner, e->x, e->y, e->buttons & BUTTONS,
                            (uint8_t)(e->buttons >> DISPLAY_SHIFT));
        break;
    case SAVED_INPUT_WHEEL:
        self->ops->wheel(self->owner, e->x, e->buttons);
        break;
    case SAVED_INPUT_BUTTONS:
        self->ops->buttons(self->owner, e->buttons);
        break;
    }
}

/* Moves of the pointer in a row are one; with no room left the newest is lost, as it would be in
 * the guest's own queues. */
static void keep(struct inputs_link *self, const struct saved_input *e)
{
    struct saved_input *last = self->n_kept ? &self->kept[self->n_kept - 1] : NULL;

    if (last && last->kind == e->kind && last->buttons == e->buttons) {
        if (e->kind == SAVED_INPUT_POSITION) {
            *last = *e;
            return;
        }
        if (e->kind == SAVED_INPUT_MOTION) {
            last->x = CLAMP(last->x + e->x, INT16_MIN, INT16_MAX);
            last->y = CLAMP(last->y + e->y, INT16_MIN, INT16_MAX);
            return;
        }
    }
    if (self->n_kept < SAVED_INPUTS_HELD)
        self->kept[self->n_kept++] = *e;
}

/* Nothing comes between a prefix and its key, not even another client's. */
static bool keeps(const struct inputs_link *self, const struct saved_input *e)
{
    return !self->prefix_told && self->ops->keeps(self->owner, e->kind == SAVED_INPUT_SCAN);
}

static void pass(struct inputs_link *self, struct saved_input e)
{
    if (self->n_kept || keeps(self, &e))
        keep(self, &e);
    else
        tell(self, &e);
}

void inputs_link_release(struct inputs_link *self)
{
    uint32_t told = 0;

    while (told < self->n_kept && !keeps(self, &self->kept[told]))
        tell(self, &self->kept[told++]);
    if (!told)
        return;
    log_info("inputs: the guest hears %u steps that were kept for it", told);
    self->n_kept -= told;
    memmove(self->kept, self->kept + told, self->n_kept * sizeof(*self->kept));
}

/* Follows which keys are down from the bytes that go to the guest. */
static void track(struct inputs_link *self, uint8_t byte)
{
    if (self->skip) {
        self->skip--;
    } else if (byte == SCAN_EXTENDED_1) {
        self->skip = 2;
    } else if (byte == SCAN_EXTENDED) {
        self->extended = true;
    } else {
        self->held[self->extended][byte & ~SCAN_RELEASE] = !(byte & SCAN_RELEASE);
        self->extended = false;
    }
}

static void push_scan(struct inputs_link *self, uint8_t byte)
{
    track(self, byte);
    pass(self, (struct saved_input){.kind = SAVED_INPUT_SCAN, .x = byte});
}

/* Up to four bytes of a scan code, the first in the lowest bits; 0 ends it. */
static void on_key_code(void *opaque, struct reader *body)
{
    struct inputs_link *self = opaque;
    uint32_t code = reader_u32(body);

    for (; code & 0xff; code >>= 8)
        push_scan(self, code & 0xff);
}

static void on_key_scancode(void *opaque, struct reader *body)
{
    struct inputs_link *self = opaque;

    while (reader_left(body))
        push_scan(self, reader_u8(body));
}

static void on_key_modifiers(void *opaque, struct reader *body)
{
    struct inputs_link *self = opaque;

    pass(self, (struct saved_input){.kind = SAVED_INPUT_MODIFIERS,
                                    .x = reader_u16(body) & ALL_MODIFIERS});
}

/* The wire's mask has middle and right the other way round ("enums.h" SpiceMouseButtonMask). */
static uint32_t local_buttons(uint16_t mask)
{
    uint32_t buttons = mask & SPICE_MOUSE_BUTTON_MASK_LEFT;

    if (mask & SPICE_MOUSE_BUTTON_MASK_MIDDLE)
        buttons |= 4;
    if (mask & SPICE_MOUSE_BUTTON_MASK_RIGHT)
        buttons |= 2;
    return buttons | (mask & (SPICE_MOUSE_BUTTON_MASK_SIDE | SPICE_MOUSE_BUTTON_MASK_EXTRA)) << 1;
}

static void ack_motions(struct inputs_link *self)
{
    while (self->motions >= ACK_BUNCH) {
        self->motions -= ACK_BUNCH;
        if (conn_phase(self->conn) == CONN_ACTIVE)
            conn_send_empty(self->conn, SPICE_MSG_INPUTS_MOUSE_MOTION_ACK);
    }
}

/* While MIGRATE has gone out no acknowledgement may: the count travels and is paid at the target.
 */
static void count_motion(struct inputs_link *self)
{
    if (self->motions < UINT16_MAX)
        self->motions++;
    if (conn_phase(self->conn) == CONN_ACTIVE)
        ack_motions(self);
}

static void on_mouse_motion(void *opaque, struct reader *body)
{
    struct inputs_link *self = opaque;
    int32_t dx = reader_i32(body);
    int32_t dy = reader_i32(body);
    uint16_t mask = reader_u16(body);

    pass(self, (struct saved_input){.kind = SAVED_INPUT_MOTION,
                                    .x = CLAMP(dx, INT16_MIN, INT16_MAX),
                                    .y = CLAMP(dy, INT16_MIN, INT16_MAX),
                                    .buttons = local_buttons(mask)});
    count_motion(self);
}

static void on_mouse_position(void *opaque, struct reader *body)
{
    struct inputs_link *self = opaque;
    uint32_t x = reader_u32(body);
    uint32_t y = reader_u32(body);
    uint16_t mask = reader_u16(body);
    uint32_t display = reader_u8(body);

    pass(self, (struct saved_input){.kind = SAVED_INPUT_POSITION,
                                    .x = (int32_t)MIN(x, INT16_MAX),
                                    .y = (int32_t)MIN(y, INT16_MAX),
                                    .buttons = local_buttons(mask) | display << DISPLAY_SHIFT});
    count_motion(self);
}

static void on_mouse_press(void *opaque, struct reader *body)
{
    struct inputs_link *self = opaque;
    uint8_t button = reader_u8(body);
    uint32_t buttons = local_buttons(reader_u16(body));

    if (button == SPICE_MOUSE_BUTTON_UP)
        pass(self, (struct saved_input){SAVED_INPUT_WHEEL, .x = -1, .buttons = buttons});
    else if (button == SPICE_MOUSE_BUTTON_DOWN)
        pass(self, (struct saved_input){SAVED_INPUT_WHEEL, .x = 1, .buttons = buttons});
    else
        pass(self, (struct saved_input){SAVED_INPUT_BUTTONS, .buttons = buttons});
}

static void on_mouse_release(void *opaque, struct reader *body)
{
    struct inputs_link *self = opaque;

    reader_u8(body);
    pass(self,
         (struct saved_input){SAVED_INPUT_BUTTONS, .buttons = local_buttons(reader_u16(body))});
}

static void send_modifiers(struct inputs_link *self)
{
    self->modifiers_told = self->modifiers;
    buf_u16(conn_begin(self->conn, SPICE_MSG_INPUTS_KEY_MODIFIERS), self->modifiers);
    conn_end(self->conn);
}

/* Something the client did before it came here. */
static void restore(struct inputs_link *self, const struct saved_input *e)
{
    if (e->kind == SAVED_INPUT_SCAN && (e->x < 0 || e->x > UINT8_MAX))
        return;
    if (e->kind == SAVED_INPUT_SCAN)
        push_scan(self, (uint8_t)e->x);
    else
        pass(self, *e);
}

/* A guest may let its lights dance: a client gets the newest, when its link takes it. */
static bool fill(void *opaque)
{
    struct inputs_link *self = opaque;

    if (self->modifiers == self->modifiers_told)
        return false;
    send_modifiers(self);
    return true;
}

/* All that are down, as codes for the trailer; returns how many. */
static uint32_t list_held(const struct inputs_link *self, uint8_t codes[SAVED_KEYS_MAX])
{
    uint32_t n = 0;

    for (unsigned key = 0; key < SAVED_KEYS_MAX; key++) {
        if (self->held[key / SAVED_KEY_EXTENDED][key % SAVED_KEY_EXTENDED])
            codes[n++] = (uint8_t)key;
    }
    return n;
}

static void on_migrate_data(void *opaque, struct reader *body)
{
    struct inputs_link *self = opaque;
    struct inputs_state state;
    struct fields_error error;
    size_t len = reader_left(body);

    if (!blob_inputs_load(reader_bytes(body, len), len, &state, &error)) {
        conn_fail(self->conn, "inputs: wrong state: field %s: %s", error.field, error.reason);
        return;
    }
    conn_set_phase(self->conn, CONN_ACTIVE);
    send_modifiers(self);
    self->motions = MIN(state.motion_count, MAX_ACKS * ACK_BUNCH);
    ack_motions(self);
    for (uint32_t i = 0; i < state.held.count; i++)
        restore(self, &state.held.list[i]);
    for (uint32_t i = 0; i < state.keys.count; i++) {
        uint8_t key = state.keys.codes[i];
        self->held[key / SAVED_KEY_EXTENDED][key % SAVED_KEY_EXTENDED] = true;
    }
    blob_inputs_free(&state);
    conn_wake(self->conn);
}

static void on_flush_mark(void *opaque)
{
    struct inputs_link *self = opaque;
    uint8_t codes[SAVED_KEYS_MAX];
    struct inputs_state state = {
        .motion_count = self->motions,
        .held = {self->n_kept, self->kept},
        .keys = {list_held(self, codes), codes},
    };
    struct fields_error error;

    if (!blob_inputs_save(&state, conn_begin(self->conn, SPICE_MSG_MIGRATE_DATA), &error)) {
        conn_fail(self->conn, "inputs: cannot save field %s: %s", error.field, error.reason);
        return;
    }
    conn_end(self->conn);
    conn_set_phase(self->conn, CONN_SOURCE_DONE);
    conn_wake(self->conn);
}

#define INPUTS_MSG(NAME, min, max, phases, handler)                                                \
    {SPICE_MSGC_INPUTS_##NAME, #NAME, min, max, phases, handler},
static const struct msg_row rows[] = {
#include "proto/inputs_messages.h"
};
#undef INPUTS_MSG

static const struct conn_kind inputs_kind = {
    .name = "inputs",
    .rows = rows,
    .n_rows = G_N_ELEMENTS(rows),
    .fill = fill,
    .flush_mark = on_flush_mark,
    .migrate_data = on_migrate_data,
    .max_migrate_data = SAVED_INPUTS_MAX,
};

struct inputs_link *inputs_link_new(const struct inputs_link_ops *ops, void *owner, bool mini,
                                    bool target, uint16_t modifiers)
{
    struct inputs_link *self = g_new0(struct inputs_link, 1);

    self->ops = ops;
    self->owner = owner;
    self->modifiers = self->modifiers_told = modifiers;
    self->conn = conn_new(&inputs_kind, self, mini, target ? CONN_TARGET : CONN_ACTIVE);
    if (!target) {
        buf_u16(conn_begin(self->conn, SPICE_MSG_INPUTS_INIT), modifiers);
        conn_end(self->conn);
    }
    return self;
}

static void release_held(struct inputs_link *self)
{
    uint8_t codes[SAVED_KEYS_MAX];
    uint32_t n = list_held(self, codes);

    for (uint32_t i = 0; i < n; i++) {
        if (codes[i] & SAVED_KEY_EXTENDED)
            self->ops->scan(self->owner, SCAN_EXTENDED);
        self->ops->scan(self->owner, codes[i] | SCAN_RELEASE);
    }
}

void inputs_link_free(struct inputs_link *self)
{
    if (!self)
        return;
    if (conn_phase(self->conn) == CONN_ACTIVE)
        release_held(self);
    conn_free(self->conn);
    g_free(self);
}

struct conn *inputs_link_conn(struct inputs_link *self)
{
    return self->conn;
}

void inputs_set_modifiers(struct inputs_link *self, uint16_t modifiers)
{
    self->modifiers = modifiers;
    conn_wake(self->conn);
}

void inputs_send_migrate(struct inputs_link *self)
{
    struct buf *body = conn_begin(self->conn, SPICE_MSG_MIGRATE);

    buf_u32(body, SPICE_MIGRATE_NEED_FLUSH | SPICE_MIGRATE_NEED_DATA_TRANSFER);
    conn_end(self->conn);
    conn_set_phase(self->conn, CONN_SOURCE_MARK);
    conn_wake(self->conn);
}
