/* SPDX-License-Identifier: MIT */
/* What a VNC server says: a table of states, each with the bytes it needs. */
#include <glib.h>
#include <string.h>
#include <zlib.h>

#include "rfb_impl.h"

enum {
    SECURITY_NONE = 1,
    SET_ENCODINGS = 2,
    COLOURS = 1,
    BELL = 2,
    CUT_TEXT_MESSAGE = 3,
    EXTENDED_CLIPBOARD = (int)0xc0a1e5ce,
    CUT_MAX = 8 << 20, /* bytes of one message: far above what QEMU sends */
};

static uint32_t be32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return GUINT32_FROM_BE(v);
}

static void enter(struct rfb *self, enum rfb_state state, size_t need)
{
    self->state = state;
    self->need = need;
}

static void on_version(struct rfb *self, const uint8_t *p)
{
    static const char version[] = "RFB 003.008\n";

    if (memcmp(p, "RFB ", 4)) {
        rfb_fail(self, "it is no VNC server");
        return;
    }
    buf_append(&self->out, version, 12);
    enter(self, RFB_SECURITY_COUNT, 1);
}

static void on_security_count(struct rfb *self, const uint8_t *p)
{
    if (p[0] == 0)
        rfb_fail(self, "the VNC server refuses the link");
    else
        enter(self, RFB_SECURITY_TYPES, p[0]);
}

static void on_security_types(struct rfb *self, const uint8_t *p)
{
    if (!memchr(p, SECURITY_NONE, self->need)) {
        rfb_fail(self, "the VNC server wants a password; give the agent a display of its own: "
                       "-vnc unix:PATH,id=agent");
        return;
    }
    buf_u8(&self->out, SECURITY_NONE);
    enter(self, RFB_SECURITY_RESULT, 4);
}

static void on_security_result(struct rfb *self, const uint8_t *p)
{
    if (be32(p)) {
        rfb_fail(self, "the VNC server refuses the link");
        return;
    }
    buf_u8(&self->out, 1); /* shared */
    enter(self, RFB_SERVER_INIT, 24);
}

static void on_server_init(struct rfb *self, const uint8_t *p)
{
    uint32_t len = be32(p + 20);

    if (len > 4096)
        rfb_fail(self, "the VNC server's name is too long");
    else
        enter(self, RFB_NAME, len);
}

static void on_name(struct rfb *self, const uint8_t *p)
{
    buf_u8(&self->out, SET_ENCODINGS);
    buf_u8(&self->out, 0);
    buf_u16(&self->out, GUINT16_TO_BE(1));
    buf_u32(&self->out, GUINT32_TO_BE((uint32_t)EXTENDED_CLIPBOARD));
    enter(self, RFB_MESSAGE, 1);
}

/* Pictures are never asked for; the few messages there are without asking are known. */
static void on_message(struct rfb *self, const uint8_t *p)
{
    switch (p[0]) {
    case COLOURS:
        enter(self, RFB_COLOURS, 5);
        break;
    case BELL:
        break;
    case CUT_TEXT_MESSAGE:
        enter(self, RFB_CUT_TEXT, 7);
        break;
    default:
        rfb_fail(self, "the VNC server sends what was not asked for");
        break;
    }
}

static void on_colours(struct rfb *self, const uint8_t *p)
{
    enter(self, RFB_SKIP, 6u * (((unsigned)p[3] << 8) | p[4]));
}

static void on_cut_text(struct rfb *self, const uint8_t *p)
{
    int64_t len = (int32_t)be32(p + 3);
    bool extended = len < 0;

    len = extended ? -len : len;
    if (len > CUT_MAX || (extended && len < 4)) {
        rfb_fail(self, "the VNC server's clipboard message has a wrong size");
        return;
    }
    if (!extended) {
        enter(self, RFB_SKIP, (size_t)len);
        return;
    }
    enter(self, RFB_CUT_FLAGS, 4);
    self->flags = (uint32_t)len - 4; /* until the flags are read */
}

static void on_cut_flags(struct rfb *self, const uint8_t *p)
{
    size_t rest = self->flags;

    self->flags = be32(p);
    enter(self, RFB_CUT_DATA, rest);
}

/* From "\r\n" to "\n", in place; the text ends at a NUL. */
static size_t from_wire(uint8_t *text, size_t len)
{
    const uint8_t *nul = memchr(text, 0, len);
    size_t to = 0;

    if (nul)
        len = (size_t)(nul - text);
    for (size_t i = 0; i < len; i++) {
        if (text[i] != '\r' || i + 1 == len || text[i + 1] != '\n')
            text[to++] = text[i];
    }
    return to;
}

static void on_provide(struct rfb *self, const uint8_t *p)
{
    uLongf room = 4 + (1u << 20);
    g_autofree uint8_t *plain = g_malloc(room);
    int status = uncompress(plain, &room, p, self->need);
    uint32_t len;

    /* A stream that was flushed but not ended gives its bytes all the same. */
    if ((status != Z_OK && status != Z_BUF_ERROR && status != Z_DATA_ERROR) || room < 4) {
        self->ops->text(self->opaque, "", 0);
        return;
    }
    len = MIN(be32(plain), (uint32_t)room - 4);
    len = (uint32_t)from_wire(plain + 4, len);
    if (g_utf8_validate((const char *)plain + 4, len, NULL))
        self->ops->text(self->opaque, (const char *)plain + 4, len);
    else
        self->ops->text(self->opaque, "", 0);
}

static void on_cut_data(struct rfb *self, const uint8_t *p)
{
    if (self->flags & CUT_CAPS) {
        self->ready = true;
        self->ops->ready(self->opaque);
    } else if (self->flags & CUT_NOTIFY) {
        self->ops->offered(self->opaque, self->flags & CUT_TEXT);
    } else if (self->flags & CUT_REQUEST) {
        self->ops->asked(self->opaque);
    } else if (self->flags & CUT_PROVIDE && self->flags & CUT_TEXT) {
        on_provide(self, p);
    }
    enter(self, RFB_MESSAGE, 1);
}

static void on_skip(struct rfb *self, const uint8_t *p)
{
    enter(self, RFB_MESSAGE, 1);
}

static void (*const states[RFB_STATES])(struct rfb *self, const uint8_t *p) = {
    [RFB_VERSION] = on_version,
    [RFB_SECURITY_COUNT] = on_security_count,
    [RFB_SECURITY_TYPES] = on_security_types,
    [RFB_SECURITY_RESULT] = on_security_result,
    [RFB_SERVER_INIT] = on_server_init,
    [RFB_NAME] = on_name,
    [RFB_MESSAGE] = on_message,
    [RFB_COLOURS] = on_colours,
    [RFB_CUT_TEXT] = on_cut_text,
    [RFB_CUT_FLAGS] = on_cut_flags,
    [RFB_CUT_DATA] = on_cut_data,
    [RFB_SKIP] = on_skip,
};

void rfb_read(struct rfb *self)
{
    size_t at = 0;

    while (!self->why && self->in.len - at >= self->need) {
        size_t need = self->need;
        states[self->state](self, self->in.data ? self->in.data + at : (const uint8_t *)"");
        at += need;
    }
    buf_consume(&self->in, at);
}
