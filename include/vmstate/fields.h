/* SPDX-License-Identifier: MIT */
/*
 * Saved state as tables of fields. One table says what a struct looks like when saved: names,
 * types, counts, versions, conditions, ranges. It drives load, save, validate and dump, so that no
 * layout is written twice.
 *
 * The bytes are packed, in the table's byte order, in the order of the rows. A row can be `far`:
 * the bytes then hold a u32 offset, counted from the first byte of the input, of where the elements
 * are (0: there are none); save puts far elements after the struct, in the order of the rows.
 *
 * A table can also stand without a struct (size 0): its rows then say by name what count and
 * condition depend on, and the bytes are read into a tree (fields_tree.h). The layouts of QEMU's
 * device sections are such tables.
 *
 * Input is hostile: sizes are checked before memory is asked for, counts have limits, the memory of
 * one load has a budget, and every error names offset, field and reason.
 * No globals, no locks: any thread, as long as the object is the caller's.
 */
#ifndef VMSTATE_FIELDS_H
#define VMSTATE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {
    FIELD_U8,
    FIELD_U16,
    FIELD_U32,
    FIELD_U64,
    FIELD_I32,
    FIELD_I64,
    FIELD_I8,
    FIELD_I16,
    FIELD_BOOL,  /* one byte, 0 or 1 */
    FIELD_TABLE, /* a struct with a table of its own */
};

enum field_shape {
    FIELD_ONE,     /* one element, held in the struct */
    FIELD_FIXED,   /* `count` elements, held in the struct as an array */
    FIELD_COUNTED, /* as many as the uint32_t at count_offset says (loaded by an earlier row), at
                      most `count`; the struct holds a pointer to a heap array, NULL when empty */
    FIELD_AMOUNT,  /* tree only: as many as `amount` says */
    FIELD_MARKED,  /* tree only: each element stands behind a byte `mark`; another byte ends them */
};

enum field_order {
    FIELD_LITTLE_ENDIAN,
    FIELD_BIG_ENDIAN,
};

struct field_table;

/* ---- What rows without a struct depend on. Paths are looked up in the struct that the row is in,
 * then in those around it. ---- */

enum field_test {
    FIELD_IF_VERSION,
    FIELD_IF_FLAVOUR, /* `value` is a set of bits, one a flavour: who wrote the bytes */
    FIELD_IF_VALUE,   /* of the field at `path`, masked */
    FIELD_IF_MSIX,    /* entries of the MSI-X table, by the PCI configuration space at `path` */
};

enum field_compare {
    FIELD_EQUAL,
    FIELD_UNEQUAL,
    FIELD_AT_LEAST,
    FIELD_AT_MOST,
};

/* All terms up to the next `or` must hold. */
struct field_term {
    bool or ; /* begins another alternative */
    enum field_test test;
    enum field_compare compare;
    const char *path;
    uint64_t mask;
    uint64_t value;
};

/* (what is at path, or MSI-X entries by it) * times / per, rounded up, + plus */
struct field_amount {
    const char *path; /* NULL: 0 */
    bool msix;
    uint32_t times;
    uint32_t per;
    uint32_t plus;
};

struct field {
    const char *name;
    enum field_type type;
    enum field_shape shape;
    bool far;
    size_t offset;       /* of the member in the struct */
    size_t count_offset; /* FIELD_COUNTED */
    uint32_t count;      /* FIELD_FIXED: how many; FIELD_COUNTED: the most there may be */
    const struct field_table *table; /* FIELD_TABLE */
    uint32_t since;                  /* first version that has the field; 0: all */
    uint32_t until;                  /* last version that has it; 0: all later ones */
    /* Whether the bytes hold the field, asked with the struct as loaded so far; NULL: yes. */
    bool (*exists)(const void *object);
    /* Tree only. */
    const char *word; /* QEMU's word for the type */
    int64_t index;    /* + 1, of an element that has a row of its own; 0: it is none */
    bool little;      /* little endian, whatever the table's order */
    uint8_t mark;     /* FIELD_MARKED */
    struct field_amount amount;
    const struct field_term *terms;
    uint32_t n_terms;
    int64_t min;  /* range of each element; both 0: what the type can hold. Values of */
    uint64_t max; /* FIELD_U64 above INT64_MAX are above every min. */
};

struct field_table {
    const char *name;
    size_t size; /* of the struct; 0: it stands without one */
    enum field_order order;
    uint32_t n_fields;
    const struct field *fields;
    /* Rules across fields, asked after the last row: a static reason, or NULL when all is well. */
    const char *(*check)(const void *object);
    /* Tree only: versions that the rows know, and what may stand behind the last row. */
    uint32_t least;
    uint32_t version;
    const struct field_table *const *subsections;
    uint32_t n_subsections;
    uint64_t excludes; /* flavours that never write it */
    bool pathless;     /* only a section whose name has no path is this */
};

/* Offset of a member whose size must be `bytes`: a row of the wrong type does not compile. */
#define FIELD_AT(s, m, bytes)                                                                      \
    (offsetof(s, m) + 0 * sizeof(char[sizeof(((s *)0)->m) == (bytes) ? 1 : -1]))
#define FIELD_SIZE_U8   1
#define FIELD_SIZE_U16  2
#define FIELD_SIZE_U32  4
#define FIELD_SIZE_U64  8
#define FIELD_SIZE_I32  4
#define FIELD_SIZE_I64  8
#define FIELD_SIZE_BOOL sizeof(bool)

/* Rows. Further members follow the named ones: FIELD_ROW(U8, struct x, y, .max = 3). */
#define FIELD_ROW(kind, s, m, ...)                                                                 \
    {                                                                                              \
        .name = #m, .type = FIELD_##kind, .offset = FIELD_AT(s, m, FIELD_SIZE_##kind),             \
        ##__VA_ARGS__                                                                              \
    }
#define FIELD_ARRAY(kind, s, m, n, ...)                                                            \
    {                                                                                              \
        .name = #m, .type = FIELD_##kind, .shape = FIELD_FIXED, .count = (n),                      \
        .offset = FIELD_AT(s, m, (n)*FIELD_SIZE_##kind), ##__VA_ARGS__                             \
    }
#define FIELD_LIST(kind, s, m, counter, most, ...)                                                 \
    {                                                                                              \
        .name = #m, .type = FIELD_##kind, .shape = FIELD_COUNTED, .count = (most),                 \
        .offset = FIELD_AT(s, m, sizeof(void *)), .count_offset = FIELD_AT(s, counter, 4),         \
        ##__VA_ARGS__                                                                              \
    }
#define FIELD_STRUCT(tbl, s, m, ...)                                                               \
    {                                                                                              \
        .name = #m, .type = FIELD_TABLE, .table = (tbl), .offset = offsetof(s, m), ##__VA_ARGS__   \
    }
#define FIELD_STRUCTS(tbl, s, m, counter, most, ...)                                               \
    {                                                                                              \
        .name = #m, .type = FIELD_TABLE, .shape = FIELD_COUNTED, .count = (most), .table = (tbl),  \
        .offset = FIELD_AT(s, m, sizeof(void *)), .count_offset = FIELD_AT(s, counter, 4),         \
        ##__VA_ARGS__                                                                              \
    }

#define FIELD_TABLE_OF(s, rows)                                                                    \
    .size = sizeof(s), .fields = (rows), .n_fields = sizeof(rows) / sizeof((rows)[0])

struct fields_error {
    size_t offset;      /* in the input; 0 from save and validate */
    char field[96];     /* path, such as "surfaces.list[3].id" */
    const char *reason; /* static */
};

/* Bytes to load from. The bytes are borrowed. */
struct fields_input {
    const uint8_t *bytes; /* far offsets count from here */
    size_t len;
    size_t pos;    /* in: where the struct begins; out: the byte after its last row */
    size_t end;    /* out: the byte after the furthest element, far ones included */
    size_t budget; /* heap bytes the load may take; lessened by what it took */
};

/* Fills *object, whose members the table names; others keep what the caller put there (conditions
 * may ask for them). Members hold no heap on entry (zero them). On success heap arrays belong to
 * the object (fields_free); on failure none is left, the values are undefined, *error is filled.
 * error may be NULL. */
bool fields_load(const struct field_table *table, uint32_t version, struct fields_input *in,
                 void *object, struct fields_error *error);

/* Checks ranges, counts and rules of an object, as load does. */
bool fields_validate(const struct field_table *table, uint32_t version, const void *object,
                     struct fields_error *error);

/* Validates, then gives the bytes, which the caller frees with g_free (or free). Far offsets count
 * from the first of them. On failure *bytes is NULL. */
bool fields_save_bytes(const struct field_table *table, uint32_t version, const void *object,
                       uint8_t **bytes, size_t *len, struct fields_error *error);

/* Frees the heap arrays and sets their pointers and counters to 0. Rows that share a member must
 * agree about the heap below it. */
void fields_free(const struct field_table *table, void *object);

/* The fewest bytes the table takes: what no input can be shorter than. */
size_t fields_min_size(const struct field_table *table, uint32_t version);

enum fields_value_kind {
    FIELDS_UNSIGNED,
    FIELDS_SIGNED,
    FIELDS_BOOL,
    FIELDS_BYTES, /* an array of u8 */
};

struct fields_value {
    enum fields_value_kind kind;
    uint64_t u;           /* FIELDS_UNSIGNED, FIELDS_BOOL */
    int64_t i;            /* FIELDS_SIGNED */
    const uint8_t *bytes; /* FIELDS_BYTES, borrowed */
    size_t len;
};

/* Called for every value that exists, in the order of the rows; path is borrowed. */
typedef void (*fields_visit)(void *opaque, const char *path, const struct fields_value *value);

void fields_walk(const struct field_table *table, uint32_t version, const void *object,
                 fields_visit visit, void *opaque);

/* One line a value, "path = value\n" (bytes as hex), with a NUL. The caller frees it with g_free
 * (or free). */
char *fields_dump_text(const struct field_table *table, uint32_t version, const void *object);

#endif
