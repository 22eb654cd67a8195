/* SPDX-License-Identifier: MIT */
#include "inspect_disks.h"

#include <string.h>

#define DISKS_MOST 256

static struct inspect_disk *find_disk(GPtrArray *disks, const char *name)
{
    struct inspect_disk *disk;

    /* a disk's blocks follow each other */
    for (guint i = disks->len; i-- > 0;) {
        disk = disks->pdata[i];
        if (!strcmp(disk->name, name))
            return disk;
    }
    if (disks->len > DISKS_MOST)
        return disks->pdata[DISKS_MOST];
    disk = g_new0(struct inspect_disk, 1);
    g_strlcpy(disk->name, disks->len < DISKS_MOST ? name : "others", sizeof(disk->name));
    g_ptr_array_add(disks, disk);
    return disk;
}

void inspect_disks_take(GPtrArray **disks, const struct vmstate_event *event)
{
    struct inspect_disk *disk;

    if (!*disks)
        *disks = g_ptr_array_new_with_free_func(g_free);
    disk = find_disk(*disks, event->text);
    disk->blocks++;
    disk->zero += event->len == 0;
}
