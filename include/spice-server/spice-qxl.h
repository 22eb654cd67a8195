/* SPDX-License-Identifier: MIT */
/*
 * Displays: QXL devices, and anything that draws through QXL commands.
 *
 * Threads: the functions are for the thread of the event loop or of the device, one at a time per
 * instance. The callbacks that deal with commands and completions come from the thread of the
 * display, at any time between spice_server_vm_start and spice_server_vm_stop.
 *
 * The functions without _async return when the work is done. Those with _async return at once;
 * async_complete is called later, with their cookie, exactly once, perhaps from another thread.
 *
 * Everything a guest can write (commands, rectangles, surface and slot numbers) is checked; what
 * is wrong is dropped and logged.
 */
#ifndef SPICE_QXL_H_
#define SPICE_QXL_H_

#if !defined(SPICE_H_INSIDE) && !defined(SPICE_SERVER_INTERNAL)
#error "Include <spice.h>; the headers beside it are its parts."
#endif

#include "spice-core.h"

SPICE_BEGIN_DECLS

#define SPICE_INTERFACE_QXL       "qxl"
#define SPICE_INTERFACE_QXL_MAJOR 3
#define SPICE_INTERFACE_QXL_MINOR 3

/* Bytes of the capabilities of a client, as the guest finds them in the ROM. */
#ifndef SPICE_CAPABILITIES_SIZE
#define SPICE_CAPABILITIES_SIZE (sizeof(((QXLRom *)0)->client_capabilities))
#endif

typedef struct QXLInterface QXLInterface;
typedef struct QXLInstance QXLInstance;
typedef struct QXLState QXLState;   /* the server's */
typedef struct QXLWorker QXLWorker; /* nothing: left from an older interface */
typedef struct QXLDevMemSlot QXLDevMemSlot;
typedef struct QXLDevSurfaceCreate QXLDevSurfaceCreate;

/* What the server asks of a device when it is attached. */
typedef struct QXLDevInitInfo {
    uint32_t num_memslots_groups;
    uint32_t num_memslots; /* in each group */
    uint8_t memslot_gen_bits;
    uint8_t memslot_id_bits;
    uint32_t qxl_ram_size;
    uint8_t internal_groupslot_id; /* the group that the program itself draws from */
    uint32_t n_surfaces;
} QXLDevInitInfo;

/* A piece of the guest's memory that its commands may point into. */
struct QXLDevMemSlot {
    uint32_t slot_group_id;
    uint32_t slot_id;
    uint32_t generation;
    uintptr_t virt_start; /* in this process; the first byte */
    uintptr_t virt_end;   /* in this process; one past the last byte */
    uint64_t addr_delta;  /* added to a guest address before it is used */
    uint32_t qxl_ram_size;
};

/* A primary surface. */
struct QXLDevSurfaceCreate {
    uint32_t width;  /* pixels */
    uint32_t height; /* pixels */
    int32_t stride;  /* bytes per line; negative when the last line comes first in memory */
    uint32_t format; /* SPICE_SURFACE_FMT_* */
    uint32_t position;
    uint32_t mouse_mode;
    uint32_t flags; /* QXL_SURF_FLAG_* */
    uint32_t type;
    uint64_t mem; /* a QXL address in group_id */
    uint32_t group_id;
};

struct QXLInterface {
    SpiceBaseInterface base;

    /* Tells that the display is attached and its rings may be read soon. attache_worker is the
     * older, deprecated name of the same member. */
    union {
        void (*attached_worker)(QXLInstance *qin);
        void (*attache_worker)(QXLInstance *qin, QXLWorker *qxl_worker) SPICE_GNUC_DEPRECATED;
    };
    /* How hard the guest's driver should try to save bytes: 0 is the default. */
    void (*set_compression_level)(QXLInstance *qin, int level);
    /* Deprecated, not called. */
    void (*set_mm_time)(QXLInstance *qin, uint32_t mm_time) SPICE_GNUC_DEPRECATED;

    /* Fills *info, which is the server's. */
    void (*get_init_info)(QXLInstance *qin, QXLDevInitInfo *info);

    /* Takes the next command out of the ring into *cmd. Returns 1, or 0 when there is none. Never
     * blocks. */
    int (*get_command)(QXLInstance *qin, struct QXLCommandExt *cmd);

    /* Asks for spice_qxl_wakeup when the next command comes. Returns 0 when there already is a
     * command: the server then looks again instead of waiting. */
    int (*req_cmd_notification)(QXLInstance *qin);
    /* Gives a command's or surface's memory back to the guest. */
    void (*release_resource)(QXLInstance *qin, struct QXLReleaseInfoExt release_info);
    /* As the two above, for the ring of the cursor. */
    int (*get_cursor_command)(QXLInstance *qin, struct QXLCommandExt *cmd);
    int (*req_cursor_notification)(QXLInstance *qin);
    /* Says that the update with this number, asked for by a command, is drawn. */
    void (*notify_update)(QXLInstance *qin, uint32_t update_id);
    /* Pushes what was released to the guest now. Returns how much there was. */
    int (*flush_resources)(QXLInstance *qin);
    /* Answers an _async function. */
    void (*async_complete)(QXLInstance *qin, uint64_t cookie);
    /* Precedes async_complete of spice_qxl_update_area_async: the rectangles that changed. They
     * are the server's and valid during the call. */
    void (*update_area_complete)(QXLInstance *qin, uint32_t surface_id,
                                 struct QXLRect *updated_rects, uint32_t num_updated_rects);
    /* Since 3.2. Tells whether a client is there and what all clients are capable of
     * (SPICE_DISPLAY_CAP_*, bit n is bit n % 8 of byte n / 8). */
    void (*set_client_capabilities)(QXLInstance *qin, uint8_t client_present,
                                    uint8_t caps[SPICE_CAPABILITIES_SIZE]);
    /* Since 3.3. Passes on which monitors a client wants; monitors_config is the server's. Returns
     * 1 when the device takes care of it, 0 when it cannot. NULL only asks. */
    int (*client_monitors_config)(QXLInstance *qin, VDAgentMonitorsConfig *monitors_config);
};

struct QXLInstance {
    SpiceBaseInstance base;
    int id; /* of the display channel; set by the program, unique */
    QXLState *st;
};

/* ---- the rings ---- */

/* Tells that there are commands again. */
void spice_qxl_wakeup(QXLInstance *instance);
/* Tells that the guest is out of memory: give back what can be given back. */
void spice_qxl_oom(QXLInstance *instance);

/* Deprecated: use spice_server_vm_start and spice_server_vm_stop, which see to all displays. */
void spice_qxl_start(QXLInstance *instance) SPICE_GNUC_DEPRECATED;
void spice_qxl_stop(QXLInstance *instance) SPICE_GNUC_DEPRECATED;

/* Takes commands that bring back surfaces and cursor of a guest that was loaded, as if they came
 * from the ring; ext, an array of count, stays the caller's. */
void spice_qxl_loadvm_commands(QXLInstance *instance, struct QXLCommandExt *ext, uint32_t count);

/* Tells that the guest's driver is gone; another one, perhaps older, may follow. */
void spice_qxl_driver_unload(QXLInstance *instance);

/* ---- memory slots ---- */

/* Add a slot; *slot is copied. A slot of the same group and id is replaced. */
void spice_qxl_add_memslot(QXLInstance *instance, QXLDevMemSlot *slot);
void spice_qxl_add_memslot_async(QXLInstance *instance, QXLDevMemSlot *slot, uint64_t cookie);
/* Take away one slot, or all. */
void spice_qxl_del_memslot(QXLInstance *instance, uint32_t slot_group_id, uint32_t slot_id);
void spice_qxl_reset_memslots(QXLInstance *instance);

/* ---- surfaces ---- */

/* Create the primary surface, number 0; *surface is copied. */
void spice_qxl_create_primary_surface(QXLInstance *instance, uint32_t surface_id,
                                      QXLDevSurfaceCreate *surface);
void spice_qxl_create_primary_surface_async(QXLInstance *instance, uint32_t surface_id,
                                            QXLDevSurfaceCreate *surface, uint64_t cookie);
/* Destroy the primary surface, any one, or all; when done, its memory is not used any more. */
void spice_qxl_destroy_primary_surface(QXLInstance *instance, uint32_t surface_id);
void spice_qxl_destroy_primary_surface_async(QXLInstance *instance, uint32_t surface_id,
                                             uint64_t cookie);
void spice_qxl_destroy_surface_wait(QXLInstance *instance, uint32_t surface_id);
void spice_qxl_destroy_surface_async(QXLInstance *instance, uint32_t surface_id, uint64_t cookie);
void spice_qxl_destroy_surfaces(QXLInstance *instance);
void spice_qxl_destroy_surfaces_async(QXLInstance *instance, uint64_t cookie);

/* Have area of the surface drawn in guest memory. dirty_rects, the caller's, has room for
 * num_dirty_rects rectangles and receives what changed since it was last cleared;
 * clear_dirty_region not 0 clears that. The _async one answers with update_area_complete. */
void spice_qxl_update_area(QXLInstance *instance, uint32_t surface_id, struct QXLRect *area,
                           struct QXLRect *dirty_rects, uint32_t num_dirty_rects,
                           uint32_t clear_dirty_region);
void spice_qxl_update_area_async(QXLInstance *instance, uint32_t surface_id, QXLRect *qxl_area,
                                 uint32_t clear_dirty_region, uint64_t cookie);
/* Has all surfaces drawn in guest memory, before the guest sleeps or changes its mode. */
void spice_qxl_flush_surfaces_async(QXLInstance *instance, uint64_t cookie);

/* Forget the images and cursors that clients keep; hide the cursor. */
void spice_qxl_reset_image_cache(QXLInstance *instance);
void spice_qxl_reset_cursor(QXLInstance *instance);

/* ---- monitors ---- */

/* Tells where the guest's monitors lie: monitors_config is the QXL address of a
 * QXLMonitorsConfig in slot group group_id. */
void spice_qxl_monitors_config_async(QXLInstance *instance, QXLPHYSICAL monitors_config,
                                     int group_id, uint64_t cookie);

/* Deprecated: use spice_qxl_set_device_info. Says how many monitors there can be. */
void spice_qxl_set_max_monitors(QXLInstance *instance,
                                unsigned int max_monitors) SPICE_GNUC_DEPRECATED;

/*
 * Says which device of the guest this is, so that the agent inside can tell its monitors apart.
 * device_address is "pci/DDDD/SS.F", with one more "/SS.F" for each bridge on the way, the device
 * last; domain, slot and function are hexadecimal, of 4, 2 and 1 digits. It is copied. Monitor n of
 * this instance is number device_display_id_start + n of the device, for n below
 * device_display_id_count: 0 and the number of heads for a device with one instance, k and 1 for
 * instance k of a device with one instance per monitor.
 */
void spice_qxl_set_device_info(QXLInstance *instance, const char *device_address,
                               uint32_t device_display_id_start, uint32_t device_display_id_count);

/* ---- GL: pictures that lie in the memory of the graphics card ---- */

/* Shows the DMA buffer fd from now on, -1 for none. The server owns fd. stride in bytes, format a
 * DRM fourcc, y_0_top not 0 when the first line is the upper one. */
void spice_qxl_gl_scanout(QXLInstance *qxl, int fd, uint32_t width, uint32_t height,
                          uint32_t stride, uint32_t format, int y_0_top);
/* Tells that a part of it changed. async_complete says that the buffer may be drawn to again. */
void spice_qxl_gl_draw_async(QXLInstance *qxl, uint32_t x, uint32_t y, uint32_t w, uint32_t h,
                             uint64_t cookie);

SPICE_END_DECLS

#endif /* SPICE_QXL_H_ */
