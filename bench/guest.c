/* SPDX-License-Identifier: MIT */
#include "guest.h"
#include "guest_memory.h"

#include <glib.h>
#include <spice/enums.h>
#include <spice/macros.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define VIDEO_MEMORY   ((size_t)256 << 20)
#define RING_ENTRIES   QXL_COMMAND_RING_SIZE
#define SLOT_BITS      8
#define GROUP_HOST     0
#define GROUP_GUEST    1
#define SLOT_GUEST     1
#define SURFACES       1024
#define MEMORY_WAIT_US 1000

struct ring {
    QXLCommandExt entries[RING_ENTRIES];
    unsigned head, count;
    bool notify;
};

struct guest {
    QXLInstance instance; /* first: the server hands back its address */
    struct guest_memory *memory;
    uint32_t *primary;
    GMutex lock; /* guards all below */
    GCond room;
    struct ring draws, cursors;
    guest_free_fn *foreign_free;
    void *foreign_opaque;
    int64_t longest_held_us; /* of a drawing, from its pushing to its release */
    unsigned held;
    gint64 stalled_us;
};

static struct guest *guest_of(QXLInstance *instance)
{
    return SPICE_CONTAINEROF(instance, struct guest, instance);
}

/* --- what the server calls --- */

static void attached_worker(QXLInstance *instance)
{
    (void)instance;
}

static void set_compression_level(QXLInstance *instance, int level)
{
    (void)instance;
    (void)level;
}

static void get_init_info(QXLInstance *instance, QXLDevInitInfo *info)
{
    (void)instance;
    *info = (QXLDevInitInfo){
        .num_memslots_groups = 2,
        .num_memslots = 2,
        .memslot_gen_bits = SLOT_BITS,
        .memslot_id_bits = SLOT_BITS,
        .qxl_ram_size = 16 << 20,
        .internal_groupslot_id = GROUP_HOST,
        .n_surfaces = SURFACES,
    };
}

static int ring_pop(struct guest *guest, struct ring *ring, QXLCommandExt *command)
{
    int found;

    g_mutex_lock(&guest->lock);
    found = ring->count > 0;
    if (found) {
        *command = ring->entries[ring->head];
        ring->head = (ring->head + 1) % RING_ENTRIES;
        ring->count--;
        g_cond_signal(&guest->room);
    }
    g_mutex_unlock(&guest->lock);
    return found;
}

static int ring_request_notification(struct guest *guest, struct ring *ring)
{
    int empty;

    g_mutex_lock(&guest->lock);
    empty = ring->count == 0;
    ring->notify = empty;
    g_mutex_unlock(&guest->lock);
    return empty;
}

static int get_command(QXLInstance *instance, QXLCommandExt *command)
{
    return ring_pop(guest_of(instance), &guest_of(instance)->draws, command);
}

static int req_cmd_notification(QXLInstance *instance)
{
    return ring_request_notification(guest_of(instance), &guest_of(instance)->draws);
}

static int get_cursor_command(QXLInstance *instance, QXLCommandExt *command)
{
    return ring_pop(guest_of(instance), &guest_of(instance)->cursors, command);
}

static int req_cursor_notification(QXLInstance *instance)
{
    return ring_request_notification(guest_of(instance), &guest_of(instance)->cursors);
}

static void release_resource(QXLInstance *instance, QXLReleaseInfoExt release)
{
    struct guest *guest = guest_of(instance);
    QXLCommandExt *foreign = (QXLCommandExt *)(uintptr_t)release.info->id;
    uint64_t since = release.info->id; /* 0 for a cursor: it is kept as long as it is shown */
    int64_t held_us = 0;

    if (release.group_id == GROUP_GUEST) {
        held_us = since ? g_get_monotonic_time() - (int64_t)since : 0;
        guest_memory_release(guest->memory, release.info);
    } else {
        guest->foreign_free(guest->foreign_opaque, foreign);
    }
    g_mutex_lock(&guest->lock);
    guest->longest_held_us = MAX(guest->longest_held_us, held_us);
    guest->held--;
    g_cond_signal(&guest->room);
    g_mutex_unlock(&guest->lock);
}

static void notify_update(QXLInstance *instance, uint32_t update_id)
{
    (void)instance;
    (void)update_id;
}

static int flush_resources(QXLInstance *instance)
{
    (void)instance;
    return 0;
}

static void async_complete(QXLInstance *instance, uint64_t cookie)
{
    (void)instance;
    (void)cookie;
}

static void update_area_complete(QXLInstance *instance, uint32_t surface_id, QXLRect *rects,
                                 uint32_t count)
{
    (void)instance;
    (void)surface_id;
    (void)rects;
    (void)count;
}

static void set_client_capabilities(QXLInstance *instance, uint8_t present,
                                    uint8_t caps[SPICE_CAPABILITIES_SIZE])
{
    (void)instance;
    (void)present;
    (void)caps;
}

static int client_monitors_config(QXLInstance *instance, VDAgentMonitorsConfig *config)
{
    (void)instance;
    (void)config;
    return 0;
}

static const QXLInterface qxl_interface = {
    .base = {SPICE_INTERFACE_QXL, "bench", SPICE_INTERFACE_QXL_MAJOR, SPICE_INTERFACE_QXL_MINOR},
    .attached_worker = attached_worker,
    .set_compression_level = set_compression_level,
    .get_init_info = get_init_info,
    .get_command = get_command,
    .req_cmd_notification = req_cmd_notification,
    .release_resource = release_resource,
    .get_cursor_command = get_cursor_command,
    .req_cursor_notification = req_cursor_notification,
    .notify_update = notify_update,
    .flush_resources = flush_resources,
    .async_complete = async_complete,
    .update_area_complete = update_area_complete,
    .set_client_capabilities = set_client_capabilities,
    .client_monitors_config = client_monitors_config,
};

/* --- the device --- */

static QXLPHYSICAL address_of(const struct guest *guest, const void *at)
{
    uint64_t offset = (uint64_t)((const uint8_t *)at - guest_memory_base(guest->memory));

    return (QXLPHYSICAL)SLOT_GUEST << (64 - SLOT_BITS) | offset;
}

static void add_slots(struct guest *guest)
{
    uintptr_t base = (uintptr_t)guest_memory_base(guest->memory);
    QXLDevMemSlot host = {.slot_group_id = GROUP_HOST, .virt_end = ~(uintptr_t)0};
    QXLDevMemSlot video = {
        .slot_group_id = GROUP_GUEST,
        .slot_id = SLOT_GUEST,
        .virt_start = base,
        .virt_end = base + VIDEO_MEMORY,
        .addr_delta = base,
    };

    spice_qxl_add_memslot(&guest->instance, &host);
    spice_qxl_add_memslot(&guest->instance, &video);
}

struct guest *guest_new(SpiceServer *server)
{
    struct guest *guest = g_new0(struct guest, 1);

    guest->memory = guest_memory_new(VIDEO_MEMORY);
    g_mutex_init(&guest->lock);
    g_cond_init(&guest->room);
    guest->instance.base.sif = &qxl_interface.base;
    if (spice_server_add_interface(server, &guest->instance.base)) {
        fprintf(stderr, "the server refused the QXL interface\n");
        exit(1);
    }
    add_slots(guest);
    return guest;
}

QXLInstance *guest_instance(struct guest *guest)
{
    return &guest->instance;
}

void guest_create_primary(struct guest *guest, int width, int height)
{
    size_t size = (size_t)width * (size_t)height * sizeof(uint32_t);
    QXLDevSurfaceCreate surface = {
        .width = (uint32_t)width,
        .height = (uint32_t)height,
        .stride = width * (int)sizeof(uint32_t),
        .format = SPICE_SURFACE_FMT_32_xRGB,
        .type = QXL_SURF_TYPE_PRIMARY,
        .group_id = GROUP_GUEST,
    };

    guest->primary = guest_memory_alloc(guest->memory, size, size);
    surface.mem = address_of(guest, guest->primary);
    spice_qxl_create_primary_surface(&guest->instance, 0, &surface);
}

static void push(struct guest *guest, struct ring *ring, const QXLCommandExt *command)
{
    bool notify;

    g_mutex_lock(&guest->lock);
    if (ring->count == RING_ENTRIES) {
        gint64 since = g_get_monotonic_time();

        while (ring->count == RING_ENTRIES)
            g_cond_wait(&guest->room, &guest->lock);
        guest->stalled_us += g_get_monotonic_time() - since;
    }
    ring->entries[(ring->head + ring->count++) % RING_ENTRIES] = *command;
    guest->held++;
    notify = ring->notify;
    ring->notify = false;
    g_mutex_unlock(&guest->lock);
    if (notify)
        spice_qxl_wakeup(&guest->instance);
}

static void push_guest(struct guest *guest, struct ring *ring, uint32_t type, void *body)
{
    QXLCommandExt command = {.group_id = GROUP_GUEST};

    command.cmd.type = type;
    command.cmd.data = address_of(guest, body);
    push(guest, ring, &command);
}

void guest_push_foreign(struct guest *guest, QXLCommandExt *command, guest_free_fn *free,
                        void *opaque)
{
    guest->foreign_free = free;
    guest->foreign_opaque = opaque;
    push(guest, command->cmd.type == QXL_CMD_CURSOR ? &guest->cursors : &guest->draws, command);
}

/* A driver that finds no video memory asks the device to free some, and waits. */
static void *alloc_waiting(struct guest *guest, size_t size, size_t zeroed)
{
    void *block = guest_memory_alloc(guest->memory, size, zeroed);
    gint64 since = g_get_monotonic_time();

    while (!block) {
        spice_qxl_oom(&guest->instance);
        g_usleep(MEMORY_WAIT_US);
        block = guest_memory_alloc(guest->memory, size, zeroed);
    }
    g_mutex_lock(&guest->lock);
    guest->stalled_us += g_get_monotonic_time() - since;
    g_mutex_unlock(&guest->lock);
    return block;
}

double guest_stalled_ms(const struct guest *guest)
{
    return (double)guest->stalled_us / 1000;
}

double guest_longest_held_ms(struct guest *guest)
{
    int64_t held_us;

    g_mutex_lock(&guest->lock);
    held_us = guest->longest_held_us;
    g_mutex_unlock(&guest->lock);
    return (double)held_us / 1000;
}

unsigned guest_held(struct guest *guest)
{
    unsigned held;

    g_mutex_lock(&guest->lock);
    held = guest->held;
    g_mutex_unlock(&guest->lock);
    return held;
}

/* --- the driver --- */

/* What one release gives back; the bitmap's bytes follow. */
struct copy_block {
    QXLDrawable drawable;
    QXLImage image;
    QXLClipRects clip;
    QXLRect clip_rect;
    QXLDataChunk chunk;
} __attribute__((packed));

static QXLRect rect_of(struct area area)
{
    return (QXLRect){.top = area.y,
                     .left = area.x,
                     .bottom = area.y + area.height,
                     .right = area.x + area.width};
}

/* The id comes back with the release: it says since when the server has the command. */
static void init_drawable(QXLDrawable *drawable, uint8_t type, struct area area)
{
    drawable->release_info.id = (uint64_t)g_get_monotonic_time();
    drawable->type = type;
    drawable->effect = QXL_EFFECT_OPAQUE;
    drawable->bbox = rect_of(area);
    for (int i = 0; i < 3; i++)
        drawable->surfaces_dest[i] = -1;
}

static void init_clip(const struct guest *guest, struct copy_block *block, struct area area)
{
    block->clip.num_rects = 1;
    block->clip.chunk.data_size = sizeof(block->clip_rect);
    block->clip_rect = rect_of(area);
    block->drawable.clip.type = SPICE_CLIP_TYPE_RECTS;
    block->drawable.clip.data = address_of(guest, &block->clip);
}

static void init_image(const struct guest *guest, struct copy_block *block, struct area area)
{
    size_t stride = (size_t)area.width * sizeof(uint32_t);

    block->image.descriptor.type = SPICE_IMAGE_TYPE_BITMAP;
    block->image.descriptor.width = (uint32_t)area.width;
    block->image.descriptor.height = (uint32_t)area.height;
    block->image.bitmap.format = SPICE_BITMAP_FMT_32BIT;
    block->image.bitmap.flags = QXL_BITMAP_TOP_DOWN;
    block->image.bitmap.x = (uint32_t)area.width;
    block->image.bitmap.y = (uint32_t)area.height;
    block->image.bitmap.stride = (uint32_t)stride;
    block->image.bitmap.data = address_of(guest, &block->chunk);
    block->chunk.data_size = (uint32_t)(stride * (size_t)area.height);
}

void guest_copy(struct guest *guest, const struct picture *from, struct area area)
{
    size_t stride = (size_t)area.width * sizeof(uint32_t);
    struct copy_block *block =
        alloc_waiting(guest, sizeof(*block) + stride * (size_t)area.height, sizeof(*block));

    init_drawable(&block->drawable, QXL_DRAW_COPY, area);
    init_clip(guest, block, area);
    init_image(guest, block, area);
    for (int y = 0; y < area.height; y++)
        memcpy(block->chunk.data + stride * (size_t)y,
               &from->pixels[(area.y + y) * from->width + area.x], stride);
    block->drawable.u.copy.src_bitmap = address_of(guest, &block->image);
    block->drawable.u.copy.src_area = rect_of((struct area){0, 0, area.width, area.height});
    block->drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    push_guest(guest, &guest->draws, QXL_CMD_DRAW, &block->drawable);
}

void guest_fill(struct guest *guest, struct area area, uint32_t color)
{
    QXLDrawable *drawable = alloc_waiting(guest, sizeof(*drawable), sizeof(*drawable));

    init_drawable(drawable, QXL_DRAW_FILL, area);
    drawable->u.fill.brush.type = SPICE_BRUSH_TYPE_SOLID;
    drawable->u.fill.brush.u.color = color;
    drawable->u.fill.rop_descriptor = SPICE_ROPD_OP_PUT;
    push_guest(guest, &guest->draws, QXL_CMD_DRAW, drawable);
}

void guest_copy_bits(struct guest *guest, struct area to, int from_x, int from_y)
{
    QXLDrawable *drawable = alloc_waiting(guest, sizeof(*drawable), sizeof(*drawable));

    init_drawable(drawable, QXL_COPY_BITS, to);
    drawable->u.copy_bits.src_pos = (QXLPoint){.x = from_x, .y = from_y};
    push_guest(guest, &guest->draws, QXL_CMD_DRAW, drawable);
}

void guest_set_cursor(struct guest *guest, const struct picture *shape, int x, int y)
{
    size_t size = (size_t)shape->width * (size_t)shape->height * sizeof(uint32_t);
    struct {
        QXLCursorCmd command;
        QXLCursor cursor;
    } __attribute__((packed)) *block = alloc_waiting(guest, sizeof(*block) + size, sizeof(*block));

    block->cursor.header.type = SPICE_CURSOR_TYPE_ALPHA;
    block->cursor.header.width = (uint16_t)shape->width;
    block->cursor.header.height = (uint16_t)shape->height;
    block->cursor.data_size = (uint32_t)size;
    block->cursor.chunk.data_size = (uint32_t)size;
    memcpy(block->cursor.chunk.data, shape->pixels, size);
    block->command.type = QXL_CURSOR_SET;
    block->command.u.set.position = (QXLPoint16){.x = (int16_t)x, .y = (int16_t)y};
    block->command.u.set.visible = 1;
    block->command.u.set.shape = address_of(guest, &block->cursor);
    push_guest(guest, &guest->cursors, QXL_CMD_CURSOR, &block->command);
}
