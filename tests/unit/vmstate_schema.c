/* SPDX-License-Identifier: MIT */
/* Layouts as text: what the language says, how sections end by them, and who wrote them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "vmstate/schema.h"
#include "vmstate/schema_private.h"

static struct vmstate_schemas *schemas_with(const char *text)
{
    struct vmstate_schemas *self = vmstate_schemas_new();
    const char *reason = NULL;
    unsigned line;

    if (!vmstate_schemas_add(self, text, &line, &reason))
        fail_msg("line %u: %s", line, reason);
    return self;
}

static struct vmstate_section section(const char *name, uint32_t version)
{
    struct vmstate_section self = {.kind = VMSTATE_SECTION_FULL, .id = 7, .version = version};

    g_strlcpy(self.name, name, sizeof(self.name));
    return self;
}

static void log_value(void *opaque, const struct vmstate_value *value)
{
    g_string_append_printf(opaque, "%zu %s %s ", value->offset, value->path, value->type);
    if (value->kind == VMSTATE_VALUE_BYTES)
        g_string_append_printf(opaque, "%02x..%zu\n", value->bytes[0], value->len);
    else
        g_string_append_printf(opaque, "%" G_GINT64_FORMAT "\n", value->i);
}

/* The values of a body, "no: REASON", or "short". */
static char *read_as(struct vmstate_schemas *schemas, const char *name, uint32_t version,
                     const uint8_t *bytes, size_t len)
{
    struct vmstate_section s = section(name, version);
    struct vmstate_error error;
    uint64_t size;
    enum vmstate_measure measure = vmstate_schemas_measure(schemas, &s, bytes, len, &size, &error);
    struct vmstate_tree *tree;
    GString *log = g_string_new(NULL);

    if (measure == VMSTATE_MEASURE_SHORT)
        return g_string_free(g_string_assign(log, "short"), FALSE);
    if (measure == VMSTATE_MEASURE_FAILED) {
        g_string_printf(log, "no: %s", error.reason);
        return g_string_free(log, FALSE);
    }
    tree = vmstate_schemas_tree(schemas, &s, bytes, size, &error);
    assert_non_null(tree);
    vmstate_tree_walk(tree, log_value, log);
    vmstate_tree_free(tree);
    return g_string_free(log, FALSE);
}

static void expect(struct vmstate_schemas *schemas, const char *name, uint32_t version,
                   const char *bytes, size_t len, const char *log)
{
    uint8_t *copy = g_memdup2(bytes, len); /* so that a sanitizer sees reads past it */
    char *got = read_as(schemas, name, version, copy, len);

    assert_string_equal(got, log);
    g_free(got);
    g_free(copy);
}

#define BYTES(literal) literal, sizeof(literal) - 1

static void built_in_layouts_are_right(void **state)
{
    struct vmstate_schemas *self = vmstate_schemas_new();
    const char *reason;
    unsigned line;

    for (size_t i = 0; schema_texts[i]; i++)
        if (!vmstate_schemas_add(self, schema_texts[i], &line, &reason))
            fail_msg("line %u of the text that begins with \"%.80s\": %s", line, schema_texts[i],
                     reason);
    assert_true(vmstate_schemas_has(self, "cpu", 12));
    assert_true(vmstate_schemas_has(self, "0000:00:01.1/ide", 3));
    assert_true(vmstate_schemas_has(self, "vmware_vga", 0));
    assert_true(vmstate_schemas_has(self, "qxl", 21));
    assert_true(vmstate_schemas_has(self, "i82559er", 3));
    assert_true(vmstate_schemas_has(self, "slirp", 3));
    assert_true(vmstate_schemas_has(self, "hda-audio", 2));
    assert_true(vmstate_schemas_has(self, "2.1/usb-kbd", 1));
    assert_true(vmstate_schemas_has(self, "virtio-console", 3));
    assert_false(vmstate_schemas_has(self, "virtio-console", 4));
    assert_false(vmstate_schemas_has(self, "usb-storage", 1));
    vmstate_schemas_free(self);
}

static void rows_say_what_is_there(void **state)
{
    struct vmstate_schemas *self = schemas_with("struct pair\n"
                                                "    uint8 x\n"
                                                "    int16le y\n"
                                                "section d 1..3 # a comment\n"
                                                "    uint8 n\n"
                                                "    pair p[n + 1] if n & 1 == 1 or version >= 3\n"
                                                "    uint8 old until 1\n"
                                                "    uint8 new since 2\n"
                                                "    buffer b[n * 2]\n"
                                                "    uint8 c#4\n");

    expect(self, "d", 1, BYTES("\1\2\376\377\3\4\0\5\6\7\10\0"),
           "0 n uint8 1\n1 p[0].x uint8 2\n2 p[0].y int16 -2\n4 p[1].x uint8 3\n"
           "5 p[1].y int16 4\n7 old uint8 5\n8 b buffer 06..2\n10 c[4] uint8 8\n");
    expect(self, "a/d", 2, BYTES("\0\1\2\0"), "0 n uint8 0\n1 new uint8 1\n2 c[4] uint8 2\n");
    expect(self, "d", 3, BYTES("\0\1\2\0\3\4\0"),
           "0 n uint8 0\n1 p[0].x uint8 1\n2 p[0].y int16 2\n4 new uint8 3\n5 c[4] uint8 4\n");
    expect(self, "d", 4, BYTES("\0"), "no: version 4, only 1 to 3 are known");
    expect(self, "e", 4, BYTES("\0"), "no: no layout is known for it");
    expect(self, "d", 3, BYTES("\0\1\2\0\3\4\11"),
           "no: what follows its layout is no section (byte 9)");
    expect(self, "d", 3, BYTES("\0\1\2\0\3\4\4\0\0\0\1\2x"), "short");
    expect(self, "d", 3, BYTES("\0\1\2\0\3\4\x7e\0\0\0\7"), /* its footer */
           "0 n uint8 0\n1 p[0].x uint8 1\n2 p[0].y int16 2\n4 new uint8 3\n5 c[4] uint8 4\n");
    vmstate_schemas_free(self);
}

static void subsections_and_marked_lists(void **state)
{
    struct vmstate_schemas *self = schemas_with("subsection \"d/a b\" 1..2\n"
                                                "    uint8 s since 2\n"
                                                "struct one\n"
                                                "    uint16 v\n"
                                                "section d 1\n"
                                                "    one list marked 42\n"
                                                "    subsection \"d/a b\"\n");

    expect(self, "d", 1, BYTES("*\0\1*\0\2\0\0"),
           "0 mark uint8 42\n1 list[0].v uint16 1\n3 mark uint8 42\n4 list[1].v uint16 2\n"
           "6 mark uint8 0\n");
    expect(self, "d", 1, BYTES("\0\5\5d/a b\0\0\0\2\7\0"),
           "0 mark uint8 0\n12 <d/a b>.s uint8 7\n");
    expect(self, "d", 1, BYTES("\0\5\5d/a b\0\0\0\3\7\0"),
           "no: d/a b: a version that is not known");
    expect(self, "d", 1, BYTES("\0\5\5d/xyz\0\0\0\3\7\0"), "no: a subsection that is not known");
    expect(self, "d", 1, BYTES("\0\5\5d/a"), "short");
    vmstate_schemas_free(self);
}

static void the_bytes_tell_who_wrote_them(void **state)
{
    static const uint8_t zeros[400];
    struct vmstate_schemas *self = vmstate_schemas_new();
    struct vmstate_section pit = section("i8254", 2), pm = section("0000:00:01.3/piix4_pm", 2);
    static const unsigned pit_sizes[] = {108, 104}, pm_sizes[] = {312, 324};
    static const char *const flavours[] = {"qemu-kvm-1.0", "qemu-1.0"};
    struct vmstate_error error;

    for (int i = 0; i < 2; i++) {
        uint8_t body[512] = {0};
        uint64_t size;

        /* what follows begins with a byte that cannot be an end, but at its place */
        memset(body, 1, sizeof(body));
        memcpy(body, zeros, pit_sizes[i]);
        memset(body + 100, 1, pit_sizes[i] - 100);
        body[pit_sizes[i]] = 0; /* the end of state, and a description behind it */
        body[pit_sizes[i] + 1] = 6;
        vmstate_schemas_set_flavour(self, NULL);
        assert_int_equal(vmstate_schemas_measure(self, &pit, body, sizeof(body), &size, &error),
                         VMSTATE_MEASURED);
        assert_int_equal(size, pit_sizes[i]);
        assert_string_equal(vmstate_schemas_flavour(self), flavours[i]);
        memset(body, 1, sizeof(body));
        body[pm_sizes[i]] = 0;
        assert_int_equal(vmstate_schemas_measure(self, &pm, body, sizeof(body), &size, &error),
                         VMSTATE_MEASURED);
        assert_int_equal(size, pm_sizes[i]);
    }
    assert_false(vmstate_schemas_set_flavour(self, "nobody"));
    vmstate_schemas_free(self);
}

static void wrong_texts_are_refused(void **state)
{
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"    uint8 a\n", "a row outside a table"},
        {"section d\n", "versions are missing"},
        {"section d x\n", "a number is missing"},
        {"section d 1\n    uint9 a\n", "no such type"},
        {"section d 1\n    uint8\n", "a row without type or name"},
        {"section d 1\n    uint8 a[0]\n", "a count of nothing"},
        {"section d 1\n    uint8 a[b / 0]\n", "a count of nothing"},
        {"section d 1\n    uint8 a[b - 1]\n", "none of * / +"},
        {"section d 1\n    uint8 a marked 1\n", "only structs can be marked"},
        {"section d 1\n    uint8 a if b\n", "none of == != >= <="},
        {"section d 1\n    uint8 a if flavour nobody\n", "no such flavour"},
        {"section d 1\n    uint8 a sometimes\n", "a word that is not known"},
        {"section d 1\n    subsection x\n", "no such subsection"},
        {"alias d nothing\n", "an alias of nothing"},
        {"device d 1\n", "a line that begins with none of"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct vmstate_schemas *self = vmstate_schemas_new();
        size_t before = vmstate_schemas_count(self);
        const char *reason = "";
        unsigned line;

        assert_false(vmstate_schemas_add(self, rows[i].text, &line, &reason));
        if (!g_str_has_prefix(reason, rows[i].reason))
            assert_string_equal(reason, rows[i].reason);
        assert_int_equal(line, rows[i].text[0] == 's' && strchr(rows[i].text, '\n')[1] ? 2 : 1);
        assert_int_equal(vmstate_schemas_count(self), before);
        vmstate_schemas_free(self);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(built_in_layouts_are_right),
        cmocka_unit_test(rows_say_what_is_there),
        cmocka_unit_test(subsections_and_marked_lists),
        cmocka_unit_test(the_bytes_tell_who_wrote_them),
        cmocka_unit_test(wrong_texts_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
