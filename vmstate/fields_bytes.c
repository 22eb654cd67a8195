/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "vmstate/fields_buf.h"

#include <glib.h>

bool fields_save_bytes(const struct field_table *table, uint32_t version, const void *object,
                       uint8_t **bytes, size_t *len, struct fields_error *error)
{
    struct buf out = BUF_INIT;
    bool saved = fields_save(table, version, object, &out, 0, error);

    if (!saved)
        buf_free(&out);
    *bytes = out.data;
    *len = out.len;
    return saved;
}

char *fields_dump_text(const struct field_table *table, uint32_t version, const void *object)
{
    struct buf out = BUF_INIT;

    fields_dump(table, version, object, &out);
    buf_u8(&out, 0);
    return (char *)out.data;
}
