/* SPDX-License-Identifier: MIT */
/* The blobs that `caravan vmstate dump` knows, as tables: what SPICE's channels hand over in a move
 * (proto/saved_state.h), and `caravan agent` (proto/agent_blob.h). */
#ifndef CARAVAN_DUMP_KINDS_H
#define CARAVAN_DUMP_KINDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmstate/fields.h"

struct dump_kind {
    const char *name;
    const char *what; /* for people */
    uint32_t magic;   /* its first bytes, little endian */
    size_t size;      /* of the struct */
    /* Fills the zeroed struct; on failure it holds nothing that is to be freed. */
    bool (*load)(const uint8_t *bytes, size_t len, void *state, struct fields_error *error);
    /* Bytes that the struct takes when it is saved again; what a blob has more is not known.
     * 0: nobody can say. */
    size_t (*saved_size)(const void *state);
    void (*free)(void *state);
    uint32_t version;
    const struct field_table *body;
    const struct field_table *more; /* of the same struct: what stands behind the body; or NULL */
};

#define DUMP_BLOB_MOST (32u << 20) /* bytes; no kind takes more */

/* The kind of a blob by its first four bytes, or NULL. */
const struct dump_kind *dump_kind_of(const uint8_t *bytes, size_t len);

#endif
