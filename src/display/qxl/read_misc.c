/* SPDX-License-Identifier: MIT */
/* The commands that are small and flat. */
#include "display/qxl/guest.h"

#include <stdlib.h>
#include <string.h>

static bool read_surface_create(struct guest *self, const QXLSurface *create,
                                struct qxl_surface_cmd *out)
{
    uint64_t pitch = (uint64_t)llabs((long long)create->stride);

    if (create->width == 0 || create->height == 0 || create->stride == INT32_MIN)
        return guest_fail(self, QXL_READ_BAD_VALUE, "surface has no sensible size");
    out->format = create->format;
    out->width = create->width;
    out->height = create->height;
    out->stride = create->stride;
    out->mem_size = pitch * create->height; /* < 2^63 */
    out->mem = memslots_map(self->slots, self->group, create->data, out->mem_size);
    if (!out->mem)
        return guest_fail(self, QXL_READ_BAD_ADDRESS, "surface's pixels exceed their memory slot");
    return true;
}

static bool read_surface(struct guest *self, QXLPHYSICAL addr, struct qxl_surface_cmd *out)
{
    QXLSurfaceCmd cmd;

    if (!guest_copy(self, addr, &cmd, sizeof(cmd), "surface command is not in a memory slot"))
        return false;
    if (cmd.surface_id == 0)
        return guest_fail(self, QXL_READ_BAD_VALUE, "surface command names the primary surface");
    out->surface_id = cmd.surface_id;
    out->type = cmd.type;
    out->flags = cmd.flags;
    switch (cmd.type) {
    case QXL_SURFACE_CMD_CREATE:
        return read_surface_create(self, &cmd.u.surface_create, out);
    case QXL_SURFACE_CMD_DESTROY:
        return true;
    default:
        return guest_fail(self, QXL_READ_BAD_VALUE, "surface command has an unknown type");
    }
}

enum qxl_read_status qxl_read_surface(const struct memslots *slots, uint32_t group,
                                      QXLPHYSICAL addr, struct qxl_surface_cmd *out,
                                      const char **reason)
{
    struct guest guest = guest_make(slots, group, 0);

    *out = (struct qxl_surface_cmd){0};
    if (!read_surface(&guest, addr, out))
        *out = (struct qxl_surface_cmd){0};
    return guest_finish(&guest, reason);
}

enum qxl_read_status qxl_read_update(const struct memslots *slots, uint32_t group, QXLPHYSICAL addr,
                                     uint32_t cmd_flags, struct qxl_update_cmd *out,
                                     const char **reason)
{
    struct guest guest = guest_make(slots, group, cmd_flags);
    QXLUpdateCmd cmd = {0};
    /* The compat layout is the same without its last field. */
    size_t size = cmd_flags & QXL_COMMAND_FLAG_COMPAT ? sizeof(QXLCompatUpdateCmd) : sizeof(cmd);

    *out = (struct qxl_update_cmd){0};
    if (guest_copy(&guest, addr, &cmd, size, "update command is not in a memory slot")) {
        out->area = box_clamp(&cmd.area);
        out->update_id = cmd.update_id;
        out->surface_id = cmd.surface_id;
    }
    return guest_finish(&guest, reason);
}

static bool read_monitors(struct guest *self, QXLPHYSICAL addr, struct qxl_monitors *out)
{
    QXLMonitorsConfig header;

    if (!guest_copy(self, addr, &header, sizeof(header), "monitors config is not in a memory slot"))
        return false;
    if (header.count == 0)
        return guest_fail(self, QXL_READ_BAD_VALUE, "monitors config has no head");
    if (header.max_allowed != 0 && header.count > header.max_allowed)
        return guest_fail(self, QXL_READ_BAD_VALUE, "monitors config exceeds its own maximum");
    if (header.count > QXL_MAX_HEADS)
        return guest_fail(self, QXL_READ_TOO_LARGE, "monitors config has too many heads");

    size_t size = header.count * sizeof(QXLHead);
    const uint8_t *from = memslots_map(self->slots, self->group, addr, sizeof(header) + size);
    if (!from)
        return guest_fail(self, QXL_READ_BAD_ADDRESS, "monitors config exceeds its memory slot");
    memcpy(out->heads, from + sizeof(header), size);
    out->count = header.count;
    out->max_allowed = header.max_allowed;
    return true;
}

enum qxl_read_status qxl_read_monitors(const struct memslots *slots, uint32_t group,
                                       QXLPHYSICAL addr, struct qxl_monitors *out,
                                       const char **reason)
{
    struct guest guest = guest_make(slots, group, 0);

    *out = (struct qxl_monitors){0};
    read_monitors(&guest, addr, out);
    return guest_finish(&guest, reason);
}

QXLReleaseInfo *qxl_release_info_of(const struct memslots *slots, uint32_t group, QXLPHYSICAL addr)
{
    return memslots_map(slots, group, addr, sizeof(QXLReleaseInfo));
}
