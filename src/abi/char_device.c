/* SPDX-License-Identifier: MIT */
/* What the host says of its character devices. */
#include "device/char_device.h"

#include <stddef.h>

static struct char_device *device_of(SpiceCharDeviceInstance *sin)
{
    return sin ? (struct char_device *)(void *)sin->st : NULL;
}

void spice_server_char_device_wakeup(SpiceCharDeviceInstance *sin)
{
    struct char_device *device = device_of(sin);

    if (device)
        char_device_wakeup(device);
}

void spice_server_port_event(SpiceCharDeviceInstance *sin, uint8_t event)
{
    struct char_device *device = device_of(sin);

    if (device)
        char_device_port_event(device, event);
}

const char **spice_server_char_device_recognized_subtypes(void)
{
    /* The interface says char **, so the array cannot be const. */
    static const char *subtypes[] = {
#define VMC_SUBTYPE(name, server, id) name,
#include "proto/char_subtypes.h"
#undef VMC_SUBTYPE
        NULL,
    };

    return subtypes;
}
