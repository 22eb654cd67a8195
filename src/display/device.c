/* SPDX-License-Identifier: MIT */
#include "display/device.h"

#include <spice/enums.h>
#include <string.h>

/* Rings and the guest's running --------------------------------------------------------------- */

void device_wakeup(struct worker *self)
{
    ring_process(self);
}

/* Only what surfaces and the pointer need is held, so reading on is all that gives memory back. */
void device_oom(struct worker *self)
{
    if (!self->scene.running)
        return;
    ring_drain(self);
    self->device->flush_resources(self->qxl);
}

static void set_running(struct worker *self, bool running)
{
    self->scene.running = running;
    self->pointer.running = running;
}

void device_start(struct worker *self)
{
    if (self->scene.running)
        return;
    set_running(self, true);
    self->scene.running_since_us = loop_now_us();
    release_held(self);
    links_tell_device(self);
    ring_process(self);
}

/* Everything read is drawn; what is still in the rings stays there with the guest. */
void device_stop(struct worker *self)
{
    set_running(self, false);
}

/* Memory slots ------------------------------------------------------------------------------- */

void device_add_memslot(struct worker *self, const QXLDevMemSlot *slot)
{
    const struct memslot_desc desc = {
        .group = slot->slot_group_id,
        .slot = slot->slot_id,
        .generation = slot->generation,
        .virt_start = slot->virt_start,
        .virt_end = slot->virt_end,
        .addr_delta = slot->addr_delta,
    };

    if (!memslots_add(self->slots, &desc))
        worker_complain(self, COMPLAINT_DEVICE, "a memory slot out of range");
}

/* Comes when the device is reset, and only then: nothing the guest set up is left. */
void device_reset_memslots(struct worker *self)
{
    memslots_reset(self->slots);
    if (!self->scene.running)
        release_forget(self);
    scene_reset_monitors(&self->scene);
}

/* Surfaces ----------------------------------------------------------------------------------- */

void device_create_primary(struct worker *self, uint32_t id, const QXLDevSurfaceCreate *surface)
{
    uint64_t pitch = (uint64_t)llabs((long long)surface->stride);
    struct qxl_surface_cmd cmd = {
        .surface_id = id,
        .type = QXL_SURFACE_CMD_CREATE,
        .format = surface->format,
        .width = surface->width,
        .height = surface->height,
        .stride = surface->stride,
    };
    struct held_command none = {0};

    if (id != 0 || surface->height > SURFACE_SIDE_MAX) {
        worker_complain(self, COMPLAINT_DEVICE, "a primary surface of wrong number or size");
        return;
    }
    surface_remove(self, id);
    cmd.mem_size = (size_t)(pitch * surface->height);
    cmd.mem = memslots_map(self->slots, surface->group_id, surface->mem, cmd.mem_size);
    if (cmd.mem)
        surface_add(self, &cmd, surface->flags & QXL_SURF_FLAG_KEEP_DATA, &none);
    else
        worker_complain(self, COMPLAINT_DEVICE, "a primary surface outside the memory slots");
}

void device_destroy_surface(struct worker *self, uint32_t id)
{
    ring_drain(self);
    surface_remove(self, id);
}

static void drop_shape(struct worker *self)
{
    struct pointer *pointer = &self->pointer;

    cursor_free(pointer->shape);
    pointer->shape = NULL;
    pointer->shape_generation++;
    release_command(self, &self->pointer_command);
}

/* The device goes on with empty rings and knows none of the guest's commands any more. */
void device_destroy_surfaces(struct worker *self)
{
    ring_drain(self);
    surface_remove_all(self);
}

/* Drawing is never put off; only the rings can hold some. */
void device_flush_surfaces(struct worker *self)
{
    ring_drain(self);
}

/* update_area -------------------------------------------------------------------------------- */

static QXLRect to_rect(const pixman_box32_t *box)
{
    return (QXLRect){.top = box->y1, .left = box->x1, .bottom = box->y2, .right = box->x2};
}

/* The area's part of what changed since it was last cleared. *out is initialised by the caller. */
static void take_dirty(struct worker *self, uint32_t id, const QXLRect *area, bool clear,
                       pixman_region32_t *out)
{
    pixman_region32_t *dirty;
    pixman_region32_t box;

    if (id >= self->info.n_surfaces || !self->extra[id].exists || area->left >= area->right ||
        area->top >= area->bottom)
        return;
    dirty = &self->extra[id].dirty;
    pixman_region32_init_with_extents(
        &box, &(pixman_box32_t){area->left, area->top, area->right, area->bottom});
    pixman_region32_intersect(out, dirty, &box);
    if (clear)
        pixman_region32_subtract(dirty, dirty, &box);
    pixman_region32_fini(&box);
}

/* The last rectangle stands for all that do not fit. */
static void put_rects(const pixman_region32_t *region, QXLRect *rects, uint32_t n_rects)
{
    int n;
    const pixman_box32_t *boxes = pixman_region32_rectangles((pixman_region32_t *)region, &n);

    for (uint32_t i = 0; i < (uint32_t)n; i++) {
        QXLRect rect = to_rect(&boxes[i]);

        if (i < n_rects) {
            rects[i] = rect;
            continue;
        }
        rects[n_rects - 1].top = MIN(rects[n_rects - 1].top, rect.top);
        rects[n_rects - 1].left = MIN(rects[n_rects - 1].left, rect.left);
        rects[n_rects - 1].bottom = MAX(rects[n_rects - 1].bottom, rect.bottom);
        rects[n_rects - 1].right = MAX(rects[n_rects - 1].right, rect.right);
    }
}

void device_update_area(struct worker *self, uint32_t id, const QXLRect *area, QXLRect *dirty,
                        uint32_t n_dirty, bool clear)
{
    pixman_region32_t region;

    ring_drain(self);
    pixman_region32_init(&region);
    take_dirty(self, id, area, clear, &region);
    if (n_dirty) {
        memset(dirty, 0, sizeof(*dirty) * n_dirty);
        put_rects(&region, dirty, n_dirty);
    }
    pixman_region32_fini(&region);
}

void device_update_area_async(struct worker *self, uint32_t id, const QXLRect *area, bool clear)
{
    pixman_region32_t region;
    uint32_t n;

    ring_drain(self);
    pixman_region32_init(&region);
    take_dirty(self, id, area, clear, &region);
    n = (uint32_t)pixman_region32_n_rects(&region);
    if (n) {
        QXLRect *rects = g_new(QXLRect, n);

        put_rects(&region, rects, n);
        self->device->update_area_complete(self->qxl, id, rects, n);
        g_free(rects);
    }
    pixman_region32_fini(&region);
}

/* The rest ----------------------------------------------------------------------------------- */

void device_monitors_config(struct worker *self, QXLPHYSICAL addr, uint32_t group)
{
    struct qxl_monitors *monitors = g_new0(struct qxl_monitors, 1);
    const char *reason = NULL;

    if (qxl_read_monitors(self->slots, group, addr, monitors, &reason) == QXL_READ_OK) {
        scene_set_monitors(&self->scene, monitors);
        links_wake(self, DISPLAY_CHANNEL_DISPLAY);
    } else {
        worker_complain(self, COMPLAINT_DEVICE, reason);
    }
    g_free(monitors);
}

void device_reset_cursor(struct worker *self)
{
    struct pointer *pointer = &self->pointer;

    drop_shape(self);
    pointer->reset_generation++;
    pointer->visible = true;
    pointer->x = 0;
    pointer->y = 0;
    pointer->trail_length = 0;
    pointer->trail_frequency = 0;
    links_wake(self, DISPLAY_CHANNEL_CURSOR);
}

void device_complete(struct worker *self, uint64_t cookie)
{
    self->device->async_complete(self->qxl, cookie);
}
