/* SPDX-License-Identifier: MIT */
/* What changed between two saves of a VM, as a list. */
#ifndef CARAVAN_DIFF_H
#define CARAVAN_DIFF_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#include "inspect.h"
#include "ram_hash.h"

enum diff_exit { DIFF_SAME = 0, DIFF_DIFFERENT = 1, DIFF_TROUBLE = 2 };

/* One of the two saves. */
struct diff_side {
    struct inspection inspection;
    struct ram_hashes *hashes;
};

struct diff_value {
    char *text;        /* as it is printed; NULL: the side does not have the field */
    bool bytes;        /* the text is hexadecimal */
    const char *words; /* what it means, or NULL; static */
};

struct diff_field {
    char *path;
    char *type;
    const char *words; /* of the place, such as a register's name, or NULL; static */
    struct diff_value side[2];
};

struct diff_section {
    const struct vmstate_section *side[2]; /* NULL: the side does not have it; borrowed */
    GPtrArray *fields;                     /* struct diff_field, those that differ */
};

struct diff_block {
    const struct ram_hash_block *side[2]; /* NULL: the side does not have it; borrowed */
    uint64_t changed;                     /* pages */
    uint64_t only[2];                     /* pages that one side alone has */
    uint64_t unknown;                     /* pages that came encoded */
    uint64_t first, last;                 /* offsets of the first and last page of these */
};

struct diff {
    struct diff_side side[2];
    GPtrArray *sections; /* struct diff_section, those that differ */
    GArray *blocks;      /* struct diff_block, those that differ */
    bool machine;        /* differs */
};

/* Compares two sides that were read. */
void diff_compare(struct diff *self);

/* diff_fields.c: the fields that differ, in the order of the second; what it lacks follows. */
GPtrArray *diff_fields(const struct inspect_section *a, const struct inspect_section *b);
void diff_field_free(struct diff_field *field);

void diff_print_text(const struct diff *self);
void diff_print_json(const struct diff *self);

int diff_main(int argc, char **argv);

#endif
