/* SPDX-License-Identifier: MIT */
#include "abi/later.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/log.h"

static const char *const later_text[LATER_COUNT] = {
    [LATER_PLAYBACK] = "sound playback; the guest's sound goes nowhere",
    [LATER_RECORD] = "sound recording; the guest hears silence",
    [LATER_GL] = "GL scanout (gl=on); clients see nothing of such a display",
    [LATER_JPEG] = "JPEG compression; images stay lossless",
    [LATER_ZLIB_GLZ] = "zlib compression of GLZ images; they are sent without",
    [LATER_VIDEO] = "video streaming; changes are sent as images",
    [LATER_EXIT_ON_DISCONNECT] = "exit on disconnect; the process goes on without clients",
};

void later_say(enum later_feature feature)
{
    static atomic_bool said[LATER_COUNT];

    if (!atomic_exchange(&said[feature], true)) {
        log_note("this version of Caravan does not offer %s", later_text[feature]);
    }
}

static const struct later_interface {
    const char *type;
    uint32_t major;
    uint32_t minor;
    int (*add)(SpiceBaseInstance *sin);
    int (*remove)(SpiceBaseInstance *sin);
} later_interfaces[] = {
    {SPICE_INTERFACE_PLAYBACK, SPICE_INTERFACE_PLAYBACK_MAJOR, SPICE_INTERFACE_PLAYBACK_MINOR,
     later_playback_add, later_playback_remove},
    {SPICE_INTERFACE_RECORD, SPICE_INTERFACE_RECORD_MAJOR, SPICE_INTERFACE_RECORD_MINOR,
     later_record_add, later_record_remove},
};

static const struct later_interface *find_interface(const SpiceBaseInstance *sin)
{
    if (!sin || !sin->sif || !sin->sif->type) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof(later_interfaces) / sizeof(later_interfaces[0]); i++) {
        if (strcmp(later_interfaces[i].type, sin->sif->type) == 0) {
            return &later_interfaces[i];
        }
    }
    return NULL;
}

int later_add_interface(SpiceBaseInstance *sin)
{
    const struct later_interface *row = find_interface(sin);

    if (!row) {
        return -1;
    }
    if (sin->sif->major_version != row->major || sin->sif->minor_version > row->minor) {
        log_warn("interface %s has version %u.%u, expected %u.%u or an older minor", row->type,
                 sin->sif->major_version, sin->sif->minor_version, row->major, row->minor);
        return -1;
    }
    return row->add(sin);
}

int later_remove_interface(SpiceBaseInstance *sin)
{
    const struct later_interface *row = find_interface(sin);

    return row ? row->remove(sin) : -1;
}
