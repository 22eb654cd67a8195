/* SPDX-License-Identifier: MIT */
#include "timeline_private.h"

#include <gio/gio.h>
#include <cairo.h>

#define IMAGE_WIDTH  1280
#define IMAGE_HEIGHT 460
#define LEFT         60
#define RIGHT        30
#define CHART_TOP    250
#define CHART_BOTTOM 410
#define LABEL_TOP    70
#define LABEL_STEP   18
#define LABEL_ROWS   9
#define BUCKET       (G_USEC_PER_SEC / 10)

struct drawing {
    const struct timeline *timeline;
    cairo_t *cairo;
    gint64 from, to;
};

struct color {
    double r, g, b;
};

static const struct color ink = {0.15, 0.17, 0.20};
static const struct color faint = {0.72, 0.75, 0.80};
static const struct color bar_color = {0.22, 0.49, 0.72};
static const struct color pause_color = {0.89, 0.29, 0.20};

static void use(cairo_t *cairo, struct color c, double alpha)
{
    cairo_set_source_rgba(cairo, c.r, c.g, c.b, alpha);
}

static double x_of(const struct drawing *d, gint64 time)
{
    double width = IMAGE_WIDTH - LEFT - RIGHT;

    return LEFT + width * (double)(time - d->from) / (double)MAX(d->to - d->from, 1);
}

static void write_text(cairo_t *cairo, double x, double y, const char *text)
{
    cairo_move_to(cairo, x, y);
    cairo_show_text(cairo, text);
}

static void draw_axis(const struct drawing *d)
{
    char text[32];

    use(d->cairo, ink, 1);
    cairo_set_line_width(d->cairo, 1);
    cairo_move_to(d->cairo, LEFT, CHART_BOTTOM + 0.5);
    cairo_line_to(d->cairo, IMAGE_WIDTH - RIGHT, CHART_BOTTOM + 0.5);
    cairo_stroke(d->cairo);
    for (gint64 second = (d->from - d->timeline->start) / G_USEC_PER_SEC;; second++) {
        gint64 at = d->timeline->start + second * G_USEC_PER_SEC;

        if (at > d->to)
            break;
        if (at < d->from)
            continue;
        cairo_move_to(d->cairo, x_of(d, at), CHART_BOTTOM);
        cairo_rel_line_to(d->cairo, 0, 5);
        cairo_stroke(d->cairo);
        g_snprintf(text, sizeof text, "%d s", (int)second);
        write_text(d->cairo, x_of(d, at) - 6, CHART_BOTTOM + 20, text);
    }
    write_text(d->cairo, LEFT, IMAGE_HEIGHT - 12, "bars: pictures on the user's screen, per 0.1 s");
}

static void draw_bars(const struct drawing *d)
{
    double scale, width;
    unsigned top = 1;
    char text[32];

    for (gint64 at = d->from; at < d->to; at += BUCKET)
        top = MAX(top, timeline_count(d->timeline, at, at + BUCKET));
    scale = (double)(CHART_BOTTOM - CHART_TOP) / top;
    width = x_of(d, d->from + BUCKET) - LEFT;
    use(d->cairo, bar_color, 0.85);
    for (gint64 at = d->from; at < d->to; at += BUCKET) {
        double height = scale * timeline_count(d->timeline, at, at + BUCKET);

        cairo_rectangle(d->cairo, x_of(d, at) + 0.1 * width, CHART_BOTTOM - height, 0.8 * width,
                        height);
    }
    cairo_fill(d->cairo);
    use(d->cairo, ink, 1);
    g_snprintf(text, sizeof text, "%u/s", top * (unsigned)(G_USEC_PER_SEC / BUCKET));
    write_text(d->cairo, 14, CHART_TOP + 10, text);
}

static void draw_pause(const struct drawing *d)
{
    const struct timeline *t = d->timeline;
    double x = x_of(d, t->pause_from);
    char text[64];

    if (!t->pause_to)
        return;
    use(d->cairo, pause_color, 0.45);
    cairo_rectangle(d->cairo, x, CHART_TOP - 6, MAX(x_of(d, t->pause_to) - x, 1.5),
                    CHART_BOTTOM - CHART_TOP + 6);
    cairo_fill(d->cairo);
    use(d->cairo, pause_color, 1);
    g_snprintf(text, sizeof text, "longest pause: %.0f ms", (t->pause_to - t->pause_from) / 1e3);
    write_text(d->cairo, LEFT + 330, IMAGE_HEIGHT - 12, text);
}

/* Labels take turns in rows, so that moments close together stay readable. */
static void draw_moments(const struct drawing *d)
{
    const GArray *moments = d->timeline->moments;
    char text[96];

    for (guint i = 0; i < moments->len; i++) {
        const struct moment *moment = &g_array_index(moments, struct moment, i);
        double y = LABEL_TOP + LABEL_STEP * (i % LABEL_ROWS), x = x_of(d, moment->time);
        cairo_text_extents_t extents;

        if (moment->time < d->from || moment->time > d->to)
            continue;
        use(d->cairo, faint, 1);
        cairo_move_to(d->cairo, x, y);
        cairo_line_to(d->cairo, x, CHART_BOTTOM);
        cairo_stroke(d->cairo);
        g_snprintf(text, sizeof text, "%.2f %s", (moment->time - d->timeline->start) / 1e6,
                   moment->name);
        cairo_text_extents(d->cairo, text, &extents);
        use(d->cairo, ink, 1);
        if (x + extents.width + 8 > IMAGE_WIDTH)
            x -= extents.width + 8;
        write_text(d->cairo, x + 4, y + 4, text);
    }
}

bool timeline_save(const struct timeline *timeline, const char *path, const char *title,
                   gint64 from, gint64 to, GError **error)
{
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, IMAGE_WIDTH, IMAGE_HEIGHT);
    struct drawing d = {timeline, cairo_create(surface), from, to};
    cairo_status_t status;

    cairo_set_source_rgb(d.cairo, 1, 1, 1);
    cairo_paint(d.cairo);
    cairo_select_font_face(d.cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           CAIRO_FONT_WEIGHT_BOLD);
    cairo_set_font_size(d.cairo, 17);
    use(d.cairo, ink, 1);
    write_text(d.cairo, LEFT, 34, title);
    cairo_select_font_face(d.cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(d.cairo, 12);
    draw_bars(&d);
    draw_moments(&d);
    draw_pause(&d);
    draw_axis(&d);
    cairo_destroy(d.cairo);
    status = cairo_surface_write_to_png(surface, path);
    cairo_surface_destroy(surface);
    if (status != CAIRO_STATUS_SUCCESS)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", path,
                    cairo_status_to_string(status));
    return status == CAIRO_STATUS_SUCCESS;
}
