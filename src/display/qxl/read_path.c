/* SPDX-License-Identifier: MIT */
/* Glyph strings and paths: lists of records of their own sizes inside a chunk list. */
#include "display/qxl/guest.h"

#include <glib.h>
#include <string.h>

#include "base/reader.h"

static unsigned glyph_bpp(unsigned flags)
{
    if (flags & SPICE_STRING_FLAGS_RASTER_A1)
        return 1;
    if (flags & SPICE_STRING_FLAGS_RASTER_A4)
        return 4;
    return flags & SPICE_STRING_FLAGS_RASTER_A8 ? 8 : 0;
}

static bool read_glyph(struct reader *r, unsigned bpp, struct draw_glyph *out)
{
    int64_t x = reader_i32(r);
    int64_t y = reader_i32(r);

    x += reader_i32(r);
    y += reader_i32(r);
    out->width = reader_u16(r);
    out->height = reader_u16(r);
    out->stride = ((uint32_t)out->width * bpp + 7) / 8;
    out->at = r->pos;
    reader_skip(r, (size_t)out->stride * out->height);
    if (x < -DRAW_COORD_MAX || x > DRAW_COORD_MAX || y < -DRAW_COORD_MAX || y > DRAW_COORD_MAX)
        reader_fail(r);
    out->x = (int32_t)x;
    out->y = (int32_t)y;
    return reader_ok(r);
}

bool guest_string(struct guest *self, QXLPHYSICAL addr, struct draw_text *out)
{
    QXLString str;

    if (!guest_copy(self, addr, &str, offsetof(QXLString, chunk), "string is not in a memory slot"))
        return false;
    if (str.data_size > QXL_MAX_STRING_BYTES)
        return guest_fail(self, QXL_READ_TOO_LARGE, "string is too large");
    out->bpp = glyph_bpp(str.flags);
    if (out->bpp == 0)
        return guest_fail(self, QXL_READ_BAD_VALUE, "string has no known glyph depth");
    out->top_down = str.flags & SPICE_STRING_FLAGS_RASTER_TOP_DOWN;
    if (!guest_chunks(self, addr + offsetof(QXLString, chunk), str.data_size, &out->bits))
        return false;

    struct reader r = reader_make(out->bits, str.data_size);
    out->glyphs = g_new0(struct draw_glyph, MAX(str.length, 1));
    for (; out->n_glyphs < str.length; out->n_glyphs++)
        if (!read_glyph(&r, out->bpp, &out->glyphs[out->n_glyphs]))
            return guest_fail(self, QXL_READ_BAD_VALUE, "string has a bad glyph");
    return true;
}

/* Counts, or with `out` set fills, the segments of a path. */
static bool walk_path(struct reader r, struct draw_stroke *out, uint32_t *segments,
                      uint32_t *points)
{
    *segments = *points = 0;
    while (reader_left(&r) > 0) {
        uint32_t flags = reader_u32(&r);
        uint32_t count = reader_u32(&r);
        const uint8_t *from = reader_bytes(&r, (size_t)count * sizeof(QXLPointFix));
        if (!reader_ok(&r))
            return false;
        if (out) {
            out->segments[*segments] = (struct draw_segment){flags, *points, count};
            memcpy(out->points + *points, from, (size_t)count * sizeof(QXLPointFix));
        }
        *segments += 1;
        *points += count;
    }
    return true;
}

static bool points_ok(const struct draw_stroke *stroke)
{
    for (uint32_t i = 0; i < stroke->n_points; i++)
        if (!coord_ok(stroke->points[i].x) || !coord_ok(stroke->points[i].y))
            return false;
    return true;
}

bool guest_path(struct guest *self, QXLPHYSICAL addr, struct draw_stroke *out)
{
    QXLPath path;
    uint8_t *bytes;
    uint32_t segments, points;

    if (!guest_copy(self, addr, &path, offsetof(QXLPath, chunk), "path is not in a memory slot"))
        return false;
    if (path.data_size > QXL_MAX_PATH_BYTES)
        return guest_fail(self, QXL_READ_TOO_LARGE, "path is too large");
    if (!guest_chunks(self, addr + offsetof(QXLPath, chunk), path.data_size, &bytes))
        return false;

    struct reader r = reader_make(bytes, path.data_size);
    bool ok = walk_path(r, NULL, &segments, &points);
    if (ok) {
        out->segments = g_new(struct draw_segment, MAX(segments, 1));
        out->points = g_new(QXLPointFix, MAX(points, 1));
        walk_path(r, out, &out->n_segments, &out->n_points);
        ok = points_ok(out);
    }
    g_free(bytes);
    return ok || guest_fail(self, QXL_READ_BAD_VALUE, "path has a bad segment");
}
