/* SPDX-License-Identifier: MIT */
/* Layouts as read from their texts. */
#ifndef VMSTATE_SCHEMA_PRIVATE_H
#define VMSTATE_SCHEMA_PRIVATE_H

#include <glib.h>

#include "vmstate/fields.h"
#include "vmstate/schema.h"

#define SCHEMA_FLAVOURS_MOST 16

struct vmstate_schemas {
    GStringChunk *words;
    GPtrArray *structs; /* struct field_table, owned, like those below */
    GPtrArray *subsections;
    GPtrArray *sections;
    GPtrArray *aliases; /* const char *, in twos: another name, and that of the section */
    const char *flavours[SCHEMA_FLAVOURS_MOST];
    unsigned n_flavours;
    uint64_t flavour;  /* a bit, or 0: not known */
    uint64_t excluded; /* bits: these it cannot be */
};

/* The bit of a flavour, or 0. */
uint64_t schema_flavour_bit(const struct vmstate_schemas *self, const char *name);

/* The texts that are compiled in; ends with NULL. */
extern const char *const schema_texts[];

#endif
