/* SPDX-License-Identifier: MIT */
#include "display/worker.h"

struct held_command held_command_of(const struct worker *self, uint32_t group, QXLPHYSICAL addr)
{
    return (struct held_command){.info = qxl_release_info_of(self->slots, group, addr),
                                 .group = group};
}

/* What the program itself drew is given back at any time; telling a guest raises an interrupt,
 * which is lost while it does not run. */
static bool may_release(const struct worker *self, uint32_t group)
{
    return self->scene.running || group == self->info.internal_groupslot_id;
}

void release_command(struct worker *self, struct held_command *command)
{
    QXLReleaseInfoExt ext = {.info = command->info, .group_id = command->group};

    *command = (struct held_command){0};
    if (!ext.info)
        return;
    if (may_release(self, ext.group_id))
        self->device->release_resource(self->qxl, ext);
    else
        g_array_append_val(self->held, ext);
}

void release_held(struct worker *self)
{
    for (guint i = 0; i < self->held->len; i++)
        self->device->release_resource(self->qxl, g_array_index(self->held, QXLReleaseInfoExt, i));
    g_array_set_size(self->held, 0);
}

void release_forget(struct worker *self)
{
    g_array_set_size(self->held, 0);
}
