/* SPDX-License-Identifier: MIT */
/*
 * Content that moved up or down: scrolled text. The client has it already and is told to copy it,
 * which leaves the new lines to be sent. For plan.c only.
 *
 * By row signatures (tiles.h) it is known of every row of every tile what the client shows, also
 * while that waits to be sent anew. A look compares these with the surface's in the tiles around
 * the damage that came since the last look, and takes
 *  - the shift that most rows have, of bands 64 pixels wide, which changed and are found just once
 *    among what the client shows nearby: blank lines have no say;
 *  - then the tile columns and the rows, one rectangle, in which a copy by that shift sets most
 *    rows of tiles right beyond those that it spoils.
 * It is worth a step when that is 2048 pixels. The copy is the same for what the client shows and
 * what is known of it: signatures move with the pixels, the hashes of the tiles touched are made
 * anew, and what differs from the surface, spoilt or not, becomes their damage. So a wrong guess
 * costs bytes and never harms the picture.
 *
 * A look is taken when more than PLAN_SMALL_PIXELS were damaged since the last step. After 4 looks
 * in vain at an area only every 8th such damage gets one, as long as it lies inside that area and
 * covers half of it: a video costs next to nothing, and a window that is scrolled elsewhere, or as
 * a part of it, has its look at once.
 */
#ifndef CARAVAN_DISPLAY_MOTION_H
#define CARAVAN_DISPLAY_MOTION_H

#include "display/plan.h"

/* Takes a look if it is time. True: *out is a PLAN_COPY and counts as shown, as in plan_next. */
bool motion_next(struct shown *shown, struct tile_hashes *hashes, const struct pixels *px,
                 struct plan_step *out);

#endif
