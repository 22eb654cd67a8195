/* SPDX-License-Identifier: MIT */
/*
 * Pixels of a surface to messages: takes a step's pixels as they are now, encodes them, and
 * remembers the last encodings, so that several clients shown the same cost one encoding.
 * One owner thread.
 */
#ifndef CARAVAN_DISPLAY_PAINTER_H
#define CARAVAN_DISPLAY_PAINTER_H

#include <pixman.h>
#include <stdbool.h>

#include "channel/conn.h"
#include "codec/codec.h"
#include "display/pixels.h"

struct painter;

struct painter *painter_new(void);
void painter_free(struct painter *self);

/* Whether encodings are worth remembering: more than one client is there. */
void painter_share(struct painter *self, bool share);

/* Sends `box` of px (inside it) on a display channel; keep_id as in display_begin_copy. False when
 * px has a format that is not shown: nothing was sent then. */
bool painter_image(struct painter *self, struct conn *conn, const struct pixels *px,
                   const pixman_box32_t *box, uint64_t keep_id, const struct codec_wish *wish);

/* Whether pixels of this SPICE_SURFACE_FMT_* can be shown to clients. */
bool painter_takes(uint32_t format);

/* A pixel's value of that format as 0x00RRGGBB. */
uint32_t painter_color(uint32_t format, uint32_t value);

#endif
