/* SPDX-License-Identifier: MIT */
#include "vmstate/fields_tree.h"

#include <glib.h>
#include <string.h>

#include "vmstate/fields_private.h"
#include "vmstate/stream_format.h"
#include "vmstate/tree_private.h"

#define SUBSECTION_HEAD 2 /* mark, length of the name */
#define PCI_CONFIG_SIZE 256
#define PCI_STATUS      6
#define PCI_STATUS_CAPS 0x10
#define PCI_CAPS        0x34
#define PCI_CAP_MSIX    0x11

struct read {
    struct fields_source *source;
    struct vmstate_tree *tree;
    enum fields_outcome outcome;
};

/* Where rows are read: a struct's node and what was added to it last. */
struct place {
    struct vmstate_node *node;
    struct vmstate_node *last;
    uint32_t version;
    unsigned depth;
};

static bool stop(struct read *read, enum fields_outcome outcome, const struct place *place,
                 const char *name, const char *reason)
{
    struct fields_error *error = &read->source->error;
    char *path = error->field;

    read->outcome = outcome;
    error->offset = read->source->pos;
    error->reason = reason;
    vmstate_node_path(place->node, path, sizeof(error->field));
    if (name && path[0])
        g_strlcat(path, ".", sizeof(error->field));
    if (name)
        g_strlcat(path, name, sizeof(error->field));
    return false;
}

static bool fits(struct read *read, const struct place *place, const char *name, uint64_t n)
{
    if (n <= read->source->len - read->source->pos)
        return true;
    return stop(read, FIELDS_SHORT, place, name, "it goes on behind the end of the bytes");
}

/* ---- What a row depends on ---- */

/* By path from a struct, or from one around it. */
static bool look_up(const struct read *read, const struct vmstate_node *from, const char *path,
                    struct vmstate_value *value)
{
    for (; from; from = from->parent) {
        uint32_t element;
        const struct vmstate_node *node = tree_find_below(from, path, &element);

        if (!node || node->kind != VMSTATE_NODE_VALUES)
            continue;
        *value = vmstate_tree_value(read->tree, node, element);
        return true;
    }
    return false;
}

/* Entries of the MSI-X table that a PCI configuration space tells of; 0: none. */
static uint64_t msix_entries(const struct vmstate_value *config)
{
    const uint8_t *p = config->bytes;
    uint8_t at;

    if (config->len != PCI_CONFIG_SIZE || !(p[PCI_STATUS] & PCI_STATUS_CAPS))
        return 0;
    at = p[PCI_CAPS] & 0xfc;
    for (int i = 0; i < PCI_CONFIG_SIZE / 4 && at >= 0x40; i++, at = p[at + 1] & 0xfc)
        if (p[at] == PCI_CAP_MSIX)
            return (((unsigned)p[at + 3] << 8 | p[at + 2]) & 0x7ff) + 1;
    return 0;
}

static uint64_t value_at(const struct read *read, const struct place *place, const char *path,
                         bool msix)
{
    struct vmstate_value value;

    if (!path || !look_up(read, place->node, path, &value))
        return 0;
    if (msix)
        return msix_entries(&value);
    return value.kind == VMSTATE_VALUE_BYTES ? 0 : value.u;
}

static bool term_holds(const struct read *read, const struct place *place,
                       const struct field_term *term)
{
    uint64_t value = 0;

    switch (term->test) {
    case FIELD_IF_FLAVOUR:
        return ((read->source->flavours & term->value) != 0) == (term->compare == FIELD_EQUAL);
    case FIELD_IF_VERSION:
        value = place->version;
        break;
    case FIELD_IF_VALUE:
    case FIELD_IF_MSIX:
        value = value_at(read, place, term->path, term->test == FIELD_IF_MSIX);
        break;
    }
    value &= term->mask;
    switch (term->compare) {
    case FIELD_EQUAL:
        return value == term->value;
    case FIELD_UNEQUAL:
        return value != term->value;
    case FIELD_AT_LEAST:
        return value >= term->value;
    case FIELD_AT_MOST:
        return value <= term->value;
    }
    return false;
}

static bool terms_hold(const struct read *read, const struct place *place,
                       const struct field *field)
{
    bool holds = true;

    for (uint32_t i = 0; i < field->n_terms; i++) {
        if (field->terms[i].or) {
            if (holds)
                return true;
            holds = true;
        }
        holds = holds && term_holds(read, place, &field->terms[i]);
    }
    return holds;
}

static bool row_exists(const struct read *read, const struct place *place,
                       const struct field *field)
{
    return place->version >= field->since &&
           (field->until == 0 || place->version <= field->until) && terms_hold(read, place, field);
}

static uint64_t row_count(const struct read *read, const struct place *place,
                          const struct field *field)
{
    const struct field_amount *amount = &field->amount;
    uint64_t n;

    if (field->shape == FIELD_ONE)
        return 1;
    if (field->shape != FIELD_AMOUNT)
        return field->count;
    /* 32 bits of value: the products below cannot overflow */
    n = MIN(value_at(read, place, amount->path, amount->msix), UINT32_MAX);
    return (n * amount->times + amount->per - 1) / amount->per + amount->plus;
}

/* ---- Rows ---- */

static struct vmstate_node *add(struct read *read, struct place *place, const char *name,
                                const char *word)
{
    struct vmstate_node *node =
        tree_add(read->tree, place->node, place->last, name, word, read->source->pos);

    if (node)
        place->last = node;
    else
        stop(read, FIELDS_WRONG, place, name, "more fields than can be held");
    return node;
}

static bool read_values(struct read *read, struct place *place, const struct field *field,
                        enum field_order order)
{
    uint64_t count = row_count(read, place, field);
    size_t size = fields_scalar_size(field->type);
    bool bytes = field->type == FIELD_U8 && field->shape != FIELD_ONE;
    struct vmstate_node *node;

    if (count == 0)
        return true;
    if (count > UINT32_MAX)
        return stop(read, FIELDS_WRONG, place, field->name, "a count that cannot be");
    if (!fits(read, place, field->name, count * size))
        return false;
    node = add(read, place, field->name, field->word);
    if (!node)
        return false;
    node->kind = VMSTATE_NODE_VALUES;
    node->index = field->index - 1;
    node->size = count * size;
    node->value = bytes ? VMSTATE_VALUE_BYTES : tree_kind_of(field->word, size);
    node->element = bytes ? count : size;
    node->count = bytes ? 1 : (uint32_t)count;
    node->little = field->little || order == FIELD_LITTLE_ENDIAN;
    read->source->pos += node->size;
    return true;
}

static bool read_table(struct read *read, struct vmstate_node *node,
                       const struct field_table *table, uint32_t version, unsigned depth);

static bool read_struct(struct read *read, struct place *place, const struct field *field,
                        int64_t index)
{
    struct vmstate_node *node = add(read, place, field->name, "struct");
    uint32_t version = field->table->version ? field->table->version : place->version;

    if (!node)
        return false;
    node->kind = VMSTATE_NODE_STRUCT;
    node->index = index;
    if (!read_table(read, node, field->table, version, place->depth + 1))
        return false;
    node->size = read->source->pos - node->offset;
    return true;
}

/* A count that depends on what is not there is no count. */
static bool can_count(struct read *read, const struct place *place, const struct field *field)
{
    struct vmstate_value value;

    if (field->shape != FIELD_AMOUNT || !field->amount.path ||
        look_up(read, place->node, field->amount.path, &value))
        return true;
    return stop(read, FIELDS_WRONG, place, field->name, "its layout is not known");
}

static bool read_structs(struct read *read, struct place *place, const struct field *field)
{
    uint64_t count = row_count(read, place, field);

    for (uint64_t i = 0; i < count; i++) {
        size_t before = read->source->pos;

        if (!read_struct(read, place, field,
                         field->shape == FIELD_ONE ? field->index - 1 : (int64_t)i))
            return false;
        if (read->source->pos == before && count > 1)
            return stop(read, FIELDS_WRONG, place, field->name, "a list of nothing");
    }
    return true;
}

static bool read_mark(struct read *read, struct place *place, const struct field *field,
                      bool *marked)
{
    static const struct field mark = {.name = "mark", .type = FIELD_U8, .word = "uint8"};

    if (!fits(read, place, field->name, 1))
        return false;
    *marked = read->source->bytes[read->source->pos] == field->mark;
    return read_values(read, place, &mark, FIELD_BIG_ENDIAN);
}

static bool read_marked(struct read *read, struct place *place, const struct field *field)
{
    bool marked;

    for (int64_t i = 0; read_mark(read, place, field, &marked); i++) {
        if (!marked)
            return true;
        if (!read_struct(read, place, field, i))
            return false;
    }
    return false;
}

static bool read_row(struct read *read, struct place *place, const struct field_table *table,
                     const struct field *field)
{
    if (!row_exists(read, place, field))
        return true;
    if (!can_count(read, place, field))
        return false;
    if (field->shape == FIELD_MARKED)
        return read_marked(read, place, field);
    if (field->type == FIELD_TABLE)
        return read_structs(read, place, field);
    return read_values(read, place, field, table->order);
}

/* ---- Subsections ---- */

/* A name in the bytes, of which `there` are there. */
struct sub_name {
    const uint8_t *bytes;
    size_t len;
    size_t there;
};

static bool agrees(const struct sub_name *name, const char *with)
{
    return !memcmp(name->bytes, with, MIN(name->there, strlen(with)));
}

static const struct field_table *find_subsection(const struct field_table *table,
                                                 const struct sub_name *name)
{
    for (uint32_t i = 0; i < table->n_subsections; i++)
        if (strlen(table->subsections[i]->name) == name->len &&
            agrees(name, table->subsections[i]->name))
            return table->subsections[i];
    return NULL;
}

/* "table/...": what QEMU would not pass over either */
static bool is_own(const struct field_table *table, const struct sub_name *name)
{
    size_t own = strlen(table->name);

    return name->len > own && agrees(name, table->name) &&
           (name->there <= own || name->bytes[own] == '/');
}

static bool read_subsection(struct read *read, struct place *place, const struct field_table *sub)
{
    struct fields_source *source = read->source;
    size_t n = strlen(sub->name);
    struct vmstate_node *node;

    if (!fits(read, place, sub->name, SUBSECTION_HEAD + n + 4))
        return false;
    node = add(read, place, sub->name, "subsection");
    if (!node)
        return false;
    node->kind = VMSTATE_NODE_SUBSECTION;
    source->pos += SUBSECTION_HEAD + n;
    for (int i = 0; i < 4; i++)
        node->version = node->version << 8 | source->bytes[source->pos++];
    if (node->version > sub->version || node->version < sub->least)
        return stop(read, FIELDS_WRONG, place, sub->name, "a version that is not known");
    if (!read_table(read, node, sub, node->version, place->depth + 1))
        return false;
    node->size = source->pos - node->offset;
    return true;
}

/* They are marked by a byte that could also begin something else: only names that a table knows
 * count, and those that begin with the table's own are not passed over. */
static bool read_subsections(struct read *read, struct place *place,
                             const struct field_table *table)
{
    struct fields_source *source = read->source;

    for (;;) {
        const uint8_t *p = source->bytes + source->pos;
        size_t left = source->len - source->pos;
        const struct field_table *sub;
        struct sub_name name;

        if (left == 0 && source->exact)
            return true;
        if (!fits(read, place, NULL, 1))
            return false;
        if (p[0] != BYTE_SUBSECTION)
            return true;
        if (left < SUBSECTION_HEAD)
            return source->exact || fits(read, place, NULL, SUBSECTION_HEAD);
        name = (struct sub_name){p + SUBSECTION_HEAD, p[1], MIN(p[1], left - SUBSECTION_HEAD)};
        sub = find_subsection(table, &name);
        if (!sub && !is_own(table, &name))
            return true;
        if (name.there < name.len)
            return source->exact || fits(read, place, NULL, UINT64_MAX);
        if (!sub)
            return stop(read, FIELDS_WRONG, place, NULL, "a subsection that is not known");
        if (!read_subsection(read, place, sub))
            return false;
    }
}

static bool read_table(struct read *read, struct vmstate_node *node,
                       const struct field_table *table, uint32_t version, unsigned depth)
{
    struct place place = {node, NULL, version, depth};

    if (depth > FIELDS_MAX_DEPTH)
        return stop(read, FIELDS_WRONG, &place, NULL, "tables too deep");
    for (uint32_t i = 0; i < table->n_fields; i++)
        if (!read_row(read, &place, table, &table->fields[i]))
            return false;
    return read_subsections(read, &place, table);
}

enum fields_outcome fields_tree(const struct field_table *table, struct fields_source *source,
                                struct vmstate_tree *tree)
{
    struct read read = {source, tree, FIELDS_READ};

    source->pos = 0;
    source->error = (struct fields_error){0};
    if (!read_table(&read, tree_root(tree), table, source->version, 0))
        return read.outcome;
    return FIELDS_READ;
}
