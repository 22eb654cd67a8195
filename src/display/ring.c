/* SPDX-License-Identifier: MIT */
/*
 * The guest's command rings. Commands are done at once, and what they hold is given back at once,
 * but for those that the device brings back after a move by their address: a surface's creation
 * until its destruction, a pointer's shape until the next.
 */
#include <spice/qxl_dev.h>

#include "display/canvas/canvas.h"
#include "display/worker.h"

enum {
    BATCH = 64, /* commands; then clients and the device have their turn */
    BATCH_US = 5000,
    PICTURE_US = 20 * 1000, /* commands of one picture are waited for, but not longer */
    DRAIN = 4096,           /* rings hold 32: the bound is for guests that fill while we read */
};

static void do_draw(struct worker *self, const QXLCommandExt *ext)
{
    struct draw draw;
    const char *reason = NULL;
    pixman_region32_t region;

    if (qxl_read_draw(self->slots, ext->group_id, ext->cmd.data, ext->flags, &draw, &reason) !=
        QXL_READ_OK) {
        worker_complain(self, COMPLAINT_DRAW, reason);
        return;
    }
    pixman_region32_init(&region);
    if (canvas_draw(self->surfaces, &draw, &region, &reason))
        damage_region(self, draw.surface_id, &region);
    else
        worker_complain(self, COMPLAINT_CANVAS, reason);
    pixman_region32_fini(&region);
    draw_clear(&draw);
}

static void do_update(struct worker *self, const QXLCommandExt *ext)
{
    struct qxl_update_cmd update;
    const char *reason = NULL;

    /* Everything is drawn already: only the answer is due. */
    if (qxl_read_update(self->slots, ext->group_id, ext->cmd.data, ext->flags, &update, &reason) ==
        QXL_READ_OK)
        self->device->notify_update(self->qxl, update.update_id);
    else
        worker_complain(self, COMPLAINT_UPDATE, reason);
}

static void do_surface(struct worker *self, const QXLCommandExt *ext, bool loaded,
                       struct held_command *command)
{
    struct qxl_surface_cmd cmd;
    const char *reason = NULL;

    if (qxl_read_surface(self->slots, ext->group_id, ext->cmd.data, &cmd, &reason) != QXL_READ_OK) {
        worker_complain(self, COMPLAINT_SURFACE, reason);
        return;
    }
    if (cmd.type == QXL_SURFACE_CMD_DESTROY)
        surface_remove(self, cmd.surface_id);
    else
        surface_add(self, &cmd, loaded || (cmd.flags & QXL_SURF_FLAG_KEEP_DATA), command);
}

static void set_shape(struct worker *self, struct qxl_cursor_cmd *cmd, struct held_command *command)
{
    struct pointer *pointer = &self->pointer;

    cursor_free(pointer->shape);
    pointer->shape = cmd->shape;
    pointer->shape_generation++;
    pointer->x = cmd->x;
    pointer->y = cmd->y;
    pointer->visible = cmd->visible;
    release_command(self, &self->pointer_command);
    self->pointer_command = *command;
    *command = (struct held_command){0};
}

static void do_cursor(struct worker *self, const QXLCommandExt *ext, struct held_command *command)
{
    struct pointer *pointer = &self->pointer;
    struct qxl_cursor_cmd cmd;
    const char *reason = NULL;

    if (qxl_read_cursor(self->slots, ext->group_id, ext->cmd.data, &cmd, &reason) != QXL_READ_OK) {
        worker_complain(self, COMPLAINT_CURSOR, reason);
        return;
    }
    switch (cmd.type) {
    case QXL_CURSOR_SET:
        set_shape(self, &cmd, command);
        break;
    case QXL_CURSOR_MOVE:
        pointer->visible = true;
        pointer->x = cmd.x;
        pointer->y = cmd.y;
        break;
    case QXL_CURSOR_HIDE:
        pointer->visible = false;
        break;
    case QXL_CURSOR_TRAIL:
        pointer->trail_length = cmd.trail_length;
        pointer->trail_frequency = cmd.trail_frequency;
        pointer->trail_generation++;
        break;
    }
}

static void do_command(struct worker *self, const QXLCommandExt *ext, bool loaded)
{
    struct held_command command = held_command_of(self, ext->group_id, ext->cmd.data);

    switch (ext->cmd.type) {
    case QXL_CMD_NOP:
    case QXL_CMD_MESSAGE: /* text for a log; nobody reads it */
        break;
    case QXL_CMD_DRAW:
        do_draw(self, ext);
        break;
    case QXL_CMD_UPDATE:
        do_update(self, ext);
        break;
    case QXL_CMD_CURSOR:
        do_cursor(self, ext, &command);
        break;
    case QXL_CMD_SURFACE:
        do_surface(self, ext, loaded, &command);
        break;
    default:
        worker_complain(self, COMPLAINT_COMMAND, "a command of unknown type");
    }
    release_command(self, &command);
}

/* Reading ------------------------------------------------------------------------------------ */

struct ring {
    int (*get)(QXLInstance *qxl, struct QXLCommandExt *ext);
    int (*notify)(QXLInstance *qxl);
};

static struct ring draw_ring(const struct worker *self)
{
    return (struct ring){self->device->get_command, self->device->req_cmd_notification};
}

static struct ring cursor_ring(const struct worker *self)
{
    return (struct ring){self->device->get_cursor_command, self->device->req_cursor_notification};
}

/* Reads up to `limit` commands; true when the ring is empty and a wakeup will follow. */
static bool read_ring(struct worker *self, const struct ring *ring, unsigned limit, int64_t until)
{
    QXLCommandExt ext;

    for (unsigned i = 0; i < limit && loop_now_us() < until; i++) {
        if (ring->get(self->qxl, &ext))
            do_command(self, &ext, false);
        else if (ring->notify(self->qxl))
            return true;
    }
    return false;
}

static void on_more(void *opaque)
{
    struct worker *self = opaque;

    self->ring_posted = false;
    ring_process(self);
}

static void post_more(struct worker *self)
{
    if (self->ring_posted)
        return;
    self->ring_posted = true;
    loop_post(self->loop, on_more, self);
}

/* Devices push a picture in pieces; clients are shown whole ones where that is soon. */
static bool picture_is_due(struct worker *self)
{
    if (!self->batch_since_us)
        self->batch_since_us = loop_now_us();
    return loop_now_us() - self->batch_since_us > PICTURE_US;
}

static void read_rings(struct worker *self, unsigned limit, int64_t until)
{
    struct ring draws = draw_ring(self), cursors = cursor_ring(self);
    bool cursors_done, draws_done;

    if (!self->scene.running)
        return;
    cursors_done = read_ring(self, &cursors, limit, until);
    draws_done = read_ring(self, &draws, limit, until);
    if (!cursors_done || !draws_done) {
        post_more(self);
        if (!picture_is_due(self))
            return;
    }
    self->batch_since_us = 0;
    damage_done(self);
    links_wake(self, DISPLAY_CHANNEL_CURSOR);
}

void ring_process(struct worker *self)
{
    read_rings(self, BATCH, loop_now_us() + BATCH_US);
}

void ring_drain(struct worker *self)
{
    read_rings(self, DRAIN, INT64_MAX);
}

void ring_load(struct worker *self, const QXLCommandExt *commands, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        do_command(self, &commands[i], true);
    damage_done(self);
    links_wake(self, DISPLAY_CHANNEL_CURSOR);
}
