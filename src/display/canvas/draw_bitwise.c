/* SPDX-License-Identifier: MIT */
/* The kinds that are one raster operation of source, brush and destination, cut by a mask. */
#include "display/canvas/paint.h"

#include <spice/qxl_dev.h>

static uint8_t code_of(const struct draw *draw)
{
    switch (draw->kind) {
    case QXL_DRAW_FILL:
        return rop_from_descriptor(draw->rop, ROP_PATTERN, ROP_DESTINATION);
    case QXL_DRAW_OPAQUE:
        return rop_from_descriptor(draw->rop, ROP_PATTERN, ROP_SOURCE);
    case QXL_DRAW_BLACKNESS:
        return 0x00;
    case QXL_DRAW_WHITENESS:
        return 0xff;
    case QXL_DRAW_INVERS:
        return 0xff & ~ROP_DESTINATION;
    case QXL_DRAW_ROP3:
        return (uint8_t)draw->rop;
    default: /* COPY, BLEND */
        return rop_from_descriptor(draw->rop, ROP_SOURCE, ROP_DESTINATION);
    }
}

/* Opens what the code needs, and paints. */
static bool paint_with_source(struct job *job, struct paint *paint, struct source *source)
{
    bool ok = source_open(source, job->surfaces, job->dst, job->draw,
                          pixman_region32_extents(&job->region), &job->reason);

    if (ok) {
        paint->source = source;
        paint_region(job, paint, &job->region);
        paint->source = NULL;
    }
    source_close(source);
    return ok;
}

static bool paint_with_brush(struct job *job, struct paint *paint)
{
    struct source source = {0};

    if (rop_needs(paint->code, ROP_SOURCE))
        return paint_with_source(job, paint, &source);
    paint_region(job, paint, &job->region);
    return true;
}

bool draw_bitwise(struct job *job)
{
    struct paint paint = {.code = code_of(job->draw)};
    struct mask mask;
    struct brush brush = {0};

    if (!mask_open(&mask, job->surfaces, job->draw, &job->reason))
        return false;
    if (mask.used)
        paint.mask = &mask;
    if (!rop_needs(paint.code, ROP_PATTERN))
        return paint_with_brush(job, &paint);
    bool ok = brush_open(&brush, job->surfaces, job->dst, &job->draw->brush, &job->reason);
    if (ok) {
        paint.brush = &brush;
        ok = paint_with_brush(job, &paint);
    }
    brush_close(&brush);
    return ok;
}
