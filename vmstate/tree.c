/* SPDX-License-Identifier: MIT */
#include "vmstate/tree_private.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

struct vmstate_tree {
    uint32_t instance;
    uint32_t version;
    const char *name;
    const uint8_t *body;
    uint8_t *owned; /* the same, or NULL when borrowed */
    size_t len;
    GStringChunk *words;
    struct vmstate_node *root;
    size_t n_nodes;
};

/* What follows a blank in QEMU's word ("uint32 equal") is a check of its own. */
static const struct {
    const char *word;
    uint8_t size;
    enum vmstate_value_kind kind;
} numbers[] = {
    {"uint8", 1, VMSTATE_VALUE_UNSIGNED},  {"uint16", 2, VMSTATE_VALUE_UNSIGNED},
    {"uint32", 4, VMSTATE_VALUE_UNSIGNED}, {"uint64", 8, VMSTATE_VALUE_UNSIGNED},
    {"int8", 1, VMSTATE_VALUE_SIGNED},     {"int16", 2, VMSTATE_VALUE_SIGNED},
    {"int32", 4, VMSTATE_VALUE_SIGNED},    {"int64", 8, VMSTATE_VALUE_SIGNED},
    {"bool", 1, VMSTATE_VALUE_BOOL},       {"timer", 8, VMSTATE_VALUE_SIGNED},
};

enum vmstate_value_kind tree_kind_of(const char *type, uint64_t size)
{
    size_t n = strcspn(type, " ");

    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        if (strlen(numbers[i].word) == n && !strncmp(numbers[i].word, type, n) &&
            numbers[i].size == size)
            return numbers[i].kind;
    return VMSTATE_VALUE_BYTES;
}

struct vmstate_tree *tree_new(const char *name, uint32_t instance, uint32_t version,
                              const uint8_t *body, size_t len, bool copy)
{
    struct vmstate_tree *self = g_new0(struct vmstate_tree, 1);

    self->instance = instance;
    self->version = version;
    self->words = g_string_chunk_new(1024);
    self->name = g_string_chunk_insert(self->words, name);
    self->owned = copy && len ? g_memdup2(body, len) : NULL;
    self->body = self->owned ? self->owned : body;
    self->len = len;
    self->root = g_new0(struct vmstate_node, 1);
    *self->root = (struct vmstate_node){
        .name = "", .type = "struct", .kind = VMSTATE_NODE_STRUCT, .index = -1, .size = len};
    self->n_nodes = 1;
    return self;
}

static void free_nodes(struct vmstate_node *node)
{
    while (node) {
        struct vmstate_node *next = node->next;

        free_nodes(node->first);
        g_free(node);
        node = next;
    }
}

void vmstate_tree_free(struct vmstate_tree *self)
{
    if (!self)
        return;
    free_nodes(self->root);
    g_string_chunk_free(self->words);
    g_free(self->owned);
    g_free(self);
}

struct vmstate_node *tree_add(struct vmstate_tree *self, struct vmstate_node *parent,
                              struct vmstate_node *last, const char *name, const char *type,
                              size_t offset)
{
    struct vmstate_node *node;

    if (self->n_nodes == TREE_NODES_MOST)
        return NULL;
    self->n_nodes++;
    node = g_new0(struct vmstate_node, 1);
    node->name = g_string_chunk_insert_const(self->words, name);
    node->type = g_string_chunk_insert_const(self->words, type);
    node->index = -1;
    node->parent = parent;
    node->offset = offset;
    if (last)
        last->next = node;
    else
        parent->first = node;
    return node;
}

struct vmstate_node *tree_root(struct vmstate_tree *self)
{
    return self->root;
}

const char *vmstate_tree_name(const struct vmstate_tree *self)
{
    return self->name;
}

uint32_t vmstate_tree_instance(const struct vmstate_tree *self)
{
    return self->instance;
}

uint32_t vmstate_tree_version(const struct vmstate_tree *self)
{
    return self->version;
}

const struct vmstate_node *vmstate_tree_root(const struct vmstate_tree *self)
{
    return self->root;
}

const uint8_t *vmstate_tree_bytes(const struct vmstate_tree *self, size_t *len)
{
    *len = self->len;
    return self->body;
}

/* ---- Paths ---- */

/* "name", "<name>", with "[3]" behind it: how a node stands in a path. */
static void put_step(GString *path, const struct vmstate_node *node)
{
    if (path->len)
        g_string_append_c(path, '.');
    if (node->kind == VMSTATE_NODE_SUBSECTION)
        g_string_append_printf(path, "<%s>", node->name);
    else
        g_string_append(path, node->name);
    if (node->index >= 0)
        g_string_append_printf(path, "[%" G_GINT64_FORMAT "]", node->index);
}

static void put_path(GString *path, const struct vmstate_node *node)
{
    if (!node->parent)
        return;
    put_path(path, node->parent);
    put_step(path, node);
}

void vmstate_node_path(const struct vmstate_node *node, char *path, size_t size)
{
    GString *text = g_string_new(NULL);

    put_path(text, node);
    g_strlcpy(path, text->str, size);
    g_string_free(text, TRUE);
}

/* How much of the path the node's step takes up; 0 when it is another's. */
static size_t match_step(const struct vmstate_node *node, const char *path)
{
    GString *step = g_string_new(NULL);
    size_t n;

    put_step(step, node);
    n = g_str_has_prefix(path, step->str) ? step->len : 0;
    g_string_free(step, TRUE);
    if (n && path[n] != 0 && path[n] != '.' && path[n] != '[')
        return 0;
    return n;
}

/* What the step has left over: nothing, or the "[3]" of a list of numbers. */
static bool match_element(const struct vmstate_node *node, const char *rest, uint32_t *element)
{
    gchar *end;
    guint64 i;

    *element = 0;
    if (*rest == 0)
        return true;
    if (node->kind != VMSTATE_NODE_VALUES || node->count < 2 || !g_ascii_isdigit(rest[1]))
        return false;
    i = g_ascii_strtoull(rest + 1, &end, 10);
    *element = (uint32_t)i;
    return i < node->count && !strcmp(end, "]");
}

const struct vmstate_node *tree_find_below(const struct vmstate_node *parent, const char *path,
                                           uint32_t *element)
{
    for (const struct vmstate_node *node = parent->first; node; node = node->next) {
        size_t n = match_step(node, path);
        const struct vmstate_node *found = NULL;

        if (n && path[n] == '.')
            found = tree_find_below(node, path + n + 1, element);
        else if (n && match_element(node, path + n, element))
            found = node;
        if (found)
            return found;
    }
    return NULL;
}

const struct vmstate_node *vmstate_tree_find(const struct vmstate_tree *self, const char *path,
                                             uint32_t *element)
{
    uint32_t i;

    return tree_find_below(self->root, path, element ? element : &i);
}

/* ---- Values ---- */

struct vmstate_value vmstate_tree_value(const struct vmstate_tree *self,
                                        const struct vmstate_node *node, uint32_t i)
{
    size_t n = node->element;
    struct vmstate_value value = {.type = node->type, .kind = node->value, .len = n};
    uint64_t extended;

    value.offset = node->offset + i * n;
    value.bytes = self->body + value.offset;
    if (node->value == VMSTATE_VALUE_BYTES)
        return value;
    extended = value.bytes[node->little ? n - 1 : 0] & 0x80 ? UINT64_MAX : 0;
    for (size_t k = 0; k < n; k++) {
        uint8_t byte = value.bytes[node->little ? n - 1 - k : k];

        value.u = value.u << 8 | byte;
        extended = extended << 8 | byte;
    }
    value.i = (int64_t)extended;
    return value;
}

bool vmstate_tree_get(const struct vmstate_tree *self, const char *path,
                      struct vmstate_value *value)
{
    uint32_t element;
    const struct vmstate_node *node = vmstate_tree_find(self, path, &element);

    if (!node || node->kind != VMSTATE_NODE_VALUES)
        return false;
    *value = vmstate_tree_value(self, node, element);
    value->path = path;
    return true;
}

bool vmstate_tree_set(struct vmstate_tree *self, const char *path, uint64_t value)
{
    uint32_t element;
    const struct vmstate_node *node = vmstate_tree_find(self, path, &element);
    uint8_t *to;

    if (!node || node->kind != VMSTATE_NODE_VALUES || node->value == VMSTATE_VALUE_BYTES ||
        !self->owned)
        return false;
    to = self->owned + node->offset + element * node->element;
    for (size_t k = 0; k < node->element; k++)
        to[node->little ? k : node->element - 1 - k] = (uint8_t)(value >> (8 * k));
    return true;
}

struct walk {
    const struct vmstate_tree *tree;
    GString *path;
    vmstate_visit visit;
    void *opaque;
};

static void walk_values(struct walk *walk, const struct vmstate_node *node)
{
    size_t stem = walk->path->len;

    for (uint32_t i = 0; i < node->count; i++) {
        struct vmstate_value value = vmstate_tree_value(walk->tree, node, i);

        if (node->count > 1)
            g_string_append_printf(walk->path, "[%u]", i);
        value.path = walk->path->str;
        walk->visit(walk->opaque, &value);
        g_string_truncate(walk->path, stem);
    }
}

static void walk_children(struct walk *walk, const struct vmstate_node *parent)
{
    size_t stem = walk->path->len;

    for (const struct vmstate_node *node = parent->first; node; node = node->next) {
        put_step(walk->path, node);
        if (node->kind == VMSTATE_NODE_VALUES)
            walk_values(walk, node);
        else
            walk_children(walk, node);
        g_string_truncate(walk->path, stem);
    }
}

void vmstate_tree_walk(const struct vmstate_tree *self, vmstate_visit visit, void *opaque)
{
    struct walk walk = {self, g_string_new(NULL), visit, opaque};

    walk_children(&walk, self->root);
    g_string_free(walk.path, TRUE);
}
