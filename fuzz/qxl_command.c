/* SPDX-License-Identifier: MIT */
/*
 * Guest commands from memory to pixels. An input is up to eight commands; each is either the raw
 * bytes that follow, taken as the guest's memory, or a program for builders that lay out
 * well-formed structs with hostile values, so that the search gets past the readers quickly.
 *
 * Input: per command one byte of kind (low 3 bits: QXL_CMD_*, 6 = monitors config; bit 3: raw
 * memory; bits 4, 5: command flags), then its bytes as the code below takes them.
 */
#include <stdlib.h>
#include <string.h>
#include <glib.h>
#include <sanitizer/asan_interface.h>

#include "display/canvas/canvas.h"
#include "display/qxl/read.h"
#include "fuzz/fuzz.h"

#define ARENA   (96 * 1024)
#define GROUP   1
#define SLOT_ID 1

struct world {
    const uint8_t *data; /* input left */
    size_t left;
    uint8_t *arena; /* the guest's memory */
    size_t used;
    struct memslots *slots;
    struct surfaces *surfaces;
    void *standing[8]; /* memory of the surfaces that are there from the start */
};

/* --- taking input --- */

static uint32_t take(struct world *w, unsigned bytes)
{
    uint32_t v = 0;

    while (bytes-- > 0 && w->left > 0) {
        v = v << 8 | *w->data++;
        w->left--;
    }
    return v;
}

/* Mostly small numbers, sometimes any. */
static uint32_t number(struct world *w)
{
    uint32_t b = take(w, 1);

    return b == 255   ? take(w, 4)
           : b == 254 ? (uint32_t) - (int32_t)take(w, 1)
           : b == 253 ? take(w, 2)
                      : b % 64;
}

static QXLPHYSICAL address(size_t offset)
{
    return (QXLPHYSICAL)SLOT_ID << 56 | offset;
}

/* Room in the guest's memory; near its end everything lands on the last bytes. What was never
 * placed is poisoned, and lies outside the slot. */
static void *place(struct world *w, size_t size, QXLPHYSICAL *addr)
{
    size_t at = MIN((w->used + 3) & ~(size_t)3, ARENA - MIN(size, ARENA));

    w->used = MAX(w->used, at + size);
    ASAN_UNPOISON_MEMORY_REGION(w->arena, w->used);
    *addr = address(at);
    return w->arena + at;
}

/* The address, or now and then another one. */
static QXLPHYSICAL bend(struct world *w, QXLPHYSICAL addr)
{
    uint32_t b = take(w, 1);

    if (b < 240)
        return addr;
    return b < 248 ? 0 : b < 252 ? address(take(w, 3)) : (QXLPHYSICAL)take(w, 4) << 32 | take(w, 4);
}

static QXLRect rect(struct world *w)
{
    QXLRect r = {.top = (int32_t)number(w), .left = (int32_t)number(w)};

    r.bottom = (int32_t)((uint32_t)r.top + number(w));
    r.right = (int32_t)((uint32_t)r.left + number(w));
    return r;
}

static void scribble(struct world *w, uint8_t *to, size_t n)
{
    uint32_t seed = take(w, 2) * 2654435761u + 1;

    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        to[i] = (uint8_t)(seed >> 24);
    }
}

/* --- building structs --- */

/* A chunk list of size bytes in up to three parts, header first at *addr. */
static void chunks(struct world *w, QXLDataChunk *head, const uint8_t *bytes, size_t size)
{
    QXLDataChunk chunk = {0};
    size_t part = take(w, 1) & 1 ? size / 2 : size;
    QXLPHYSICAL next = 0;

    chunk.data_size = (uint32_t)(part + number(w) / 60);
    memcpy((uint8_t *)head + sizeof(chunk), bytes, part);
    if (part < size) {
        QXLDataChunk last = {.data_size = (uint32_t)(size - part)};
        uint8_t *at = place(w, sizeof(last) + last.data_size, &next);
        memcpy(at, &last, sizeof(last));
        memcpy(at + sizeof(last), bytes + part, size - part);
    }
    chunk.next_chunk = bend(w, next);
    memcpy(head, &chunk, sizeof(chunk));
}

static QXLPHYSICAL palette(struct world *w)
{
    QXLPalette head = {.unique = 7, .num_ents = (uint16_t)number(w)};
    QXLPHYSICAL addr;
    size_t entries = 4 * (size_t)MIN(head.num_ents, 256);
    uint8_t *at = place(w, sizeof(head) + entries, &addr);

    memcpy(at, &head, sizeof(head));
    scribble(w, at + sizeof(head), entries);
    return bend(w, addr);
}

static QXLPHYSICAL pixels(struct world *w, size_t size, bool direct)
{
    QXLPHYSICAL addr;
    size_t n = MIN(size, 16384);
    uint8_t *bytes = g_malloc(n + 1);

    scribble(w, bytes, n);
    uint8_t *at = place(w, sizeof(QXLDataChunk) + n, &addr);
    if (direct)
        memcpy(at, bytes, n);
    else
        chunks(w, (QXLDataChunk *)at, bytes, n);
    g_free(bytes);
    return bend(w, addr);
}

static QXLBitmap bitmap(struct world *w, uint32_t format)
{
    static const uint8_t bpp[] = {0, 1, 1, 4, 4, 8, 16, 24, 32, 32, 8};
    QXLBitmap b = {
        .format = (uint8_t)(format % 11),
        .flags = (uint8_t)take(w, 1),
        .x = number(w),
        .y = number(w),
    };

    b.stride = (b.x * bpp[b.format] + 7) / 8 + number(w) / 32;
    b.palette = b.format <= 5 ? palette(w) : 0;
    b.data = pixels(w, (size_t)b.stride * b.y, b.flags & QXL_BITMAP_DIRECT);
    return b;
}

/* `format` 0: whatever the input says. */
static QXLPHYSICAL image(struct world *w, uint32_t format)
{
    QXLImage img = {0};
    QXLPHYSICAL addr;
    uint32_t kind = take(w, 1);
    uint8_t *at = place(w, sizeof(img), &addr); /* first, so that pixels may end the slot */

    if (kind % 4 == 3) {
        img.descriptor.type = SPICE_IMAGE_TYPE_SURFACE;
        img.surface_image.surface_id = kind / 4 % 8;
    } else {
        img.descriptor.type = kind == 252 ? SPICE_IMAGE_TYPE_QUIC : SPICE_IMAGE_TYPE_BITMAP;
        img.bitmap = bitmap(w, format ? format : 1 + kind / 4);
        img.descriptor.width = img.bitmap.x;
        img.descriptor.height = img.bitmap.y;
    }
    memcpy(at, &img, sizeof(img));
    return bend(w, addr);
}

static QXLBrush brush(struct world *w)
{
    QXLBrush b = {.type = take(w, 1) % 4};

    if (b.type == SPICE_BRUSH_TYPE_PATTERN) {
        b.u.pattern.pat = image(w, 0);
        b.u.pattern.pos.x = (int32_t)number(w);
        b.u.pattern.pos.y = (int32_t)number(w);
    } else {
        b.u.color = take(w, 4);
    }
    return b;
}

static QXLQMask mask(struct world *w)
{
    QXLQMask m = {.flags = (uint8_t)take(w, 1)};

    if (m.flags & 2) {
        m.pos.x = (int32_t)number(w);
        m.pos.y = (int32_t)number(w);
        m.bitmap = image(w, 1 + (m.flags >> 2 & 1));
    }
    return m;
}

static QXLPHYSICAL clip_rects(struct world *w)
{
    uint32_t n = number(w);
    QXLRect rects[64];
    QXLPHYSICAL addr;
    uint32_t held = MIN(n, 64);
    uint8_t *at = place(w, sizeof(QXLClipRects) + held * sizeof(QXLRect), &addr);

    for (uint32_t i = 0; i < held; i++)
        rects[i] = rect(w);
    memcpy(at, &n, sizeof(n));
    chunks(w, (QXLDataChunk *)(at + sizeof(n)), (uint8_t *)rects, held * sizeof(QXLRect));
    return bend(w, addr);
}

/* A list of small records inside a chunk list behind a header of size `head`. */
static QXLPHYSICAL records(struct world *w, const void *head, size_t head_size,
                           const uint8_t *bytes, size_t size)
{
    QXLPHYSICAL addr;
    uint8_t *at = place(w, head_size + sizeof(QXLDataChunk) + size, &addr);

    memcpy(at, head, head_size);
    chunks(w, (QXLDataChunk *)(at + head_size), bytes, size);
    return bend(w, addr);
}

static QXLPHYSICAL path(struct world *w)
{
    uint8_t bytes[1024];
    uint32_t used = 0;

    while (used + 8 + 8 * 8 <= sizeof(bytes) && take(w, 1) % 4) {
        uint32_t seg[2] = {take(w, 1), take(w, 1) % 8};
        memcpy(bytes + used, seg, 8);
        used += 8;
        for (uint32_t i = 0; i < seg[1]; i++, used += 8) {
            uint32_t point[2] = {number(w) * 16, number(w) * 16};
            memcpy(bytes + used, point, 8);
        }
    }
    return records(w, &used, sizeof(used), bytes, used);
}

static QXLPHYSICAL string(struct world *w)
{
    uint8_t bytes[2048];
    struct {
        uint32_t size;
        uint16_t length, flags;
    } head = {0, (uint16_t)(take(w, 1) % 8), (uint16_t)(1u << take(w, 1) % 3)};
    unsigned bpp = head.flags == 1 ? 1 : head.flags == 2 ? 4 : 8;

    head.flags |= (take(w, 1) & 1) << 3;
    for (unsigned i = 0; i < head.length; i++) {
        QXLRasterGlyph glyph = {
            .render_pos = {(int32_t)number(w), (int32_t)number(w)},
            .glyph_origin = {(int32_t)take(w, 1) % 8 - 4, (int32_t)take(w, 1) % 8 - 4},
            .width = (uint16_t)(take(w, 1) % 16),
            .height = (uint16_t)(take(w, 1) % 12),
        };
        size_t n = (glyph.width * bpp + 7) / 8 * (size_t)glyph.height;
        memcpy(bytes + head.size, &glyph, sizeof(glyph));
        scribble(w, bytes + head.size + sizeof(glyph), n);
        head.size += (uint32_t)(sizeof(glyph) + n);
    }
    return records(w, &head, sizeof(head), bytes, head.size);
}

static QXLPHYSICAL style(struct world *w, unsigned n)
{
    QXLPHYSICAL addr;
    uint8_t *at = place(w, n * sizeof(QXLFIXED), &addr);

    for (unsigned i = 0; i < n; i++) {
        QXLFIXED v = (QXLFIXED)(number(w) * 4);
        memcpy(at + i * sizeof(v), &v, sizeof(v));
    }
    return bend(w, addr);
}

static QXLPHYSICAL transform(struct world *w)
{
    QXLTransform t;
    QXLPHYSICAL addr;

    if (!(take(w, 1) & 1))
        return 0;
    t = (QXLTransform){number(w) << 12, number(w) << 10, number(w) << 16,
                       number(w) << 10, number(w) << 12, number(w) << 16};
    memcpy(place(w, sizeof(t), &addr), &t, sizeof(t));
    return bend(w, addr);
}

static void stroke(struct world *w, QXLStroke *out)
{
    out->attr.flags = (uint8_t)take(w, 1);
    out->attr.style_nseg = (uint8_t)(take(w, 1) % 9);
    out->attr.style = style(w, out->attr.style_nseg);
    out->path = path(w);
    out->brush = brush(w);
    out->fore_mode = (uint16_t)(1u << take(w, 1) % 11);
}

static void text(struct world *w, QXLText *out)
{
    out->str = string(w);
    out->back_area = rect(w);
    out->fore_brush = brush(w);
    out->back_brush = brush(w);
    out->fore_mode = (uint16_t)take(w, 2);
    out->back_mode = (uint16_t)take(w, 2);
}

static void composite(struct world *w, QXLComposite *out)
{
    uint32_t op = take(w, 1);

    out->flags = (op & 128 ? op - 128 : op % 14) | (take(w, 3) << 8);
    out->src = image(w, 0);
    out->src_transform = transform(w);
    out->mask = take(w, 1) & 1 ? image(w, 0) : 0;
    out->mask_transform = transform(w);
    out->src_origin = (QXLPoint16){(int16_t)number(w), (int16_t)number(w)};
    out->mask_origin = (QXLPoint16){(int16_t)number(w), (int16_t)number(w)};
}

static void operands(struct world *w, QXLDrawable *d)
{
    QXLRect area = rect(w);

    if (take(w, 1) & 1) /* as large as the box: not scaled */
        area = (QXLRect){0, 0, (int32_t)((uint32_t)d->bbox.bottom - (uint32_t)d->bbox.top),
                         (int32_t)((uint32_t)d->bbox.right - (uint32_t)d->bbox.left)};
    switch (d->type) {
    case QXL_DRAW_FILL:
        d->u.fill = (QXLFill){brush(w), (uint16_t)take(w, 2), mask(w)};
        break;
    case QXL_DRAW_OPAQUE:
        d->u.opaque = (QXLOpaque){
            image(w, 0), area, brush(w), (uint16_t)take(w, 2), (uint8_t)(take(w, 1) % 2), mask(w)};
        break;
    case QXL_DRAW_COPY:
    case QXL_DRAW_BLEND:
        d->u.copy =
            (QXLCopy){image(w, 0), area, (uint16_t)take(w, 2), (uint8_t)(take(w, 1) % 2), mask(w)};
        break;
    case QXL_COPY_BITS:
        d->u.copy_bits.src_pos = (QXLPoint){(int32_t)number(w), (int32_t)number(w)};
        break;
    case QXL_DRAW_ROP3:
        d->u.rop3 = (QXLRop3){
            image(w, 0), area, brush(w), (uint8_t)take(w, 1), (uint8_t)(take(w, 1) % 2), mask(w)};
        break;
    case QXL_DRAW_STROKE:
        stroke(w, &d->u.stroke);
        break;
    case QXL_DRAW_TEXT:
        text(w, &d->u.text);
        break;
    case QXL_DRAW_TRANSPARENT:
        d->u.transparent = (QXLTransparent){image(w, 0), area, 0, take(w, 3)};
        break;
    case QXL_DRAW_ALPHA_BLEND:
        d->u.alpha_blend =
            (QXLAlphaBlend){(uint16_t)take(w, 1), (uint8_t)take(w, 1), image(w, 0), area};
        break;
    case QXL_DRAW_COMPOSITE:
        composite(w, &d->u.composite);
        break;
    default:
        d->u.blackness.mask = mask(w);
    }
}

static QXLPHYSICAL drawable(struct world *w)
{
    QXLDrawable d = {.effect = QXL_EFFECT_OPAQUE};
    QXLPHYSICAL addr;
    uint8_t *at = place(w, sizeof(d), &addr);

    d.type = (uint8_t)(take(w, 1) % 16);
    d.surface_id = take(w, 1) % 9;
    d.self_bitmap = take(w, 1) & 1;
    d.self_bitmap_area = rect(w);
    d.bbox = rect(w);
    d.clip.type = take(w, 1) % 3;
    if (d.clip.type == SPICE_CLIP_TYPE_RECTS)
        d.clip.data = clip_rects(w);
    operands(w, &d);
    memcpy(at, &d, sizeof(d));
    return addr;
}

static QXLPHYSICAL surface_cmd(struct world *w)
{
    static const uint32_t formats[] = {1, 8, 16, 80, 32, 96, 0};
    QXLSurfaceCmd cmd = {.surface_id = take(w, 1) % 9, .type = (uint8_t)(take(w, 1) % 3)};
    QXLSurface *create = &cmd.u.surface_create;
    QXLPHYSICAL addr;

    create->format = formats[take(w, 1) % 7];
    create->width = number(w);
    create->height = number(w);
    create->stride = (int32_t)(number(w) % 4096 * 4) * (take(w, 1) & 1 ? -1 : 1);
    place(w, MIN((size_t)create->height * (uint32_t)abs(create->stride), 16384), &addr);
    if (take(w, 1) & 1)
        addr = address(take(w, 2) & ~3u); /* on top of anything */
    create->data = bend(w, addr);
    memcpy(place(w, sizeof(cmd), &addr), &cmd, sizeof(cmd));
    return addr;
}

static QXLPHYSICAL cursor_cmd(struct world *w)
{
    QXLCursorCmd cmd = {.type = (uint8_t)(take(w, 1) % 5)};
    QXLCursor head = {
        .header = {1, (uint16_t)(take(w, 1) % 8), (uint16_t)number(w), (uint16_t)number(w), 0, 0}};
    QXLPHYSICAL addr;
    size_t size = MIN(
        cursor_data_size((uint8_t)head.header.type, head.header.width, head.header.height), 16384);
    uint8_t *bytes = g_malloc0(size + 1);

    head.data_size = (uint32_t)(size + number(w) / 60);
    cmd.u.set.shape = records(w, &head, offsetof(QXLCursor, chunk), bytes, size);
    g_free(bytes);
    memcpy(place(w, sizeof(cmd), &addr), &cmd, sizeof(cmd));
    return addr;
}

/* --- running commands --- */

static bool same_pixel(const struct surface *surface, const uint8_t *before, uint32_t x, uint32_t y)
{
    ptrdiff_t row = surface_row(surface, y) - surface->mem;
    size_t bit = (size_t)x * surface->bpp;
    const uint8_t *a = before + row + bit / 8, *b = surface->mem + row + bit / 8;

    if (surface->bpp == 1)
        return ((*a ^ *b) >> bit % 8 & 1) == 0;
    return memcmp(a, b, surface->bpp / 8) == 0;
}

/* Nothing outside the damage changed. */
static void check_damage(const struct surface *surface, const uint8_t *before,
                         const pixman_region32_t *damage)
{
    for (uint32_t y = 0; y < surface->height; y++)
        for (uint32_t x = 0; x < surface->width; x++)
            FUZZ_CHECK(
                same_pixel(surface, before, x, y) ||
                pixman_region32_contains_point((pixman_region32_t *)damage, (int)x, (int)y, NULL));
}

static void check_draw(struct world *w, const struct draw *draw)
{
    struct surface *dst = surfaces_get(w->surfaces, draw->surface_id);
    uint8_t *before = NULL;
    const char *reason;
    pixman_region32_t damage;

    /* Other surfaces may lie in each other's memory. */
    if (dst && dst->id < G_N_ELEMENTS(w->standing) && dst->mem == w->standing[dst->id])
        before = g_memdup2(dst->mem, dst->mem_size);
    pixman_region32_init(&damage);
    bool ok = canvas_draw(w->surfaces, draw, &damage, &reason);
    FUZZ_CHECK(ok == (reason == NULL));
    FUZZ_CHECK(ok || !pixman_region32_not_empty(&damage));
    if (before)
        check_damage(dst, before, &damage);
    g_free(before);
    pixman_region32_fini(&damage);
}

static void run_draw(struct world *w, QXLPHYSICAL addr, uint32_t flags)
{
    struct draw draw;
    const char *reason;

    if (qxl_read_draw(w->slots, GROUP, addr, flags, &draw, &reason) == QXL_READ_OK) {
        FUZZ_CHECK(reason == NULL);
        check_draw(w, &draw);
        draw_clear(&draw);
    } else {
        FUZZ_CHECK(reason != NULL);
        FUZZ_CHECK(draw.clip_rects == NULL && draw.src.kind == QXL_IMAGE_ABSENT);
    }
}

static void run_surface(struct world *w, QXLPHYSICAL addr)
{
    struct qxl_surface_cmd cmd;
    const char *reason;

    if (qxl_read_surface(w->slots, GROUP, addr, &cmd, &reason) != QXL_READ_OK)
        return;
    if (cmd.type == QXL_SURFACE_CMD_DESTROY)
        surfaces_destroy(w->surfaces, cmd.surface_id);
    else
        surfaces_create(w->surfaces, cmd.surface_id, cmd.format, cmd.width, cmd.height, cmd.stride,
                        cmd.mem, cmd.mem_size, &reason);
}

static void run_other(struct world *w, uint32_t type, QXLPHYSICAL addr, uint32_t flags)
{
    struct qxl_cursor_cmd cursor;
    struct qxl_update_cmd update;
    struct qxl_monitors monitors;
    const char *reason;

    switch (type) {
    case QXL_CMD_CURSOR:
        qxl_read_cursor(w->slots, GROUP, addr, &cursor, &reason);
        cursor_free(cursor.shape);
        break;
    case QXL_CMD_UPDATE:
        qxl_read_update(w->slots, GROUP, addr, flags, &update, &reason);
        break;
    default:
        qxl_read_monitors(w->slots, GROUP, addr, &monitors, &reason);
    }
}

static QXLPHYSICAL build(struct world *w, uint32_t type, bool raw)
{
    if (raw) {
        QXLPHYSICAL addr;
        size_t n = take(w, 2);
        n = MIN(n, w->left);
        memcpy(place(w, n, &addr), w->data, n);
        w->data += n;
        w->left -= n;
        return addr;
    }
    switch (type) {
    case QXL_CMD_SURFACE:
        return surface_cmd(w);
    case QXL_CMD_CURSOR:
        return cursor_cmd(w);
    default:
        return drawable(w);
    }
}

/* The slot ends where the guest's memory is used up to. */
static void set_slot(struct world *w)
{
    uintptr_t at = (uintptr_t)w->arena;

    memslots_add(w->slots, &(struct memslot_desc){GROUP, SLOT_ID, 0, at, at + w->used, at});
}

static void run_command(struct world *w)
{
    uint32_t head = take(w, 1), type = head & 7, flags = head >> 4 & 3;
    QXLPHYSICAL addr = build(w, type, head & 8);

    set_slot(w);
    switch (type) {
    case QXL_CMD_SURFACE:
        run_surface(w, addr);
        break;
    case QXL_CMD_CURSOR:
    case QXL_CMD_UPDATE:
    case 6:
        run_other(w, type, addr, flags);
        break;
    default:
        run_draw(w, addr, flags);
    }
    qxl_release_info_of(w->slots, GROUP, addr);
}

/* One surface of each format, each in memory of exactly its size. */
static const struct {
    uint32_t format, width, height;
    int32_t stride;
} standing[] = {
    {SPICE_SURFACE_FMT_32_xRGB, 37, 23, -160}, {SPICE_SURFACE_FMT_32_ARGB, 20, 20, 80},
    {SPICE_SURFACE_FMT_16_555, 21, 11, 44},    {SPICE_SURFACE_FMT_16_565, 16, 9, -32},
    {SPICE_SURFACE_FMT_8_A, 30, 7, 32},        {SPICE_SURFACE_FMT_1_A, 45, 13, 8},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.data = data, .left = size, .arena = g_malloc0(ARENA)};
    const char *reason;

    w.slots = memslots_new(2, 8, 8, 8);
    w.surfaces = surfaces_new(8);
    ASAN_POISON_MEMORY_REGION(w.arena, ARENA);
    for (size_t i = 0; i < G_N_ELEMENTS(standing); i++) {
        size_t n = standing[i].height * (size_t)abs(standing[i].stride);
        uint8_t *memory = w.standing[i] = g_malloc(n);
        for (size_t j = 0; j < n; j++) /* so that drawing shows */
            memory[j] = (uint8_t)(j * 37 + 11);
        FUZZ_CHECK(surfaces_create(w.surfaces, (uint32_t)i, standing[i].format, standing[i].width,
                                   standing[i].height, standing[i].stride, w.standing[i], n,
                                   &reason));
    }
    for (int i = 0; i < 8 && w.left > 0; i++)
        run_command(&w);
    surfaces_free(w.surfaces);
    memslots_free(w.slots);
    for (size_t i = 0; i < G_N_ELEMENTS(standing); i++)
        g_free(w.standing[i]);
    ASAN_UNPOISON_MEMORY_REGION(w.arena, ARENA);
    g_free(w.arena);
    return 0;
}
