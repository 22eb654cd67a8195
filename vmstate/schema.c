/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "vmstate/fields_tree.h"
#include "vmstate/schema_private.h"
#include "vmstate/stream_format.h"
#include "vmstate/tree_private.h"

#define FOOTER_SIZE  5
#define SECTION_HEAD 6 /* kind, id, length of the name */

static void free_table(gpointer data)
{
    struct field_table *table = data;

    for (uint32_t i = 0; i < table->n_fields; i++)
        g_free((void *)table->fields[i].terms);
    g_free((void *)table->fields);
    g_free((void *)table->subsections);
    g_free(table);
}

struct vmstate_schemas *vmstate_schemas_new(void)
{
    struct vmstate_schemas *self = g_new0(struct vmstate_schemas, 1);
    const char *reason;
    unsigned line;

    self->words = g_string_chunk_new(8192);
    self->structs = g_ptr_array_new_with_free_func(free_table);
    self->subsections = g_ptr_array_new_with_free_func(free_table);
    self->sections = g_ptr_array_new_with_free_func(free_table);
    self->aliases = g_ptr_array_new();
    for (const char *const *text = schema_texts; *text; text++)
        vmstate_schemas_add(self, *text, &line,
                            &reason); /* a unit test sees to it that they are right */
    return self;
}

void vmstate_schemas_free(struct vmstate_schemas *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->aliases);
    g_ptr_array_unref(self->sections);
    g_ptr_array_unref(self->subsections);
    g_ptr_array_unref(self->structs);
    g_string_chunk_free(self->words);
    g_free(self);
}

const char *vmstate_schemas_flavour(const struct vmstate_schemas *self)
{
    for (unsigned i = 0; i < self->n_flavours; i++)
        if (self->flavour == UINT64_C(1) << i)
            return self->flavours[i];
    return NULL;
}

bool vmstate_schemas_set_flavour(struct vmstate_schemas *self, const char *flavour)
{
    uint64_t bit = flavour ? schema_flavour_bit(self, flavour) : 0;

    if (flavour && !bit)
        return false;
    self->flavour = bit;
    self->excluded = 0;
    return true;
}

size_t vmstate_schemas_count(const struct vmstate_schemas *self)
{
    return self->sections->len;
}

const char *vmstate_schemas_name(const struct vmstate_schemas *self, size_t i, uint32_t *version)
{
    const struct field_table *table = self->sections->pdata[i];

    *version = table->version;
    return table->name;
}

/* The layout of a section; with another version in *other when only the name is known. */
static const struct field_table *find_section(const struct vmstate_schemas *self, const char *name,
                                              uint32_t version, const struct field_table **other)
{
    const char *slash = strrchr(name, '/');
    const char *device = slash ? slash + 1 : name;

    *other = NULL;
    for (guint i = 0; i + 1 < self->aliases->len; i += 2)
        if (!strcmp(device, self->aliases->pdata[i]))
            device = self->aliases->pdata[i + 1];
    for (guint i = 0; i < self->sections->len; i++) {
        const struct field_table *table = self->sections->pdata[i];

        if (strcmp(table->name, device) || (table->pathless && slash))
            continue;
        if (version >= table->least && version <= table->version)
            return table;
        *other = table;
    }
    return NULL;
}

bool vmstate_schemas_has(const struct vmstate_schemas *self, const char *name, uint32_t version)
{
    const struct field_table *other;

    return find_section(self, name, version, &other) != NULL;
}

__attribute__((format(printf, 4, 5))) static void fill_error(struct vmstate_error *error,
                                                             const struct vmstate_section *section,
                                                             uint64_t offset, const char *format,
                                                             ...)
{
    va_list list;

    error->offset = offset;
    error->field = "body";
    memcpy(error->section, section->name, sizeof(error->section));
    va_start(list, format);
    vsnprintf(error->reason, sizeof(error->reason), format, list);
    va_end(list);
}

static const struct field_table *need_section(const struct vmstate_schemas *self,
                                              const struct vmstate_section *section,
                                              struct vmstate_error *error)
{
    const struct field_table *other;
    const struct field_table *table = find_section(self, section->name, section->version, &other);

    if (!table && other)
        fill_error(error, section, 0, "version %u, only %u to %u are known", section->version,
                   other->least, other->version);
    else if (!table)
        fill_error(error, section, 0, "no layout is known for it");
    return table;
}

static void fill_field_error(struct vmstate_error *error, const struct vmstate_section *section,
                             const struct fields_source *source)
{
    fill_error(error, section, source->error.offset, "%s%s%s", source->error.field,
               source->error.field[0] ? ": " : "", source->error.reason);
}

/* How sure it is that a section can end where these bytes begin. */
enum follow {
    FOLLOW_NOT,
    FOLLOW_SHORT, /* more bytes are needed */
    FOLLOW_WEAK,  /* a byte 0: the end of the stream, or just a 0 */
    FOLLOW_FINE,
};

static enum follow follows_section(const uint8_t *p, size_t left)
{
    if (left < SECTION_HEAD)
        return FOLLOW_SHORT;
    if (p[5] == 0)
        return FOLLOW_NOT;
    for (size_t i = 0; i < p[5] && SECTION_HEAD + i < left; i++)
        if (!g_ascii_isprint(p[SECTION_HEAD + i]))
            return FOLLOW_NOT;
    return left < (size_t)SECTION_HEAD + p[5] ? FOLLOW_SHORT : FOLLOW_FINE;
}

/* Its footer, another section, or the end of state. */
static enum follow follows(const struct vmstate_section *section, const uint8_t *p, size_t left)
{
    if (left == 0)
        return FOLLOW_SHORT;
    switch (p[0]) {
    case BYTE_EOF:
        return left == 1 || p[1] == BYTE_DESCRIPTION ? FOLLOW_FINE : FOLLOW_WEAK;
    case VMSTATE_SECTION_FULL:
        return follows_section(p, left);
    case BYTE_FOOTER:
        if (left < FOOTER_SIZE)
            return FOLLOW_SHORT;
        return ((uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4]) ==
                       section->id
                   ? FOLLOW_FINE
                   : FOLLOW_NOT;
    default:
        return FOLLOW_NOT;
    }
}

static bool depends_on_flavour(const struct field_table *table, unsigned depth)
{
    for (uint32_t i = 0; depth < 16 && i < table->n_fields; i++) {
        const struct field *field = &table->fields[i];

        for (uint32_t k = 0; k < field->n_terms; k++)
            if (field->terms[k].test == FIELD_IF_FLAVOUR)
                return true;
        if (field->table && depends_on_flavour(field->table, depth + 1))
            return true;
    }
    return false;
}

static enum follow measure_as(const struct field_table *table,
                              const struct vmstate_section *section, struct fields_source *source,
                              struct vmstate_error *error)
{
    struct vmstate_tree *tree = tree_new(section->name, section->instance, section->version,
                                         source->bytes, source->len, false);
    enum fields_outcome outcome = fields_tree(table, source, tree);
    enum follow follow;

    vmstate_tree_free(tree);
    if (outcome != FIELDS_READ) {
        fill_field_error(error, section, source);
        return outcome == FIELDS_SHORT ? FOLLOW_SHORT : FOLLOW_NOT;
    }
    follow = follows(section, source->bytes + source->pos, source->len - source->pos);
    if (follow == FOLLOW_NOT)
        fill_error(error, section, source->pos, "what follows its layout is no section (byte %u)",
                   source->bytes[source->pos]);
    return follow;
}

/* As each flavour in turn: the first of those that fit best. Only one, and it is known who wrote
 * the stream. */
static enum follow measure_flavours(struct vmstate_schemas *self, const struct field_table *table,
                                    const struct vmstate_section *section,
                                    struct fields_source *source, uint64_t *size,
                                    struct vmstate_error *error)
{
    enum follow best = FOLLOW_NOT;
    unsigned fitting = 0;
    uint64_t flavour = 0;

    for (unsigned i = 0; i < self->n_flavours; i++) {
        enum follow follow;

        source->flavours = UINT64_C(1) << i;
        if (self->excluded & source->flavours)
            continue;
        follow = measure_as(table, section, source, error);
        fitting = follow > best ? 1 : fitting + (follow == best);
        if (follow <= best)
            continue;
        best = follow;
        flavour = source->flavours;
        *size = source->pos;
    }
    if (fitting == 1 && best == FOLLOW_FINE)
        self->flavour = flavour;
    return best;
}

enum vmstate_measure vmstate_schemas_measure(struct vmstate_schemas *self,
                                             const struct vmstate_section *section,
                                             const uint8_t *bytes, size_t len, uint64_t *size,
                                             struct vmstate_error *error)
{
    const struct field_table *table = need_section(self, section, error);
    struct fields_source source = {.bytes = bytes, .len = len, .version = section->version};
    enum follow follow;

    if (!table)
        return VMSTATE_MEASURE_FAILED;
    self->excluded |= table->excludes;
    if (!self->flavour && depends_on_flavour(table, 0)) {
        follow = measure_flavours(self, table, section, &source, size, error);
    } else {
        source.flavours = self->flavour;
        follow = measure_as(table, section, &source, error);
        *size = source.pos;
    }
    if (follow == FOLLOW_SHORT)
        return VMSTATE_MEASURE_SHORT;
    return follow == FOLLOW_NOT ? VMSTATE_MEASURE_FAILED : VMSTATE_MEASURED;
}

struct vmstate_tree *vmstate_schemas_tree(const struct vmstate_schemas *self,
                                          const struct vmstate_section *section,
                                          const uint8_t *body, size_t len,
                                          struct vmstate_error *error)
{
    const struct field_table *table = need_section(self, section, error);
    bool ask = table && !self->flavour && depends_on_flavour(table, 0);

    for (unsigned i = 0; table && i < (ask ? self->n_flavours : 1); i++) {
        struct fields_source source = {
            .bytes = body, .len = len, .exact = true, .version = section->version};
        struct vmstate_tree *tree =
            tree_new(section->name, section->instance, section->version, body, len, true);
        enum fields_outcome outcome;

        source.flavours = ask ? UINT64_C(1) << i : self->flavour;
        outcome = fields_tree(table, &source, tree);
        if (outcome == FIELDS_READ && source.pos == len)
            return tree;
        if (outcome == FIELDS_READ)
            fill_error(error, section, source.pos, "it is longer than its layout");
        else
            fill_field_error(error, section, &source);
        vmstate_tree_free(tree);
    }
    return NULL;
}
