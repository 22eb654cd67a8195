/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_TIMELINE_PRIVATE_H
#define CARAVAN_TIMELINE_PRIVATE_H

#include "timeline.h"

/* Shared by timeline.c (what happened) and timeline_png.c (how it is drawn). */

struct moment {
    gint64 time;
    const char *name;
};

struct timeline {
    struct term *term;
    gint64 start;
    GArray *moments;  /* struct moment */
    GArray *pictures; /* gint64, rising */
    gint64 pause_from, pause_to;
    gint64 vm_from, vm_to;
};

/* Pictures within from <= time < to. */
unsigned timeline_count(const struct timeline *timeline, gint64 from, gint64 to);

#endif
