/* SPDX-License-Identifier: MIT */
/* What the configuration section says behind the machine type: capabilities of the migration, the
 * machine's UUID. */
#ifndef CARAVAN_INSPECT_CONFIG_H
#define CARAVAN_INSPECT_CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include <glib.h>

struct inspect_config {
    GByteArray *bytes;       /* of its subsections; NULL: none */
    GPtrArray *capabilities; /* char *, owned; NULL: not told */
    char *uuid;              /* NULL: not told */
};

/* Takes the bytes of VMSTATE_CONFIGURATION_BYTES, which the reader has checked, piece by piece. */
void inspect_config_take(struct inspect_config *self, const uint8_t *bytes, size_t len);

/* Fills capabilities and uuid, when all bytes are taken. */
void inspect_config_read(struct inspect_config *self);

void inspect_config_clear(struct inspect_config *self);

#endif
