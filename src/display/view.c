/* SPDX-License-Identifier: MIT */
#include "display/view.h"

#include <glib.h>
#include <spice/enums.h>
#include <spice/protocol.h>

#include "base/log.h"
#include "channel/display.h"
#include "display/image_cache.h"
#include "display/link_speed.h"
#include "display/painter.h"
#include "display/plan.h"
#include "display/view_state.h"
#include "loop/loop.h"
#include "migrate/blob.h"

enum {
    ACK_WINDOW = 20,
    /* After a move the device may set its mode anew before it shows what the client shows. */
    SETTLE_MS = 500,
    /* The same for what is to be compared with what the client shows: devices draw all with the
     * guest's first refresh, 30 ms at most. */
    SETTLE_DRAWN_MS = 100,
    /* What is made at once should not keep a slow link busy longer: what comes next, such as the
     * echo of a key, waits for it. */
    STEP_MS = 100,
    AHEAD_MS = 50,
    AHEAD_MIN = 4 * 1024,
    STEP_MIN_PIXELS = 16 * 1024,
    STEP_PIXEL_BYTES = 2, /* of a picture that does not compress well */
};

struct view {
    const struct scene *scene;
    struct view_link link;
    struct display_channel *channel;
    struct conn *conn;
    struct loop_timer *again; /* when a wait is over */

    struct picture picture;     /* of the client */
    struct image_cache *images; /* the client's; NULL until it is used */
    bool keeps_images;          /* it may be used */
    bool speaks;                /* in a move, for what the client's displays share */
    bool state_sent;
    struct link_speed speed;
    struct shown *shown; /* of the picture's size; NULL until a primary of that size was there */
    bool moved;          /* the picture came with a move and has met no primary yet */
    int64_t moved_us;

    bool marked;
    bool complete;          /* the client has had one whole picture */
    uint64_t pixels_sent;   /* until then */
    uint32_t monitors_sent; /* generation */
};

static void forget_picture(struct view *self)
{
    shown_free(self->shown);
    self->shown = NULL;
    picture_clear(&self->picture);
    self->moved = false;
}

/* What to send ------------------------------------------------------------------------------- */

static bool can_show(const struct view *self)
{
    return display_channel_client(self->channel)->init && self->scene->primary &&
           !self->scene->blank;
}

static bool picture_fits(const struct view *self)
{
    const struct surface *primary = self->scene->primary;

    return self->picture.exists &&
           (!self->picture.size_known ||
            (self->picture.width == primary->width && self->picture.height == primary->height));
}

/* A client that came with a move waits for the primary it had at the source; true if it waits. */
static bool settling(struct view *self, int64_t wait_ms)
{
    int64_t since = MAX(self->moved_us, self->scene->running_since_us);
    int64_t left_us = since + wait_ms * 1000 - loop_now_us();

    if (!self->moved)
        return false;
    if (!self->scene->running)
        return true;
    if (left_us <= 0)
        return false;
    loop_timer_start(self->again, (uint32_t)(left_us / 1000) + 1);
    return true;
}

static void send_surface(struct view *self)
{
    const struct surface *primary = self->scene->primary;

    if (self->picture.exists)
        display_send_surface_destroy(self->conn);
    forget_picture(self);
    display_send_surface_create(self->conn, primary->width, primary->height,
                                SPICE_SURFACE_FMT_32_xRGB);
    picture_set(&self->picture, primary->width, primary->height);
    self->marked = false;
    self->complete = false;
    self->pixels_sent = 0;
    self->monitors_sent = 0;
}

/* Begins to follow the primary; false when memory is short. */
static bool adopt(struct view *self)
{
    const struct surface *primary = self->scene->primary;
    struct pixels px;

    self->shown = shown_new(primary->width, primary->height);
    if (!self->shown) {
        conn_fail(self->conn, "display: no memory for a client's picture");
        return false;
    }
    px = scene_pixels(self->scene);
    if (self->picture.blocks && !shown_import(self->shown, self->scene->hashes, &px,
                                              self->picture.blocks, self->picture.n_blocks))
        log_info("display: what the client shows is not known, it is sent anew");
    picture_set(&self->picture, primary->width, primary->height);
    self->moved = false;
    return true;
}

static struct codec_wish wish(const struct view *self)
{
    uint8_t preferred = display_channel_client(self->channel)->compression;

    return (struct codec_wish){
        .setting =
            preferred != SPICE_IMAGE_COMPRESSION_INVALID ? preferred : self->scene->compression,
        .client_lz4 = link_caps_has(&self->link.caps, SPICE_DISPLAY_CAP_LZ4_COMPRESSION),
        .local = self->link.local,
    };
}

/* The client's image cache ------------------------------------------------------------------- */

/* NULL: nothing is kept. */
static struct image_cache *images(struct view *self)
{
    uint64_t pixels = view_images_pixels(display_channel_client(self->channel));

    if (!self->images && self->keeps_images && pixels > 0)
        self->images = image_cache_new(pixels, (uint64_t)self->scene->id << 56 |
                                                   (uint64_t)(g_random_int() & 0x00ffffff) << 32);
    return self->images;
}

static void send_evicted(struct view *self)
{
    uint64_t ids[IMAGE_CACHE_MAX_IMAGES];
    uint16_t n;

    if (!self->images)
        return;
    do {
        for (n = 0; n < G_N_ELEMENTS(ids) && image_cache_next_evicted(self->images, &ids[n]);)
            n++;
        if (n > 0)
            display_send_inval_list(self->conn, ids, n);
    } while (n == G_N_ELEMENTS(ids));
}

static void send_cached(struct view *self, const struct plan_step *step)
{
    display_send_cached(self->conn, &step->box,
                        &(struct display_cached){.id = step->image,
                                                 .width = step->image_width,
                                                 .height = step->image_height,
                                                 .x = step->src_x,
                                                 .y = step->src_y});
}

/* Steps -------------------------------------------------------------------------------------- */

static bool show_step(struct view *self, const struct pixels *px, const struct plan_step *step)
{
    struct codec_wish how = wish(self);

    switch (step->kind) {
    case PLAN_FILL:
        display_send_fill(self->conn, &step->box, painter_color(px->format, step->colour));
        return true;
    case PLAN_CACHED:
        send_cached(self, step);
        return true;
    case PLAN_IMAGE:
        return painter_image(self->scene->painter, self->conn, px, &step->box, step->image, &how);
    case PLAN_COPY:
        display_send_copy_bits(self->conn, &step->box, step->src_x, step->src_y);
        return true;
    }
    return false;
}

static uint32_t step_pixels(const struct view *self)
{
    return (uint32_t)link_speed_bytes(&self->speed, STEP_MS / STEP_PIXEL_BYTES, STEP_MIN_PIXELS,
                                      PLAN_MAX_PIXELS);
}

static bool send_step(struct view *self)
{
    struct pixels px = scene_pixels(self->scene);
    /* A step that images were kept for must not fail: px is looked at before. */
    const struct plan_limits limits = {.max_pixels = step_pixels(self),
                                       .images = painter_takes(px.format) ? images(self) : NULL,
                                       .now_us = loop_now_us()};
    struct plan_step step;

    if (!plan_next(self->shown, self->scene->hashes, &px, &limits, &step))
        return false;
    if (step.kind != PLAN_COPY)
        self->pixels_sent +=
            (uint64_t)(step.box.x2 - step.box.x1) * (uint64_t)(step.box.y2 - step.box.y1);
    send_evicted(self);
    return show_step(self, &px, &step);
}

static bool send_monitors(struct view *self)
{
    QXLHead heads[QXL_MAX_HEADS];
    uint16_t n, max;

    if (self->monitors_sent == self->scene->monitors_generation)
        return false;
    self->monitors_sent = self->scene->monitors_generation;
    if (!link_caps_has(&self->link.caps, SPICE_DISPLAY_CAP_MONITORS_CONFIG))
        return false;
    n = scene_heads(self->scene, heads, &max);
    display_send_monitors(self->conn, heads, n, max);
    return true;
}

/* What follows the first whole picture, and changes of the monitors. */
static bool send_frame(struct view *self)
{
    if (send_monitors(self))
        return true;
    if (self->marked)
        return false;
    self->marked = true;
    conn_send_empty(self->conn, SPICE_MSG_DISPLAY_MARK);
    return true;
}

static bool whole_picture_sent(const struct view *self)
{
    return self->pixels_sent >= (uint64_t)self->picture.width * self->picture.height;
}

/* What came with a move is compared with a primary that the running guest has set or drawn: not
 * with what the device showed before. */
static bool unsure(struct view *self)
{
    return !self->scene->settled && settling(self, SETTLE_DRAWN_MS);
}

static bool send_next(struct view *self)
{
    if (!can_show(self))
        return false;
    if (!picture_fits(self)) {
        if (settling(self, self->picture.size_known ? SETTLE_MS : SETTLE_DRAWN_MS))
            return false;
        send_surface(self);
        return true;
    }
    if (!self->shown && (unsure(self) || !adopt(self)))
        return false;
    if (!self->complete && whole_picture_sent(self))
        self->complete = true;
    if (self->complete && send_frame(self))
        return true;
    if (send_step(self))
        return true;
    self->complete = true;
    return send_frame(self);
}

/* Of a socket on this machine there is nothing to learn. */
static void measure(struct view *self, size_t bytes)
{
    int64_t now = loop_now_us();

    if (!self->link.local && link_speed_made(&self->speed, bytes, now))
        conn_send_ping(self->conn, self->speed.ping, (uint64_t)now);
}

static bool fill(void *owner)
{
    struct view *self = owner;
    size_t before = conn_output(self->conn)->len;

    if (!send_next(self)) {
        link_speed_pause(&self->speed);
        return false;
    }
    measure(self, conn_output(self->conn)->len - before);
    return true;
}

static void pace(struct view *self)
{
    conn_set_ahead(self->conn, link_speed_bytes(&self->speed, AHEAD_MS, AHEAD_MIN, CONN_AHEAD_MAX));
}

static void on_pong(void *owner, uint32_t number)
{
    struct view *self = owner;

    link_speed_pong(&self->speed, number, loop_now_us());
    pace(self);
}

/* Moves -------------------------------------------------------------------------------------- */

/* What the client shows is put where it goes into the state. */
static void export_blocks(struct view *self)
{
    if (!self->shown || !self->scene->primary)
        return;
    g_free(self->picture.blocks);
    self->picture.n_blocks = shown_block_count(self->shown);
    self->picture.blocks = g_new(uint64_t, self->picture.n_blocks);
    shown_export(self->shown, self->scene->primary->format, self->picture.blocks);
}

static void send_state(struct view *self)
{
    struct view_state state = {
        .client = *display_channel_client(self->channel),
        .images = images(self),
        .speaks = self->speaks,
        .speed = {.round_trip_us = self->speed.round_trip_us, .rate = self->speed.rate},
        .channel_id = self->scene->id,
        .next_serial = conn_next_serial(self->conn),
    };
    struct buf *body = conn_begin(self->conn, SPICE_MSG_MIGRATE_DATA);
    bool saved;

    export_blocks(self);
    state.picture = self->picture;
    saved = view_state_save(&state, body);
    conn_end(self->conn);
    self->state_sent = true;
    if (!saved)
        conn_fail(self->conn, "display: a client's state cannot be saved");
}

/*
 * Clients take the state at once: it need not wait a round trip for their mark. What they say
 * before it, on a display, says nothing about the state but for INIT; a wish of another compression
 * that crosses this is lost.
 */
void view_migrate(struct view *self, bool speaks)
{
    if (conn_phase(self->conn) != CONN_ACTIVE)
        return;
    /* Before MIGRATE: a client takes nothing between it and the state. */
    if (self->images) {
        view_state_fit(self->images, self->shown ? shown_block_count(self->shown) : 0,
                       self->speed.round_trip_us);
        send_evicted(self);
    }
    self->speaks = speaks;
    buf_u32(conn_begin(self->conn, SPICE_MSG_MIGRATE),
            SPICE_MIGRATE_NEED_FLUSH | SPICE_MIGRATE_NEED_DATA_TRANSFER);
    conn_end(self->conn);
    conn_set_phase(self->conn, CONN_SOURCE_MARK);
    if (display_channel_client(self->channel)->init)
        send_state(self);
    conn_wake(self->conn);
}

static void on_flush_mark(void *owner)
{
    struct view *self = owner;

    if (!self->state_sent)
        send_state(self);
    conn_set_phase(self->conn, CONN_SOURCE_DONE);
}

static void take_state(struct view *self, const struct view_state *state)
{
    int64_t now = loop_now_us();

    display_channel_restore(self->channel, &state->client);
    self->picture = state->picture;
    self->images = state->images;
    self->moved = state->picture.exists;
    self->moved_us = now;
    self->marked = state->picture.exists;
    self->keeps_images = state->keeps_images;
    link_speed_go_on(&self->speed, state->speed.round_trip_us, state->speed.rate, now);
    pace(self);
}

static void on_migrate_data(void *owner, struct reader *body)
{
    struct view *self = owner;
    struct view_state state;
    size_t len = reader_left(body);

    if (!view_state_load(reader_bytes(body, len), len, &state)) {
        reader_fail(body);
        return;
    }
    take_state(self, &state);
    conn_set_next_serial(self->conn, state.next_serial);
    conn_set_phase(self->conn, CONN_ACTIVE);
    conn_send_set_ack(self->conn, ACK_WINDOW);
    if (state.frozen_cache)
        display_send_inval_all(self->conn);
    send_evicted(self);
}

/* The rest ----------------------------------------------------------------------------------- */

static void on_changed(void *owner)
{
    struct view *self = owner;

    conn_wake(self->conn);
}

static void on_again(void *opaque)
{
    struct view *self = opaque;

    conn_wake(self->conn);
}

static const struct display_channel_ops ops = {
    .fill = fill,
    .flush_mark = on_flush_mark,
    .migrate_data = on_migrate_data,
    .pong = on_pong,
    .changed = on_changed,
};

struct view *view_new(const struct scene *scene, const struct view_link *link)
{
    struct view *self = g_new0(struct view, 1);

    self->scene = scene;
    self->link = *link;
    self->channel =
        display_channel_new(&ops, self, link->mini, link->target ? CONN_TARGET : CONN_ACTIVE);
    self->conn = display_channel_conn(self->channel);
    self->again = loop_timer_add(scene->loop, on_again, self);
    self->keeps_images = true;
    if (!link->target)
        conn_send_set_ack(self->conn, ACK_WINDOW);
    return self;
}

void view_free(struct view *self)
{
    if (!self)
        return;
    forget_picture(self);
    image_cache_free(self->images);
    loop_timer_remove(self->again);
    display_channel_free(self->channel);
    g_free(self);
}

struct conn *view_conn(struct view *self)
{
    return self->conn;
}

static bool follows(const struct view *self)
{
    return self->shown && self->scene->primary && picture_fits(self);
}

void view_damage(struct view *self, const pixman_box32_t *box)
{
    if (follows(self))
        shown_damage(self->shown, box);
}

void view_damage_all(struct view *self)
{
    if (follows(self))
        shown_damage_all(self->shown);
}
