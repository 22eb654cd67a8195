/* SPDX-License-Identifier: MIT */
#include "display/worker.h"

static bool is_primary(const struct worker *self, uint32_t surface_id)
{
    return self->scene.primary && self->scene.primary->id == surface_id;
}

static void damage_primary(struct worker *self, const pixman_region32_t *region)
{
    int n;
    const pixman_box32_t *boxes = pixman_region32_rectangles((pixman_region32_t *)region, &n);

    for (int i = 0; i < n; i++) {
        tile_hashes_damage(self->scene.hashes, &boxes[i]);
        links_damage(self, &boxes[i]);
    }
    if (n && self->scene.blank)
        self->drawn = true;
    if (n && self->scene.running)
        self->scene.settled = true;
}

void damage_region(struct worker *self, uint32_t surface_id, const pixman_region32_t *region)
{
    struct surface_extra *extra = &self->extra[surface_id];

    pixman_region32_union(&extra->dirty, &extra->dirty, (pixman_region32_t *)region);
    if (is_primary(self, surface_id))
        damage_primary(self, region);
}

void damage_reveal(struct worker *self)
{
    self->drawn = false;
    loop_timer_cancel(self->reveal);
    if (!self->scene.primary || !self->scene.blank)
        return;
    self->scene.blank = false;
    tile_hashes_damage_all(self->scene.hashes);
    links_damage(self, NULL);
    links_wake(self, DISPLAY_CHANNEL_DISPLAY);
}

void damage_done(struct worker *self)
{
    if (self->drawn)
        damage_reveal(self);
    else
        links_wake(self, DISPLAY_CHANNEL_DISPLAY);
}
