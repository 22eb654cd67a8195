/* SPDX-License-Identifier: MIT */
#include "timeline.h"

#include <stdio.h>

#include "timeline_private.h"

#define STATUS_STEP  (G_USEC_PER_SEC / 4)
#define STATUS_STEPS 40

struct timeline *timeline_new(struct term *term)
{
    struct timeline *timeline = g_new0(struct timeline, 1);

    timeline->term = term;
    timeline->start = g_get_monotonic_time();
    timeline->moments = g_array_new(FALSE, FALSE, sizeof(struct moment));
    timeline->pictures = g_array_new(FALSE, FALSE, sizeof(gint64));
    return timeline;
}

void timeline_free(struct timeline *timeline)
{
    if (!timeline)
        return;
    g_array_unref(timeline->moments);
    g_array_unref(timeline->pictures);
    g_free(timeline);
}

G_GNUC_PRINTF(4, 0)
static void timeline_print(struct timeline *timeline, gint64 time, const char *name,
                           const char *format, va_list args)
{
    const struct term *term = timeline->term;

    term_clear_status(timeline->term);
    printf("  %s%7.3f s%s  %s%-18s%s ", term_style(term, TERM_DIM), (time - timeline->start) / 1e6,
           term_style(term, TERM_PLAIN), term_style(term, TERM_BOLD), name,
           term_style(term, TERM_PLAIN));
    vprintf(format, args);
    putchar('\n');
    fflush(stdout);
}

void timeline_tell(struct timeline *timeline, gint64 time, const char *name, const char *format,
                   ...)
{
    struct moment moment = {time, name};
    va_list args;

    g_array_append_val(timeline->moments, moment);
    va_start(args, format);
    timeline_print(timeline, time, name, format, args);
    va_end(args);
}

void timeline_note(struct timeline *timeline, gint64 time, const char *name, const char *format,
                   ...)
{
    va_list args;

    va_start(args, format);
    timeline_print(timeline, time, name, format, args);
    va_end(args);
}

void timeline_picture(struct timeline *timeline, gint64 time)
{
    g_array_append_val(timeline->pictures, time);
}

void timeline_set_pause(struct timeline *timeline, gint64 from, gint64 to, gint64 vm_from,
                        gint64 vm_to)
{
    timeline->pause_from = from;
    timeline->pause_to = to;
    timeline->vm_from = vm_from;
    timeline->vm_to = vm_to;
}

static gint compare_times(gconstpointer a, gconstpointer b)
{
    gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;

    return (x > y) - (x < y);
}

void timeline_gaps(const struct timeline *timeline, gint64 from, gint64 to, gint64 *median,
                   gint64 *longest)
{
    GArray *gaps = g_array_new(FALSE, FALSE, sizeof(gint64));
    gint64 last = 0;

    for (guint i = 0; i < timeline->pictures->len; i++) {
        gint64 at = g_array_index(timeline->pictures, gint64, i);

        if (at < from || at > to)
            continue;
        if (last) {
            gint64 gap = at - last;

            g_array_append_val(gaps, gap);
        }
        last = at;
    }
    g_array_sort(gaps, compare_times);
    *median = gaps->len ? g_array_index(gaps, gint64, gaps->len / 2) : 0;
    *longest = gaps->len ? g_array_index(gaps, gint64, gaps->len - 1) : 0;
    g_array_unref(gaps);
}

gint64 timeline_last_picture(const struct timeline *timeline, gint64 time)
{
    for (guint i = timeline->pictures->len; i-- > 0;) {
        gint64 at = g_array_index(timeline->pictures, gint64, i);

        if (at <= time)
            return at;
    }
    return 0;
}

unsigned timeline_count(const struct timeline *timeline, gint64 from, gint64 to)
{
    unsigned count = 0;

    for (guint i = timeline->pictures->len; i-- > 0;) {
        gint64 at = g_array_index(timeline->pictures, gint64, i);

        if (at < from)
            break;
        count += at < to;
    }
    return count;
}

char *timeline_chart(const struct timeline *timeline, gint64 from, gint64 to, int width)
{
    gint64 step = MAX((to - from) / width, 1);
    GString *chart = g_string_new(NULL);
    unsigned top = 1;

    for (int i = 0; i < width; i++)
        top = MAX(top, timeline_count(timeline, from + i * step, from + (i + 1) * step));
    for (int i = 0; i < width; i++)
        g_string_append(
            chart, term_bar(timeline->term,
                            timeline_count(timeline, from + i * step, from + (i + 1) * step), top));
    return g_string_free(chart, FALSE);
}

void timeline_status(struct timeline *timeline)
{
    const struct term *term = timeline->term;
    gint64 now = g_get_monotonic_time();
    char *chart, *text;

    if (!term->tty)
        return;
    chart = timeline_chart(timeline, now - STATUS_STEPS * STATUS_STEP, now, STATUS_STEPS);
    text = g_strdup_printf("  %s%7.1f s%s  %s%s%s %u pictures/s", term_style(term, TERM_DIM),
                           (now - timeline->start) / 1e6, term_style(term, TERM_PLAIN),
                           term_style(term, TERM_NOTE), chart, term_style(term, TERM_PLAIN),
                           timeline_count(timeline, now - G_USEC_PER_SEC, now));
    term_status(timeline->term, text);
    g_free(text);
    g_free(chart);
}
