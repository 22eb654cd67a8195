/* SPDX-License-Identifier: MIT */
#include "replay_command.h"
#include "replay_input.h"

#include <glib.h>
#include <spice/enums.h>
#include <spice/qxl_dev.h>
#include <stdlib.h>
#include <string.h>

#define PALETTE_MAX 256

struct reader {
    struct replay_input *input;
    const struct replay_surfaces *surfaces;
};

typedef void read_fn(struct reader *reader, void *at);

/* One step of reading a structure: numbers on a line, a nested structure, or a function. */
struct row {
    const char *label;
    size_t offset;
    size_t size; /* bytes of one number */
    size_t count;
    read_fn *read;
    const struct row *rows;
};

#define MEMBER_SIZE(type, member) sizeof(((type *)NULL)->member)
#define NUMBER(type, member, label)                                                                \
    {                                                                                              \
        label, offsetof(type, member), MEMBER_SIZE(type, member), 1, NULL, NULL                    \
    }
#define RECT(type, member, label)                                                                  \
    {                                                                                              \
        "rect " label, offsetof(type, member), 4, 4, NULL, NULL                                    \
    }
#define POINT(type, member)                                                                        \
    {                                                                                              \
        "point", offsetof(type, member), 4, 2, NULL, NULL                                          \
    }
#define POINT16(type, member, label)                                                               \
    {                                                                                              \
        label, offsetof(type, member), 2, 2, NULL, NULL                                            \
    }
#define READ(type, member, function)                                                               \
    {                                                                                              \
        NULL, offsetof(type, member), 0, 0, function, NULL                                         \
    }
#define PART(type, member, table)                                                                  \
    {                                                                                              \
        NULL, offsetof(type, member), 0, 0, NULL, table                                            \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, 0, 0, 0, NULL, NULL                                                                  \
    }

static void read_rows(struct reader *reader, const struct row *row, void *base)
{
    for (; row->label || row->read || row->rows; row++) {
        void *at = (uint8_t *)base + row->offset;

        if (replay_input_failed(reader->input))
            return;
        if (row->read)
            row->read(reader, at);
        else if (row->rows)
            read_rows(reader, row->rows, at);
        else
            replay_input_numbers(reader->input, row->label, at, row->size, row->count);
    }
}

static void set_pointer(void *at, const void *pointer)
{
    QXLPHYSICAL address = (uintptr_t)pointer;

    memcpy(at, &address, sizeof(address));
}

static void require(struct reader *reader, bool condition)
{
    if (!condition)
        replay_input_fail(reader->input);
}

/* --- surfaces --- */

static void read_surface_number(struct reader *reader, const char *label, void *at)
{
    uint32_t id = replay_input_number(reader->input, label);

    if (replay_input_failed(reader->input))
        return;
    id = reader->surfaces->find(reader->surfaces->opaque, id);
    memcpy(at, &id, sizeof(id));
}

static void read_surface_id(struct reader *reader, void *at)
{
    read_surface_number(reader, "surface_id", at);
}

static void read_surface_dest(struct reader *reader, void *at)
{
    read_surface_number(reader, "surfaces_dest", at);
}

/* --- images --- */

static const struct row descriptor_rows[] = {
    NUMBER(QXLImageDescriptor, id, "descriptor.id"),
    NUMBER(QXLImageDescriptor, type, "descriptor.type"),
    NUMBER(QXLImageDescriptor, flags, "descriptor.flags"),
    NUMBER(QXLImageDescriptor, width, "descriptor.width"),
    NUMBER(QXLImageDescriptor, height, "descriptor.height"),
    END,
};

static void read_palette(struct reader *reader, void *at)
{
    QXLPalette *palette;
    uint32_t count;

    if (!replay_input_number(reader->input, "has_palette"))
        return;
    count = replay_input_number(reader->input, "qp.num_ents");
    require(reader, count <= PALETTE_MAX);
    palette =
        replay_input_alloc(reader->input, sizeof(*palette) + count * sizeof(palette->ents[0]));
    if (!palette)
        return;
    palette->num_ents = (uint16_t)count;
    replay_input_numbers(reader->input, "unique", palette, sizeof(palette->unique), 1);
    for (uint32_t i = 0; i < count; i++)
        palette->ents[i] = replay_input_number(reader->input, "ents");
    set_pointer(at, palette);
}

static const struct row bitmap_rows[] = {
    NUMBER(QXLBitmap, format, "bitmap.format"),
    NUMBER(QXLBitmap, flags, "bitmap.flags"),
    NUMBER(QXLBitmap, x, "bitmap.x"),
    NUMBER(QXLBitmap, y, "bitmap.y"),
    NUMBER(QXLBitmap, stride, "bitmap.stride"),
    READ(QXLBitmap, palette, read_palette),
    END,
};

static void read_bitmap(struct reader *reader, QXLBitmap *bitmap)
{
    uint8_t *data;
    size_t size;

    read_rows(reader, bitmap_rows, bitmap);
    if (bitmap->flags & QXL_BITMAP_DIRECT)
        data = replay_input_block(reader->input, "image_data_flat", 0, &size);
    else
        data = replay_input_chunks(reader->input, "bitmap.data", 0, &size);
    require(reader, (uint64_t)bitmap->y * bitmap->stride == size);
    bitmap->data = (uintptr_t)data;
}

/* A QUIC image is followed by its first chunk in place, so it comes as one allocation. */
static QXLImage *read_quic(struct reader *reader, const QXLImageDescriptor *descriptor)
{
    uint32_t data_size = replay_input_number(reader->input, "quic.data_size");
    size_t total;
    QXLImage *image = (QXLImage *)replay_input_chunks(reader->input, "quic.data",
                                                      offsetof(QXLImage, quic.data), &total);

    if (!image)
        return NULL;
    require(reader, total == data_size);
    image->descriptor = *descriptor;
    image->quic.data_size = data_size;
    return image;
}

static void read_image(struct reader *reader, void *at)
{
    QXLImage *image;

    if (!replay_input_number(reader->input, "image"))
        return;
    image = replay_input_alloc(reader->input, sizeof(*image));
    if (!image)
        return;
    read_rows(reader, descriptor_rows, &image->descriptor);
    switch (image->descriptor.type) {
    case SPICE_IMAGE_TYPE_BITMAP:
        read_bitmap(reader, &image->bitmap);
        break;
    case SPICE_IMAGE_TYPE_QUIC:
        image = read_quic(reader, &image->descriptor);
        break;
    case SPICE_IMAGE_TYPE_SURFACE:
        read_surface_number(reader, "surface_image.surface_id", &image->surface_image);
        break;
    default:
        replay_input_fail(reader->input);
        break;
    }
    set_pointer(at, image);
}

/* --- parts of drawables --- */

static const struct row pattern_rows[] = {
    READ(QXLPattern, pat, read_image),
    POINT(QXLPattern, pos),
    END,
};

static void read_brush(struct reader *reader, void *at)
{
    QXLBrush *brush = at;

    replay_input_numbers(reader->input, "type", &brush->type, sizeof(brush->type), 1);
    switch (brush->type) {
    case SPICE_BRUSH_TYPE_NONE:
        break;
    case SPICE_BRUSH_TYPE_SOLID:
        brush->u.color = replay_input_number(reader->input, "u.color");
        break;
    case SPICE_BRUSH_TYPE_PATTERN:
        read_rows(reader, pattern_rows, &brush->u.pattern);
        break;
    default:
        replay_input_fail(reader->input);
        break;
    }
}

static void read_clip(struct reader *reader, void *at)
{
    QXLClip *clip = at;
    QXLClipRects *rects;
    uint32_t count;
    size_t total;

    clip->type = replay_input_number(reader->input, "type");
    if (clip->type != SPICE_CLIP_TYPE_RECTS)
        return;
    count = replay_input_number(reader->input, "num_rects");
    rects = (QXLClipRects *)replay_input_chunks(reader->input, "clip_rects",
                                                offsetof(QXLClipRects, chunk), &total);
    if (!rects)
        return;
    require(reader, (uint64_t)count * sizeof(QXLRect) == total);
    rects->num_rects = count;
    clip->data = (uintptr_t)rects;
}

static void read_path(struct reader *reader, void *at)
{
    size_t total;
    QXLPath *path =
        (QXLPath *)replay_input_chunks(reader->input, "path", offsetof(QXLPath, chunk), &total);

    if (!path)
        return;
    path->data_size = (uint32_t)total;
    set_pointer(at, path);
}

static void read_line_attr(struct reader *reader, void *at)
{
    QXLLineAttr *attr = at;
    size_t size;

    replay_input_numbers(reader->input, "attr.flags", &attr->flags, sizeof(attr->flags), 1);
    if (!(attr->flags & SPICE_LINE_FLAGS_STYLED))
        return;
    replay_input_numbers(reader->input, "attr.style_nseg", &attr->style_nseg,
                         sizeof(attr->style_nseg), 1);
    attr->style = (uintptr_t)replay_input_block(reader->input, "style", 0, &size);
    require(reader, size == attr->style_nseg * sizeof(QXLFIXED));
}

static const struct row string_rows[] = {
    NUMBER(QXLString, data_size, "data_size"),
    NUMBER(QXLString, length, "length"),
    NUMBER(QXLString, flags, "flags"),
    END,
};

static void read_string(struct reader *reader, void *at)
{
    QXLString head = {0}, *string;
    size_t total;

    read_rows(reader, string_rows, &head);
    string = (QXLString *)replay_input_chunks(reader->input, "string", offsetof(QXLString, chunk),
                                              &total);
    if (!string)
        return;
    require(reader, total == head.data_size);
    string->data_size = head.data_size;
    string->length = head.length;
    string->flags = head.flags;
    set_pointer(at, string);
}

static void read_transform(struct reader *reader, const char *label, void *at)
{
    uint8_t *transform;
    size_t size;

    if (!replay_input_number(reader->input, label))
        return;
    transform = replay_input_block(reader->input, "transform", 0, &size);
    require(reader, size == sizeof(QXLTransform));
    set_pointer(at, transform);
}

static void read_src_transform(struct reader *reader, void *at)
{
    read_transform(reader, "src_transform", at);
}

static void read_mask_transform(struct reader *reader, void *at)
{
    read_transform(reader, "mask_transform", at);
}

static void read_composite_mask(struct reader *reader, void *at)
{
    if (replay_input_number(reader->input, "mask"))
        read_image(reader, at);
}

/* --- drawables --- */

static const struct row mask_rows[] = {
    NUMBER(QXLQMask, flags, "flags"),
    POINT(QXLQMask, pos),
    READ(QXLQMask, bitmap, read_image),
    END,
};

static const struct row fill_rows[] = {
    READ(QXLFill, brush, read_brush),
    NUMBER(QXLFill, rop_descriptor, "rop_descriptor"),
    PART(QXLFill, mask, mask_rows),
    END,
};

static const struct row opaque_rows[] = {
    READ(QXLOpaque, src_bitmap, read_image),
    RECT(QXLOpaque, src_area, "src_area"),
    READ(QXLOpaque, brush, read_brush),
    NUMBER(QXLOpaque, rop_descriptor, "rop_descriptor"),
    NUMBER(QXLOpaque, scale_mode, "scale_mode"),
    PART(QXLOpaque, mask, mask_rows),
    END,
};

static const struct row copy_rows[] = {
    READ(QXLCopy, src_bitmap, read_image),
    RECT(QXLCopy, src_area, "src_area"),
    NUMBER(QXLCopy, rop_descriptor, "rop_descriptor"),
    NUMBER(QXLCopy, scale_mode, "scale_mode"),
    PART(QXLCopy, mask, mask_rows),
    END,
};

static const struct row copy_bits_rows[] = {
    POINT(QXLCopyBits, src_pos),
    END,
};

/* Blackness, whiteness and inversion are a mask and nothing else. */
static const struct row mask_only_rows[] = {
    PART(QXLBlackness, mask, mask_rows),
    END,
};

static const struct row rop3_rows[] = {
    READ(QXLRop3, src_bitmap, read_image),
    RECT(QXLRop3, src_area, "src_area"),
    READ(QXLRop3, brush, read_brush),
    NUMBER(QXLRop3, rop3, "rop3"),
    NUMBER(QXLRop3, scale_mode, "scale_mode"),
    PART(QXLRop3, mask, mask_rows),
    END,
};

static const struct row stroke_rows[] = {
    READ(QXLStroke, path, read_path),          READ(QXLStroke, attr, read_line_attr),
    READ(QXLStroke, brush, read_brush),        NUMBER(QXLStroke, fore_mode, "fore_mode"),
    NUMBER(QXLStroke, back_mode, "back_mode"), END,
};

static const struct row text_rows[] = {
    READ(QXLText, str, read_string),
    RECT(QXLText, back_area, "back_area"),
    READ(QXLText, fore_brush, read_brush),
    READ(QXLText, back_brush, read_brush),
    NUMBER(QXLText, fore_mode, "fore_mode"),
    NUMBER(QXLText, back_mode, "back_mode"),
    END,
};

static const struct row transparent_rows[] = {
    READ(QXLTransparent, src_bitmap, read_image),
    RECT(QXLTransparent, src_area, "src_area"),
    NUMBER(QXLTransparent, src_color, "src_color"),
    NUMBER(QXLTransparent, true_color, "true_color"),
    END,
};

static const struct row alpha_blend_rows[] = {
    NUMBER(QXLAlphaBlend, alpha_flags, "alpha_flags"),
    NUMBER(QXLAlphaBlend, alpha, "alpha"),
    READ(QXLAlphaBlend, src_bitmap, read_image),
    RECT(QXLAlphaBlend, src_area, "src_area"),
    END,
};

static const struct row composite_rows[] = {
    NUMBER(QXLComposite, flags, "flags"),
    READ(QXLComposite, src, read_image),
    READ(QXLComposite, src_transform, read_src_transform),
    READ(QXLComposite, mask, read_composite_mask),
    READ(QXLComposite, mask_transform, read_mask_transform),
    POINT16(QXLComposite, src_origin, "src_origin"),
    POINT16(QXLComposite, mask_origin, "mask_origin"),
    END,
};

static const struct row nop_rows[] = {END};

static const struct row *const draw_rows[] = {
    [QXL_DRAW_NOP] = nop_rows,
    [QXL_DRAW_FILL] = fill_rows,
    [QXL_DRAW_OPAQUE] = opaque_rows,
    [QXL_DRAW_COPY] = copy_rows,
    [QXL_COPY_BITS] = copy_bits_rows,
    [QXL_DRAW_BLEND] = copy_rows,
    [QXL_DRAW_BLACKNESS] = mask_only_rows,
    [QXL_DRAW_WHITENESS] = mask_only_rows,
    [QXL_DRAW_INVERS] = mask_only_rows,
    [QXL_DRAW_ROP3] = rop3_rows,
    [QXL_DRAW_STROKE] = stroke_rows,
    [QXL_DRAW_TEXT] = text_rows,
    [QXL_DRAW_TRANSPARENT] = transparent_rows,
    [QXL_DRAW_ALPHA_BLEND] = alpha_blend_rows,
    [QXL_DRAW_COMPOSITE] = composite_rows,
};

#define SURFACE_DEST(n)                                                                            \
    READ(QXLDrawable, surfaces_dest[n], read_surface_dest),                                        \
        RECT(QXLDrawable, surfaces_rects[n], "surfaces_rects")

static const struct row drawable_rows[] = {
    RECT(QXLDrawable, bbox, "bbox"),
    READ(QXLDrawable, clip, read_clip),
    NUMBER(QXLDrawable, effect, "effect"),
    NUMBER(QXLDrawable, mm_time, "mm_time"),
    NUMBER(QXLDrawable, self_bitmap, "self_bitmap"),
    RECT(QXLDrawable, self_bitmap_area, "self_bitmap_area"),
    READ(QXLDrawable, surface_id, read_surface_id),
    SURFACE_DEST(0),
    SURFACE_DEST(1),
    SURFACE_DEST(2),
    NUMBER(QXLDrawable, type, "type"),
    END,
};

static void read_drawable(struct reader *reader, void *at)
{
    QXLDrawable *drawable = at;

    read_rows(reader, drawable_rows, drawable);
    require(reader, drawable->type < G_N_ELEMENTS(draw_rows));
    if (!replay_input_failed(reader->input))
        read_rows(reader, draw_rows[drawable->type], &drawable->u);
}

/* --- the other commands --- */

static const struct row update_rows[] = {
    RECT(QXLUpdateCmd, area, "area"),
    NUMBER(QXLUpdateCmd, update_id, "update_id"),
    READ(QXLUpdateCmd, surface_id, read_surface_id),
    END,
};

static void read_update(struct reader *reader, void *at)
{
    read_rows(reader, update_rows, at);
}

static const struct row surface_rows[] = {
    NUMBER(QXLSurfaceCmd, surface_id, "surface_id"),
    NUMBER(QXLSurfaceCmd, type, "type"),
    NUMBER(QXLSurfaceCmd, flags, "flags"),
    END,
};

static const struct row surface_create_rows[] = {
    NUMBER(QXLSurface, format, "u.surface_create.format"),
    NUMBER(QXLSurface, width, "u.surface_create.width"),
    NUMBER(QXLSurface, height, "u.surface_create.height"),
    NUMBER(QXLSurface, stride, "u.surface_create.stride"),
    END,
};

static void read_surface_create(struct reader *reader, QXLSurfaceCmd *cmd)
{
    QXLSurface *surface = &cmd->u.surface_create;
    uint64_t expected;
    size_t size;

    read_rows(reader, surface_create_rows, surface);
    expected = (uint64_t)surface->height * (uint64_t)llabs(surface->stride);
    require(reader, expected <= REPLAY_COMMAND_MAX);
    if (cmd->flags & QXL_SURF_FLAG_KEEP_DATA) {
        surface->data = (uintptr_t)replay_input_block(reader->input, "data", 0, &size);
        require(reader, size == expected);
    } else {
        surface->data = (uintptr_t)replay_input_alloc(reader->input, expected);
    }
    if (!replay_input_failed(reader->input))
        cmd->surface_id = reader->surfaces->create(reader->surfaces->opaque, cmd->surface_id);
}

static void read_surface(struct reader *reader, void *at)
{
    QXLSurfaceCmd *cmd = at;

    read_rows(reader, surface_rows, cmd);
    if (replay_input_failed(reader->input))
        return;
    switch (cmd->type) {
    case QXL_SURFACE_CMD_CREATE:
        read_surface_create(reader, cmd);
        break;
    case QXL_SURFACE_CMD_DESTROY:
        cmd->surface_id = reader->surfaces->find(reader->surfaces->opaque, cmd->surface_id);
        break;
    default:
        replay_input_fail(reader->input);
        break;
    }
}

static const struct row cursor_rows[] = {
    NUMBER(QXLCursor, header.unique, "header.unique"),
    NUMBER(QXLCursor, header.type, "header.type"),
    NUMBER(QXLCursor, header.width, "header.width"),
    NUMBER(QXLCursor, header.height, "header.height"),
    NUMBER(QXLCursor, header.hot_spot_x, "header.hot_spot_x"),
    NUMBER(QXLCursor, header.hot_spot_y, "header.hot_spot_y"),
    NUMBER(QXLCursor, data_size, "data_size"),
    END,
};

static void read_cursor_shape(struct reader *reader, void *at)
{
    QXLCursor head = {0}, *cursor;
    size_t total;

    read_rows(reader, cursor_rows, &head);
    cursor = (QXLCursor *)replay_input_chunks(reader->input, "cursor", offsetof(QXLCursor, chunk),
                                              &total);
    if (!cursor)
        return;
    cursor->header = head.header;
    cursor->data_size = (uint32_t)total;
    set_pointer(at, cursor);
}

static const struct row cursor_set_rows[] = {
    POINT16(QXLCursorCmd, u.set.position, "point16"),
    NUMBER(QXLCursorCmd, u.set.visible, "u.set.visible"),
    READ(QXLCursorCmd, u.set.shape, read_cursor_shape),
    END,
};

static const struct row cursor_move_rows[] = {
    POINT16(QXLCursorCmd, u.position, "point16"),
    END,
};

static const struct row cursor_trail_rows[] = {
    NUMBER(QXLCursorCmd, u.trail.length, "u.trail.length"),
    NUMBER(QXLCursorCmd, u.trail.frequency, "u.trail.frequency"),
    END,
};

static const struct row *const cursor_cmd_rows[] = {
    [QXL_CURSOR_SET] = cursor_set_rows,
    [QXL_CURSOR_MOVE] = cursor_move_rows,
    [QXL_CURSOR_HIDE] = nop_rows,
    [QXL_CURSOR_TRAIL] = cursor_trail_rows,
};

static void read_cursor(struct reader *reader, void *at)
{
    QXLCursorCmd *cmd = at;

    replay_input_numbers(reader->input, "type", &cmd->type, sizeof(cmd->type), 1);
    require(reader, cmd->type < G_N_ELEMENTS(cursor_cmd_rows));
    if (!replay_input_failed(reader->input))
        read_rows(reader, cursor_cmd_rows[cmd->type], cmd);
}

/* The kinds of command: the line that opens the body, and what is built. */
static const struct {
    uint32_t type;
    const char *opening;
    size_t size;
    read_fn *read;
} commands[] = {
    {QXL_CMD_DRAW, "drawable", sizeof(QXLDrawable), read_drawable},
    {QXL_CMD_UPDATE, "update", sizeof(QXLUpdateCmd), read_update},
    {QXL_CMD_CURSOR, "cursor_cmd", sizeof(QXLCursorCmd), read_cursor},
    {QXL_CMD_SURFACE, "surface_cmd", sizeof(QXLSurfaceCmd), read_surface},
};

void *replay_command_read(struct replay_input *input, const struct replay_surfaces *surfaces,
                          uint32_t type)
{
    struct reader reader = {input, surfaces};
    void *command;
    size_t size;

    if (type == QXL_CMD_MESSAGE)
        return replay_input_block(input, "message", sizeof(QXLMessage), &size);
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (commands[i].type != type)
            continue;
        replay_input_numbers(input, commands[i].opening, NULL, 0, 0);
        command = replay_input_alloc(input, commands[i].size);
        if (command)
            commands[i].read(&reader, command);
        return replay_input_failed(input) ? NULL : command;
    }
    replay_input_fail(input);
    return NULL;
}
