/* SPDX-License-Identifier: MIT */
/*
 * The state that a display's worker thread owns, and the parts that work on it:
 *
 *   device.h   what the device asks for (slots, surfaces, update_area, start, stop ...)
 *   surface.c  surfaces with what goes with them
 *   ring.c     commands from the guest's rings
 *   release.c  guest memory back to the guest
 *   damage.c   what changed, to whom it matters
 *   links.c    the clients' links
 *
 * Everything here is for the worker's thread.
 */
#ifndef CARAVAN_DISPLAY_WORKER_H
#define CARAVAN_DISPLAY_WORKER_H

#include <glib.h>
#include <pixman.h>

#include "channel/cursor.h"
#include "display/canvas/surfaces.h"
#include "display/display.h"
#include "display/qxl/memslots.h"
#include "display/qxl/read.h"
#include "display/scene.h"

struct display_session;

/* A command whose guest memory stays in use; info NULL: none. */
struct held_command {
    QXLReleaseInfo *info;
    uint32_t group;
};

/* What goes with each surface of the table. */
struct surface_extra {
    bool exists;
    pixman_region32_t dirty; /* changed since update_area cleared it; valid if it exists */
    struct held_command create;
};

/* Kinds of complaints about a guest; each is logged once in a while. */
enum complaint {
    COMPLAINT_DRAW,
    COMPLAINT_CANVAS,
    COMPLAINT_UPDATE,
    COMPLAINT_CURSOR,
    COMPLAINT_SURFACE,
    COMPLAINT_COMMAND,
    COMPLAINT_DEVICE,
    COMPLAINTS,
};

struct worker {
    QXLInstance *qxl;
    const QXLInterface *device;
    struct loop *loop;
    struct display_session *session;
    QXLDevInitInfo info;

    struct memslots *slots;
    struct surfaces *surfaces;
    struct surface_extra *extra; /* one for each id of the table */
    struct scene scene;          /* scene.running: also whether rings are read */
    struct loop_timer *reveal;   /* a blank primary is shown anyway */
    bool drawn;                  /* a blank primary was drawn to in this batch */

    struct pointer pointer;
    struct held_command pointer_command;

    GArray *held;           /* QXLReleaseInfoExt: to be released when the guest runs */
    bool ring_posted;       /* a batch of commands is to come */
    int64_t batch_since_us; /* batches have been read since then without an end; 0: none */
    bool wake_posted;       /* links will be woken: bits are in `wake` */
    unsigned wake;          /* 1 << enum display_channel */
    int64_t complained_us[COMPLAINTS];
    unsigned complaints_kept_back[COMPLAINTS];

    GPtrArray *links;
    bool clients_told; /* what the device was told last: whether clients are there */
};

/* NULL when the numbers of the device make no sense. The session, device and loop are borrowed. */
struct worker *worker_new(QXLInstance *qxl, struct loop *loop, struct display_session *session);
/* On the worker's thread: closes the links without a word and leaves the loop. The device is not
 * called any more. */
void worker_close(struct worker *self);
/* After the loop has ended. */
void worker_free(struct worker *self);

/* A line in the log, at most one a minute of each kind. */
void worker_complain(struct worker *self, enum complaint kind, const char *reason);

/* release.c ---------------------------------------------------------------------------------- */

/* What holds the command at addr; nothing when it lies in no slot. */
struct held_command held_command_of(const struct worker *self, uint32_t group, QXLPHYSICAL addr);
/* Gives the command's memory back, now or when the guest runs again; *command is none then. */
void release_command(struct worker *self, struct held_command *command);
/* The guest runs: what was held back goes. */
void release_held(struct worker *self);
/* The guest's device begins anew: it does not know the commands held back any more. */
void release_forget(struct worker *self);

/* damage.c ----------------------------------------------------------------------------------- */

void damage_region(struct worker *self, uint32_t surface_id, const pixman_region32_t *region);
/* A batch of changes is over: a blank primary that was drawn to is shown, links are woken. */
void damage_done(struct worker *self);
/* Shows a primary that is still blank. */
void damage_reveal(struct worker *self);

/* ring.c ------------------------------------------------------------------------------------- */

/* Reads a batch, and goes on later if there are more. */
void ring_process(struct worker *self);
/* Reads until both rings are empty (within a bound no ring reaches). */
void ring_drain(struct worker *self);
/* Commands that bring back a loaded guest; the guest does not run. */
void ring_load(struct worker *self, const QXLCommandExt *commands, uint32_t n);

/* surface.c ---------------------------------------------------------------------------------- */

/* Adds a surface; `create` is taken when it succeeds. */
bool surface_add(struct worker *self, const struct qxl_surface_cmd *cmd, bool keep,
                 struct held_command *create);
/* Destroys a surface if there is one, the primary too. */
void surface_remove(struct worker *self, uint32_t id);
void surface_remove_all(struct worker *self);

/* links.c ------------------------------------------------------------------------------------ */

void links_attach(struct worker *self, enum display_channel channel,
                  const struct display_link *link);
void links_detach(struct worker *self, void *token);
void links_migrate(struct worker *self, void *token, bool speaks);
/* There is something new for the links of a channel: they look at it soon, not within this call. */
void links_wake(struct worker *self, enum display_channel channel);
void links_damage(struct worker *self, const pixman_box32_t *box); /* NULL: everything */
/* All, without a word. */
void links_close(struct worker *self);
/* Tells the device whether clients are there. */
void links_tell_device(struct worker *self);

#endif
