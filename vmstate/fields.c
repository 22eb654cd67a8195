/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "vmstate/fields_buf.h"
#include "vmstate/fields_private.h"

static const struct {
    uint8_t size;
    bool is_signed;
} scalars[] = {
    [FIELD_U8] = {1, false},    [FIELD_U16] = {2, false}, [FIELD_U32] = {4, false},
    [FIELD_U64] = {8, false},   [FIELD_I32] = {4, true},  [FIELD_I64] = {8, true},
    [FIELD_I8] = {1, true},     [FIELD_I16] = {2, true},  [FIELD_BOOL] = {1, false},
    [FIELD_TABLE] = {0, false},
};

/* ---- Paths and errors ---- */

static size_t put_path(const struct fields_frame *frame, char *out, size_t size)
{
    size_t len = frame->up ? put_path(frame->up, out, size) : 0;
    int n;

    if (len >= size)
        return len;
    if (frame->index < 0)
        n = snprintf(out + len, size - len, "%s%s", frame->up ? "." : "", frame->name);
    else
        n = snprintf(out + len, size - len, "%s%s[%" PRId64 "]", frame->up ? "." : "", frame->name,
                     frame->index);
    return len + (size_t)MAX(n, 0);
}

void fields_frame_path(const struct fields_frame *frame, char *out, size_t size)
{
    out[0] = '\0';
    if (frame)
        put_path(frame, out, size);
}

bool fields_fail(struct fields_error *error, size_t offset, const struct fields_frame *frame,
                 const char *reason)
{
    if (error) {
        error->offset = offset;
        error->reason = reason;
        fields_frame_path(frame, error->field, sizeof(error->field));
    }
    return false;
}

/* ---- Rows ---- */

static bool in_version(const struct field *field, uint32_t version)
{
    return version >= field->since && (field->until == 0 || version <= field->until);
}

bool fields_live(const struct field *field, uint32_t version, const void *object)
{
    return in_version(field, version) && (!field->exists || field->exists(object));
}

size_t fields_scalar_size(enum field_type type)
{
    return scalars[type].size;
}

size_t fields_host_size(const struct field *field)
{
    return field->type == FIELD_TABLE ? field->table->size : scalars[field->type].size;
}

uint32_t fields_count(const struct field *field, const void *object)
{
    uint32_t count;

    switch (field->shape) {
    case FIELD_ONE:
        return 1;
    case FIELD_FIXED:
        return field->count;
    case FIELD_AMOUNT:
    case FIELD_MARKED:
        break;
    case FIELD_COUNTED:
        memcpy(&count, (const uint8_t *)object + field->count_offset, sizeof(count));
        return count;
    }
    return 0;
}

const void *fields_elements(const struct field *field, const void *object)
{
    const void *member = (const uint8_t *)object + field->offset;
    const void *heap;

    if (field->shape != FIELD_COUNTED)
        return member;
    memcpy(&heap, member, sizeof(heap));
    return heap;
}

uint64_t fields_get(enum field_type type, const void *from)
{
    uint64_t v = 0;

    switch (type) {
    case FIELD_U8:
    case FIELD_BOOL:
        return *(const uint8_t *)from;
    case FIELD_U16:
        return *(const uint16_t *)from;
    case FIELD_U32:
        return *(const uint32_t *)from;
    case FIELD_I8:
        return (uint64_t)(int64_t) * (const int8_t *)from;
    case FIELD_I16:
        return (uint64_t)(int64_t) * (const int16_t *)from;
    case FIELD_I32:
        return (uint64_t)(int64_t) * (const int32_t *)from;
    case FIELD_U64:
    case FIELD_I64:
        memcpy(&v, from, sizeof(v));
        return v;
    case FIELD_TABLE:
        break;
    }
    return v;
}

void fields_set(enum field_type type, void *to, uint64_t value)
{
    switch (type) {
    case FIELD_U8:
    case FIELD_I8:
    case FIELD_BOOL:
        *(uint8_t *)to = (uint8_t)value;
        break;
    case FIELD_U16:
    case FIELD_I16:
        *(uint16_t *)to = (uint16_t)value;
        break;
    case FIELD_U32:
    case FIELD_I32:
        *(uint32_t *)to = (uint32_t)value;
        break;
    case FIELD_U64:
    case FIELD_I64:
        memcpy(to, &value, sizeof(value));
        break;
    case FIELD_TABLE:
        break;
    }
}

bool fields_has_range(const struct field *field)
{
    return field->type == FIELD_BOOL || field->min || field->max;
}

bool fields_in_range(const struct field *field, uint64_t value)
{
    if (field->type == FIELD_BOOL)
        return value <= 1;
    if (!fields_has_range(field))
        return true;
    if (scalars[field->type].is_signed)
        return (int64_t)value >= field->min && (int64_t)value <= (int64_t)field->max;
    return value <= field->max && (field->min <= 0 || value >= (uint64_t)field->min);
}

static size_t row_min_size(const struct field *field, uint32_t version)
{
    size_t one = field->table ? 0 : scalars[field->type].size;

    if (!in_version(field, version) || field->exists)
        return 0;
    if (field->far)
        return FAR_BYTES;
    if (field->shape == FIELD_COUNTED)
        return 0;
    if (field->type == FIELD_TABLE)
        one = fields_min_size(field->table, version);
    return one * (field->shape == FIELD_FIXED ? field->count : 1);
}

size_t fields_min_size(const struct field_table *table, uint32_t version)
{
    size_t size = 0;

    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): rows of tables have one */
    for (uint32_t i = 0; i < table->n_fields; i++)
        size += row_min_size(&table->fields[i], version);
    return size;
}

/* ---- Free ---- */

static void free_row(const struct field *field, void *object)
{
    uint32_t count = fields_count(field, object);
    uint8_t *elements = (uint8_t *)fields_elements(field, object);
    void *member = (uint8_t *)object + field->offset;

    if (elements && field->type == FIELD_TABLE) {
        for (uint32_t i = 0; i < count; i++)
            fields_free(field->table, elements + i * field->table->size);
    }
    if (field->shape == FIELD_COUNTED) {
        g_free(elements);
        memset(member, 0, sizeof(void *));
    }
}

void fields_free(const struct field_table *table, void *object)
{
    /* Counters last: rows may share one. */
    for (uint32_t i = 0; i < table->n_fields; i++)
        free_row(&table->fields[i], object);
    for (uint32_t i = 0; i < table->n_fields; i++) {
        if (table->fields[i].shape == FIELD_COUNTED)
            memset((uint8_t *)object + table->fields[i].count_offset, 0, sizeof(uint32_t));
    }
}

/* ---- Walk ---- */

struct walk {
    uint32_t version;
    fields_visit visit;
    void *opaque;
};

static void visit_value(const struct walk *walk, const struct fields_frame *frame,
                        const struct fields_value *value)
{
    char path[sizeof(((struct fields_error *)0)->field)];

    fields_frame_path(frame, path, sizeof(path));
    walk->visit(walk->opaque, path, value);
}

static void walk_scalar(const struct walk *walk, enum field_type type, const void *from,
                        const struct fields_frame *frame)
{
    uint64_t v = fields_get(type, from);
    struct fields_value value = {.kind = FIELDS_UNSIGNED, .u = v};

    if (type == FIELD_BOOL)
        value = (struct fields_value){.kind = FIELDS_BOOL, .u = v != 0};
    else if (scalars[type].is_signed)
        value = (struct fields_value){.kind = FIELDS_SIGNED, .i = (int64_t)v};
    visit_value(walk, frame, &value);
}

static void walk_table(const struct walk *walk, const struct field_table *table, const void *object,
                       const struct fields_frame *up);

static void walk_row(const struct walk *walk, const struct field *field, const void *object,
                     const struct fields_frame *up)
{
    uint32_t count = fields_count(field, object);
    const uint8_t *elements = fields_elements(field, object);
    struct fields_frame frame = {up, field->name, -1};

    if (!elements)
        count = 0;
    if (field->shape != FIELD_ONE && field->type == FIELD_U8) {
        visit_value(walk, &frame,
                    &(struct fields_value){.kind = FIELDS_BYTES, .bytes = elements, .len = count});
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *element = elements + i * fields_host_size(field);

        frame.index = field->shape == FIELD_ONE ? -1 : (int64_t)i;
        if (field->type == FIELD_TABLE)
            walk_table(walk, field->table, element, &frame);
        else
            walk_scalar(walk, field->type, element, &frame);
    }
}

static void walk_table(const struct walk *walk, const struct field_table *table, const void *object,
                       const struct fields_frame *up)
{
    for (uint32_t i = 0; i < table->n_fields; i++) {
        if (fields_live(&table->fields[i], walk->version, object))
            walk_row(walk, &table->fields[i], object, up);
    }
}

void fields_walk(const struct field_table *table, uint32_t version, const void *object,
                 fields_visit visit, void *opaque)
{
    struct walk walk = {version, visit, opaque};

    walk_table(&walk, table, object, NULL);
}

/* ---- Dump ---- */

static void dump_bytes(struct buf *out, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        buf_u8(out, (uint8_t)digits[bytes[i] >> 4]);
        buf_u8(out, (uint8_t)digits[bytes[i] & 15]);
    }
}

static void dump_value(void *opaque, const char *path, const struct fields_value *value)
{
    struct buf *out = opaque;
    char text[32] = "";

    switch (value->kind) {
    case FIELDS_UNSIGNED:
        snprintf(text, sizeof(text), "%" PRIu64, value->u);
        break;
    case FIELDS_SIGNED:
        snprintf(text, sizeof(text), "%" PRId64, value->i);
        break;
    case FIELDS_BOOL:
        snprintf(text, sizeof(text), "%s", value->u ? "true" : "false");
        break;
    case FIELDS_BYTES:
        break;
    }
    buf_append(out, path, strlen(path));
    buf_append(out, " = ", 3);
    buf_append(out, text, strlen(text));
    if (value->kind == FIELDS_BYTES)
        dump_bytes(out, value->bytes, value->len);
    buf_u8(out, '\n');
}

void fields_dump(const struct field_table *table, uint32_t version, const void *object,
                 struct buf *out)
{
    fields_walk(table, version, object, dump_value, out);
}
