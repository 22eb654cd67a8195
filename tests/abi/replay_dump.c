/* SPDX-License-Identifier: MIT */
/*
 * Prints what spice_replay_* makes of a recording: one line for each call on the QXL instance and
 * each command, with a hash of all that the command points to. Built against either library, so
 * that the two can be compared (replay_compare.sh). The calls on the instance end here: this
 * program defines those functions itself.
 */
#include <inttypes.h>
#include <spice.h>
#include <spice/enums.h>
#include <stdio.h>
#include <stdlib.h>

#define SURFACES 1024

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

static void *pointer(QXLPHYSICAL address)
{
    return (void *)(uintptr_t)address;
}

static uint64_t hash_chunks(uint64_t hash, const QXLDataChunk *chunk)
{
    for (; chunk; chunk = pointer(chunk->next_chunk))
        hash = hash_bytes(hash, chunk->data, chunk->data_size);
    return hash;
}

void spice_qxl_create_primary_surface(QXLInstance *instance, uint32_t id,
                                      QXLDevSurfaceCreate *surface)
{
    size_t size = (size_t)surface->height * (size_t)abs(surface->stride);

    (void)instance;
    printf("create-primary %u %ux%u stride %d format %u flags %u group %u %016" PRIx64 "\n", id,
           surface->width, surface->height, surface->stride, surface->format, surface->flags,
           surface->group_id, hash_bytes(1, pointer(surface->mem), size));
}

void spice_qxl_destroy_primary_surface(QXLInstance *instance, uint32_t id)
{
    (void)instance;
    printf("destroy-primary %u\n", id);
}

void spice_qxl_destroy_surfaces(QXLInstance *instance)
{
    (void)instance;
    printf("destroy-surfaces\n");
}

static uint64_t hash_image(uint64_t hash, const QXLImage *image)
{
    if (!image)
        return hash;
    hash = hash_bytes(hash, &image->descriptor, sizeof(image->descriptor));
    if (image->descriptor.type != SPICE_IMAGE_TYPE_BITMAP)
        return hash;
    hash = hash_bytes(hash, &image->bitmap, offsetof(QXLBitmap, palette));
    if (image->bitmap.flags & QXL_BITMAP_DIRECT)
        return hash_bytes(hash, pointer(image->bitmap.data),
                          (size_t)image->bitmap.y * image->bitmap.stride);
    return hash_chunks(hash, pointer(image->bitmap.data));
}

static uint64_t hash_drawable(const QXLDrawable *drawable)
{
    uint64_t hash = hash_bytes(0, &drawable->surface_id,
                               offsetof(QXLDrawable, clip) - offsetof(QXLDrawable, surface_id));

    if (drawable->clip.type == SPICE_CLIP_TYPE_RECTS) {
        const QXLClipRects *rects = pointer(drawable->clip.data);

        hash = hash_bytes(hash, &rects->num_rects, sizeof(rects->num_rects));
        hash = hash_chunks(hash, &rects->chunk);
    }
    switch (drawable->type) {
    case QXL_DRAW_COPY:
        hash = hash_bytes(hash, &drawable->u.copy.src_area, sizeof(QXLRect) + 3);
        return hash_image(hash, pointer(drawable->u.copy.src_bitmap));
    case QXL_DRAW_FILL:
        return hash_bytes(hash, &drawable->u.fill.brush, 8);
    case QXL_COPY_BITS:
        return hash_bytes(hash, &drawable->u.copy_bits, sizeof(drawable->u.copy_bits));
    default:
        return hash;
    }
}

static void print_drawable(const QXLDrawable *drawable)
{
    printf("draw type %u surface %u bbox %d,%d-%d,%d clip %u dest %d,%d,%d %016" PRIx64 "\n",
           drawable->type, drawable->surface_id, drawable->bbox.left, drawable->bbox.top,
           drawable->bbox.right, drawable->bbox.bottom, drawable->clip.type,
           drawable->surfaces_dest[0], drawable->surfaces_dest[1], drawable->surfaces_dest[2],
           hash_drawable(drawable));
}

static void print_cursor(const QXLCursorCmd *cmd)
{
    const QXLCursor *cursor = cmd->type == QXL_CURSOR_SET ? pointer(cmd->u.set.shape) : NULL;
    uint64_t hash = 0;

    if (cursor) {
        hash = hash_bytes(0, &cursor->header, sizeof(cursor->header));
        hash = hash_chunks(hash, &cursor->chunk);
    }
    printf("cursor type %u at %d,%d %016" PRIx64 "\n", cmd->type, cmd->u.set.position.x,
           cmd->u.set.position.y, hash);
}

static void print_surface(const QXLSurfaceCmd *cmd)
{
    printf("surface %u type %u flags %u", cmd->surface_id, cmd->type, cmd->flags);
    if (cmd->type == QXL_SURFACE_CMD_CREATE)
        printf(" %ux%u stride %d", cmd->u.surface_create.width, cmd->u.surface_create.height,
               cmd->u.surface_create.stride);
    printf("\n");
}

static void print_command(const QXLCommandExt *ext)
{
    void *data = pointer(ext->cmd.data);

    printf("group %u flags %u release %d: ", ext->group_id, ext->flags,
           ((QXLReleaseInfo *)data)->id == (uintptr_t)ext);
    if (ext->cmd.type == QXL_CMD_DRAW)
        print_drawable(data);
    else if (ext->cmd.type == QXL_CMD_CURSOR)
        print_cursor(data);
    else if (ext->cmd.type == QXL_CMD_SURFACE)
        print_surface(data);
    else
        printf("command %u\n", ext->cmd.type);
}

int main(int argc, char **argv)
{
    QXLInstance instance = {0};
    QXLCommandExt *command;
    SpiceReplay *replay;
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;

    if (!file || !(replay = spice_replay_new(file, SURFACES))) {
        fprintf(stderr, "usage: replay_dump RECORDING\n");
        return 2;
    }
    while ((command = spice_replay_next_cmd(replay, &instance))) {
        print_command(command);
        spice_replay_free_cmd(replay, command);
    }
    spice_replay_free(replay);
    return 0;
}
