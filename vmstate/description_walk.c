/* SPDX-License-Identifier: MIT */
/* A section's body along its description: a tree. */
#include "vmstate/description_private.h"
#include "vmstate/tree_private.h"

#include <glib.h>
#include <string.h>

struct walk {
    struct vmstate_tree *tree;
    const uint8_t *body;
    size_t len;
    size_t pos;
    const char *reason;
};

static bool walk_layout(struct walk *walk, struct vmstate_node *node,
                        const struct vmstate_layout *layout);

static bool fits(struct walk *walk, uint64_t size)
{
    if (size <= walk->len - walk->pos)
        return true;
    walk->reason = "the body is shorter than its description";
    return false;
}

static bool add(struct walk *walk, struct vmstate_node *parent, struct vmstate_node **last,
                const char *name, const char *type)
{
    struct vmstate_node *node = tree_add(walk->tree, parent, *last, name, type, walk->pos);

    if (!node) {
        walk->reason = "more fields than can be held";
        return false;
    }
    *last = node;
    return true;
}

/* The list "x[0]" is "x" from its first element on. */
static char *name_of(const struct layout_field *field)
{
    size_t n = strlen(field->name);

    return g_strndup(field->name,
                     field->count > 1 && g_str_has_suffix(field->name, "[0]") ? n - 3 : n);
}

static bool walk_values(struct walk *walk, struct vmstate_node *parent, struct vmstate_node **last,
                        const struct layout_field *field, const char *name)
{
    bool bytes = field->count > 1 && field->size == 1 && !strcmp(field->type, "uint8");
    struct vmstate_node *node;
    uint64_t whole;

    /* of a list that is cut off, what is there */
    if (!fits(walk, field->size) || !add(walk, parent, last, name, field->type))
        return false;
    node = *last;
    node->kind = VMSTATE_NODE_VALUES;
    node->value = bytes ? VMSTATE_VALUE_BYTES : tree_kind_of(field->type, field->size);
    node->element = bytes ? field->count : field->size;
    node->index = field->count > 1 ? -1 : field->index;
    whole = (walk->len - walk->pos) / field->size;
    node->count = bytes ? 1 : (uint32_t)MIN(whole, field->count);
    node->size = field->size * MIN(whole, field->count);
    if (bytes)
        node->element = node->size;
    walk->pos += node->size;
    return whole >= field->count || fits(walk, UINT64_MAX);
}

static bool walk_structs(struct walk *walk, struct vmstate_node *parent, struct vmstate_node **last,
                         const struct layout_field *field, const char *name)
{
    for (uint32_t i = 0; i < field->count; i++) {
        if (!fits(walk, field->size) || !add(walk, parent, last, name, field->type))
            return false;
        (*last)->kind = VMSTATE_NODE_STRUCT;
        (*last)->index = field->count > 1 ? (int64_t)i : field->index;
        if (!walk_layout(walk, *last, field->nested))
            return false;
        (*last)->size = walk->pos - (*last)->offset;
    }
    return true;
}

static bool walk_subsection(struct walk *walk, struct vmstate_node *parent,
                            struct vmstate_node **last, const struct vmstate_layout *sub)
{
    size_t n = strlen(sub->name);
    const uint8_t *p = walk->body + walk->pos;

    if (!fits(walk, SUBSECTION_FIXED + n))
        return false;
    if (p[0] != SUBSECTION_MARK || p[1] != n || memcmp(p + 2, sub->name, n)) {
        walk->reason = "the description has a subsection that is not there";
        return false;
    }
    if (!add(walk, parent, last, sub->name, "subsection"))
        return false;
    (*last)->kind = VMSTATE_NODE_SUBSECTION;
    (*last)->version =
        (uint32_t)p[n + 2] << 24 | (uint32_t)p[n + 3] << 16 | (uint32_t)p[n + 4] << 8 | p[n + 5];
    walk->pos += SUBSECTION_FIXED + n;
    if (!walk_layout(walk, *last, sub))
        return false;
    (*last)->size = walk->pos - (*last)->offset;
    return true;
}

static bool walk_layout(struct walk *walk, struct vmstate_node *node,
                        const struct vmstate_layout *layout)
{
    struct vmstate_node *last = NULL;

    for (size_t i = 0; i < layout->n_fields; i++) {
        const struct layout_field *field = &layout->fields[i];
        char *name = name_of(field);
        bool fine = field->nested ? walk_structs(walk, node, &last, field, name)
                                  : walk_values(walk, node, &last, field, name);

        g_free(name);
        if (!fine)
            return false;
    }
    for (size_t i = 0; i < layout->n_subsections; i++)
        if (!walk_subsection(walk, node, &last, layout->subsections[i]))
            return false;
    return true;
}

/* The tree, as far as it goes; *reason is NULL when that is to the end. */
static struct vmstate_tree *walk_device(const struct vmstate_device *device, const uint8_t *body,
                                        size_t len, bool copy, size_t *at, const char **reason)
{
    struct vmstate_tree *tree =
        tree_new(device->name, device->instance, device->version, body, len, copy);
    struct walk walk = {tree, body, len, 0, NULL};

    if (walk_layout(&walk, tree_root(tree), device->layout) && walk.pos != len)
        walk.reason = "the body is longer than its description";
    *at = walk.pos;
    *reason = walk.reason;
    return tree;
}

struct vmstate_tree *vmstate_device_tree(const struct vmstate_device *device, const uint8_t *body,
                                         size_t len, size_t *at, const char **reason)
{
    struct vmstate_tree *tree = walk_device(device, body, len, true, at, reason);

    if (!*reason)
        return tree;
    vmstate_tree_free(tree);
    return NULL;
}

bool vmstate_device_walk(const struct vmstate_device *device, const uint8_t *body, size_t len,
                         vmstate_visit visit, void *opaque, size_t *at, const char **reason)
{
    struct vmstate_tree *tree = walk_device(device, body, len, false, at, reason);

    vmstate_tree_walk(tree, visit, opaque);
    vmstate_tree_free(tree);
    return !*reason;
}
