/* SPDX-License-Identifier: MIT */
#include "channel/display.h"

#include <glib.h>
#include <spice/enums.h>

#include "proto/saved_state.h"

enum {
    SURFACE = 0,    /* the one clients have */
    COPY_HEAD = 57, /* bytes of a DRAW_COPY without clip and mask, before its image */
};

struct display_channel {
    const struct display_channel_ops *ops;
    void *owner;
    struct conn *conn;
    struct display_client client;
};

static void take_client(struct display_channel *self, const struct display_client *client)
{
    uint8_t compression = client->compression;

    self->client = *client;
    self->client.cache_size = CLAMP(client->cache_size, -1, INT32_MAX);
    self->client.glz_window = MIN(client->glz_window, (uint32_t)INT32_MAX);
    if (compression >= SPICE_IMAGE_COMPRESSION_ENUM_END)
        self->client.compression = SPICE_IMAGE_COMPRESSION_INVALID;
}

static void on_init(void *owner, struct reader *body)
{
    struct display_channel *self = owner;
    struct display_client client = {.init = true, .compression = self->client.compression};
    int32_t window;

    client.cache_id = reader_u8(body);
    client.cache_size = reader_i64(body);
    client.glz_id = reader_u8(body);
    window = reader_i32(body);
    if (!reader_ok(body))
        return;
    client.glz_window = window > 0 ? (uint32_t)window : 0;
    take_client(self, &client);
    self->ops->changed(self->owner);
}

static void on_preferred_compression(void *owner, struct reader *body)
{
    struct display_channel *self = owner;
    uint8_t wish = reader_u8(body);

    if (wish <= SPICE_IMAGE_COMPRESSION_INVALID || wish >= SPICE_IMAGE_COMPRESSION_ENUM_END)
        return;
    self->client.compression = wish;
    self->ops->changed(self->owner);
}

/* Legal, and without a meaning to a server that offers neither streams nor GL. */
static void on_nothing(void *owner, struct reader *body)
{
}

static bool fill(void *owner)
{
    struct display_channel *self = owner;

    return self->ops->fill(self->owner);
}

static void flush_mark(void *owner)
{
    struct display_channel *self = owner;

    self->ops->flush_mark(self->owner);
}

static void migrate_data(void *owner, struct reader *body)
{
    struct display_channel *self = owner;

    self->ops->migrate_data(self->owner, body);
}

static void pong(void *owner, uint32_t number, uint64_t time)
{
    struct display_channel *self = owner;

    self->ops->pong(self->owner, number);
}

#define DISPLAY_MSG(NAME, min, max, phases, handler)                                               \
    {SPICE_MSGC_DISPLAY_##NAME, "DISPLAY_" #NAME, min, max, phases, handler},
static const struct msg_row rows[] = {
#include "proto/display_messages.h"
};
#undef DISPLAY_MSG

static const struct conn_kind kind = {
    .name = "display",
    .rows = rows,
    .n_rows = G_N_ELEMENTS(rows),
    .fill = fill,
    .flush_mark = flush_mark,
    .migrate_data = migrate_data,
    .max_migrate_data = SAVED_DISPLAY_MAX,
    .pong = pong,
};

struct display_channel *display_channel_new(const struct display_channel_ops *ops, void *owner,
                                            bool mini, enum conn_phase phase)
{
    struct display_channel *self = g_new0(struct display_channel, 1);

    self->ops = ops;
    self->owner = owner;
    self->conn = conn_new(&kind, self, mini, phase);
    return self;
}

void display_channel_free(struct display_channel *self)
{
    if (!self)
        return;
    conn_free(self->conn);
    g_free(self);
}

struct conn *display_channel_conn(struct display_channel *self)
{
    return self->conn;
}

const struct display_client *display_channel_client(const struct display_channel *self)
{
    return &self->client;
}

void display_channel_restore(struct display_channel *self, const struct display_client *client)
{
    take_client(self, client);
}

/* Pieces of messages ------------------------------------------------------------------------- */

static void put_rect(struct buf *body, int32_t top, int32_t left, int32_t bottom, int32_t right)
{
    buf_i32(body, top);
    buf_i32(body, left);
    buf_i32(body, bottom);
    buf_i32(body, right);
}

static void put_base(struct buf *body, const pixman_box32_t *box)
{
    buf_u32(body, SURFACE);
    put_rect(body, box->y1, box->x1, box->y2, box->x2);
    buf_u8(body, SPICE_CLIP_TYPE_NONE);
}

static void put_no_mask(struct buf *body)
{
    buf_u8(body, 0);
    buf_i32(body, 0);
    buf_i32(body, 0);
    buf_u32(body, 0);
}

/* Senders ------------------------------------------------------------------------------------ */

void display_send_surface_create(struct conn *conn, uint32_t width, uint32_t height,
                                 uint32_t format)
{
    struct buf *body = conn_begin(conn, SPICE_MSG_DISPLAY_SURFACE_CREATE);

    buf_u32(body, SURFACE);
    buf_u32(body, width);
    buf_u32(body, height);
    buf_u32(body, format);
    buf_u32(body, SPICE_SURFACE_FLAGS_PRIMARY);
    conn_end(conn);
}

void display_send_surface_destroy(struct conn *conn)
{
    buf_u32(conn_begin(conn, SPICE_MSG_DISPLAY_SURFACE_DESTROY), SURFACE);
    conn_end(conn);
}

void display_send_fill(struct conn *conn, const pixman_box32_t *box, uint32_t color)
{
    struct buf *body = conn_begin(conn, SPICE_MSG_DISPLAY_DRAW_FILL);

    put_base(body, box);
    buf_u8(body, SPICE_BRUSH_TYPE_SOLID);
    buf_u32(body, color);
    buf_u16(body, SPICE_ROPD_OP_PUT);
    put_no_mask(body);
    conn_end(conn);
}

void display_send_copy_bits(struct conn *conn, const pixman_box32_t *box, int32_t src_x,
                            int32_t src_y)
{
    struct buf *body = conn_begin(conn, SPICE_MSG_DISPLAY_COPY_BITS);

    put_base(body, box);
    buf_i32(body, src_x);
    buf_i32(body, src_y);
    conn_end(conn);
}

/* A DRAW_COPY up to its image's descriptor; x and y: of the image. */
static struct buf *begin_copy(struct conn *conn, const pixman_box32_t *box, int32_t x, int32_t y)
{
    struct buf *body = conn_begin(conn, SPICE_MSG_DISPLAY_DRAW_COPY);

    put_base(body, box);
    buf_u32(body, COPY_HEAD);
    put_rect(body, y, x, y + box->y2 - box->y1, x + box->x2 - box->x1);
    buf_u16(body, SPICE_ROPD_OP_PUT);
    buf_u8(body, 0); /* scale mode */
    put_no_mask(body);
    return body;
}

static void put_descriptor(struct buf *body, uint64_t id, uint8_t type, uint8_t flags,
                           uint32_t width, uint32_t height)
{
    buf_u64(body, id);
    buf_u8(body, type);
    buf_u8(body, flags);
    buf_u32(body, width);
    buf_u32(body, height);
}

struct buf *display_begin_copy(struct conn *conn, const pixman_box32_t *box, uint8_t image_type,
                               uint64_t keep_id)
{
    struct buf *body = begin_copy(conn, box, 0, 0);

    put_descriptor(body, keep_id, image_type, keep_id ? SPICE_IMAGE_FLAGS_CACHE_ME : 0,
                   (uint32_t)(box->x2 - box->x1), (uint32_t)(box->y2 - box->y1));
    return body;
}

void display_send_cached(struct conn *conn, const pixman_box32_t *box,
                         const struct display_cached *image)
{
    struct buf *body = begin_copy(conn, box, image->x, image->y);

    put_descriptor(body, image->id, SPICE_IMAGE_TYPE_FROM_CACHE, 0, image->width, image->height);
    conn_end(conn);
}

void display_send_inval_list(struct conn *conn, const uint64_t *ids, uint16_t n)
{
    struct buf *body = conn_begin(conn, SPICE_MSG_DISPLAY_INVAL_LIST);

    buf_u16(body, n);
    for (uint16_t i = 0; i < n; i++) {
        buf_u8(body, SPICE_RES_TYPE_PIXMAP);
        buf_u64(body, ids[i]);
    }
    conn_end(conn);
}

static void put_head(struct buf *body, const QXLHead *head)
{
    buf_u32(body, head->id);
    buf_u32(body, head->surface_id);
    buf_u32(body, head->width);
    buf_u32(body, head->height);
    buf_u32(body, head->x);
    buf_u32(body, head->y);
    buf_u32(body, head->flags);
}

void display_send_monitors(struct conn *conn, const QXLHead *heads, uint16_t n, uint16_t max)
{
    struct buf *body = conn_begin(conn, SPICE_MSG_DISPLAY_MONITORS_CONFIG);

    buf_u16(body, n);
    buf_u16(body, max);
    for (uint16_t i = 0; i < n; i++)
        put_head(body, &heads[i]);
    conn_end(conn);
}

void display_send_inval_all(struct conn *conn)
{
    buf_u8(conn_begin(conn, SPICE_MSG_DISPLAY_INVAL_ALL_PIXMAPS), 0);
    conn_end(conn);
    conn_send_empty(conn, SPICE_MSG_DISPLAY_INVAL_ALL_PALETTES);
}
