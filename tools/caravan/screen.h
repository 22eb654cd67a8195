/* SPDX-License-Identifier: MIT */
/* What a saved VM's screen shows, drawn row by row from the state of its video device. */
#ifndef CARAVAN_SCREEN_H
#define CARAVAN_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ram_aside.h"
#include "vmstate/tree.h"

/* A video device's section and the RAM of the VM; both borrowed. */
struct screen_source {
    const struct vmstate_tree *tree;
    const struct ram_aside *ram;
};

/* Draws the next row, top down: width pixels of 3 bytes (R, G, B). */
struct screen;
typedef void (*screen_row)(struct screen *self, uint8_t *rgb);

struct screen {
    uint32_t width, height; /* pixels, 1..SCREEN_SIDE_MOST */
    screen_row row;
    void (*free)(struct screen *self);
};

#define SCREEN_SIDE_MOST 16384

/* Whether a section is a video device's that can be drawn. */
bool screen_knows(const char *section);

/* The screen, or NULL and *reason (static): the device shows nothing, or nothing that can be drawn.
 * Freed with screen->free. */
struct screen *screen_open(const struct screen_source *source, const char **reason);

/* Writes PNG, or binary PPM (P6) when the name ends in ".ppm"; no file is left on failure. False
 * with *reason (static, or errno when it is NULL). Draws the screen, once. */
bool screen_write(struct screen *screen, const char *path, const char **reason);

#endif
