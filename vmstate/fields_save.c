/* SPDX-License-Identifier: MIT */
#include <glib.h>

#include "base/buf.h"
#include "vmstate/fields_buf.h"
#include "vmstate/fields_private.h"

/* ---- Validate ---- */

struct validate {
    uint32_t version;
    struct fields_error *error;
};

static bool check_table(const struct validate *v, const struct field_table *table,
                        const void *object, const struct fields_frame *up, unsigned depth);

static bool check_elements(const struct validate *v, const struct field *field,
                           const uint8_t *elements, uint32_t count, struct fields_frame *frame,
                           unsigned depth)
{
    if (field->type != FIELD_TABLE && !fields_has_range(field))
        return true;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *element = elements + i * fields_host_size(field);

        frame->index = field->shape == FIELD_ONE ? -1 : (int64_t)i;
        if (field->type == FIELD_TABLE) {
            if (!check_table(v, field->table, element, frame, depth))
                return false;
        } else if (!fields_in_range(field, fields_get(field->type, element))) {
            return fields_fail(v->error, 0, frame, "value out of range");
        }
    }
    return true;
}

static bool check_row(const struct validate *v, const struct field *field, const void *object,
                      const struct fields_frame *up, unsigned depth)
{
    uint32_t count = fields_count(field, object);
    const void *elements = fields_elements(field, object);
    struct fields_frame frame = {up, field->name, -1};

    if (field->shape == FIELD_COUNTED && count > field->count)
        return fields_fail(v->error, 0, &frame, "more elements than allowed");
    if (count && !elements)
        return fields_fail(v->error, 0, &frame, "no elements");
    return check_elements(v, field, elements, count, &frame, depth + 1);
}

static bool check_table(const struct validate *v, const struct field_table *table,
                        const void *object, const struct fields_frame *up, unsigned depth)
{
    const char *wrong;

    if (depth > FIELDS_MAX_DEPTH)
        return fields_fail(v->error, 0, up, "tables too deep");
    for (uint32_t i = 0; i < table->n_fields; i++) {
        const struct field *field = &table->fields[i];

        if (fields_live(field, v->version, object) && !check_row(v, field, object, up, depth))
            return false;
    }
    wrong = table->check ? table->check(object) : NULL;
    return wrong ? fields_fail(v->error, 0, up, wrong) : true;
}

bool fields_validate(const struct field_table *table, uint32_t version, const void *object,
                     struct fields_error *error)
{
    struct validate v = {version, error};

    if (table->size == 0)
        return fields_fail(error, 0, NULL, "a table without a struct");
    return check_table(&v, table, object, NULL, 0);
}

/* ---- Save ---- */

/* A far row whose offset is written and whose elements are still to come. */
struct far_row {
    const struct field *field;
    const void *object;
    enum field_order order;
    size_t at; /* of the offset, in out */
};

struct save {
    uint32_t version;
    struct buf *out;
    size_t base;
    GArray *far; /* of struct far_row, in the order they are written */
};

static void pack(uint8_t *p, uint64_t v, size_t n, enum field_order order)
{
    for (size_t i = 0; i < n; i++)
        p[order == FIELD_BIG_ENDIAN ? n - 1 - i : i] = (uint8_t)(v >> (8 * i));
}

static void save_table(struct save *save, const struct field_table *table, const void *object);

static void save_elements(struct save *save, const struct field *field, enum field_order order,
                          const void *object)
{
    uint32_t count = fields_count(field, object);
    const uint8_t *elements = fields_elements(field, object);
    size_t size = fields_scalar_size(field->type);

    if (field->type == FIELD_U8) {
        buf_append(save->out, elements, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *element = elements + i * fields_host_size(field);

        if (field->type == FIELD_TABLE)
            save_table(save, field->table, element);
        else
            pack(buf_extend(save->out, size), fields_get(field->type, element), size, order);
    }
}

static void save_table(struct save *save, const struct field_table *table, const void *object)
{
    for (uint32_t i = 0; i < table->n_fields; i++) {
        const struct field *field = &table->fields[i];
        struct far_row far = {field, object, table->order, save->out->len};

        if (!fields_live(field, save->version, object))
            continue;
        if (!field->far) {
            save_elements(save, field, table->order, object);
            continue;
        }
        pack(buf_extend(save->out, FAR_BYTES), 0, FAR_BYTES, table->order);
        if (fields_count(field, object))
            g_array_append_val(save->far, far);
    }
}

/* The far rows; those found on the way go to the end. False when an offset does not fit. */
static bool save_far(struct save *save)
{
    for (guint i = 0; i < save->far->len; i++) {
        struct far_row row = g_array_index(save->far, struct far_row, i);
        size_t offset = save->out->len - save->base;

        if (offset > UINT32_MAX)
            return false;
        pack(save->out->data + row.at, offset, FAR_BYTES, row.order);
        save_elements(save, row.field, row.order, row.object);
    }
    return true;
}

bool fields_save(const struct field_table *table, uint32_t version, const void *object,
                 struct buf *out, size_t base, struct fields_error *error)
{
    struct save save = {version, out, base, NULL};
    size_t before = out->len;
    bool ok;

    if (!fields_validate(table, version, object, error))
        return false;
    save.far = g_array_new(FALSE, FALSE, sizeof(struct far_row));
    save_table(&save, table, object);
    ok = save_far(&save);
    g_array_free(save.far, TRUE);
    if (ok)
        return true;
    buf_truncate(out, before);
    return fields_fail(error, 0, NULL, "too large for its offsets");
}
