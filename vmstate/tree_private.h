/* SPDX-License-Identifier: MIT */
/* For those who make trees. */
#ifndef VMSTATE_TREE_PRIVATE_H
#define VMSTATE_TREE_PRIVATE_H

#include "vmstate/tree.h"

#define TREE_MAX_DEPTH  40        /* nodes below nodes */
#define TREE_NODES_MOST (1 << 18) /* of one tree: what a hostile section can make it take */

/* An empty tree with its root. The bytes are copied, or borrowed until it is freed. */
struct vmstate_tree *tree_new(const char *name, uint32_t instance, uint32_t version,
                              const uint8_t *body, size_t len, bool copy);

/* A new last child of parent, from `offset` on; its other members are the maker's to fill. `last`
 * is the child that was added before it, or NULL. NULL when there are too many. */
struct vmstate_node *tree_add(struct vmstate_tree *self, struct vmstate_node *parent,
                              struct vmstate_node *last, const char *name, const char *type,
                              size_t offset);

/* As vmstate_tree_find, from a node on. */
const struct vmstate_node *tree_find_below(const struct vmstate_node *node, const char *path,
                                           uint32_t *element);

struct vmstate_node *tree_root(struct vmstate_tree *self);

/* QEMU's words for numbers ("uint32", also with a check behind a blank), when the size fits;
 * anything else is bytes. */
enum vmstate_value_kind tree_kind_of(const char *type, uint64_t size);

#endif
