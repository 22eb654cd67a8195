/* SPDX-License-Identifier: MIT */
#include "timeline_private.h"

#include <gio/gio.h>
#include <cairo.h>

#define IMAGE_WIDTH  1280
#define IMAGE_HEIGHT 640
#define LEFT         70
#define RIGHT        40
#define LABEL_STEP   17
#define BUCKET       (G_USEC_PER_SEC / 10)
#define ZOOM_BEFORE  (G_USEC_PER_SEC * 3 / 10)
#define ZOOM_AFTER   (G_USEC_PER_SEC * 5 / 10)

/* One chart with its own scale of time; labels stand between label_top and top. */
struct panel {
    const struct timeline *timeline;
    cairo_t *cairo;
    gint64 from, to;
    double label_top, top, bottom;
    gint64 tick; /* between two numbers of the axis */
};

struct color {
    double r, g, b;
};

static const struct color ink = {0.15, 0.17, 0.20};
static const struct color grey = {0.45, 0.48, 0.52};
static const struct color faint = {0.78, 0.81, 0.85};
static const struct color bar_color = {0.22, 0.49, 0.72};
static const struct color pause_color = {0.95, 0.62, 0.16};
static const struct color stop_color = {0.84, 0.22, 0.18};

static void use(cairo_t *cairo, struct color c, double alpha)
{
    cairo_set_source_rgba(cairo, c.r, c.g, c.b, alpha);
}

static double x_of(const struct panel *p, gint64 time)
{
    double width = IMAGE_WIDTH - LEFT - RIGHT;

    return LEFT + width * (double)(CLAMP(time, p->from, p->to) - p->from) /
                      (double)MAX(p->to - p->from, 1);
}

static void write_text(cairo_t *cairo, double x, double y, const char *text)
{
    cairo_move_to(cairo, x, y);
    cairo_show_text(cairo, text);
}

static void draw_axis(const struct panel *p)
{
    gint64 first = (p->from - p->timeline->start + p->tick - 1) / p->tick;

    use(p->cairo, ink, 1);
    cairo_set_line_width(p->cairo, 1);
    cairo_move_to(p->cairo, LEFT, p->bottom + 0.5);
    cairo_line_to(p->cairo, IMAGE_WIDTH - RIGHT, p->bottom + 0.5);
    cairo_stroke(p->cairo);
    for (gint64 n = first; p->timeline->start + n * p->tick <= p->to; n++) {
        double x = x_of(p, p->timeline->start + n * p->tick);
        char text[32];

        cairo_move_to(p->cairo, x, p->bottom);
        cairo_rel_line_to(p->cairo, 0, 5);
        cairo_stroke(p->cairo);
        g_snprintf(text, sizeof text, p->tick < (gint64)G_USEC_PER_SEC ? "%.1f s" : "%.0f s",
                   (double)(n * p->tick) / 1e6);
        write_text(p->cairo, x - 10, p->bottom + 20, text);
    }
}

static void draw_band(const struct panel *p, gint64 from, gint64 to, struct color color)
{
    double x = x_of(p, from), width = MAX(x_of(p, to) - x, 1.5);

    if (!from || to < p->from || from > p->to)
        return;
    use(p->cairo, color, 0.35);
    cairo_rectangle(p->cairo, x, p->top, width, p->bottom - p->top);
    cairo_fill(p->cairo);
}

static void draw_bands(const struct panel *p)
{
    draw_band(p, p->timeline->pause_from, p->timeline->pause_to, pause_color);
    draw_band(p, p->timeline->vm_from, p->timeline->vm_to, stop_color);
}

/* Pictures per 0.1 s. */
static void draw_bars(const struct panel *p)
{
    double scale, width = x_of(p, p->from + BUCKET) - LEFT;
    unsigned top = 1;
    char text[32];

    for (gint64 at = p->from; at < p->to; at += BUCKET)
        top = MAX(top, timeline_count(p->timeline, at, at + BUCKET));
    scale = (p->bottom - p->top) / top;
    use(p->cairo, bar_color, 0.85);
    for (gint64 at = p->from; at + BUCKET <= p->to; at += BUCKET) {
        double height = scale * timeline_count(p->timeline, at, at + BUCKET);

        cairo_rectangle(p->cairo, x_of(p, at) + 0.1 * width, p->bottom - height, 0.8 * width,
                        height);
    }
    cairo_fill(p->cairo);
    use(p->cairo, grey, 1);
    g_snprintf(text, sizeof text, "%u/s", top * (unsigned)(G_USEC_PER_SEC / BUCKET));
    write_text(p->cairo, 24, p->top + 10, text);
}

/* Every picture as a line. */
static void draw_pictures(const struct panel *p)
{
    use(p->cairo, bar_color, 1);
    cairo_set_line_width(p->cairo, 2);
    for (guint i = 0; i < p->timeline->pictures->len; i++) {
        gint64 at = g_array_index(p->timeline->pictures, gint64, i);

        if (at < p->from || at > p->to)
            continue;
        cairo_move_to(p->cairo, x_of(p, at), p->top + 20);
        cairo_line_to(p->cairo, x_of(p, at), p->bottom);
    }
    cairo_stroke(p->cairo);
}

/* Labels take turns in rows, so that moments close together stay readable. */
static void draw_moments(const struct panel *p)
{
    int rows = MAX((int)((p->top - p->label_top) / LABEL_STEP), 1), row = 0;

    for (guint i = 0; i < p->timeline->moments->len; i++) {
        const struct moment *moment = &g_array_index(p->timeline->moments, struct moment, i);
        double y = p->label_top + LABEL_STEP * (row % rows), x = x_of(p, moment->time);
        cairo_text_extents_t extents;
        char text[96];

        if (moment->time < p->from || moment->time > p->to)
            continue;
        row++;
        use(p->cairo, faint, 1);
        cairo_set_line_width(p->cairo, 1);
        cairo_move_to(p->cairo, x, y);
        cairo_line_to(p->cairo, x, p->bottom);
        cairo_stroke(p->cairo);
        g_snprintf(text, sizeof text, "%.3f %s", (moment->time - p->timeline->start) / 1e6,
                   moment->name);
        cairo_text_extents(p->cairo, text, &extents);
        use(p->cairo, ink, 1);
        if (x + extents.width + 8 > IMAGE_WIDTH)
            x -= extents.width + 8;
        write_text(p->cairo, x + 4, y + 4, text);
    }
}

static void set_font(cairo_t *cairo, double size, cairo_font_weight_t weight)
{
    cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, weight);
    cairo_set_font_size(cairo, size);
}

static double draw_key(cairo_t *cairo, double x, struct color color, const char *text)
{
    cairo_text_extents_t extents;

    use(cairo, color, 0.6);
    cairo_rectangle(cairo, x, IMAGE_HEIGHT - 24, 12, 12);
    cairo_fill(cairo);
    use(cairo, ink, 1);
    write_text(cairo, x + 18, IMAGE_HEIGHT - 13, text);
    cairo_text_extents(cairo, text, &extents);
    return x + 18 + extents.width + 28;
}

static void draw_all(const struct timeline *t, cairo_t *cairo, const char *title, gint64 from,
                     gint64 to)
{
    const struct panel whole = {t, cairo, from, to, 66, 190, 290, G_USEC_PER_SEC};
    const struct panel zoom = {
        t, cairo, t->vm_from - ZOOM_BEFORE, t->vm_from + ZOOM_AFTER, 356, 470, 570, BUCKET};
    double x = LEFT;

    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_paint(cairo);
    use(cairo, ink, 1);
    set_font(cairo, 17, CAIRO_FONT_WEIGHT_BOLD);
    write_text(cairo, LEFT, 34, title);
    set_font(cairo, 12, CAIRO_FONT_WEIGHT_NORMAL);
    draw_moments(&whole);
    draw_bars(&whole);
    draw_bands(&whole);
    draw_axis(&whole);
    if (t->vm_from) {
        draw_moments(&zoom);
        draw_bands(&zoom);
        draw_pictures(&zoom);
        draw_axis(&zoom);
    }
    x = draw_key(cairo, x, bar_color, "pictures on the user's screen (above: per 0.1 s)");
    x = draw_key(cairo, x, pause_color, "the picture stands still");
    draw_key(cairo, x, stop_color, "the VM stands still");
}

bool timeline_save(const struct timeline *timeline, const char *path, const char *title,
                   gint64 from, gint64 to, GError **error)
{
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, IMAGE_WIDTH, IMAGE_HEIGHT);
    cairo_t *cairo = cairo_create(surface);
    cairo_status_t status;

    draw_all(timeline, cairo, title, from, to);
    cairo_destroy(cairo);
    status = cairo_surface_write_to_png(surface, path);
    cairo_surface_destroy(surface);
    if (status != CAIRO_STATUS_SUCCESS)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", path,
                    cairo_status_to_string(status));
    return status == CAIRO_STATUS_SUCCESS;
}
