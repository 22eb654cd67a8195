/* SPDX-License-Identifier: MIT */
/* What the bodies of all channels share; for src/migrate/blob*.c only. */
#ifndef CARAVAN_MIGRATE_BLOB_IMPL_H
#define CARAVAN_MIGRATE_BLOB_IMPL_H

#include "migrate/blob.h"

/* A record of the trailer that a channel knows. */
struct record_kind {
    uint32_t tag;
    /* Reads one record, of which *in holds nothing else. */
    bool (*load)(void *state, struct fields_input *in, struct fields_error *error);
};

/* One channel's body. */
struct body {
    uint32_t magic;
    size_t max; /* bytes */
    const struct field_table *table;
    const struct record_kind *records;
    size_t n_records;
};

/* Fills *error if there is one; false always. */
bool blob_fail(struct fields_error *error, size_t offset, const char *field, const char *reason);

/* Header, struct and trailer. What was loaded before an error stays in *state. */
bool blob_load_body(const struct body *body, const uint8_t *bytes, size_t len, void *state,
                    struct fields_error *error);

/* Header and struct. */
bool blob_save_body(const struct body *body, const void *state, struct buf *out,
                    struct fields_error *error);

/* Appends a trailer's head; returns where it begins, for blob_end_trailer. */
size_t blob_begin_trailer(struct buf *out);
bool blob_save_record(uint32_t tag, const struct field_table *table, const void *object,
                      struct buf *out, struct fields_error *error);
bool blob_end_trailer(struct buf *out, size_t at, struct fields_error *error);

/* What every save ends with: all or nothing. */
bool blob_finish(const struct body *body, struct buf *out, size_t base, bool ok,
                 struct fields_error *error);

#endif
