/* SPDX-License-Identifier: MIT */
/*
 * STROKE: lines one pixel wide, without their last pixel, solid or dashed. A path is drawn as a
 * shape first, so a pixel that it crosses twice is painted once.
 */
#include "display/canvas/paint.h"

#include <glib.h>
#include <stdlib.h>
#include <spice/enums.h>

#define STEPS_MAX    (16u << 20) /* pixels walked for one command */
#define DASHED_MAX   (1u << 20)  /* as many when each is looked up in a style */
#define BEZIER_LINES 32

struct pen {
    struct coverage *shape;
    const struct draw_stroke *stroke;
    uint32_t steps; /* left of the command's */
    int64_t walked; /* pixels since the polyline began: the dash's phase */
    int64_t period; /* pixels of all dashes and gaps; 0: solid */
    bool begun;
    int32_t x, y; /* where the next line starts */
    int32_t first_x, first_y;
};

/* 28.4 to pixels; a half goes down. */
static int32_t to_pixel(QXLFIXED v)
{
    return (v >> 4) + ((v & 15) > 8);
}

static int32_t dash_length(const struct draw_stroke *stroke, unsigned i)
{
    return MAX(to_pixel(stroke->style[i % stroke->n_style]), 1);
}

/* An odd number of lengths swaps dashes and gaps every round, so a period is always an even one. */
static unsigned dash_count(const struct draw_stroke *stroke)
{
    return stroke->n_style % 2 ? stroke->n_style * 2u : stroke->n_style;
}

static bool dash_drawn(const struct pen *pen, int64_t at)
{
    bool drawn = !(pen->stroke->line_flags & SPICE_LINE_FLAGS_START_WITH_GAP);

    if (pen->period == 0)
        return true;
    at %= pen->period;
    for (unsigned i = 0; at >= dash_length(pen->stroke, i); i++) {
        at -= dash_length(pen->stroke, i);
        drawn = !drawn;
    }
    return drawn;
}

static void plot(struct pen *pen, int64_t x, int64_t y, int64_t at)
{
    const pixman_box32_t *box = &pen->shape->box;

    if (x < box->x1 || x >= box->x2 || y < box->y1 || y >= box->y2 || !dash_drawn(pen, at))
        return;
    size_t width = (size_t)(box->x2 - box->x1);
    pen->shape->bytes[width * (size_t)(y - box->y1) + (size_t)(x - box->x1)] = 255;
}

/* Cuts steps [*from, *to) of a walk from `start` by `sign` a step to those inside [low, high). */
static void cut_steps(int64_t start, int sign, int64_t low, int64_t high, int64_t *from,
                      int64_t *to)
{
    int64_t first = sign > 0 ? low - start : start - high + 1;
    int64_t end = sign > 0 ? high - start : start - low + 1;

    *from = MAX(*from, first);
    *to = MIN(*to, end);
}

/* False when the command walks too far. */
static bool line_to(struct pen *pen, int32_t x, int32_t y)
{
    const pixman_box32_t *box = &pen->shape->box;
    int64_t x0 = pen->x, y0 = pen->y;
    int64_t width = llabs(x - x0), height = llabs(y - y0), length = MAX(width, height);
    int sx = x < x0 ? -1 : 1, sy = y < y0 ? -1 : 1;
    int64_t from = 0, to = length;

    if (width >= height)
        cut_steps(x0, sx, box->x1, box->x2, &from, &to);
    else
        cut_steps(y0, sy, box->y1, box->y2, &from, &to);
    if (to - from > pen->steps)
        return false;
    pen->steps -= (uint32_t)MAX(to - from, 0);
    for (int64_t i = from; i < to; i++)
        plot(pen, x0 + sx * ((2 * i * width + length) / (2 * length)),
             y0 + sy * ((2 * i * height + length) / (2 * length)), pen->walked + i);
    pen->walked += length;
    pen->x = x;
    pen->y = y;
    return true;
}

static void begin(struct pen *pen, const QXLPointFix *point)
{
    pen->x = pen->first_x = to_pixel(point->x);
    pen->y = pen->first_y = to_pixel(point->y);
    pen->walked = 0;
    pen->begun = true;
}

static double bezier(double a, double b, double c, double d, double t)
{
    double u = 1 - t;

    return u * u * u * a + 3 * u * u * t * b + 3 * u * t * t * c + t * t * t * d;
}

static bool bezier_to(struct pen *pen, const QXLPointFix p[3])
{
    double x0 = pen->x * 16.0, y0 = pen->y * 16.0;

    for (unsigned i = 1; i <= BEZIER_LINES; i++) {
        double t = (double)i / BEZIER_LINES;
        if (!line_to(pen, to_pixel((QXLFIXED)bezier(x0, p[0].x, p[1].x, p[2].x, t)),
                     to_pixel((QXLFIXED)bezier(y0, p[0].y, p[1].y, p[2].y, t))))
            return false;
    }
    return true;
}

static bool walk_points(struct pen *pen, const struct draw_segment *segment)
{
    const QXLPointFix *point = pen->stroke->points + segment->first;
    const QXLPointFix *end = point + segment->count;
    bool curved = segment->flags & SPICE_PATH_BEZIER;

    if (point < end && (segment->flags & SPICE_PATH_BEGIN || !pen->begun))
        begin(pen, point++);
    for (; end - point >= (curved ? 3 : 1); point += curved ? 3 : 1)
        if (curved ? !bezier_to(pen, point) : !line_to(pen, to_pixel(point->x), to_pixel(point->y)))
            return false;
    return true;
}

static bool walk_segment(struct pen *pen, const struct draw_segment *segment)
{
    if (!walk_points(pen, segment))
        return false;
    if (!(segment->flags & SPICE_PATH_END) || !pen->begun)
        return true;
    pen->begun = false;
    return !(segment->flags & SPICE_PATH_CLOSE) || line_to(pen, pen->first_x, pen->first_y);
}

static bool walk_path(struct job *job, struct coverage *shape)
{
    const struct draw_stroke *stroke = &job->draw->stroke;
    struct pen pen = {.shape = shape, .stroke = stroke, .steps = STEPS_MAX};

    if (stroke->n_style)
        for (unsigned i = 0; i < dash_count(stroke); i++)
            pen.period += dash_length(stroke, i);
    if (pen.period)
        pen.steps = DASHED_MAX;
    for (uint32_t i = 0; i < stroke->n_segments; i++)
        if (!walk_segment(&pen, &stroke->segments[i]))
            return job_fail(job, "path is too long");
    return true;
}

bool draw_stroke(struct job *job)
{
    const struct draw *draw = job->draw;
    struct coverage shape;
    struct brush brush = {0};
    struct paint paint = {
        .code = rop_from_descriptor(draw->stroke.fore_mode, ROP_PATTERN, ROP_DESTINATION),
        .brush = &brush,
        .coverage = &shape,
    };

    if (!coverage_open(&shape, job, &draw->bbox))
        return false;
    bool ok = walk_path(job, &shape) &&
              brush_open(&brush, job->surfaces, job->dst, &draw->brush, &job->reason);
    if (ok)
        paint_region(job, &paint, &job->region);
    brush_close(&brush);
    coverage_close(&shape);
    return ok;
}
