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

/* A picture reached the user's screen. */
void timeline_picture(struct timeline *timeline, gint64 time);

/* The time between two pictures to be shown as the pause. */
void timeline_set_pause(struct timeline *timeline, gint64 from, gint64 to);

/* Time of the moment told last under this name, 0 when there is none. */
gint64 timeline_time(const struct timeline *timeline, const char *name);

/* The median time between two pictures within from..to, microseconds; 0 when too few. */
gint64 timeline_interval(const struct timeline *timeline, gint64 from, gint64 to);

/* The first picture at or after time; 0 when there is none yet. */
gint64 timeline_first_picture(const struct timeline *timeline, gint64 time);

/* Rewrites the status line with the picture rate of the last seconds. */
void timeline_status(struct timeline *timeline);

/* A bar chart of all pictures as one line of at most width characters; g_free it. */
char *timeline_chart(const struct timeline *timeline, gint64 from, gint64 to, int width);

/* Draws everything from..to as a PNG. */
bool timeline_save(const struct timeline *timeline, const char *path, const char *title,
                   gint64 from, gint64 to, GError **error);

#endif
