/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <string.h>

#include "vmstate/fields_private.h"

struct load {
    struct fields_input *in;
    uint32_t version;
    struct fields_error *error;
};

static bool fail(const struct load *load, const struct fields_frame *frame, const char *reason)
{
    return fields_fail(load->error, load->in->pos, frame, reason);
}

/* The next n bytes of the input, or NULL. */
static const uint8_t *take(struct load *load, size_t n)
{
    struct fields_input *in = load->in;
    const uint8_t *p;

    if (n > in->len - in->pos)
        return NULL;
    p = in->bytes + in->pos;
    in->pos += n;
    in->end = MAX(in->end, in->pos);
    return p;
}

static uint64_t unpack(const uint8_t *p, size_t n, enum field_order order)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[order == FIELD_BIG_ENDIAN ? n - 1 - i : i] << (8 * i);
    return v;
}

static uint64_t sign_extend(enum field_type type, uint64_t v)
{
    switch (type) {
    case FIELD_I8:
        return (uint64_t)(int64_t)(int8_t)v;
    case FIELD_I16:
        return (uint64_t)(int64_t)(int16_t)v;
    case FIELD_I32:
        return (uint64_t)(int64_t)(int32_t)v;
    case FIELD_U8:
    case FIELD_U16:
    case FIELD_U32:
    case FIELD_U64:
    case FIELD_I64:
    case FIELD_BOOL:
    case FIELD_TABLE:
        break;
    }
    return v;
}

static bool load_scalars(struct load *load, const struct field *field, enum field_order order,
                         uint8_t *to, uint32_t count, struct fields_frame *frame)
{
    size_t size = fields_scalar_size(field->type);

    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *p = take(load, size);
        uint64_t v;

        frame->index = field->shape == FIELD_ONE ? -1 : (int64_t)i;
        if (!p)
            return fail(load, frame, "input ends");
        v = sign_extend(field->type, unpack(p, size, order));
        if (!fields_in_range(field, v)) {
            load->in->pos -= size;
            return fail(load, frame, "value out of range");
        }
        fields_set(field->type, to + i * size, v);
    }
    return true;
}

static bool load_bytes(struct load *load, uint8_t *to, uint32_t count,
                       const struct fields_frame *frame)
{
    const uint8_t *p = take(load, count);

    if (!p)
        return fail(load, frame, "input ends");
    if (count)
        memcpy(to, p, count);
    return true;
}

static bool load_table(struct load *load, const struct field_table *table, void *object,
                       const struct fields_frame *up, unsigned depth);

static bool load_elements(struct load *load, const struct field *field, enum field_order order,
                          void *to, uint32_t count, struct fields_frame *frame, unsigned depth)
{
    if (field->type == FIELD_U8 && !fields_has_range(field))
        return load_bytes(load, to, count, frame);
    if (field->type != FIELD_TABLE)
        return load_scalars(load, field, order, to, count, frame);
    for (uint32_t i = 0; i < count; i++) {
        frame->index = field->shape == FIELD_ONE ? -1 : (int64_t)i;
        if (!load_table(load, field->table, (uint8_t *)to + i * field->table->size, frame, depth))
            return false;
    }
    return true;
}

/* Room for the elements of a FIELD_COUNTED, zeroed; hung into the object at once, so that
 * fields_free finds it whatever comes. NULL when the input or the budget cannot hold them. */
static void *allocate(struct load *load, const struct field *field, void *object, uint32_t count,
                      const struct fields_frame *frame)
{
    size_t least = field->type == FIELD_TABLE ? fields_min_size(field->table, load->version)
                                              : fields_scalar_size(field->type);
    size_t left = load->in->len - load->in->pos;
    size_t bytes;
    void *heap;

    if (least && count > left / least) {
        fail(load, frame, "more elements than the input holds");
        return NULL;
    }
    if (__builtin_mul_overflow(fields_host_size(field), (size_t)count, &bytes) ||
        bytes > load->in->budget) {
        fail(load, frame, "more memory than allowed");
        return NULL;
    }
    load->in->budget -= bytes;
    heap = g_malloc0(bytes);
    memcpy((uint8_t *)object + field->offset, &heap, sizeof(heap));
    return heap;
}

/* Elements at the current position. */
static bool load_here(struct load *load, const struct field *field, enum field_order order,
                      void *object, struct fields_frame *frame, unsigned depth)
{
    uint32_t count = fields_count(field, object);
    void *to = (uint8_t *)object + field->offset;

    if (field->shape == FIELD_COUNTED) {
        if (count == 0)
            return true;
        to = allocate(load, field, object, count, frame);
        if (!to)
            return false;
    }
    return load_elements(load, field, order, to, count, frame, depth);
}

static bool load_far(struct load *load, const struct field *field, enum field_order order,
                     void *object, struct fields_frame *frame, unsigned depth)
{
    const uint8_t *p = take(load, FAR_BYTES);
    size_t back = load->in->pos;
    size_t at;

    if (!p)
        return fail(load, frame, "input ends");
    at = (size_t)unpack(p, FAR_BYTES, order);
    if (field->shape == FIELD_COUNTED ? fields_count(field, object) == 0 : at == 0)
        return true;
    if (at == 0 || at > load->in->len)
        return fail(load, frame, "offset outside the input");
    load->in->pos = at;
    if (!load_here(load, field, order, object, frame, depth))
        return false;
    load->in->pos = back;
    return true;
}

static bool load_row(struct load *load, const struct field_table *table, const struct field *field,
                     void *object, const struct fields_frame *up, unsigned depth)
{
    struct fields_frame frame = {up, field->name, -1};

    if (!fields_live(field, load->version, object))
        return true;
    if (field->shape == FIELD_COUNTED && fields_count(field, object) > field->count)
        return fail(load, &frame, "more elements than allowed");
    if (field->far)
        return load_far(load, field, table->order, object, &frame, depth + 1);
    return load_here(load, field, table->order, object, &frame, depth + 1);
}

static bool load_table(struct load *load, const struct field_table *table, void *object,
                       const struct fields_frame *up, unsigned depth)
{
    const char *wrong;

    if (depth > FIELDS_MAX_DEPTH)
        return fail(load, up, "tables too deep");
    for (uint32_t i = 0; i < table->n_fields; i++) {
        if (!load_row(load, table, &table->fields[i], object, up, depth))
            return false;
    }
    wrong = table->check ? table->check(object) : NULL;
    return wrong ? fail(load, up, wrong) : true;
}

bool fields_load(const struct field_table *table, uint32_t version, struct fields_input *in,
                 void *object, struct fields_error *error)
{
    struct load load = {in, version, error};

    if (in->pos > in->len)
        return fields_fail(error, in->len, NULL, "input ends");
    if (table->size == 0)
        return fields_fail(error, in->pos, NULL, "a table without a struct");
    in->end = in->pos;
    if (load_table(&load, table, object, NULL, 0))
        return true;
    fields_free(table, object);
    return false;
}
