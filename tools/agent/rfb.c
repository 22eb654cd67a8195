/* SPDX-License-Identifier: MIT */
#include "rfb.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "connect.h"
#include "rfb_impl.h"

enum {
    READ_BYTES = 64 * 1024,
    OUT_MAX = 4 << 20, /* of a server that does not read */
    RETRY_MS = 250,
    READY_S = 10, /* after that it does not know Extended Clipboard */
    CLIENT_CUT_TEXT = 6,
};

static gboolean on_fd(gint fd, GIOCondition condition, gpointer opaque);

static gboolean tell_end(gpointer opaque)
{
    struct rfb *self = opaque;

    self->end_source = 0;
    self->ops->ended(self->opaque, self->why);
    return G_SOURCE_REMOVE;
}

void rfb_fail(struct rfb *self, const char *why)
{
    if (self->end_source || self->why)
        return;
    self->why = why;
    if (self->source)
        g_source_remove(self->source);
    self->source = 0;
    self->end_source = g_idle_add(tell_end, self);
}

static gboolean on_late(gpointer opaque)
{
    struct rfb *self = opaque;

    self->late = 0;
    if (!self->ready)
        rfb_fail(self, "the VNC server does not share its clipboard (Extended Clipboard): that "
                       "takes QEMU from 6.1 on");
    return G_SOURCE_REMOVE;
}

static void watch(struct rfb *self)
{
    unsigned events = G_IO_IN | (self->out.len ? G_IO_OUT : 0);

    if (self->why || (self->source && self->events == events))
        return;
    if (self->source)
        g_source_remove(self->source);
    self->events = events;
    self->source = g_unix_fd_add(self->fd, (GIOCondition)events, on_fd, self);
}

void rfb_send(struct rfb *self)
{
    while (self->out.len && !self->why) {
        ssize_t n = send(self->fd, self->out.data, self->out.len, MSG_NOSIGNAL);
        if (n > 0)
            buf_consume(&self->out, (size_t)n);
        else if (n < 0 && errno == EAGAIN)
            break;
        else if (n == 0 || errno != EINTR)
            rfb_fail(self, "the VNC server has closed the link");
    }
    if (self->out.len > OUT_MAX)
        rfb_fail(self, "the VNC server does not read");
    watch(self);
}

static void read_some(struct rfb *self)
{
    size_t before = self->in.len;
    uint8_t *to = buf_extend(&self->in, READ_BYTES);
    ssize_t n = recv(self->fd, to, READ_BYTES, 0);

    buf_truncate(&self->in, before + (n > 0 ? (size_t)n : 0));
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        rfb_fail(self, "the VNC server has closed the link");
    else
        rfb_read(self);
}

static gboolean on_fd(gint fd, GIOCondition condition, gpointer opaque)
{
    struct rfb *self = opaque;
    unsigned source = self->source;

    if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR))
        read_some(self);
    rfb_send(self);
    return self->source == source ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

struct rfb *rfb_new(const char *path, const struct host_clip_news *ops, void *opaque)
{
    struct rfb *self;
    int fd = connect_unix(path);

    if (fd < 0)
        return NULL;
    self = g_new0(struct rfb, 1);
    *self = (struct rfb){.ops = ops, .opaque = opaque, .fd = fd, .need = 12};
    self->late = g_timeout_add_seconds(READY_S, on_late, self);
    watch(self);
    return self;
}

void rfb_free(struct rfb *self)
{
    if (!self)
        return;
    if (self->source)
        g_source_remove(self->source);
    if (self->end_source)
        g_source_remove(self->end_source);
    if (self->late)
        g_source_remove(self->late);
    close(self->fd);
    buf_free(&self->in);
    buf_free(&self->out);
    g_free(self);
}

static void put_u32(struct buf *out, uint32_t v)
{
    buf_u32(out, GUINT32_TO_BE(v));
}

/* An extended message is one with a negative length. */
static void send_cut(struct rfb *self, uint32_t flags, const uint8_t *data, size_t len)
{
    if (!self->ready)
        return;
    buf_u32(&self->out, CLIENT_CUT_TEXT);
    put_u32(&self->out, (uint32_t) - (int32_t)(4 + len));
    put_u32(&self->out, flags);
    if (len)
        buf_append(&self->out, data, len);
    rfb_send(self);
}

void rfb_offer(struct rfb *self, bool has)
{
    send_cut(self, CUT_NOTIFY | (has ? CUT_TEXT : 0), NULL, 0);
}

void rfb_ask(struct rfb *self)
{
    send_cut(self, CUT_REQUEST | CUT_TEXT, NULL, 0);
}

/* Lines end with CR LF there, and a NUL ends the text. */
static GByteArray *to_wire(const char *text, size_t len)
{
    GByteArray *wire = g_byte_array_sized_new((guint)len + 5);
    uint32_t size;

    g_byte_array_set_size(wire, 4);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
            g_byte_array_append(wire, (const guint8 *)"\r", 1);
        if (text[i])
            g_byte_array_append(wire, (const guint8 *)text + i, 1);
    }
    g_byte_array_append(wire, (const guint8 *)"", 1);
    size = GUINT32_TO_BE(wire->len - 4);
    memcpy(wire->data, &size, 4);
    return wire;
}

void rfb_provide(struct rfb *self, const char *text, size_t len)
{
    g_autoptr(GByteArray) wire = to_wire(text, len <= RFB_TEXT_MAX ? len : 0);
    uLongf room;
    g_autofree uint8_t *packed = NULL;

    if (wire->len > RFB_TEXT_MAX + 4) {
        g_byte_array_unref(wire);
        wire = to_wire("", 0);
    }
    room = compressBound(wire->len);
    packed = g_malloc(room);
    /* Quickly: a state may be wanted any moment. */
    if (compress2(packed, &room, wire->data, wire->len, Z_BEST_SPEED) == Z_OK)
        send_cut(self, CUT_PROVIDE | CUT_TEXT, packed, room);
}

/* ---- As a party of the clipboard ---- */

static void *party_connect(const char *where, const struct host_clip_news *ops, void *opaque)
{
    return rfb_new(where, ops, opaque);
}

static void party_free(void *self)
{
    rfb_free(self);
}

static void party_offer(void *self, bool has)
{
    rfb_offer(self, has);
}

static void party_ask(void *self)
{
    rfb_ask(self);
}

static void party_provide(void *self, const char *text, size_t len)
{
    rfb_provide(self, text, len);
}

const struct host_clip_ops rfb_clip_ops = {
    .who = "a user of the VNC server",
    .place = "the VNC server",
    .retry_ms = RETRY_MS,
    .connect = party_connect,
    .free = party_free,
    .offer = party_offer,
    .ask = party_ask,
    .provide = party_provide,
};
