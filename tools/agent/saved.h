/* SPDX-License-Identifier: MIT */
/*
 * What `caravan agent` saves: a table of fields, version 1, little endian. It comes back through a
 * migration stream, so it is hostile.
 */
#ifndef CARAVAN_AGENT_SAVED_H
#define CARAVAN_AGENT_SAVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SAVED_AGENT_MAGIC   0x47415643u /* "CVAG" */
#define SAVED_AGENT_VERSION 1u
#define SAVED_BYTES_MAX     (448u << 10) /* of one direction; both and the rest fit BUS_STATE_MAX */
#define SAVED_HUB_MAX       (96u << 10)

struct saved_agent {
    uint32_t magic;
    uint32_t version;
    uint32_t in_len; /* bytes of the guest that were read and not understood yet */
    uint8_t *in;
    uint32_t out_len; /* bytes for the guest that QEMU had not read */
    uint8_t *out;
    uint32_t hub_len; /* the hub's record */
    uint8_t *hub;
    bool guest_has; /* text for the host */
    bool host_has;
};

extern const struct field_table saved_agent_table;

#endif
