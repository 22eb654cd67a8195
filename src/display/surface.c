/* SPDX-License-Identifier: MIT */
/* Surfaces with what goes with them: the table's entry, the dirty region, the guest's command. */
#include <spice/enums.h>

#include "display/painter.h"
#include "display/session.h"
#include "display/worker.h"

enum {
    PRIMARY = 0,
    /* How long a primary that was just cleared is not shown: drivers draw it soon after. */
    BLANK_MS = 150,
};

static void add_primary(struct worker *self, const struct surface *surface, bool blank)
{
    if (!painter_takes(surface->format) || !scene_set_primary(&self->scene, surface, blank)) {
        scene_set_primary(&self->scene, NULL, false);
        worker_complain(self, COMPLAINT_DEVICE, "a primary surface that cannot be shown");
        return;
    }
    self->drawn = false;
    if (blank) {
        loop_timer_start(self->reveal, BLANK_MS);
    } else {
        loop_timer_cancel(self->reveal);
        links_damage(self, NULL);
    }
    display_session_primary(self->session, surface->width, surface->height);
    links_wake(self, DISPLAY_CHANNEL_DISPLAY);
}

bool surface_add(struct worker *self, const struct qxl_surface_cmd *cmd, bool keep,
                 struct held_command *create)
{
    const char *reason = "surface number out of range";
    struct surface *surface;

    if (cmd->surface_id >= self->info.n_surfaces ||
        !surfaces_create(self->surfaces, cmd->surface_id, cmd->format, cmd->width, cmd->height,
                         cmd->stride, cmd->mem, cmd->mem_size, &reason)) {
        worker_complain(self, COMPLAINT_SURFACE, reason);
        return false;
    }
    surface = surfaces_get(self->surfaces, cmd->surface_id);
    if (!keep)
        surface_fill_black(surface);
    self->extra[cmd->surface_id].exists = true;
    self->extra[cmd->surface_id].create = *create;
    *create = (struct held_command){0};
    pixman_region32_init(&self->extra[cmd->surface_id].dirty);
    if (cmd->surface_id == PRIMARY)
        add_primary(self, surface, !keep);
    return true;
}

void surface_remove(struct worker *self, uint32_t id)
{
    struct surface_extra *extra;

    if (id >= self->info.n_surfaces || !self->extra[id].exists)
        return;
    extra = &self->extra[id];
    if (id == PRIMARY) {
        scene_set_primary(&self->scene, NULL, false);
        loop_timer_cancel(self->reveal);
        display_session_primary(self->session, 0, 0);
    }
    surfaces_destroy(self->surfaces, id);
    pixman_region32_fini(&extra->dirty);
    extra->exists = false;
    release_command(self, &extra->create);
}

void surface_remove_all(struct worker *self)
{
    for (uint32_t id = 0; id < self->info.n_surfaces; id++)
        surface_remove(self, id);
}
