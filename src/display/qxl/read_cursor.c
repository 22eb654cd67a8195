/* SPDX-License-Identifier: MIT */
#include "display/qxl/guest.h"

#include <glib.h>

void cursor_free(struct cursor *self)
{
    if (self)
        g_free(self->data);
    g_free(self);
}

/* What follows the pixels of a colour cursor: a palette and a mask of a bit a pixel.
 * MONO is two such masks and nothing else. */
static const struct {
    uint8_t bpp;
    uint16_t palette; /* entries of 4 bytes */
    uint8_t masks;
} cursor_types[SPICE_CURSOR_TYPE_ENUM_END] = {
    [SPICE_CURSOR_TYPE_ALPHA] = {32, 0, 0},   [SPICE_CURSOR_TYPE_MONO] = {0, 0, 2},
    [SPICE_CURSOR_TYPE_COLOR4] = {4, 16, 1},  [SPICE_CURSOR_TYPE_COLOR8] = {8, 256, 1},
    [SPICE_CURSOR_TYPE_COLOR16] = {16, 0, 1}, [SPICE_CURSOR_TYPE_COLOR24] = {24, 0, 1},
    [SPICE_CURSOR_TYPE_COLOR32] = {32, 0, 1},
};

size_t cursor_data_size(uint8_t type, uint32_t width, uint32_t height)
{
    if (type >= SPICE_CURSOR_TYPE_ENUM_END)
        return 0;
    size_t pixels = ((size_t)width * cursor_types[type].bpp + 7) / 8 * height;
    size_t mask = ((size_t)width + 7) / 8 * height;
    return pixels + cursor_types[type].palette * sizeof(uint32_t) + cursor_types[type].masks * mask;
}

static bool read_shape(struct guest *self, QXLPHYSICAL addr, struct cursor *out)
{
    QXLCursor shape;

    if (!guest_copy(self, addr, &shape, offsetof(QXLCursor, chunk),
                    "cursor shape is not in a memory slot"))
        return false;
    const QXLCursorHeader *header = &shape.header;
    if (header->type >= SPICE_CURSOR_TYPE_ENUM_END)
        return guest_fail(self, QXL_READ_BAD_VALUE, "cursor has an unknown type");
    if (header->width == 0 || header->height == 0)
        return guest_fail(self, QXL_READ_BAD_VALUE, "cursor has no size");
    if (header->width > QXL_MAX_CURSOR_SIDE || header->height > QXL_MAX_CURSOR_SIDE)
        return guest_fail(self, QXL_READ_TOO_LARGE, "cursor is too large");
    *out = (struct cursor){
        .unique = header->unique,
        .type = header->type,
        .width = header->width,
        .height = header->height,
        .hot_x = header->hot_spot_x,
        .hot_y = header->hot_spot_y,
        .size = cursor_data_size(header->type, header->width, header->height),
    };
    if (shape.data_size < out->size)
        return guest_fail(self, QXL_READ_BAD_VALUE, "cursor has too little data");
    return guest_chunks(self, addr + offsetof(QXLCursor, chunk), out->size, &out->data);
}

static bool read_set(struct guest *self, const QXLCursorCmd *cmd, struct qxl_cursor_cmd *out)
{
    out->x = cmd->u.set.position.x;
    out->y = cmd->u.set.position.y;
    out->visible = cmd->u.set.visible != 0;
    out->shape = g_new0(struct cursor, 1);
    if (read_shape(self, cmd->u.set.shape, out->shape))
        return true;
    cursor_free(out->shape);
    out->shape = NULL;
    return false;
}

static bool read_cursor(struct guest *self, QXLPHYSICAL addr, struct qxl_cursor_cmd *out)
{
    QXLCursorCmd cmd;

    /* device_data is the driver's own; some commands end where their memory slot does. */
    if (!guest_copy(self, addr, &cmd, offsetof(QXLCursorCmd, device_data),
                    "cursor command is not in a memory slot"))
        return false;
    out->type = cmd.type;
    switch (cmd.type) {
    case QXL_CURSOR_SET:
        return read_set(self, &cmd, out);
    case QXL_CURSOR_MOVE:
        out->x = cmd.u.position.x;
        out->y = cmd.u.position.y;
        return true;
    case QXL_CURSOR_HIDE:
        return true;
    case QXL_CURSOR_TRAIL:
        out->trail_length = cmd.u.trail.length;
        out->trail_frequency = cmd.u.trail.frequency;
        return true;
    default:
        return guest_fail(self, QXL_READ_BAD_VALUE, "cursor command has an unknown type");
    }
}

enum qxl_read_status qxl_read_cursor(const struct memslots *slots, uint32_t group, QXLPHYSICAL addr,
                                     struct qxl_cursor_cmd *out, const char **reason)
{
    struct guest guest = guest_make(slots, group, 0);

    *out = (struct qxl_cursor_cmd){0};
    if (!read_cursor(&guest, addr, out))
        *out = (struct qxl_cursor_cmd){0};
    return guest_finish(&guest, reason);
}
