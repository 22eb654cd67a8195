/* SPDX-License-Identifier: MIT */
/* What the parts of vmstate/fields share. Not for others. */
#ifndef VMSTATE_FIELDS_PRIVATE_H
#define VMSTATE_FIELDS_PRIVATE_H

#include "vmstate/fields.h"

#define FIELDS_MAX_DEPTH 16 /* tables within tables */
#define FAR_BYTES        4

/* Where a walk stands: a chain on the C stack, made into text only when somebody asks. */
struct fields_frame {
    const struct fields_frame *up; /* NULL at the root */
    const char *name;
    int64_t index; /* in an array; -1: no array */
};

/* Writes "a.b[3].c" and a NUL, cut to size. */
void fields_frame_path(const struct fields_frame *frame, char *out, size_t size);

/* Fills *error (when not NULL); always false. */
bool fields_fail(struct fields_error *error, size_t offset, const struct fields_frame *frame,
                 const char *reason);

/* Does this version of the object have the field? */
bool fields_live(const struct field *field, uint32_t version, const void *object);

/* Bytes of one saved scalar; 0 for FIELD_TABLE. */
size_t fields_scalar_size(enum field_type type);

/* Bytes of one element in the struct. */
size_t fields_host_size(const struct field *field);

/* Elements of the object's field. */
uint32_t fields_count(const struct field *field, const void *object);

/* The first element; NULL for an empty FIELD_COUNTED. */
const void *fields_elements(const struct field *field, const void *object);

/* A scalar in the struct, sign-extended; a FIELD_BOOL may read as more than 1. */
uint64_t fields_get(enum field_type type, const void *from);
void fields_set(enum field_type type, void *to, uint64_t value);

bool fields_in_range(const struct field *field, uint64_t value);

/* Can any value of the type be wrong? */
bool fields_has_range(const struct field *field);

#endif
