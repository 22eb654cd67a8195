/* SPDX-License-Identifier: MIT */
/*
 * Character devices: nobody serves them, so what the guest writes is read and dropped. Left
 * unread, it would fill the device's ring and hold up the guest's writers.
 */
#include "abi/later.h"

#include <spice/macros.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/log.h"

/* Its address marks an instance as attached. */
struct SpiceCharDeviceState {
    char unused;
};
static SpiceCharDeviceState char_attached;

static const struct char_subtype {
    const char *name;
    enum later_feature feature;
    bool open_at_once; /* 0.15.1 opens it as soon as it is attached */
} char_subtypes[] = {
    {"vdagent", LATER_AGENT, true},
    {"smartcard", LATER_SMARTCARD, false},
    {"usbredir", LATER_USBREDIR, false},
    {"port", LATER_PORT, false},
};

static const struct char_subtype *find_subtype(const SpiceCharDeviceInstance *device)
{
    for (size_t i = 0; i < sizeof(char_subtypes) / sizeof(char_subtypes[0]); i++) {
        if (strcmp(char_subtypes[i].name, device->subtype) == 0) {
            return &char_subtypes[i];
        }
    }
    return NULL;
}

static const SpiceCharDeviceInterface *char_interface(const SpiceCharDeviceInstance *device)
{
    return SPICE_CONTAINEROF(device->base.sif, const SpiceCharDeviceInterface, base);
}

static void set_state(SpiceCharDeviceInstance *device, int connected)
{
    const SpiceCharDeviceInterface *sif = char_interface(device);

    if (sif->state) {
        sif->state(device, connected);
    }
}

/* Ends: the guest cannot add bytes before this returns, both run in the event loop's thread. */
static void drop_input(SpiceCharDeviceInstance *device)
{
    const SpiceCharDeviceInterface *sif = char_interface(device);
    uint8_t bytes[4096];

    while (sif->read && sif->read(device, bytes, sizeof(bytes)) > 0) {
    }
}

int later_char_add(SpiceBaseInstance *sin)
{
    SpiceCharDeviceInstance *device = SPICE_CONTAINEROF(sin, SpiceCharDeviceInstance, base);
    const struct char_subtype *subtype;

    device->st = NULL;
    if (!device->subtype) {
        log_warn("char device without a subtype");
        return -1;
    }
    subtype = find_subtype(device);
    if (!subtype) {
        log_warn("char device of unknown subtype %s is left alone", device->subtype);
        return 0;
    }
    later_say(subtype->feature);
    device->st = &char_attached;
    if (subtype->open_at_once) {
        set_state(device, 1);
    }
    drop_input(device);
    return 0;
}

int later_char_remove(SpiceBaseInstance *sin)
{
    SpiceCharDeviceInstance *device = SPICE_CONTAINEROF(sin, SpiceCharDeviceInstance, base);
    const struct char_subtype *subtype;

    if (device->st != &char_attached) {
        return -1;
    }
    device->st = NULL;
    subtype = find_subtype(device);
    if (subtype && subtype->open_at_once) {
        set_state(device, 0);
    }
    return 0;
}

void spice_server_char_device_wakeup(SpiceCharDeviceInstance *sin)
{
    if (sin && sin->st == &char_attached) {
        drop_input(sin);
    }
}

void spice_server_port_event(SpiceCharDeviceInstance *sin, uint8_t event)
{
}

const char **spice_server_char_device_recognized_subtypes(void)
{
    /* The interface says char **, so the array cannot be const. */
    static const char *subtypes[] = {"vdagent", "smartcard", "usbredir", NULL};

    return subtypes;
}
