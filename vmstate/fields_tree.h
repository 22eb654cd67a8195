/* SPDX-License-Identifier: MIT */
/* Bytes into a tree by a table of fields that stands without a struct. */
#ifndef VMSTATE_FIELDS_TREE_H
#define VMSTATE_FIELDS_TREE_H

#include "vmstate/fields.h"
#include "vmstate/tree.h"

enum fields_outcome {
    FIELDS_READ,
    FIELDS_SHORT, /* it goes on behind the bytes */
    FIELDS_WRONG,
};

struct fields_source {
    const uint8_t *bytes;
    size_t len;
    bool exact; /* the bytes end where the section does; else whatever follows it stands there */
    uint32_t version;          /* of the section */
    uint64_t flavours;         /* who may have written it: what FIELD_IF_FLAVOUR is asked with */
    size_t pos;                /* out: where the reading ended */
    struct fields_error error; /* out, unless FIELDS_READ; its reason is static */
};

/* Reads into a tree made for the bytes (tree_private.h), from the first of them on. What was read
 * before an error is in it. */
enum fields_outcome fields_tree(const struct field_table *table, struct fields_source *source,
                                struct vmstate_tree *tree);

#endif
