/* SPDX-License-Identifier: MIT */
/*
 * What a display's device asks for, done on the worker's thread: the other side of display.h's
 * functions of the same names. Arguments were copied; nothing of them is trusted.
 */
#ifndef CARAVAN_DISPLAY_DEVICE_H
#define CARAVAN_DISPLAY_DEVICE_H

#include "display/worker.h"

void device_wakeup(struct worker *self);
void device_oom(struct worker *self);
void device_start(struct worker *self);
void device_stop(struct worker *self);
void device_add_memslot(struct worker *self, const QXLDevMemSlot *slot);
void device_reset_memslots(struct worker *self);
void device_create_primary(struct worker *self, uint32_t id, const QXLDevSurfaceCreate *surface);
void device_destroy_surface(struct worker *self, uint32_t id);
void device_destroy_surfaces(struct worker *self);
void device_flush_surfaces(struct worker *self);
void device_update_area(struct worker *self, uint32_t id, const QXLRect *area, QXLRect *dirty,
                        uint32_t n_dirty, bool clear);
/* Calls update_area_complete. */
void device_update_area_async(struct worker *self, uint32_t id, const QXLRect *area, bool clear);
void device_monitors_config(struct worker *self, QXLPHYSICAL addr, uint32_t group);
void device_reset_cursor(struct worker *self);
void device_complete(struct worker *self, uint64_t cookie);

#endif
