/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_TIMELINE_H
#define CARAVAN_TIMELINE_H

#include <stdbool.h>
#include <glib.h>

#include "term.h"

/*
 * What happened when: moments with a name, and the pictures in between. Told
 * line by line in the terminal while it happens, and drawn at the end.
 * Times are CLOCK_MONOTONIC microseconds.
 */
struct timeline;

/* term must outlive the timeline. Owned by the caller. */
struct timeline *timeline_new(struct term *term);
void timeline_free(struct timeline *timeline);

/* A moment: prints "time  name  details". name is kept as it is, so static text. */
void timeline_tell(struct timeline *timeline, gint64 time, const char *name, const char *format,
                   ...) G_GNUC_PRINTF(4, 5);

/* The same for what is told in the terminal only. */
void timeline_note(struct timeline *timeline, gint64 time, const char *name, const char *format,
                   ...) G_GNUC_PRINTF(4, 5);

/* A picture reached the user's screen. */
void timeline_picture(struct timeline *timeline, gint64 time);

/* The times to be shown as the pause of the picture and of the VM. */
void timeline_set_pause(struct timeline *timeline, gint64 from, gint64 to, gint64 vm_from,
                        gint64 vm_to);

/* Times between two pictures within from..to, microseconds: median and longest; 0 when too few. */
void timeline_gaps(const struct timeline *timeline, gint64 from, gint64 to, gint64 *median,
                   gint64 *longest);

/* The newest picture at or before time; 0 when there is none. */
gint64 timeline_last_picture(const struct timeline *timeline, gint64 time);

/* Rewrites the status line with the picture rate of the last seconds. */
void timeline_status(struct timeline *timeline);

/* A bar chart of all pictures as one line of at most width characters; g_free it. */
char *timeline_chart(const struct timeline *timeline, gint64 from, gint64 to, int width);

/* Draws everything from..to as a PNG, and the move once more at a larger scale. */
bool timeline_save(const struct timeline *timeline, const char *path, const char *title,
                   gint64 from, gint64 to, GError **error);

#endif
