/* SPDX-License-Identifier: MIT */
/*
 * One client's view of a display: what the client shows, and what to send it next. Nothing is
 * queued: when there is room on the link, the next message is made from the scene as it is then.
 * The worker's thread.
 */
#ifndef CARAVAN_DISPLAY_VIEW_H
#define CARAVAN_DISPLAY_VIEW_H

#include <pixman.h>
#include <stdbool.h>

#include "channel/conn.h"
#include "display/scene.h"
#include "wire/link.h"

struct view;

struct view_link {
    bool mini;
    struct link_caps caps; /* of the client's display channel */
    bool local;            /* bytes are cheap */
    bool target;           /* linked ahead of a move */
};

/* The scene is borrowed. */
struct view *view_new(const struct scene *scene, const struct view_link *link);
void view_free(struct view *self);

/* Owned by the view. */
struct conn *view_conn(struct view *self);

/* Pixels of the primary may have changed. Does not wake the link. */
void view_damage(struct view *self, const pixman_box32_t *box);
void view_damage_all(struct view *self);

/* The source's end of a move. speaks: this is the one of the client's displays that tells the
 * target what they share. */
void view_migrate(struct view *self, bool speaks);

#endif
