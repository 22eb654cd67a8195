/* SPDX-License-Identifier: MIT */
#include "display/scene.h"

#include <glib.h>
#include <spice/enums.h>

#include "display/painter.h"

void scene_init(struct scene *self, struct loop *loop)
{
    self->loop = loop;
    self->painter = painter_new();
    self->compression = SPICE_IMAGE_COMPRESSION_AUTO_GLZ;
    self->monitors_generation = 1;
    self->max_monitors = QXL_MAX_HEADS;
    self->guest_max = 1;
}

void scene_clear(struct scene *self)
{
    painter_free(self->painter);
    tile_hashes_free(self->hashes);
}

bool scene_set_primary(struct scene *self, const struct surface *surface, bool blank)
{
    tile_hashes_free(self->hashes);
    self->hashes = surface ? tile_hashes_new(surface->width, surface->height) : NULL;
    self->primary = self->hashes ? surface : NULL;
    self->blank = blank;
    self->settled = !blank || self->running;
    self->monitors_generation++;
    return self->primary == surface;
}

struct pixels scene_pixels(const struct scene *self)
{
    return (struct pixels){.top = self->primary->data,
                           .stride = self->primary->stride,
                           .width = self->primary->width,
                           .height = self->primary->height,
                           .format = self->primary->format};
}

void scene_set_monitors(struct scene *self, const struct qxl_monitors *monitors)
{
    self->n_guest_heads = 0;
    for (uint16_t i = 0; i < monitors->count; i++) {
        if (monitors->heads[i].width && monitors->heads[i].height)
            self->guest_heads[self->n_guest_heads++] = monitors->heads[i];
    }
    self->guest_max = monitors->max_allowed ? monitors->max_allowed : QXL_MAX_HEADS;
    self->monitors_generation++;
}

void scene_reset_monitors(struct scene *self)
{
    self->n_guest_heads = 0;
    self->guest_max = 1;
    self->monitors_generation++;
}

void scene_set_max_monitors(struct scene *self, unsigned max)
{
    self->max_monitors = max ? (uint16_t)MIN(max, QXL_MAX_HEADS) : QXL_MAX_HEADS;
    self->monitors_generation++;
}

/* False when nothing of the head lies on the primary. */
static bool clip_head(const struct surface *primary, QXLHead *head)
{
    if (head->surface_id != primary->id || head->x >= primary->width || head->y >= primary->height)
        return false;
    head->width = MIN(head->width, primary->width - head->x);
    head->height = MIN(head->height, primary->height - head->y);
    return true;
}

uint16_t scene_heads(const struct scene *self, QXLHead heads[QXL_MAX_HEADS], uint16_t *max)
{
    uint16_t n = 0;

    for (uint16_t i = 0; i < self->n_guest_heads && n < self->max_monitors; i++) {
        heads[n] = self->guest_heads[i];
        if (clip_head(self->primary, &heads[n]))
            n++;
    }
    if (n == 0)
        heads[n++] = (QXLHead){.width = self->primary->width, .height = self->primary->height};
    *max = MAX(n, MIN(self->guest_max, self->max_monitors));
    return n;
}
