/* SPDX-License-Identifier: MIT */
/*
 * What the readers share: one guest view with the reason of the first failure, struct copies, chunk
 * lists and rectangles. Private to this folder.
 */
#ifndef CARAVAN_DISPLAY_QXL_GUEST_H
#define CARAVAN_DISPLAY_QXL_GUEST_H

#include "display/qxl/read.h"

/* The memory a command may point into. Readers take one, and return false after guest_fail(). */
struct guest {
    const struct memslots *slots;
    uint32_t group;
    uint32_t flags; /* QXL_COMMAND_FLAG_* */
    enum qxl_read_status status;
    const char *reason; /* static */
};

struct guest guest_make(const struct memslots *slots, uint32_t group, uint32_t flags);

/* Notes the first failure. Always false, so that readers can return it. */
bool guest_fail(struct guest *self, enum qxl_read_status status, const char *reason);

/* Hands out what the readers found: the status, and the reason when there is one. */
enum qxl_read_status guest_finish(const struct guest *self, const char **reason);

/* Copies size bytes to *out; `what` (static) is the reason when they are not in a slot. */
bool guest_copy(struct guest *self, QXLPHYSICAL addr, void *out, size_t size, const char *what);

/* The payload of the chunk list whose first header lies at addr, copied once: exactly `size` bytes;
 * fewer in the list is an error, more is not. *out is owned by the caller (g_free). */
bool guest_chunks(struct guest *self, QXLPHYSICAL addr, size_t size, uint8_t **out);

/* As guest_chunks(), but borrows when the first chunk holds all: then *owned is NULL. */
bool guest_chunks_borrow(struct guest *self, QXLPHYSICAL addr, size_t size, const uint8_t **out,
                         uint8_t **owned);

/* A guest rectangle to a box. `box_from_rect` is false when swapped or beyond DRAW_COORD_MAX;
 * `box_clamp` cuts to that range instead and gives an empty box for a swapped one. */
bool box_from_rect(const QXLRect *rect, pixman_box32_t *out);
pixman_box32_t box_clamp(const QXLRect *rect);

bool coord_ok(int32_t v);

/* The image at addr (0: ABSENT), free with qxl_image_clear(). */
bool guest_image(struct guest *self, QXLPHYSICAL addr, struct qxl_image *out);

/* The glyph string at addr, into the text's glyphs and bits. */
bool guest_string(struct guest *self, QXLPHYSICAL addr, struct draw_text *out);

/* The path at addr, into the stroke's segments and points. */
bool guest_path(struct guest *self, QXLPHYSICAL addr, struct draw_stroke *out);

#endif
