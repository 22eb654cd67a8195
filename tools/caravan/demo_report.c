/* SPDX-License-Identifier: MIT */
#include "demo.h"

#include <stdio.h>

static bool say(struct demo *demo, bool good, const char *name, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

static bool say(struct demo *demo, bool good, const char *name, const char *format, ...)
{
    char *text;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    printf("  %s %s%-10s%s %s\n", term_verdict(&demo->term, good),
           term_style(&demo->term, TERM_BOLD), name, term_style(&demo->term, TERM_PLAIN), text);
    g_free(text);
    return good;
}

static bool report_client(struct demo *demo, struct demo_client *client)
{
    GString *names = g_string_new(NULL);
    bool all = demo_check_channels(client);
    char name[24] = "channels";

    for (guint i = 0; i < client->channels->len; i++) {
        const struct demo_channel *row = &g_array_index(client->channels, struct demo_channel, i);

        g_string_append_printf(names, "%s%s", row->name, row->kept ? " " : " (LOST) ");
    }
    if (demo->clients->len > 1)
        g_snprintf(name, sizeof name, "client %u", client->number);
    say(demo, all, name, "%s- %s", names->str,
        all ? "all kept, none begun anew" : "not all of them survived");
    g_string_free(names, TRUE);
    return all;
}

static bool report_channels(struct demo *demo)
{
    bool all = true;

    for (guint i = 0; i < demo->clients->len; i++)
        all = report_client(demo, demo->clients->pdata[i]) && all;
    return all;
}

static bool report_picture(struct demo *demo, const char *name,
                           const struct demo_comparison *comparison)
{
    const struct image_difference *d = &comparison->difference;

    if (d->pixels)
        return say(demo, false, name,
                   "%zu of %d pixels differ from the VM's own, within %dx%d+%d+%d", d->pixels,
                   comparison->width * comparison->height, d->width, d->height, d->x, d->y);
    return say(demo, comparison->done, name, "%dx%d, exactly the VM's own", comparison->width,
               comparison->height);
}

static bool report_keys(struct demo *demo)
{
    const struct demo_keys *a = &demo->keys_before, *b = &demo->keys_after;

    if (!demo->talking)
        return true;
    return say(demo, a->seen >= a->sent && b->seen >= b->sent, "keys",
               "%u of %u codes reached the guest before, %u of %u after", MIN(a->seen, a->sent),
               a->sent, MIN(b->seen, b->sent), b->sent);
}

static bool report_pause(struct demo *demo)
{
    bool ok = demo->continued_at > demo->last_before && demo->last_before;

    say(demo, ok, "pause", "%.0f ms without a new picture when the VM moved",
        (demo->continued_at - demo->last_before) / 1e3);
    printf("               between pictures: %.0f ms usually, %.0f at most before the copy, "
           "%.0f at most from then on\n",
           demo->usual / 1e3, demo->usual_most / 1e3, demo->later_most / 1e3);
    printf("               the VM stood still for %.0f ms",
           (demo->resumed_at - demo->stopped_at) / 1e3);
    if (demo->downtime_ms >= 0)
        printf(", %.0f ms by QEMU's own count", demo->downtime_ms);
    printf("\n               %s: %.1f kB from its stop to that picture\n",
           !demo->rebuilt ? "the screen was not sent anew"
           : demo->whole  ? "the whole screen was sent anew"
                          : "a new screen was sent, and never all of it",
           (demo->bytes_at_picture - demo->bytes_at_stop) / 1e3);
    return ok;
}

static void report_chart(struct demo *demo)
{
    gint64 from = demo->watched_from - 2 * (gint64)G_USEC_PER_SEC, to = demo->ended_at;
    char *chart = timeline_chart(demo->timeline, from, to, 60);

    printf("\n  %s%s%s  pictures from 2 s before the announcement, %.1f s\n\n",
           term_style(&demo->term, TERM_NOTE), chart, term_style(&demo->term, TERM_PLAIN),
           (to - from) / 1e6);
    g_free(chart);
}

static bool draw_timeline(struct demo *demo)
{
    char *path = g_strdup_printf("%s/timeline.png", demo->options.out);
    char *title =
        g_strdup_printf("A desktop moves: %.0f ms without a new picture, VM stopped for %.0f ms",
                        (demo->continued_at - demo->last_before) / 1e3,
                        (demo->resumed_at - demo->stopped_at) / 1e3);
    GError *error = NULL;
    bool ok =
        timeline_save(demo->timeline, path, title, demo->watched_from - 2 * (gint64)G_USEC_PER_SEC,
                      demo->ended_at, &error);

    if (ok)
        printf("    files      %s/before.png  after.png  timeline.png\n", demo->options.out);
    else
        say(demo, false, "timeline", "%s", error->message);
    g_clear_error(&error);
    g_free(title);
    g_free(path);
    return ok;
}

bool demo_report(struct demo *demo)
{
    bool ok;

    report_chart(demo);
    ok = report_channels(demo);
    ok = report_picture(demo, "before", &demo->before) && ok;
    ok = report_picture(demo, "after", &demo->after) && ok;
    ok = report_keys(demo) && ok;
    ok = report_pause(demo) && ok;
    ok = draw_timeline(demo) && ok;
    fflush(stdout);
    return ok;
}
