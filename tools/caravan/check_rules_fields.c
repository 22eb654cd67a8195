/* SPDX-License-Identifier: MIT */
/*
 * Two descriptions of the same section side by side. What only one of them has is a difference of
 * layout, unless its presence depends on what the device was doing: elements of lists, and
 * subsections, which QEMU looks up by name.
 */
#include <string.h>

#include "check_rules.h"

struct comparing {
    const struct check_case *it;
    const struct check_section *ours;
    const struct check_section *theirs;
    bool as_long; /* other names mean nothing then */
};

/* Types whose values must agree: QEMU's word ends with the check it makes. */
static bool must_agree(const struct vmstate_node *node)
{
    return g_str_has_suffix(node->type, " equal");
}

static bool at_most(const struct vmstate_node *node)
{
    return g_str_has_suffix(node->type, " le");
}

static void compare_values(const struct comparing *at, const struct vmstate_node *ours,
                           const struct vmstate_node *theirs)
{
    char path[VMSTATE_PATH_MAX];

    if (ours->value == VMSTATE_VALUE_BYTES || theirs->value == VMSTATE_VALUE_BYTES ||
        strcmp(ours->type, theirs->type) || !(must_agree(ours) || at_most(ours)))
        return;
    vmstate_node_path(ours, path, sizeof(path));
    for (uint32_t i = 0; i < MIN(ours->count, theirs->count); i++) {
        struct vmstate_value a = vmstate_tree_value(at->ours->tree, ours, i);
        struct vmstate_value b = vmstate_tree_value(at->theirs->tree, theirs, i);

        if (a.u == b.u || (at_most(ours) && a.i >= 0 && a.i <= b.i))
            continue;
        check_report_add(
            at->it->report, CHECK_OBSTACLE, "value", at->ours->name, at->ours->instance,
            g_strdup("the same properties for the device as where it was saved"),
            "%s is %" G_GINT64_FORMAT ", in the target it has to be %s%" G_GINT64_FORMAT, path, a.i,
            at_most(ours) ? "at most " : "", b.i);
        return;
    }
}

static void report_layout(const struct comparing *at, const struct vmstate_node *node, bool ours)
{
    char path[VMSTATE_PATH_MAX];

    if (at->as_long)
        return;
    vmstate_node_path(node, path, sizeof(path));
    check_report_add(
        at->it->report, CHECK_DOUBT, "layout", at->ours->name, at->ours->instance,
        g_strdup("the machine type (or the device's properties) of where it was saved"),
        ours ? "it has the field '%s', which the target does not read here"
             : "it lacks the field '%s', which the target reads here",
        path);
}

/* ---- Lists: their length is either a field's value, or the device's own ---- */

struct count_search {
    uint64_t ours, theirs;
    const struct comparing *at;
    bool found;
};

/* A number before the list, in both trees at the same path, that is its length in each. */
static void look_for_count(void *opaque, const struct vmstate_value *value)
{
    struct count_search *search = opaque;
    struct vmstate_value other;

    if (search->found || value->kind == VMSTATE_VALUE_BYTES || value->u != search->ours)
        return;
    search->found = vmstate_tree_get(search->at->theirs->tree, value->path, &other) &&
                    other.kind != VMSTATE_VALUE_BYTES && other.u == search->theirs;
}

static bool count_is_a_field(const struct comparing *at, uint64_t ours, uint64_t theirs)
{
    struct count_search search = {ours, theirs, at, false};

    vmstate_tree_walk(at->ours->tree, look_for_count, &search);
    return search.found;
}

static void report_count(const struct comparing *at, const struct vmstate_node *node, uint64_t ours,
                         uint64_t theirs)
{
    char path[VMSTATE_PATH_MAX];
    char *bracket;

    if (at->as_long)
        return;
    vmstate_node_path(node, path, sizeof(path));
    bracket = strrchr(path, '[');
    if (bracket && !bracket[strcspn(bracket, ".")])
        *bracket = 0;
    check_report_add(at->it->report, CHECK_DOUBT, "count", at->ours->name, at->ours->instance,
                     g_strdup("the same properties for the device as where it was saved"),
                     "it has %" G_GUINT64_FORMAT " of '%s', the target has %" G_GUINT64_FORMAT,
                     ours, path, theirs);
}

static const char *const sized_types[] = {"buffer",     "unused_buffer", "bitmap",
                                          "pci config", "msix state",    NULL};

/* False when the target would read another number of bytes. */
static bool compare_length(const struct comparing *at, const struct vmstate_node *ours,
                           const struct vmstate_node *theirs)
{
    bool bytes = ours->value == VMSTATE_VALUE_BYTES;
    uint64_t n = bytes ? ours->size : ours->count, m = bytes ? theirs->size : theirs->count;

    if (n == m || (bytes && !g_strv_contains(sized_types, ours->type)) ||
        count_is_a_field(at, n, m))
        return true;
    report_count(at, ours, n, m);
    return false;
}

/* How many elements of a list of structs begin here. */
static uint64_t run_length(const struct vmstate_node *node)
{
    const char *name = node->name;
    uint64_t n = 0;

    for (; node && node->kind == VMSTATE_NODE_STRUCT && !strcmp(node->name, name);
         node = node->next)
        n++;
    return n;
}

static const struct vmstate_node *skip_run(const struct vmstate_node *node, uint64_t n)
{
    while (n--)
        node = node->next;
    return node;
}

/* ---- In step ---- */

/* Subsections that only a device of the same kind can take. */
static const char *const bound_subsections[] = {"hda-audio-stream/buffer", NULL};

static bool same_place(const struct vmstate_node *a, const struct vmstate_node *b)
{
    return a->kind == b->kind && !strcmp(a->name, b->name);
}

static bool comes_later(const struct vmstate_node *node, const struct vmstate_node *wanted)
{
    for (; node; node = node->next)
        if (same_place(node, wanted))
            return true;
    return false;
}

/* What only one side has; false when it is told as an obstacle. */
static bool allow_lone(const struct comparing *at, const struct vmstate_node *node, bool ours)
{
    if (node->kind == VMSTATE_NODE_SUBSECTION && !g_strv_contains(bound_subsections, node->name))
        return true;
    if (node->index >= 0) {
        uint64_t n = run_length(node);

        if (node->kind != VMSTATE_NODE_STRUCT || count_is_a_field(at, ours ? n : 0, ours ? 0 : n))
            return true;
        report_count(at, node, ours ? n : 0, ours ? 0 : n);
        return false;
    }
    report_layout(at, node, ours);
    return false;
}

static bool compare_children(const struct comparing *at, const struct vmstate_node *ours,
                             const struct vmstate_node *theirs);

/* Lists of structs that begin at both; moves on behind them. */
static bool compare_runs(const struct comparing *at, const struct vmstate_node **ours,
                         const struct vmstate_node **theirs)
{
    uint64_t n = run_length(*ours), m = run_length(*theirs);
    const struct vmstate_node *a = *ours, *b = *theirs;

    if (n != m && !count_is_a_field(at, n, m)) {
        report_count(at, a, n, m);
        return false;
    }
    for (uint64_t i = 0; i < MIN(n, m); i++, a = a->next, b = b->next)
        if (!compare_children(at, a, b))
            return false;
    *ours = skip_run(*ours, n);
    *theirs = skip_run(*theirs, m);
    return true;
}

static bool compare_both(const struct comparing *at, const struct vmstate_node **ours,
                         const struct vmstate_node **theirs)
{
    const struct vmstate_node *a = *ours, *b = *theirs;

    if (a->kind == VMSTATE_NODE_STRUCT)
        return compare_runs(at, ours, theirs);
    if (a->kind == VMSTATE_NODE_SUBSECTION && !compare_children(at, a, b))
        return false;
    if (a->kind == VMSTATE_NODE_VALUES) {
        if (!compare_length(at, a, b))
            return false;
        compare_values(at, a, b);
    }
    *ours = a->next;
    *theirs = b->next;
    return true;
}

/* False once a difference was told, for what follows is out of step. */
static bool compare_children(const struct comparing *at, const struct vmstate_node *ours,
                             const struct vmstate_node *theirs)
{
    const struct vmstate_node *a = ours->first, *b = theirs->first;

    while (a || b) {
        if (a && b && same_place(a, b)) {
            if (!compare_both(at, &a, &b))
                return false;
        } else if (a && !(b && comes_later(b, a))) {
            if (!allow_lone(at, a, true))
                return false;
            a = a->next;
        } else {
            if (!allow_lone(at, b, false))
                return false;
            b = b->next;
        }
    }
    return true;
}

static void check_subsections(const struct comparing *at, const struct vmstate_node *node)
{
    for (node = node->first; node; node = node->next) {
        if (node->kind == VMSTATE_NODE_SUBSECTION &&
            !check_schema_has_subsection(at->it->schema, node->name) &&
            check_schema_find(at->it->schema, check_leaf(at->ours->name)))
            check_report_add(at->it->report, CHECK_DOUBT, "unknown-subsection", at->ours->name,
                             at->ours->instance, NULL,
                             "it has the subsection '%s', which the target's QEMU may not know",
                             node->name);
        check_subsections(at, node);
    }
}

/* ---- Without structs: what convert wrote describes fields by their paths ---- */

static bool is_subsections(const struct vmstate_node *node)
{
    return node->kind == VMSTATE_NODE_SUBSECTION ||
           (node->kind == VMSTATE_NODE_VALUES && strchr(node->name, '<'));
}

/* Bytes of fields, without subsections. */
static size_t own_size(const struct vmstate_node *parent)
{
    size_t size = 0;

    for (const struct vmstate_node *node = parent->first; node; node = node->next) {
        if (node->kind == VMSTATE_NODE_STRUCT)
            size += own_size(node);
        else if (!is_subsections(node))
            size += node->size;
    }
    return size;
}

static bool has_parts(const struct vmstate_node *parent)
{
    for (const struct vmstate_node *node = parent->first; node; node = node->next)
        if (node->kind != VMSTATE_NODE_VALUES)
            return true;
    return false;
}

static bool is_flat(const struct vmstate_node *ours, const struct vmstate_node *theirs)
{
    if (has_parts(ours))
        return false;
    for (const struct vmstate_node *node = ours->first; node; node = node->next)
        if (is_subsections(node))
            return true;
    return has_parts(theirs);
}

static void compare_flat(const struct comparing *at, const struct vmstate_node *ours,
                         const struct vmstate_node *theirs)
{
    size_t n = own_size(ours), m = own_size(theirs);

    if (n != m)
        check_report_add(
            at->it->report, CHECK_DOUBT, "layout", at->ours->name, at->ours->instance,
            g_strdup("the machine type (or the device's properties) of where it was saved"),
            "its fields take %zu bytes, the target's %zu", n, m);
}

void check_rule_fields(const struct check_case *it, const struct check_section *ours,
                       const struct check_section *theirs)
{
    struct comparing at = {it, ours, theirs, ours->body->len == theirs->body->len};

    if (ours->tree && theirs->tree) {
        const struct vmstate_node *root = vmstate_tree_root(ours->tree);

        if (is_flat(root, vmstate_tree_root(theirs->tree)))
            compare_flat(&at, root, vmstate_tree_root(theirs->tree));
        else
            compare_children(&at, root, vmstate_tree_root(theirs->tree));
    }
    if (ours->tree && it->schema)
        check_subsections(&at, vmstate_tree_root(ours->tree));
}
