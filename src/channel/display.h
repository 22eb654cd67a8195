/* SPDX-License-Identifier: MIT */
/*
 * The display channel of one client: its messages both ways, nothing of what to send when. Layouts
 * as spice-protocol's and spice.proto's SpiceMsgDisplay*; all drawing goes to surface 0.
 * One owner thread.
 */
#ifndef CARAVAN_CHANNEL_DISPLAY_H
#define CARAVAN_CHANNEL_DISPLAY_H

#include <pixman.h>
#include <spice/qxl_dev.h>

#include "channel/conn.h"

struct display_channel;

/* What the client said of itself; bounds checked. */
struct display_client {
    bool init; /* the rest up to glz_window was told */
    uint8_t cache_id;
    int64_t cache_size; /* pixels */
    uint8_t glz_id;
    uint32_t glz_window;     /* pixels */
    uint64_t glz_next_image; /* after those it was sent, here or before a move */
    uint8_t compression;     /* SPICE_IMAGE_COMPRESSION_*; INVALID: no wish */
};

/* All are required; called from within conn_feed and conn_fill. */
struct display_channel_ops {
    bool (*fill)(void *owner);
    void (*flush_mark)(void *owner);
    void (*migrate_data)(void *owner, struct reader *body);
    void (*pong)(void *owner, uint32_t number);
    /* The client said something about itself. */
    void (*changed)(void *owner);
};

/* ops and owner are borrowed. */
struct display_channel *display_channel_new(const struct display_channel_ops *ops, void *owner,
                                            bool mini, enum conn_phase phase);
void display_channel_free(struct display_channel *self);

/* Owned by the channel. */
struct conn *display_channel_conn(struct display_channel *self);

const struct display_client *display_channel_client(const struct display_channel *self);
/* After a move: what the client said at the source. Bounds it as if it came from the client. */
void display_channel_restore(struct display_channel *self, const struct display_client *client);

/* Senders ------------------------------------------------------------------------------------ */

void display_send_surface_create(struct conn *conn, uint32_t width, uint32_t height,
                                 uint32_t format);
void display_send_surface_destroy(struct conn *conn);
void display_send_fill(struct conn *conn, const pixman_box32_t *box, uint32_t color);
/* The client copies what it shows: `box` becomes what is at src_x, src_y; they may overlap. */
void display_send_copy_bits(struct conn *conn, const pixman_box32_t *box, int32_t src_x,
                            int32_t src_y);

/* A DRAW_COPY of an image of the box's size, up to and with the image's descriptor: the caller
 * appends the image's body to the buffer and calls conn_end. keep_id: what the client is to keep
 * the image as, which it has no image of; 0: it keeps nothing. */
struct buf *display_begin_copy(struct conn *conn, const pixman_box32_t *box, uint8_t image_type,
                               uint64_t keep_id);

/* An image that the client keeps: with a wrong id the channel's client waits for ever. */
struct display_cached {
    uint64_t id;
    uint32_t width, height; /* of the whole image */
    int32_t x, y;           /* the part to be drawn; its size is the box's */
};
void display_send_cached(struct conn *conn, const pixman_box32_t *box,
                         const struct display_cached *image);
/* The client forgets these images; each was sent with its keep_id once. n <= 65535, not 0. */
void display_send_inval_list(struct conn *conn, const uint64_t *ids, uint16_t n);

void display_send_monitors(struct conn *conn, const QXLHead *heads, uint16_t n, uint16_t max);
/* The client forgets the images and palettes it keeps. */
void display_send_inval_all(struct conn *conn);

#endif
