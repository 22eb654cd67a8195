/* SPDX-License-Identifier: MIT */
/*
 * The fields of one section as a tree of names, types and values with their places in the section's
 * bytes. A modern section gets it from the stream's own description (vmstate/description.h), an old
 * one from a schema (vmstate/schema.h); who reads the tree need not know which.
 *
 * A tree owns a copy of the section's bytes, and its nodes point into it. No globals, no locks: any
 * thread, one at a time.
 */
#ifndef VMSTATE_TREE_H
#define VMSTATE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMSTATE_PATH_MAX 512 /* bytes of a path, with the NUL; longer ones are cut */

enum vmstate_node_kind {
    VMSTATE_NODE_STRUCT,     /* has children */
    VMSTATE_NODE_SUBSECTION, /* has children; its own header lies before them */
    VMSTATE_NODE_VALUES,     /* one value, or a list of numbers */
};

enum vmstate_value_kind {
    VMSTATE_VALUE_UNSIGNED,
    VMSTATE_VALUE_SIGNED,
    VMSTATE_VALUE_BOOL,
    VMSTATE_VALUE_BYTES,
};

/* All borrowed from the tree. */
struct vmstate_node {
    const char *name; /* of a subsection as in the stream, such as "fw_cfg/dma" */
    const char *type; /* QEMU's word for it; "struct" */
    enum vmstate_node_kind kind;
    int64_t index;    /* in a list of structs, or of an element listed on its own; -1: none */
    uint32_t version; /* of a subsection */
    size_t offset;    /* in the section's bytes, of its first byte */
    size_t size;      /* of all of it */
    struct vmstate_node *parent; /* NULL: the root, which stands for the section */
    struct vmstate_node *first;  /* children, linked by next; NULL: none */
    struct vmstate_node *next;
    /* VMSTATE_NODE_VALUES */
    enum vmstate_value_kind value;
    size_t element; /* bytes of one; 1, 2, 4 or 8 unless VMSTATE_VALUE_BYTES */
    uint32_t count; /* elements, > 0 */
    bool little;    /* little endian */
};

/* One value. All borrowed. */
struct vmstate_value {
    const char *path; /* such as "env.segs[3].base"; subsections as "<fw_cfg/dma>.dma_enabled" */
    const char *type; /* QEMU's word for it */
    enum vmstate_value_kind kind;
    uint64_t u;    /* UNSIGNED, BOOL; the bits of SIGNED */
    int64_t i;     /* SIGNED */
    size_t offset; /* in the section's bytes */
    const uint8_t *bytes;
    size_t len;
};

typedef void (*vmstate_visit)(void *opaque, const struct vmstate_value *value);

struct vmstate_tree;

void vmstate_tree_free(struct vmstate_tree *self);

/* Of the section, as it was given to the maker of the tree. */
const char *vmstate_tree_name(const struct vmstate_tree *self);
uint32_t vmstate_tree_instance(const struct vmstate_tree *self);
uint32_t vmstate_tree_version(const struct vmstate_tree *self);

const struct vmstate_node *vmstate_tree_root(const struct vmstate_tree *self);

/* The section's bytes, without header and footer. */
const uint8_t *vmstate_tree_bytes(const struct vmstate_tree *self, size_t *len);

/* The node of a path, or NULL; for an element of a list of numbers *element says which (element may
 * be NULL). The first one where a struct has several of the same name. */
const struct vmstate_node *vmstate_tree_find(const struct vmstate_tree *self, const char *path,
                                             uint32_t *element);

/* The path of a node, with a NUL, cut to size. */
void vmstate_node_path(const struct vmstate_node *node, char *path, size_t size);

/* The i-th value (below count) of a VALUES node. Its path is NULL. */
struct vmstate_value vmstate_tree_value(const struct vmstate_tree *self,
                                        const struct vmstate_node *node, uint32_t i);

/* The value at a path; false when there is none. Its path is the one given. */
bool vmstate_tree_get(const struct vmstate_tree *self, const char *path,
                      struct vmstate_value *value);

/* Writes a number into the section's bytes (its low bytes, for a shorter field); false when there
 * is none at the path. */
bool vmstate_tree_set(struct vmstate_tree *self, const char *path, uint64_t value);

/* Visits all values in their order; lists of numbers one by one. */
void vmstate_tree_walk(const struct vmstate_tree *self, vmstate_visit visit, void *opaque);

#endif
