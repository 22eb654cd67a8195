/* SPDX-License-Identifier: MIT */
/* The JSON behind the converted stream. Fields stand flat under their paths: enough for whoever
 * wants sizes, names and values, and QEMU itself reads over it. */
#include "vmstate/convert_private.h"

#include <string.h>

static void put_text(GString *json, const char *name, const char *text)
{
    g_string_append_printf(json, "\"%s\": \"", name);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            g_string_append_printf(json, "\\%c", *p);
        else if (*p < 0x20 || *p >= 0x7f)
            g_string_append_printf(json, "\\u%04x", *p);
        else
            g_string_append_c(json, (char)*p);
    }
    g_string_append(json, "\", ");
}

struct describe {
    GString *json;
    const GArray *cuts; /* of the section, or NULL */
    guint cut;          /* the next one */
    bool first;
};

static void put_field(struct describe *self, const char *name, const char *type, size_t size,
                      uint32_t count)
{
    if (size == 0 || count == 0)
        return;
    g_string_append(self->json, self->first ? "{" : ", {");
    self->first = false;
    put_text(self->json, "name", name);
    if (count > 1)
        g_string_append_printf(self->json, "\"array_len\": %u, ", count);
    put_text(self->json, "type", type);
    g_string_append_printf(self->json, "\"size\": %zu}", size);
}

/* What is put in before the node; true when the node itself is left out. Cuts inside a struct are
 * its children's; one inside a value writes other bytes in place. */
static bool pass_cuts(struct describe *self, const struct vmstate_node *node)
{
    bool has_children = node->kind != VMSTATE_NODE_VALUES;

    while (self->cuts && self->cut < self->cuts->len) {
        const struct convert_cut *cut = &g_array_index(self->cuts, struct convert_cut, self->cut);

        if (cut->at >= node->offset + node->size)
            return false;
        if (has_children && (cut->at > node->offset || (cut->len && cut->len < node->size)))
            return false;
        self->cut++;
        if (cut->at > node->offset)
            continue;
        if (cut->put)
            put_field(self, "inserted", "buffer", cut->put_len, 1);
        if (cut->len)
            return true;
    }
    return false;
}

/* What is put in behind the last node. */
static void pass_rest(struct describe *self)
{
    for (; self->cuts && self->cut < self->cuts->len; self->cut++) {
        const struct convert_cut *cut = &g_array_index(self->cuts, struct convert_cut, self->cut);

        if (cut->put)
            put_field(self, "inserted", "buffer", cut->put_len, 1);
    }
}

static void put_nodes(struct describe *self, const struct vmstate_node *parent)
{
    char path[VMSTATE_PATH_MAX];

    for (const struct vmstate_node *node = parent->first; node; node = node->next) {
        if (pass_cuts(self, node))
            continue;
        vmstate_node_path(node, path, sizeof(path));
        if (node->kind == VMSTATE_NODE_SUBSECTION) /* its header */
            put_field(self, path, "buffer", 6 + strlen(node->name), 1);
        if (node->kind != VMSTATE_NODE_VALUES)
            put_nodes(self, node);
        else
            put_field(self, path, node->type, node->element, node->count);
    }
}

static void put_section(GString *json, struct vmstate_convert *convert,
                        struct convert_section *section)
{
    struct vmstate_tree *tree = convert_tree(convert, section);
    struct describe self = {json, section->cuts, 0, true};

    g_string_append(json, "{");
    put_text(json, "name", section->head.name);
    put_text(json, "vmsd_name", section->device);
    g_string_append_printf(json, "\"instance_id\": %u, \"version\": %u, \"fields\": [",
                           section->head.instance, section->head.version);
    if (tree) {
        put_nodes(&self, vmstate_tree_root(tree));
        pass_rest(&self);
    } else {
        put_field(&self, "data", "buffer", section->len, 1);
    }
    g_string_append(json, "]}");
}

char *convert_describe(struct vmstate_convert *self)
{
    GString *json = g_string_new("{\"page_size\": 4096, \"devices\": [");
    bool first = true;

    for (guint i = 0; i < self->sections->len; i++) {
        struct convert_section *section = self->sections->pdata[i];

        if (section->dropped)
            continue;
        if (!first)
            g_string_append(json, ", ");
        first = false;
        put_section(json, self, section);
    }
    g_string_append(json, "]}");
    return g_string_free(json, FALSE);
}
