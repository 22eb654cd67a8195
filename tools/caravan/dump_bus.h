/* SPDX-License-Identifier: MIT */
/*
 * What QEMU's dbus-vmstate object puts into a stream: the body of section "dbus-vmstate", in which
 * each of its helpers has a blob. Source: the QEMU project's docs/interop/dbus-vmstate, and
 * streams.
 */
#ifndef CARAVAN_DUMP_BUS_H
#define CARAVAN_DUMP_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dump_bus_blob {
    char id[256]; /* of the helper, as it came: any bytes but NUL */
    const uint8_t *bytes;
    size_t len;
};

/* The blob that stands in place `at` (from 0) of a body: borrowed; false when there is none, which
 * includes bytes that are no such body. */
bool dump_bus_blob(const uint8_t *bytes, size_t len, uint32_t at, struct dump_bus_blob *blob);

#endif
