/* SPDX-License-Identifier: MIT */
/* One table drives load, save, validate and dump; no input gets past it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "vmstate/fields_buf.h"
#include "vmstate/fields.h"

/* ---- A thing with one row of every kind ---- */

struct leaf {
    uint16_t id;
    uint32_t n_notes;
    uint8_t *notes;
};

struct thing {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    int32_t i32;
    int64_t i64;
    bool flag;
    uint16_t fixed[2];
    uint32_t n_list;
    uint32_t *list;
    uint32_t n_leaves;
    struct leaf *leaves;
    struct leaf last;
    uint32_t young, gone;
};

static const struct field leaf_rows[] = {
    FIELD_ROW(U16, struct leaf, id, .min = 1, .max = 99),
    FIELD_ROW(U32, struct leaf, n_notes),
    FIELD_LIST(U8, struct leaf, notes, n_notes, 16, .far = true),
};

static const struct field_table leaf_table = {
    .name = "leaf",
    FIELD_TABLE_OF(struct leaf, leaf_rows),
};

static bool has_flag(const void *object)
{
    return ((const struct thing *)object)->flag;
}

static const struct field thing_rows[] = {
    FIELD_ROW(U8, struct thing, u8),
    FIELD_ROW(U16, struct thing, u16),
    FIELD_ROW(U32, struct thing, u32),
    FIELD_ROW(U64, struct thing, u64),
    FIELD_ROW(I32, struct thing, i32, .min = -5, .max = 5),
    FIELD_ROW(I64, struct thing, i64, .min = INT64_MIN, .max = (uint64_t)-1),
    FIELD_ROW(BOOL, struct thing, flag),
    FIELD_ARRAY(U16, struct thing, fixed, 2, .exists = has_flag),
    FIELD_ROW(U32, struct thing, n_list),
    FIELD_LIST(U32, struct thing, list, n_list, 1000),
    FIELD_ROW(U32, struct thing, n_leaves),
    FIELD_STRUCTS(&leaf_table, struct thing, leaves, n_leaves, 1000, .far = true),
    FIELD_STRUCT(&leaf_table, struct thing, last),
    FIELD_ROW(U32, struct thing, young, .since = 2),
    FIELD_ROW(U32, struct thing, gone, .until = 1),
};

static const char *odd_u8(const void *object)
{
    return ((const struct thing *)object)->u8 & 1 ? NULL : "u8 is even";
}

static const struct field_table thing_table = {
    .name = "thing",
    FIELD_TABLE_OF(struct thing, thing_rows),
    .check = odd_u8,
};

static uint32_t list[] = {0x11121314, 0x21222324};
static uint8_t notes_a[] = {0xa1, 0xa2, 0xa3};
static uint8_t notes_b[] = {0xb1};
static struct leaf leaves[] = {{7, 3, notes_a}, {8, 0, NULL}};

static const struct thing sample = {
    .u8 = 1,
    .u16 = 0x0203,
    .u32 = 0x04050607,
    .u64 = 0x08090a0b0c0d0e0f,
    .i32 = -2,
    .i64 = -3,
    .flag = true,
    .fixed = {0x1011, 0x1213},
    .n_list = 2,
    .list = list,
    .n_leaves = 2,
    .leaves = leaves,
    .last = {9, 1, notes_b},
    .young = 0x31323334,
    .gone = 0x41424344,
};

/* Version 2, after 4 bytes of something else that offsets count too. */
static const uint8_t sample_bytes[] = {
    0xee, 0xee, 0xee, 0xee, 1,    0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f, 0x0e, 0x0d, 0x0c,
    0x0b, 0x0a, 0x09, 0x08, 0xfe, 0xff, 0xff, 0xff, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 1,    0x11, 0x10, 0x13, 0x12, 2,    0,    0,    0,    0x14, 0x13, 0x12, 0x11, 0x24,
    0x23, 0x22, 0x21, 2,    0,    0,    0,    70,   0,    0,    0, /* leaves at 70 */
    9,    0,    1,    0,    0,    0,    90,   0,    0,    0,       /* last, its notes at 90 */
    0x34, 0x33, 0x32, 0x31, 7,    0,    3,    0,    0,    0,    91,   0,    0,    0, /* 70 */
    8,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0xb1,                /* 90 */
    0xa1, 0xa2, 0xa3,                                                                /* 91 */
};

static struct fields_input input(const uint8_t *bytes, size_t len)
{
    return (struct fields_input){.bytes = bytes, .len = len, .pos = 4, .budget = 1 << 16};
}

static void saves_what_the_table_says(void **state)
{
    struct buf out = BUF_INIT;

    buf_u32(&out, 0xeeeeeeee);
    assert_true(fields_save(&thing_table, 2, &sample, &out, 0, NULL));
    assert_int_equal(out.len, sizeof(sample_bytes));
    assert_memory_equal(out.data, sample_bytes, sizeof(sample_bytes));
    buf_free(&out);
}

static void loads_what_it_saved(void **state)
{
    struct fields_input in = input(sample_bytes, sizeof(sample_bytes));
    struct thing t = {.gone = 5};

    assert_true(fields_load(&thing_table, 2, &in, &t, NULL));
    assert_int_equal(in.pos, 70);
    assert_int_equal(in.end, sizeof(sample_bytes));
    assert_int_equal(in.budget, (1 << 16) - 8 - 2 * sizeof(struct leaf) - 3 - 1);
    assert_int_equal(t.i32, -2);
    assert_int_equal(t.i64, -3);
    assert_int_equal(t.u64, sample.u64);
    assert_int_equal(t.fixed[1], 0x1213);
    assert_memory_equal(t.list, list, sizeof(list));
    assert_int_equal(t.leaves[0].id, 7);
    assert_memory_equal(t.leaves[0].notes, notes_a, 3);
    assert_null(t.leaves[1].notes);
    assert_int_equal(t.last.notes[0], 0xb1);
    assert_int_equal(t.young, sample.young);
    assert_int_equal(t.gone, 5); /* no such row in version 2: as the caller left it */
    fields_free(&thing_table, &t);
    assert_null(t.list);
    assert_null(t.last.notes);
    assert_int_equal(t.n_list + t.n_leaves + t.last.n_notes, 0);
    fields_free(&thing_table, &t);
}

static void versions_and_conditions_choose_rows(void **state)
{
    struct thing t = sample, back = {0};
    struct buf out = BUF_INIT;
    struct fields_input in;

    t.flag = false;
    assert_true(fields_save(&thing_table, 1, &t, &out, 0, NULL));
    in = (struct fields_input){.bytes = out.data, .len = out.len, .budget = 1 << 16};
    assert_int_equal(out.len, sizeof(sample_bytes) - 4 - 4);
    assert_true(fields_load(&thing_table, 1, &in, &back, NULL));
    assert_int_equal(back.gone, sample.gone);
    assert_int_equal(back.young, 0);
    assert_int_equal(back.fixed[0], 0);
    fields_free(&thing_table, &back);
    buf_free(&out);
    assert_int_equal(fields_min_size(&thing_table, 2), 28 + 4 + 8 + 10 + 4);
}

static void every_truncation_fails(void **state)
{
    for (size_t len = 4; len < sizeof(sample_bytes); len++) {
        uint8_t *exact = malloc(len); /* so that sanitizers see a read past the end */
        struct fields_input in = input(exact, len);
        struct fields_error error = {0};
        struct thing t = {0};

        assert_non_null(exact);
        memcpy(exact, sample_bytes, len);
        assert_false(fields_load(&thing_table, 2, &in, &t, &error));
        assert_true(error.offset <= len);
        assert_non_null(error.reason);
        assert_true(error.field[0]);
        assert_null(t.list);
        assert_null(t.leaves);
        free(exact);
    }
}

/* Loads the sample with one byte changed, expects an error here. */
static void expect(size_t at, uint8_t value, size_t offset, const char *field, const char *reason)
{
    uint8_t bytes[sizeof(sample_bytes)];
    struct fields_input in = input(bytes, sizeof(bytes));
    struct fields_error error;
    struct thing t = {0};

    memcpy(bytes, sample_bytes, sizeof(bytes));
    bytes[at] = value;
    assert_false(fields_load(&thing_table, 2, &in, &t, &error));
    assert_string_equal(error.field, field);
    assert_string_equal(error.reason, reason);
    assert_int_equal(error.offset, offset);
    assert_null(t.list);
}

static void errors_name_the_place(void **state)
{
    expect(19, 6, 19, "i32", "value out of range"); /* becomes -250 */
    expect(31, 2, 31, "flag", "value out of range");
    expect(37, 4, 40, "list", "more elements than allowed"); /* 1026 */
    expect(36, 40, 40, "list", "more elements than the input holds");
    expect(48, 3, 70, "leaves", "more elements than the input holds");
    expect(53, 1, 56, "leaves", "offset outside the input");
    expect(52, 0, 56, "leaves", "offset outside the input");
    expect(80, 100, 80, "leaves[1].id", "value out of range");
    expect(56, 0, 56, "last.id", "value out of range");
    expect(62, 94, 94, "last.notes", "more elements than the input holds");
    expect(4, 2, 70, "", "u8 is even");
}

static void memory_has_a_budget(void **state)
{
    size_t needs = 8 + 2 * sizeof(struct leaf) + 3 + 1;

    for (size_t budget = 0; budget <= needs; budget++) {
        struct fields_input in = input(sample_bytes, sizeof(sample_bytes));
        struct fields_error error = {0};
        struct thing t = {0};
        bool ok;

        in.budget = budget;
        ok = fields_load(&thing_table, 2, &in, &t, &error);
        assert_int_equal(ok, budget == needs);
        if (!ok)
            assert_string_equal(error.reason, "more memory than allowed");
        fields_free(&thing_table, &t);
    }
}

static void bit_flips_never_crash(void **state)
{
    unsigned loaded = 0;

    for (size_t bit = 0; bit < 8 * sizeof(sample_bytes); bit++) {
        uint8_t bytes[sizeof(sample_bytes)];
        struct fields_input in = input(bytes, sizeof(bytes));
        struct thing t = {0};

        memcpy(bytes, sample_bytes, sizeof(bytes));
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (fields_load(&thing_table, 2, &in, &t, NULL)) {
            loaded++;
            assert_true(fields_validate(&thing_table, 2, &t, NULL));
        }
        fields_free(&thing_table, &t);
    }
    assert_true(loaded > 0);
}

static void bad_objects_are_not_saved(void **state)
{
    struct buf out = BUF_INIT;
    struct fields_error error;
    struct thing t = sample;

    buf_u8(&out, 1);
    t.i32 = 6;
    assert_false(fields_save(&thing_table, 2, &t, &out, 0, &error));
    assert_string_equal(error.field, "i32");
    t = sample;
    t.n_list = 1001;
    assert_false(fields_save(&thing_table, 2, &t, &out, 0, &error));
    assert_string_equal(error.field, "list");
    t = sample;
    t.list = NULL;
    assert_false(fields_save(&thing_table, 2, &t, &out, 0, &error));
    assert_string_equal(error.reason, "no elements");
    t = sample;
    t.last.id = 0;
    assert_false(fields_validate(&thing_table, 2, &t, &error));
    assert_string_equal(error.field, "last.id");
    t = sample;
    t.u8 = 2;
    assert_false(fields_validate(&thing_table, 2, &t, &error));
    assert_string_equal(error.reason, "u8 is even");
    assert_int_equal(out.len, 1);
    buf_free(&out);
}

static void big_endian_is_a_property_of_the_table(void **state)
{
    static const struct field rows[] = {
        FIELD_ROW(U16, struct thing, u16),
        FIELD_ROW(I32, struct thing, i32),
        FIELD_ROW(U32, struct thing, n_list),
        FIELD_LIST(U32, struct thing, list, n_list, 2, .far = true),
    };
    static const struct field_table table = {
        .name = "big",
        .order = FIELD_BIG_ENDIAN,
        FIELD_TABLE_OF(struct thing, rows),
    };
    static const uint8_t expected[] = {
        2, 3, 0xff, 0xff, 0xff, 0xfe, 0,    0,    0,    2,    0,
        0, 0, 14,   0x11, 0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24,
    };
    struct fields_input in = {.bytes = expected, .len = sizeof(expected), .budget = 100};
    struct buf out = BUF_INIT;
    struct thing t = {0};

    assert_true(fields_save(&table, 1, &sample, &out, 0, NULL));
    assert_int_equal(out.len, sizeof(expected));
    assert_memory_equal(out.data, expected, sizeof(expected));
    assert_true(fields_load(&table, 1, &in, &t, NULL));
    assert_int_equal(t.u16, 0x203);
    assert_int_equal(t.i32, -2);
    assert_memory_equal(t.list, list, sizeof(list));
    fields_free(&table, &t);
    buf_free(&out);
}

static void dump_names_every_value(void **state)
{
    static const char expected[] = "u8 = 1\n"
                                   "u16 = 515\n"
                                   "u32 = 67438087\n"
                                   "u64 = 579005069656919567\n"
                                   "i32 = -2\n"
                                   "i64 = -3\n"
                                   "flag = true\n"
                                   "fixed[0] = 4113\n"
                                   "fixed[1] = 4627\n"
                                   "n_list = 2\n"
                                   "list[0] = 286397204\n"
                                   "list[1] = 555885348\n"
                                   "n_leaves = 2\n"
                                   "leaves[0].id = 7\n"
                                   "leaves[0].n_notes = 3\n"
                                   "leaves[0].notes = a1a2a3\n"
                                   "leaves[1].id = 8\n"
                                   "leaves[1].n_notes = 0\n"
                                   "leaves[1].notes = \n"
                                   "last.id = 9\n"
                                   "last.n_notes = 1\n"
                                   "last.notes = b1\n"
                                   "young = 825373492\n";
    struct buf out = BUF_INIT;

    fields_dump(&thing_table, 2, &sample, &out);
    buf_u8(&out, 0);
    assert_string_equal((char *)out.data, expected);
    buf_free(&out);
}

/* Tables may name themselves; the depth is bounded, not the stack. */
struct node {
    uint32_t n;
    struct node *children;
};

static const struct field_table node_table;
static const struct field node_rows[] = {
    FIELD_ROW(U32, struct node, n),
    FIELD_STRUCTS(&node_table, struct node, children, n, 10),
};
static const struct field_table node_table = {
    .name = "node",
    FIELD_TABLE_OF(struct node, node_rows),
};

static void depth_is_bounded(void **state)
{
    struct fields_error error;
    struct node root = {0};
    struct buf bytes = BUF_INIT;
    struct fields_input in;

    for (unsigned i = 0; i < 1000; i++)
        buf_u32(&bytes, 1);
    in = (struct fields_input){.bytes = bytes.data, .len = bytes.len, .budget = 1 << 20};
    assert_false(fields_load(&node_table, 1, &in, &root, &error));
    assert_string_equal(error.reason, "tables too deep");
    assert_int_equal(strlen(error.field), sizeof(error.field) - 1); /* cut, and ended */
    assert_null(root.children);
    buf_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saves_what_the_table_says),
        cmocka_unit_test(loads_what_it_saved),
        cmocka_unit_test(versions_and_conditions_choose_rows),
        cmocka_unit_test(every_truncation_fails),
        cmocka_unit_test(errors_name_the_place),
        cmocka_unit_test(memory_has_a_budget),
        cmocka_unit_test(bit_flips_never_crash),
        cmocka_unit_test(bad_objects_are_not_saved),
        cmocka_unit_test(big_endian_is_a_property_of_the_table),
        cmocka_unit_test(dump_names_every_value),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
