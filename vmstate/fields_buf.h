/* SPDX-License-Identifier: MIT */
/* Field tables into a buffer of Caravan's (src/base/buf.h): not for users of the library. */
#ifndef VMSTATE_FIELDS_BUF_H
#define VMSTATE_FIELDS_BUF_H

#include "vmstate/fields.h"

struct buf;

/* Validates, then appends the bytes to out. Far offsets count from byte `base` of out (at most its
 * length). On failure out is as before. */
bool fields_save(const struct field_table *table, uint32_t version, const void *object,
                 struct buf *out, size_t base, struct fields_error *error);

/* Appends one line a value, "path = value\n" (bytes as hex), without a NUL. */
void fields_dump(const struct field_table *table, uint32_t version, const void *object,
                 struct buf *out);

#endif
