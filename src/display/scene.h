/* SPDX-License-Identifier: MIT */
/*
 * What the clients of a display look at: the primary surface, its tiles, the monitors on it.
 * Owned by the worker, read by the views. The worker's thread.
 */
#ifndef CARAVAN_DISPLAY_SCENE_H
#define CARAVAN_DISPLAY_SCENE_H

#include "display/canvas/surfaces.h"
#include "display/pixels.h"
#include "display/qxl/read.h"
#include "display/tiles.h"

struct loop;
struct painter;

struct scene {
    struct loop *loop;
    struct painter *painter;
    uint8_t id;          /* of the device: no two displays of a client have the same */
    uint8_t compression; /* SPICE_IMAGE_COMPRESSION_* of the server */
    bool running;        /* the guest runs */
    int64_t running_since_us;

    const struct surface *primary; /* borrowed from the table; NULL: none */
    struct tile_hashes *hashes;    /* of the primary's size; NULL: none */
    bool blank;   /* cleared and not drawn to yet: not to be shown, something will be drawn soon */
    bool settled; /* the primary came with the loaded guest, or was made or drawn by the running one
                   */

    uint32_t monitors_generation; /* from 1 */
    uint16_t max_monitors;        /* what the device has, >= 1 */
    uint16_t guest_max;           /* what the driver allows, >= 1 */
    uint16_t n_guest_heads;       /* 0: the driver said nothing, one monitor is the primary */
    QXLHead guest_heads[QXL_MAX_HEADS];
};

void scene_init(struct scene *self, struct loop *loop);
void scene_clear(struct scene *self);

/* surface NULL: there is no primary any more. blank: it was cleared, otherwise its content is that
 * of a loaded guest. False when its tiles cannot be had. */
bool scene_set_primary(struct scene *self, const struct surface *surface, bool blank);

/* The primary's pixels; there must be one. */
struct pixels scene_pixels(const struct scene *self);

void scene_set_monitors(struct scene *self, const struct qxl_monitors *monitors);
/* Back to one monitor that is the primary. */
void scene_reset_monitors(struct scene *self);
/* 0: the device sets no limit. */
void scene_set_max_monitors(struct scene *self, unsigned max);

/* The heads to tell clients, inside the primary, at least one; there must be a primary. *max: how
 * many there can be. */
uint16_t scene_heads(const struct scene *self, QXLHead heads[QXL_MAX_HEADS], uint16_t *max);

#endif
