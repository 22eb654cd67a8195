/* SPDX-License-Identifier: MIT */
/* spice_qxl_*: each hands its work to the device's display. */
#include <spice.h>

#include "display/display.h"

static struct display *display_of(QXLInstance *instance)
{
    return (struct display *)(void *)instance->st;
}

static struct display_done completes(uint64_t cookie)
{
    return (struct display_done){.async = DISPLAY_ASYNC, .cookie = cookie};
}

void spice_qxl_wakeup(QXLInstance *instance)
{
    display_wakeup(display_of(instance));
}

void spice_qxl_oom(QXLInstance *instance)
{
    display_oom(display_of(instance));
}

/* Deprecated since 0.11.2, and ignored then: spice_server_vm_start and _stop rule. */
void spice_qxl_start(QXLInstance *instance)
{
}

void spice_qxl_stop(QXLInstance *instance)
{
}

void spice_qxl_update_area(QXLInstance *instance, uint32_t surface_id, struct QXLRect *area,
                           struct QXLRect *dirty_rects, uint32_t num_dirty_rects,
                           uint32_t clear_dirty_region)
{
    display_update_area(display_of(instance), surface_id, area, dirty_rects, num_dirty_rects,
                        clear_dirty_region);
}

void spice_qxl_update_area_async(QXLInstance *instance, uint32_t surface_id, QXLRect *qxl_area,
                                 uint32_t clear_dirty_region, uint64_t cookie)
{
    display_update_area_async(display_of(instance), surface_id, qxl_area, clear_dirty_region,
                              cookie);
}

void spice_qxl_add_memslot(QXLInstance *instance, QXLDevMemSlot *slot)
{
    display_add_memslot(display_of(instance), slot, DISPLAY_WAITS);
}

void spice_qxl_add_memslot_async(QXLInstance *instance, QXLDevMemSlot *slot, uint64_t cookie)
{
    display_add_memslot(display_of(instance), slot, completes(cookie));
}

void spice_qxl_del_memslot(QXLInstance *instance, uint32_t slot_group_id, uint32_t slot_id)
{
    display_del_memslot(display_of(instance), slot_group_id, slot_id);
}

void spice_qxl_reset_memslots(QXLInstance *instance)
{
    display_reset_memslots(display_of(instance));
}

void spice_qxl_destroy_surfaces(QXLInstance *instance)
{
    display_destroy_surfaces(display_of(instance), DISPLAY_WAITS);
}

void spice_qxl_destroy_surfaces_async(QXLInstance *instance, uint64_t cookie)
{
    display_destroy_surfaces(display_of(instance), completes(cookie));
}

void spice_qxl_create_primary_surface(QXLInstance *instance, uint32_t surface_id,
                                      QXLDevSurfaceCreate *surface)
{
    display_create_primary(display_of(instance), surface_id, surface, DISPLAY_WAITS);
}

void spice_qxl_create_primary_surface_async(QXLInstance *instance, uint32_t surface_id,
                                            QXLDevSurfaceCreate *surface, uint64_t cookie)
{
    display_create_primary(display_of(instance), surface_id, surface, completes(cookie));
}

void spice_qxl_destroy_primary_surface(QXLInstance *instance, uint32_t surface_id)
{
    display_destroy_primary(display_of(instance), surface_id, DISPLAY_WAITS);
}

void spice_qxl_destroy_primary_surface_async(QXLInstance *instance, uint32_t surface_id,
                                             uint64_t cookie)
{
    display_destroy_primary(display_of(instance), surface_id, completes(cookie));
}

void spice_qxl_destroy_surface_wait(QXLInstance *instance, uint32_t surface_id)
{
    display_destroy_surface(display_of(instance), surface_id, DISPLAY_WAITS);
}

void spice_qxl_destroy_surface_async(QXLInstance *instance, uint32_t surface_id, uint64_t cookie)
{
    display_destroy_surface(display_of(instance), surface_id, completes(cookie));
}

void spice_qxl_flush_surfaces_async(QXLInstance *instance, uint64_t cookie)
{
    display_flush_surfaces(display_of(instance), completes(cookie));
}

void spice_qxl_monitors_config_async(QXLInstance *instance, QXLPHYSICAL monitors_config,
                                     int group_id, uint64_t cookie)
{
    display_monitors_config(display_of(instance), monitors_config, group_id, cookie);
}

void spice_qxl_set_max_monitors(QXLInstance *instance, unsigned int max_monitors)
{
    display_set_max_monitors(display_of(instance), max_monitors);
}

void spice_qxl_reset_image_cache(QXLInstance *instance)
{
    /* The guest's ids of images mean nothing any more. What clients keep is known by its content.
     */
}

void spice_qxl_reset_cursor(QXLInstance *instance)
{
    display_reset_cursor(display_of(instance));
}

void spice_qxl_loadvm_commands(QXLInstance *instance, struct QXLCommandExt *ext, uint32_t count)
{
    display_loadvm(display_of(instance), ext, count);
}
