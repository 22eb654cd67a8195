/* SPDX-License-Identifier: MIT */
/* Disks that are migrated in the stream: how many blocks of each, and how many of them are zero. */
#ifndef CARAVAN_INSPECT_DISKS_H
#define CARAVAN_INSPECT_DISKS_H

#include <stdint.h>
#include <glib.h>

#include "vmstate/stream.h"

#define INSPECT_DISK_BLOCK (1u << 20) /* bytes */

struct inspect_disk {
    char name[VMSTATE_NAME_MAX];
    uint64_t blocks;
    uint64_t zero;
};

/* Takes a VMSTATE_DISK_BLOCK; *disks (of struct inspect_disk, g_ptr_array_unref it) is made when it
 * is NULL. Beyond 256 disks the rest is one, named "others". */
void inspect_disks_take(GPtrArray **disks, const struct vmstate_event *event);

#endif
