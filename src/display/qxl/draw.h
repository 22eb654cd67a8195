/* SPDX-License-Identifier: MIT */
/*
 * A draw command after validation: what the canvas renders. Everything is host memory owned by the
 * struct, except pixels that say `borrowed`. Boxes are pixman's (x1, y1 inclusive, x2, y2
 * exclusive), in pixels. Meaning of kinds and flags: spice-protocol's qxl_dev.h and enums.h
 * (SPICE_*).
 */
#ifndef CARAVAN_DISPLAY_QXL_DRAW_H
#define CARAVAN_DISPLAY_QXL_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pixman.h>
#include <spice/qxl_dev.h>

/* Every coordinate of a box or point in a struct draw lies within -DRAW_COORD_MAX..DRAW_COORD_MAX,
 * so that sums and differences of a few of them never overflow. */
#define DRAW_COORD_MAX (1 << 24)

enum qxl_image_kind {
    QXL_IMAGE_ABSENT, /* the command names none */
    QXL_IMAGE_BITMAP,
    QXL_IMAGE_SURFACE, /* pixels of the surface surface_id */
    QXL_IMAGE_SELF,    /* the destination's own draw.self_area before drawing; src_area is relative
                          to its corner */
};

struct qxl_image {
    enum qxl_image_kind kind;
    uint64_t id;    /* the guest's name for the content, see QXLImageID; 0 = none */
    uint8_t flags;  /* QXL_IMAGE_CACHE, QXL_IMAGE_HIGH_BITS_SET */
    uint32_t width; /* pixels; of BITMAP: those of the bitmap itself, >= 1 */
    uint32_t height;
    uint32_t surface_id; /* SURFACE only */
    /* BITMAP only: */
    uint8_t format; /* SPICE_BITMAP_FMT_* */
    bool top_down;  /* else the first row in memory is the lowest */
    bool borrowed;  /* pixels lie in guest memory: good until the command is released, and the guest
                       may change them meanwhile (read each at most once per decision) */
    uint32_t stride;       /* bytes, >= the row's; any alignment */
    const uint8_t *pixels; /* height * stride bytes, any alignment */
    uint8_t *owned;        /* what pixels points to unless borrowed */
    uint32_t *palette;     /* owned, 256 entries 0x00RRGGBB (missing ones 0); only for 1, 4, 8 bit;
                              NULL for 1 bit without one: black, white */
    uint64_t palette_id;   /* the guest's `unique` */
};

struct draw_brush {
    uint8_t type;             /* SPICE_BRUSH_TYPE_* */
    uint32_t color;           /* SOLID: a pixel in the destination's format, in the low bits */
    struct qxl_image pattern; /* PATTERN: tiled */
    int32_t x, y;             /* PATTERN: place of the pattern's corner on the destination */
};

/* Pixels whose mask bit (inverted when asked) is 0, or that lie outside the mask, stay as they are.
 * The mask's pixel (x, y) falls on the corner of bbox. */
struct draw_mask {
    bool inverted;
    int32_t x, y;
    struct qxl_image image; /* ABSENT: no mask */
};

struct draw_glyph {
    int32_t x, y; /* where its top left pixel goes */
    uint16_t width, height;
    uint32_t at;     /* offset of its first row in draw_text.bits */
    uint32_t stride; /* bytes */
};

struct draw_text {
    uint8_t bpp;   /* 1, 4, 8: depth of coverage */
    bool top_down; /* else glyph rows run upwards */
    uint32_t n_glyphs;
    struct draw_glyph *glyphs;     /* owned */
    uint8_t *bits;                 /* owned */
    pixman_box32_t back_area;      /* empty: no background */
    struct draw_brush back_brush;  /* the foreground's is draw.brush */
    uint16_t fore_mode, back_mode; /* SPICE_ROPD_* */
};

struct draw_segment {
    uint32_t flags; /* SPICE_PATH_* */
    uint32_t first; /* index in draw_stroke.points */
    uint32_t count;
};

struct draw_stroke {
    uint32_t n_segments;
    struct draw_segment *segments; /* owned */
    uint32_t n_points;
    QXLPointFix *points; /* owned; 28.4 */
    uint8_t line_flags;  /* SPICE_LINE_FLAGS_* */
    uint8_t n_style;
    QXLFIXED *style;               /* owned; dash lengths, 28.4, each > 0 */
    uint16_t fore_mode, back_mode; /* SPICE_ROPD_*; the pen is draw.brush */
};

struct draw_composite {
    uint32_t flags; /* as in QXLComposite */
    bool has_src_transform, has_mask_transform;
    uint32_t src_transform[6]; /* t00 t01 t02 t10 t11 t12, 16.16 */
    uint32_t mask_transform[6];
    struct qxl_image mask;
    int32_t src_x, src_y;
    int32_t mask_x, mask_y;
};

/* One command. Operands that its kind does not have are zero. */
struct draw {
    uint8_t kind;   /* QXL_DRAW_*, QXL_COPY_BITS */
    uint8_t effect; /* QXL_EFFECT_* */
    uint32_t surface_id;
    uint32_t mm_time;    /* ms */
    pixman_box32_t bbox; /* x1 <= x2, y1 <= y2; may exceed the surface */
    bool clipped;        /* to clip_rects, which may be none at all */
    uint32_t n_clip_rects;
    pixman_box32_t *clip_rects; /* owned; none empty or swapped */
    bool self_bitmap;
    pixman_box32_t self_area;

    struct qxl_image src;
    pixman_box32_t src_area; /* of another size than bbox: scaled; the canvas refuses one that is
                                not inside src */
    uint8_t scale_mode;      /* SPICE_IMAGE_SCALE_MODE_* */
    uint16_t rop;            /* SPICE_ROPD_*, or the 8 bit code of ROP3 */
    struct draw_brush brush;
    struct draw_mask mask;
    int32_t src_x, src_y;       /* COPY_BITS: what goes to the corner of bbox */
    uint32_t transparent_color; /* TRANSPARENT: 0x00RRGGBB not copied */
    uint8_t alpha;              /* ALPHA_BLEND */
    uint8_t alpha_flags;        /* ALPHA_BLEND: SPICE_ALPHA_FLAGS_* */
    struct draw_text text;
    struct draw_stroke stroke;
    struct draw_composite composite;
};

/* Frees what the struct owns and zeroes it; fine on a zeroed one. */
void draw_clear(struct draw *self);
void qxl_image_clear(struct qxl_image *self);

/* True for an opaque, unscaled, unmasked COPY with plain PUT: all a modern guest sends. */
bool draw_is_plain_copy(const struct draw *self);

#endif
