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
    int clients;      /* at least 1 */
    int window;
    int keep;
};

/* A channel as it was before the move. */
struct demo_channel {
    const char *name;
    int type, id;
    unsigned serial, opened, resets;
    bool kept; /* the same object is open at the target, never reopened, its state not reset */
};

/* One of the users. The first one's picture is measured. */
struct demo_client {
    struct demo *demo;
    unsigned number; /* from 1 */
    struct viewer *viewer;
    GArray *channels; /* struct demo_channel, as they were before the move */
    guint64 pictures_told;
};

/* The users' picture against the VM's own. */
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
    GPtrArray *clients;    /* struct demo_client *, owned */
    struct viewer *viewer; /* of the first */
    struct window *window;
    struct vm *source, *target;
    char *run_dir;
    char *library;    /* that QEMU really has loaded */
    bool talking;     /* the guest is ours: it says on its serial port what it does */
    bool moving;      /* between the announcement and the end of the move */
    bool source_left; /* the source is stopped on purpose */
    char *trouble;    /* a channel that ended when none should */
    bool released;    /* the source's server says that it is done */
    char *status;     /* of the migration, as the source tells it */
    gint64 stopped_at, resumed_at, moved_at, watched_from, ended_at;
    gint64 copied_from;
    gint64 frozen_at;
    unsigned freezes; /* that the guest had reported before the newest */
    guint64 bytes_at_stop, bytes_at_picture;
    gint64 last_before;       /* the newest picture before the VM stopped */
    gint64 continued_at;      /* the first picture after the move, or the whole new screen */
    struct image *reference;  /* the screen when the move was announced */
    unsigned primaries;       /* primary surfaces until then */
    bool rebuilt;             /* the target gave the screen anew */
    bool whole;               /* and drew everything of it */
    gint64 usual, usual_most; /* between pictures before the copy: median and longest */
    gint64 later_most;        /* from the copy on: longest, wherever it was */
    double downtime_ms;       /* as QEMU counts it, < 0 when unknown */
    struct demo_comparison before, after;
    struct demo_keys keys_before, keys_after;
};

/* ---- waiting (demo_wait.c) ---- */

/* True, and says why, when the story can't go on. error may be NULL. */
bool demo_broken(struct demo *demo, GError **error);

/* Waits for met, or just runs on when met is NULL. what names the thing waited for. */
bool demo_wait(struct demo *demo, bool (*met)(struct demo *demo), double timeout_s,
               const char *what, GError **error);
bool demo_run_on(struct demo *demo, double seconds, GError **error);

/* The QEMU in which the VM lives now. */
struct vm *demo_vm(struct demo *demo);

/* The first client presses and releases a key. */
bool demo_press_key(struct demo *demo, unsigned scancode, GError **error);

/* ---- clients (demo_clients.c) ---- */

/* Adds a client and waits until it has all channels and a picture. */
bool demo_connect(struct demo *demo, GError **error);
void demo_client_free(void *client);

/* Its display channel; one that is all zero when there is none. */
const struct viewer_channel *demo_display(const struct demo_client *client);

void demo_remember_channels(struct demo_client *client);

/* Every open channel talks to the target, and spice-gtk is done with the move. */
bool demo_client_moved(const struct demo_client *client);

/* Fills in which of the remembered channels were kept; true when all were. */
bool demo_check_channels(struct demo_client *client);

/* ---- pictures (demo_compare.c) ---- */

/* Lets the picture stand still, compares it for every client, saves it as NAME.png. */
bool demo_compare(struct demo *demo, struct demo_comparison *comparison, const char *name,
                  GError **error);

/* ---- the whole (demo_story.c, demo_report.c) ---- */

/* Plays the whole story. False and error when it could not come to its end. */
bool demo_story(struct demo *demo, GError **error);

/* Prints what came out of it and writes timeline.png. False when a check failed. */
bool demo_report(struct demo *demo);

#endif
