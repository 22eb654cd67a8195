/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_DEMO_H
#define CARAVAN_DEMO_H

#include <stdbool.h>

#include "image.h"
#include "loop.h"
#include "term.h"
#include "timeline.h"
#include "viewer.h"
#include "vm.h"
#include "window.h"

/* Parts of `caravan demo` that its files share. */

enum demo_exit {
    DEMO_OK = 0,
    DEMO_USAGE = 1,
    DEMO_BROKEN = 2,       /* did not come to its end */
    DEMO_CHECK_FAILED = 3, /* came to its end, and something was not right */
    DEMO_INTERRUPTED = 130,
};

struct demo_options {
    char *out;
    char *vga;
    char *libdir; /* "" for the system's library */
    char *guest;
    char *qemu;
    char **arguments; /* further ones for QEMU, or NULL */
    int window;
    int keep;
};

/* A channel as it was before the move. */
struct demo_channel {
    const char *name;
    int type, id;
    unsigned serial, opened;
    bool kept; /* the same object is open at the target and was never reopened */
};

/* The user's picture against the VM's own. */
struct demo_comparison {
    bool done;
    int width, height;
    struct image_difference difference;
};

/* Keys typed and key codes that the guest reported. */
struct demo_keys {
    unsigned sent, seen;
};

struct demo {
    struct demo_options options;
    struct loop *loop;
    struct term term;
    struct timeline *timeline;
    struct viewer *viewer;
    struct window *window;
    struct vm *source, *target;
    char *run_dir;
    char *library;     /* that QEMU really has loaded */
    bool talking;      /* the guest is ours: it says on its serial port what it does */
    bool moving;       /* between the announcement and the end of the move */
    bool source_left;  /* the source is stopped on purpose */
    char *trouble;     /* a channel that ended when none should */
    bool released;     /* the source's server says that it is done */
    char *status;      /* of the migration, as the source tells it */
    gint64 stopped_at, resumed_at, moved_at, watched_from, ended_at;
    gint64 copied_from;
    gint64 frozen_at;
    unsigned freezes;       /* that the guest had reported before the newest */
    guint64 pictures_told;
    guint64 bytes_at_stop, bytes_at_picture;
    gint64 last_before;     /* the newest picture before the VM stopped */
    gint64 continued_at;    /* the first picture after the move, or the whole new screen */
    struct image *reference; /* the screen when the move was announced */
    unsigned primaries;     /* primary surfaces until then */
    bool rebuilt;           /* the target gave the screen anew */
    bool whole;             /* and drew everything of it */
    gint64 usual, usual_most; /* between pictures before the move: median and longest */
    double downtime_ms; /* as QEMU counts it, < 0 when unknown */
    GArray *channels;   /* struct demo_channel */
    struct demo_comparison before, after;
    struct demo_keys keys_before, keys_after;
};

/* Plays the whole story. False and error when it could not come to its end. */
bool demo_story(struct demo *demo, GError **error);

/* Prints what came out of it and writes timeline.png. False when a check failed. */
bool demo_report(struct demo *demo);

#endif
