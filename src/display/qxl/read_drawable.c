/* SPDX-License-Identifier: MIT */
#include "display/qxl/guest.h"

#include <glib.h>
#include <string.h>

static void brush_clear(struct draw_brush *self)
{
    qxl_image_clear(&self->pattern);
}

void draw_clear(struct draw *self)
{
    g_free(self->clip_rects);
    qxl_image_clear(&self->src);
    brush_clear(&self->brush);
    qxl_image_clear(&self->mask.image);
    g_free(self->text.glyphs);
    g_free(self->text.bits);
    brush_clear(&self->text.back_brush);
    g_free(self->stroke.segments);
    g_free(self->stroke.points);
    g_free(self->stroke.style);
    qxl_image_clear(&self->composite.mask);
    *self = (struct draw){0};
}

static bool box_same_size(const pixman_box32_t *a, const pixman_box32_t *b)
{
    return a->x2 - a->x1 == b->x2 - b->x1 && a->y2 - a->y1 == b->y2 - b->y1;
}

bool draw_is_plain_copy(const struct draw *self)
{
    return self->kind == QXL_DRAW_COPY && self->effect == QXL_EFFECT_OPAQUE &&
           self->rop == SPICE_ROPD_OP_PUT && self->mask.image.kind == QXL_IMAGE_ABSENT &&
           box_same_size(&self->bbox, &self->src_area);
}

/* --- operands --- */

static bool read_brush(struct guest *self, const QXLBrush *brush, struct draw_brush *out)
{
    switch (brush->type) {
    case SPICE_BRUSH_TYPE_NONE:
        break;
    case SPICE_BRUSH_TYPE_SOLID:
        out->color = brush->u.color;
        break;
    case SPICE_BRUSH_TYPE_PATTERN:
        out->x = brush->u.pattern.pos.x;
        out->y = brush->u.pattern.pos.y;
        if (!coord_ok(out->x) || !coord_ok(out->y))
            return guest_fail(self, QXL_READ_BAD_VALUE, "pattern's place is out of range");
        if (brush->u.pattern.pat == 0)
            return guest_fail(self, QXL_READ_BAD_VALUE, "pattern brush has no pattern");
        if (!guest_image(self, brush->u.pattern.pat, &out->pattern))
            return false;
        break;
    default:
        return guest_fail(self, QXL_READ_BAD_VALUE, "brush has an unknown type");
    }
    out->type = (uint8_t)brush->type;
    return true;
}

static bool read_mask(struct guest *self, const QXLQMask *mask, struct draw_mask *out)
{
    if (mask->bitmap == 0)
        return true;
    out->inverted = mask->flags & SPICE_MASK_FLAGS_INVERS;
    out->x = mask->pos.x;
    out->y = mask->pos.y;
    if (!coord_ok(out->x) || !coord_ok(out->y))
        return guest_fail(self, QXL_READ_BAD_VALUE, "mask's place is out of range");
    if (!guest_image(self, mask->bitmap, &out->image))
        return false;
    if (out->image.kind == QXL_IMAGE_BITMAP && out->image.format != SPICE_BITMAP_FMT_1BIT_LE &&
        out->image.format != SPICE_BITMAP_FMT_1BIT_BE)
        return guest_fail(self, QXL_READ_BAD_VALUE, "mask is not a bitmap of one bit a pixel");
    return true;
}

static bool read_src(struct guest *self, QXLPHYSICAL src, const QXLRect *area, struct draw *out)
{
    if (!box_from_rect(area, &out->src_area))
        return guest_fail(self, QXL_READ_BAD_VALUE, "source area is swapped or out of range");
    if (src != 0)
        return guest_image(self, src, &out->src);
    if (!out->self_bitmap)
        return guest_fail(self, QXL_READ_BAD_VALUE, "command has no source image");
    out->src.kind = QXL_IMAGE_SELF;
    out->src.width = (uint32_t)(out->self_area.x2 - out->self_area.x1);
    out->src.height = (uint32_t)(out->self_area.y2 - out->self_area.y1);
    return true;
}

/* --- kinds --- */

static bool read_nothing(struct guest *self, const QXLDrawable *cmd, struct draw *out)
{
    return true;
}

static bool read_fill(struct guest *self, const QXLDrawable *cmd, struct draw *out)
{
    const QXLFill *fill = &cmd->u.fill;

    out->rop = fill->rop_descriptor;
    return read_brush(self, &fill->brush, &out->brush) && read_mask(self, &fill->mask, &out->mask);
}

static bool read_opaque(struct guest *self, const QXLDrawable *cmd, struct draw *out)
{
    const QXLOpaque *opaque = &cmd->u.opaque;

    out->rop = opaque->rop_descriptor;
    out->scale_mode = opaque->scale_mode;
    return read_src(self, opaque->src_bitmap, &opaque->src_area, out) &&
           read_brush(self, &opaque->brush, &out->brush) &&
           read_mask(self, &opaque->mask, &out->mask);
}

static bool read_copy(struct guest *self, const QXLDrawable *cmd, struct draw *out)
{
    const QXLCopy *copy = &cmd->u.copy; /* BLEND too */

    out->rop = copy->rop_descriptor;
    out->scale_mode = copy->scale_mode;
    return read_src(self, copy->src_bitmap, &copy->src_area, out) &&
           read_mask(self, &copy->mask, &out->mask);
}

static bool read_copy_bits(struct guest *self, const QXLDrawable *cmd, struct draw *out)
{
    out->src_x = cmd->u.copy_bits.src_pos.x;
    out->src_y = cmd->u.copy_bits.src_pos.y;
    return (coord_ok(out->src_x) && coord_ok(out->src_y)) ||
           guest_fail(self, QXL_READ_BAD_VALUE, "source of COPY_BITS is out of range");
}

static bool read_masked(struct guest *self, const QXLDrawable *cmd, struct draw *out)
{
    return read_mask(self, &cmd->u.blackness.mask, &out->mask); /* WHITENESS, INVERS too */
}

static bool read_rop3(struct guest *self, const QXLDrawable *cmd, struct draw *out)
{
    const QXLRop3 *rop3 = &cmd->u.rop3;

    out->rop = rop3->rop3;
    out->scale_mode = rop3->scale_mode;
    return read_src(self, rop3->src_bitmap, &rop3->src_area, out) &&
           read_brush(self, &rop3->brush, &out->brush) && read_mask(self, &rop3->mask, &out->mask);
}

static bool read_style(struct guest *self, const QXLLineAttr *attr, struct draw_stroke *out)
{
    size_t size = attr->style_nseg * sizeof(QXLFIXED);

    out->line_flags = attr->flags;
    if (!(attr->flags & SPICE_LINE_FLAGS_STYLED))
        return true;
    if (attr->style_nseg == 0)
        return guest_fail(self, QXL_READ_BAD_VALUE, "styled line has no style");
    out->style = g_malloc0(size);
    if (!guest_copy(self, attr->style, out->style, size, "line style is not in a memory slot"))
        return false;
    for (out->n_style = 0; out->n_style < attr->style_nseg; out->n_style++)
        if (out->style[out->n_style] <= 0 || !coord_ok(out->style[out->n_style]))
            return guest_fail(self, QXL_READ_BAD_VALUE, "line style has a length out of range");
    return true;
}

static bool read_stroke(struct guest *self, const QXLDrawable *cmd, struct draw *out)
{
    const QXLStroke *stroke = &cmd->u.stroke;

    out->stroke.fore_mode = stroke->fore_mode;
    out->stroke.back_mode = stroke->back_mode;
    return read_brush(self, &stroke->brush, &out->brush) &&
           read_style(self, &stroke->attr, &out->stroke) &&
           guest_path(self, stroke->path, &out->stroke);
}

static bool read_text(struct guest *self, const QXLDrawable *cmd, struct draw *out)
{
    const QXLText *text = &cmd->u.text;

    out->text.fore_mode = text->fore_mode;
    out->text.back_mode = text->back_mode;
    out->text.back_area = box_clamp(&text->back_area);
    return read_brush(self, &text->fore_brush, &out->brush) &&
           read_brush(self, &text->back_brush, &out->text.back_brush) &&
           guest_string(self, text->str, &out->text);
}

static bool read_transparent(struct guest *self, const QXLDrawable *cmd, struct draw *out)
{
    const QXLTransparent *transparent = &cmd->u.transparent;

    /* src_color is the key in the source's own format; true_color says the same in RGB. */
    out->transparent_color = transparent->true_color & 0xffffff;
    out->scale_mode = SPICE_IMAGE_SCALE_MODE_NEAREST;
    return read_src(self, transparent->src_bitmap, &transparent->src_area, out);
}

static bool read_alpha_blend(struct guest *self, const QXLDrawable *cmd, struct draw *out)
{
    const QXLAlphaBlend *blend = &cmd->u.alpha_blend;

    out->alpha = blend->alpha;
    out->alpha_flags = blend->alpha_flags & SPICE_ALPHA_FLAGS_MASK;
    out->scale_mode = SPICE_IMAGE_SCALE_MODE_NEAREST;
    return read_src(self, blend->src_bitmap, &blend->src_area, out);
}

static bool read_transform(struct guest *self, QXLPHYSICAL addr, bool *has, uint32_t out[6])
{
    *has = addr != 0;
    return !*has ||
           guest_copy(self, addr, out, sizeof(QXLTransform), "transform is not in a memory slot");
}

static bool read_composite(struct guest *self, const QXLDrawable *cmd, struct draw *draw)
{
    const QXLComposite *composite = &cmd->u.composite;
    struct draw_composite *out = &draw->composite;

    out->flags = composite->flags;
    out->src_x = composite->src_origin.x;
    out->src_y = composite->src_origin.y;
    out->mask_x = composite->mask_origin.x;
    out->mask_y = composite->mask_origin.y;
    if (composite->src == 0)
        return guest_fail(self, QXL_READ_BAD_VALUE, "command has no source image");
    return guest_image(self, composite->src, &draw->src) &&
           guest_image(self, composite->mask, &out->mask) &&
           read_transform(self, composite->src_transform, &out->has_src_transform,
                          out->src_transform) &&
           read_transform(self, composite->mask_transform, &out->has_mask_transform,
                          out->mask_transform);
}

static bool (*const kinds[])(struct guest *, const QXLDrawable *, struct draw *) = {
    [QXL_DRAW_NOP] = read_nothing,
    [QXL_DRAW_FILL] = read_fill,
    [QXL_DRAW_OPAQUE] = read_opaque,
    [QXL_DRAW_COPY] = read_copy,
    [QXL_COPY_BITS] = read_copy_bits,
    [QXL_DRAW_BLEND] = read_copy,
    [QXL_DRAW_BLACKNESS] = read_masked,
    [QXL_DRAW_WHITENESS] = read_masked,
    [QXL_DRAW_INVERS] = read_masked,
    [QXL_DRAW_ROP3] = read_rop3,
    [QXL_DRAW_STROKE] = read_stroke,
    [QXL_DRAW_TEXT] = read_text,
    [QXL_DRAW_TRANSPARENT] = read_transparent,
    [QXL_DRAW_ALPHA_BLEND] = read_alpha_blend,
    [QXL_DRAW_COMPOSITE] = read_composite,
};

/* --- the drawable itself --- */

/* The layout before surfaces, widened to today's. */
static bool copy_compat(struct guest *self, QXLPHYSICAL addr, QXLDrawable *out)
{
    QXLCompatDrawable old;

    if (!guest_copy(self, addr, &old, sizeof(old), "drawable is not in a memory slot"))
        return false;
    out->effect = old.effect;
    out->type = old.type;
    out->self_bitmap = old.bitmap_offset != 0;
    out->self_bitmap_area = old.bitmap_area;
    out->bbox = old.bbox;
    out->clip = old.clip;
    out->mm_time = old.mm_time;
    if (old.type == QXL_DRAW_COMPOSITE)
        return guest_fail(self, QXL_READ_BAD_VALUE, "COMPOSITE in the compat layout");
    if (old.type == QXL_DRAW_ALPHA_BLEND) {
        out->u.alpha_blend.alpha = old.u.alpha_blend.alpha;
        out->u.alpha_blend.src_bitmap = old.u.alpha_blend.src_bitmap;
        out->u.alpha_blend.src_area = old.u.alpha_blend.src_area;
    } else {
        memcpy(&out->u, &old.u, MIN(sizeof(old.u), sizeof(out->u)));
    }
    return true;
}

static bool copy_drawable(struct guest *self, QXLPHYSICAL addr, QXLDrawable *out)
{
    *out = (QXLDrawable){0};
    if (self->flags & QXL_COMMAND_FLAG_COMPAT)
        return copy_compat(self, addr, out);
    return guest_copy(self, addr, out, sizeof(*out), "drawable is not in a memory slot");
}

static bool read_clip_rects(struct guest *self, QXLPHYSICAL addr, struct draw *out)
{
    QXLClipRects header;
    uint8_t *bytes;

    if (!guest_copy(self, addr, &header, offsetof(QXLClipRects, chunk),
                    "clip is not in a memory slot"))
        return false;
    if (header.num_rects > QXL_MAX_CLIP_RECTS)
        return guest_fail(self, QXL_READ_TOO_LARGE, "clip has too many rectangles");
    if (!guest_chunks(self, addr + offsetof(QXLClipRects, chunk),
                      header.num_rects * sizeof(QXLRect), &bytes))
        return false;

    out->clip_rects = g_new(pixman_box32_t, MAX(header.num_rects, 1));
    for (uint32_t i = 0; i < header.num_rects; i++) {
        QXLRect rect;
        memcpy(&rect, bytes + i * sizeof(rect), sizeof(rect));
        pixman_box32_t box = box_clamp(&rect);
        if (box.x1 < box.x2)
            out->clip_rects[out->n_clip_rects++] = box;
    }
    g_free(bytes);
    return true;
}

static bool read_clip(struct guest *self, const QXLClip *clip, struct draw *out)
{
    switch (clip->type) {
    case SPICE_CLIP_TYPE_NONE:
        return true;
    case SPICE_CLIP_TYPE_RECTS:
        out->clipped = true;
        return read_clip_rects(self, clip->data, out);
    default:
        return guest_fail(self, QXL_READ_BAD_VALUE, "clip has an unknown type");
    }
}

static bool read_drawable(struct guest *self, QXLPHYSICAL addr, struct draw *out)
{
    QXLDrawable cmd;

    if (!copy_drawable(self, addr, &cmd))
        return false;
    if (cmd.type >= G_N_ELEMENTS(kinds))
        return guest_fail(self, QXL_READ_BAD_VALUE, "drawable has an unknown type");
    out->kind = cmd.type;
    out->effect = cmd.effect;
    out->surface_id = cmd.surface_id;
    out->mm_time = cmd.mm_time;
    out->self_bitmap = cmd.self_bitmap != 0;
    if (!box_from_rect(&cmd.bbox, &out->bbox))
        return guest_fail(self, QXL_READ_BAD_VALUE, "bounding box is swapped or out of range");
    if (out->self_bitmap && !box_from_rect(&cmd.self_bitmap_area, &out->self_area))
        return guest_fail(self, QXL_READ_BAD_VALUE, "self bitmap is swapped or out of range");
    if (!read_clip(self, &cmd.clip, out) || !kinds[cmd.type](self, &cmd, out))
        return false;
    if (out->scale_mode >= SPICE_IMAGE_SCALE_MODE_ENUM_END)
        return guest_fail(self, QXL_READ_BAD_VALUE, "scale mode is unknown");
    return true;
}

enum qxl_read_status qxl_read_draw(const struct memslots *slots, uint32_t group, QXLPHYSICAL addr,
                                   uint32_t cmd_flags, struct draw *out, const char **reason)
{
    struct guest guest = guest_make(slots, group, cmd_flags);

    *out = (struct draw){0};
    if (!read_drawable(&guest, addr, out))
        draw_clear(out);
    return guest_finish(&guest, reason);
}
