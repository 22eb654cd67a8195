/* SPDX-License-Identifier: MIT */
#include "display_rig.h"

#include <spice/enums.h>
#include <stdlib.h>
#include <string.h>

enum {
    GROUPS = 2,
    SLOTS = 8,
    SURFACES = 16,
    GUEST_GROUP = 1,
    GUEST_SLOT = 1,
};

/* The device ---------------------------------------------------------------------------------- */

static struct rig *rig_of(QXLInstance *qxl)
{
    return SPICE_CONTAINEROF(qxl, struct rig, qxl);
}

static void get_init_info(QXLInstance *qxl, QXLDevInitInfo *info)
{
    *info = (QXLDevInitInfo){
        .num_memslots_groups = GROUPS,
        .num_memslots = SLOTS,
        .memslot_gen_bits = 8,
        .memslot_id_bits = 8,
        .qxl_ram_size = RIG_GUEST_SIZE,
        .n_surfaces = SURFACES,
    };
}

static int take(QXLInstance *qxl, GQueue *queue, QXLCommandExt *out)
{
    struct rig *rig = rig_of(qxl);
    QXLCommandExt *ext;

    g_mutex_lock(&rig->lock);
    rig->calls_while_stopped += !rig->running;
    ext = g_queue_pop_head(queue);
    g_mutex_unlock(&rig->lock);
    if (!ext)
        return 0;
    *out = *ext;
    g_free(ext);
    return 1;
}

static int get_command(QXLInstance *qxl, QXLCommandExt *out)
{
    return take(qxl, &rig_of(qxl)->draws, out);
}

static int get_cursor(QXLInstance *qxl, QXLCommandExt *out)
{
    return take(qxl, &rig_of(qxl)->cursors, out);
}

static int empty(QXLInstance *qxl, GQueue *queue)
{
    struct rig *rig = rig_of(qxl);
    int is_empty;

    g_mutex_lock(&rig->lock);
    is_empty = g_queue_is_empty(queue);
    g_mutex_unlock(&rig->lock);
    return is_empty;
}

static int req_draws(QXLInstance *qxl)
{
    return empty(qxl, &rig_of(qxl)->draws);
}

static int req_cursors(QXLInstance *qxl)
{
    return empty(qxl, &rig_of(qxl)->cursors);
}

static void release_resource(QXLInstance *qxl, QXLReleaseInfoExt ext)
{
    struct rig *rig = rig_of(qxl);

    if (ext.group_id == 0)
        free(ext.info);
    g_mutex_lock(&rig->lock);
    rig->released++;
    rig->calls_while_stopped += !rig->running && ext.group_id != 0;
    g_cond_broadcast(&rig->changed);
    g_mutex_unlock(&rig->lock);
}

static void notify_update(QXLInstance *qxl, uint32_t update_id)
{
}

static int flush_resources(QXLInstance *qxl)
{
    return 0;
}

static void async_complete(QXLInstance *qxl, uint64_t cookie)
{
    struct rig *rig = rig_of(qxl);

    g_mutex_lock(&rig->lock);
    g_array_append_val(rig->completed, cookie);
    g_cond_broadcast(&rig->changed);
    g_mutex_unlock(&rig->lock);
}

static void update_area_complete(QXLInstance *qxl, uint32_t surface, QXLRect *rects, uint32_t n)
{
    struct rig *rig = rig_of(qxl);

    g_mutex_lock(&rig->lock);
    rig->area_rects = n;
    g_mutex_unlock(&rig->lock);
}

static void set_client_capabilities(QXLInstance *qxl, uint8_t present,
                                    uint8_t caps[SPICE_CAPABILITIES_SIZE])
{
    struct rig *rig = rig_of(qxl);

    g_mutex_lock(&rig->lock);
    rig->client_present = present;
    rig->calls_while_stopped += !rig->running;
    g_cond_broadcast(&rig->changed);
    g_mutex_unlock(&rig->lock);
}

static void on_closed(void *opaque, void *token, const char *reason)
{
    struct rig *rig = opaque;

    g_mutex_lock(&rig->lock);
    g_array_append_val(rig->closed, token);
    g_cond_broadcast(&rig->changed);
    g_mutex_unlock(&rig->lock);
}

static void on_primary(void *opaque, uint32_t width, uint32_t height)
{
    struct rig *rig = opaque;

    g_mutex_lock(&rig->lock);
    rig->primaries++;
    rig->primary_width = width;
    g_cond_broadcast(&rig->changed);
    g_mutex_unlock(&rig->lock);
}

static const struct display_events events = {.closed = on_closed, .primary = on_primary};

static const QXLInterface interface = {
    .base = {.type = SPICE_INTERFACE_QXL, .major_version = 3, .minor_version = 3},
    .get_init_info = get_init_info,
    .get_command = get_command,
    .req_cmd_notification = req_draws,
    .release_resource = release_resource,
    .get_cursor_command = get_cursor,
    .req_cursor_notification = req_cursors,
    .notify_update = notify_update,
    .flush_resources = flush_resources,
    .async_complete = async_complete,
    .update_area_complete = update_area_complete,
    .set_client_capabilities = set_client_capabilities,
};

static void make_display(void *opaque)
{
    struct rig *rig = opaque;

    rig->display = display_new(&rig->qxl, rig->main_loop, &events, rig);
}

static void free_display(void *opaque)
{
    struct rig *rig = opaque;

    display_free(rig->display);
}

struct rig *rig_new(void)
{
    struct rig *rig = g_new0(struct rig, 1);

    g_mutex_init(&rig->lock);
    g_cond_init(&rig->changed);
    g_queue_init(&rig->draws);
    g_queue_init(&rig->cursors);
    rig->completed = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    rig->closed = g_array_new(FALSE, FALSE, sizeof(void *));
    rig->client_present = -1;
    rig->device = interface;
    rig->qxl.base.sif = &rig->device.base;
    rig->guest = calloc(1, RIG_GUEST_SIZE);
    rig->main_loop = loop_new_thread("main");
    loop_call(rig->main_loop, make_display, rig);
    display_add_memslot(rig->display, &(QXLDevMemSlot){.virt_end = UINTPTR_MAX}, DISPLAY_WAITS);
    display_add_memslot(rig->display,
                        &(QXLDevMemSlot){.slot_group_id = GUEST_GROUP,
                                         .slot_id = GUEST_SLOT,
                                         .virt_start = (uintptr_t)rig->guest,
                                         .virt_end = (uintptr_t)rig->guest + RIG_GUEST_SIZE,
                                         .addr_delta = (uintptr_t)rig->guest},
                        DISPLAY_WAITS);
    rig_start(rig);
    return rig;
}

static void free_command(void *opaque)
{
    QXLCommandExt *ext = opaque;

    if (ext->group_id == 0)
        free((void *)(uintptr_t)ext->cmd.data);
    g_free(ext);
}

void rig_free(struct rig *rig)
{
    loop_call(rig->main_loop, free_display, rig);
    loop_free(rig->main_loop);
    g_queue_clear_full(&rig->draws, free_command);
    g_queue_clear_full(&rig->cursors, free_command);
    g_array_free(rig->completed, TRUE);
    g_array_free(rig->closed, TRUE);
    g_mutex_clear(&rig->lock);
    g_cond_clear(&rig->changed);
    free(rig->mem);
    free(rig->guest);
    g_free(rig);
}

void rig_start(struct rig *rig)
{
    g_mutex_lock(&rig->lock);
    rig->running = true;
    g_mutex_unlock(&rig->lock);
    display_start(rig->display);
}

void rig_stop(struct rig *rig)
{
    display_stop(rig->display);
    g_mutex_lock(&rig->lock);
    rig->running = false;
    g_mutex_unlock(&rig->lock);
}

void rig_destroy_primary(struct rig *rig)
{
    display_destroy_primary(rig->display, 0, DISPLAY_WAITS);
    free(rig->mem);
    rig->mem = NULL;
}

/* Bottom-up, as QEMU's own displays are. */
static void create_primary(struct rig *rig, uint32_t width, uint32_t height, uint32_t flags)
{
    display_create_primary(rig->display, 0,
                           &(QXLDevSurfaceCreate){
                               .width = width,
                               .height = height,
                               .stride = -(int32_t)width * 4,
                               .format = SPICE_SURFACE_FMT_32_xRGB,
                               .flags = flags,
                               .mem = (uintptr_t)rig->mem,
                           },
                           DISPLAY_WAITS);
}

static void new_mem(struct rig *rig, uint32_t width, uint32_t height)
{
    if (rig->mem)
        rig_destroy_primary(rig);
    rig->width = width;
    rig->height = height;
    rig->mem = malloc((size_t)width * height * 4);
    memset(rig->mem, 0x5a, (size_t)width * height * 4);
}

void rig_primary(struct rig *rig, uint32_t width, uint32_t height)
{
    new_mem(rig, width, height);
    create_primary(rig, width, height, 0);
}

void rig_primary_keep(struct rig *rig, uint32_t width, uint32_t height, const uint32_t *pixels)
{
    new_mem(rig, width, height);
    memcpy(rig->mem, pixels, (size_t)width * height * 4);
    create_primary(rig, width, height, QXL_SURF_FLAG_KEEP_DATA);
}

/* Drawing ------------------------------------------------------------------------------------- */

struct picture_command {
    QXLDrawable drawable; /* first: what is released is freed */
    QXLImage image;
    uint32_t pixels[];
};

static void push(struct rig *rig, GQueue *queue, const QXLCommandExt *ext)
{
    g_mutex_lock(&rig->lock);
    g_queue_push_tail(queue, g_memdup2(ext, sizeof(*ext)));
    rig->pushed++;
    g_mutex_unlock(&rig->lock);
    display_wakeup(rig->display);
}

static void paint(uint32_t *pixels, uint32_t n, uint32_t seed)
{
    /* Plain, noisy and patterned pictures. */
    for (uint32_t i = 0; i < n; i++) {
        if (seed % 3 == 0)
            pixels[i] = seed * 2654435761u;
        else if (seed % 3 == 1)
            pixels[i] = (seed + i) * 2654435761u;
        else
            pixels[i] = (seed * 977 + i / 7) & 0x00ff00ff;
    }
}

void rig_draw(struct rig *rig, const pixman_box32_t *box, uint32_t seed)
{
    uint32_t width = (uint32_t)(box->x2 - box->x1), height = (uint32_t)(box->y2 - box->y1);
    struct picture_command *cmd = calloc(1, sizeof(*cmd) + (size_t)width * height * 4);

    paint(cmd->pixels, width * height, seed);
    cmd->image.descriptor =
        (QXLImageDescriptor){.type = SPICE_IMAGE_TYPE_BITMAP, .width = width, .height = height};
    cmd->image.bitmap = (QXLBitmap){
        .format = SPICE_BITMAP_FMT_32BIT,
        .flags = QXL_BITMAP_DIRECT | QXL_BITMAP_TOP_DOWN,
        .x = width,
        .y = height,
        .stride = width * 4,
        .data = (uintptr_t)cmd->pixels,
    };
    cmd->drawable.effect = QXL_EFFECT_OPAQUE;
    cmd->drawable.type = QXL_DRAW_COPY;
    cmd->drawable.bbox =
        (QXLRect){.top = box->y1, .left = box->x1, .bottom = box->y2, .right = box->x2};
    memset(cmd->drawable.surfaces_dest, 0xff, sizeof(cmd->drawable.surfaces_dest));
    cmd->drawable.u.copy.src_bitmap = (uintptr_t)&cmd->image;
    cmd->drawable.u.copy.src_area = (QXLRect){.bottom = (int32_t)height, .right = (int32_t)width};
    cmd->drawable.u.copy.rop_descriptor = SPICE_ROPD_OP_PUT;
    push(rig, &rig->draws, &(QXLCommandExt){.cmd = {.data = (uintptr_t)cmd, .type = QXL_CMD_DRAW}});
}

void rig_draw_all(struct rig *rig, uint32_t seed)
{
    rig_draw(rig, &(pixman_box32_t){0, 0, (int32_t)rig->width, (int32_t)rig->height}, seed);
}

void rig_draw_random(struct rig *rig, GRand *rand, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int32_t x = g_rand_int_range(rand, 0, (gint32)rig->width);
        int32_t y = g_rand_int_range(rand, 0, (gint32)rig->height);
        pixman_box32_t box = {x, y, g_rand_int_range(rand, x, (gint32)rig->width) + 1,
                              g_rand_int_range(rand, y, (gint32)rig->height) + 1};

        rig_draw(rig, &box, g_rand_int(rand));
    }
}

void rig_push(struct rig *rig, uint32_t type, uint32_t group, uint64_t addr)
{
    push(rig, &rig->draws,
         &(QXLCommandExt){.cmd = {.data = addr, .type = type}, .group_id = group});
}

uint64_t rig_guest_addr(uint32_t offset)
{
    return (uint64_t)GUEST_SLOT << 56 | offset;
}

QXLCommandExt rig_cursor_command(struct rig *rig, uint32_t offset, uint8_t value)
{
    QXLCursorCmd *cmd = (QXLCursorCmd *)(rig->guest + offset);
    QXLCursor *shape = (QXLCursor *)(cmd + 1);
    const uint32_t size = 16 * 16 * 4;

    *cmd = (QXLCursorCmd){.type = QXL_CURSOR_SET};
    cmd->u.set.visible = 1;
    cmd->u.set.shape = rig_guest_addr(offset + sizeof(*cmd));
    *shape = (QXLCursor){.header = {.type = SPICE_CURSOR_TYPE_ALPHA, .width = 16, .height = 16},
                         .data_size = size,
                         .chunk = {.data_size = size}};
    memset(shape + 1, value, size);
    return (QXLCommandExt){.cmd = {.data = rig_guest_addr(offset), .type = QXL_CMD_CURSOR},
                           .group_id = GUEST_GROUP};
}

void rig_set_cursor(struct rig *rig, uint32_t offset, uint8_t value)
{
    QXLCommandExt ext = rig_cursor_command(rig, offset, value);

    push(rig, &rig->cursors, &ext);
}

/* Waiting ------------------------------------------------------------------------------------- */

void rig_settle(struct rig *rig)
{
    display_update_area(rig->display, 0, &(QXLRect){.bottom = 1, .right = 1}, NULL, 0, false);
}

static bool wait_changed(struct rig *rig, int64_t until)
{
    return g_cond_wait_until(&rig->changed, &rig->lock, until);
}

static int64_t deadline(void)
{
    return g_get_monotonic_time() + RIG_WAIT_MS * 1000;
}

void rig_wait_released(struct rig *rig, unsigned n)
{
    int64_t until = deadline();

    g_mutex_lock(&rig->lock);
    while (rig->released < n && wait_changed(rig, until))
        ;
    g_mutex_unlock(&rig->lock);
}

static bool contains(const GArray *array, uint64_t value)
{
    for (guint i = 0; i < array->len; i++) {
        if (g_array_index(array, uint64_t, i) == value)
            return true;
    }
    return false;
}

int rig_client_present(struct rig *rig)
{
    int present;

    g_mutex_lock(&rig->lock);
    present = rig->client_present;
    g_mutex_unlock(&rig->lock);
    return present;
}

bool rig_completed(struct rig *rig, uint64_t cookie)
{
    bool done;

    g_mutex_lock(&rig->lock);
    done = contains(rig->completed, cookie);
    g_mutex_unlock(&rig->lock);
    return done;
}

static void wait_contains(struct rig *rig, const GArray *array, uint64_t value)
{
    int64_t until = deadline();

    g_mutex_lock(&rig->lock);
    while (!contains(array, value)) {
        if (!wait_changed(rig, until))
            g_error("what was waited for does not come");
    }
    g_mutex_unlock(&rig->lock);
}

void rig_wait_completed(struct rig *rig, uint64_t cookie)
{
    wait_contains(rig, rig->completed, cookie);
}

void rig_wait_closed(struct rig *rig, const void *token)
{
    wait_contains(rig, rig->closed, (uintptr_t)token);
}
