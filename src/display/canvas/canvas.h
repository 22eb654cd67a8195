/* SPDX-License-Identifier: MIT */
/*
 * Renders validated draw commands into surfaces, at once. The owner thread of the surfaces.
 */
#ifndef CARAVAN_DISPLAY_CANVAS_CANVAS_H
#define CARAVAN_DISPLAY_CANVAS_CANVAS_H

#include "display/canvas/surfaces.h"
#include "display/qxl/draw.h"

/* Draws into the surface that the command names. damage_out (initialised by the caller, its old
 * content is dropped) becomes the region that may have changed: bounding box, clip and surface
 * intersected. False with *reason (static text) when nothing was drawn because an operand is wrong
 * or the kind is not rendered; damage_out is then empty. */
bool canvas_draw(struct surfaces *surfaces, const struct draw *draw, pixman_region32_t *damage_out,
                 const char **reason);

#endif
