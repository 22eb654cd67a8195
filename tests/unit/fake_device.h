/* SPDX-License-Identifier: MIT */
/* A character device of a host that is not there. */
#ifndef CARAVAN_TESTS_FAKE_DEVICE_H
#define CARAVAN_TESTS_FAKE_DEVICE_H

#include <spice.h>
#include <stddef.h>

#include "base/buf.h"

struct fake_device {
    SpiceCharDeviceInstance sin; /* first */
    SpiceCharDeviceInterface sif;
    struct buf guest_out;          /* what the guest wrote, not read yet */
    struct buf guest_in;           /* what it was given */
    size_t takes;                  /* bytes that it takes now */
    void (*written)(void *opaque); /* within each write; NULL: nothing happens there */
    void *opaque;
    int state;
    unsigned states; /* how often that was set */
    int event;       /* the last one */
};

/* It takes all. portname NULL: none. The strings are borrowed. */
struct fake_device *fake_device_new(const char *subtype, const char *portname);
void fake_device_free(struct fake_device *self);
void fake_device_expect(const struct fake_device *self, const char *text);

#endif
