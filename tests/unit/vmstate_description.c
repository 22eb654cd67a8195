/* SPDX-License-Identifier: MIT */
/* Descriptions of sections: sizes and values that come from them, and texts that are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "vmstate/description.h"

#define DEVICE(rest)                                                                               \
    "{\"devices\": [{\"name\": \"d\", \"instance_id\": 1, \"version\": 2, " rest "}]}"
#define FIELD(name, type, size)                                                                    \
    "{\"name\": \"" name "\", \"type\": \"" type "\", \"size\": " size "}"

static const char text[] = DEVICE("\"fields\": [" FIELD(
    "a", "uint16",
    "2") ", "
         "{\"name\": \"b\", \"type\": \"int8\", \"array_len\": 2, \"size\": 1}, "
         "{\"name\": \"s[0]\", \"type\": \"struct\", \"array_len\": 2, \"size\": 2, "
         "\"struct\": {\"vmsd_name\": \"x\", \"version\": 1, \"fields\": [" FIELD(
             "f", "bool",
             "1") ", " FIELD("g", "uint8 equal",
                             "1") "]}}, "
                                  "{\"name\": \"i\", \"index\": 3, \"type\": \"odd\", \"size\": "
                                  "2}, " FIELD("none", "buffer",
                                               "0") "], \"subsections\": [{\"vmsd_name\": \"d/e\", "
                                                    "\"version\": 1, \"fields\": [" FIELD(
                                                        "h", "timer", "8") "]}]");

static const uint8_t body[] = {0x12, 0x34, 0xff, 2, 1, 9, 0, 8, 0xab, 0xcd, 5, 3, 'd', '/',
                               'e',  0,    0,    0, 1, 0, 0, 0, 0,    0,    0, 1, 0};

static void log_value(void *opaque, const struct vmstate_value *value)
{
    GString *log = opaque;

    g_string_append_printf(log, "%zu %s %s ", value->offset, value->path, value->type);
    if (value->kind == VMSTATE_VALUE_BYTES)
        g_string_append_printf(log, "%02x..%zu", value->bytes[0], value->len);
    else if (value->kind == VMSTATE_VALUE_SIGNED)
        g_string_append_printf(log, "%" G_GINT64_FORMAT, value->i);
    else
        g_string_append_printf(log, "%" G_GUINT64_FORMAT, value->u);
    g_string_append_c(log, '\n');
}

static void values_are_named(void **state)
{
    const char *reason;
    struct vmstate_description *all = vmstate_description_parse(text, strlen(text), &reason);
    const struct vmstate_device *device = vmstate_description_lookup(all, "d", 1);
    GString *log = g_string_new(NULL);
    size_t at;

    assert_int_equal(vmstate_description_count(all), 1);
    assert_null(vmstate_description_lookup(all, "d", 0));
    assert_int_equal(device->size, sizeof(body));
    assert_int_equal(device->version, 2);
    assert_true(vmstate_device_walk(device, body, sizeof(body), log_value, log, &at, &reason));
    assert_string_equal(log->str, "0 a uint16 4660\n2 b[0] int8 -1\n3 b[1] int8 2\n"
                                  "4 s[0].f bool 1\n5 s[0].g uint8 equal 9\n"
                                  "6 s[1].f bool 0\n7 s[1].g uint8 equal 8\n8 i[3] odd ab..2\n"
                                  "19 <d/e>.h timer 256\n");
    g_string_free(log, TRUE);
    vmstate_description_free(all);
}

static void a_tree_finds_and_sets(void **state)
{
    const char *reason;
    struct vmstate_description *all = vmstate_description_parse(text, strlen(text), &reason);
    const struct vmstate_device *device = vmstate_description_lookup(all, "d", 1);
    size_t at, len;
    struct vmstate_tree *tree = vmstate_device_tree(device, body, sizeof(body), &at, &reason);
    const struct vmstate_node *node;
    struct vmstate_value value;
    uint32_t element;
    char path[VMSTATE_PATH_MAX];

    assert_non_null(tree);
    vmstate_description_free(all); /* the tree stands alone */
    assert_string_equal(vmstate_tree_name(tree), "d");
    assert_int_equal(vmstate_tree_instance(tree), 1);
    assert_int_equal(vmstate_tree_version(tree), 2);
    assert_true(vmstate_tree_get(tree, "b[1]", &value));
    assert_int_equal(value.i, 2);
    assert_int_equal(value.offset, 3);
    assert_false(vmstate_tree_get(tree, "b[2]", &value));
    assert_false(vmstate_tree_get(tree, "s[1]", &value)); /* a struct */
    assert_null(vmstate_tree_find(tree, "s[1].f.x", NULL));
    node = vmstate_tree_find(tree, "<d/e>.h", &element);
    assert_non_null(node);
    assert_int_equal(node->parent->kind, VMSTATE_NODE_SUBSECTION);
    assert_int_equal(node->parent->version, 1);
    vmstate_node_path(node, path, sizeof(path));
    assert_string_equal(path, "<d/e>.h");
    assert_true(vmstate_tree_set(tree, "s[1].g", 0x1ff));
    assert_true(vmstate_tree_set(tree, "<d/e>.h", UINT64_MAX));
    assert_false(vmstate_tree_set(tree, "i[3]", 1)); /* bytes */
    assert_true(vmstate_tree_get(tree, "s[1].g", &value));
    assert_int_equal(value.u, 255);
    assert_true(vmstate_tree_get(tree, "<d/e>.h", &value));
    assert_int_equal(value.i, -1);
    assert_ptr_equal(value.bytes, vmstate_tree_bytes(tree, &len) + 19);
    assert_int_equal(len, sizeof(body));
    vmstate_tree_free(tree);
}

static void other_bodies_are_refused(void **state)
{
    const char *reason;
    struct vmstate_description *all = vmstate_description_parse(text, strlen(text), &reason);
    const struct vmstate_device *device = vmstate_description_device(all, 0);
    GString *log = g_string_new(NULL);
    uint8_t longer[sizeof(body) + 1] = {0};
    size_t at;

    memcpy(longer, body, sizeof(body));
    for (size_t n = 0; n < sizeof(body); n++) {
        uint8_t *cut = g_memdup2(body, n);

        assert_false(vmstate_device_walk(device, cut, n, log_value, log, &at, &reason));
        assert_true(at <= n);
        g_free(cut);
    }
    assert_false(vmstate_device_walk(device, longer, sizeof(longer), log_value, log, &at, &reason));
    assert_string_equal(reason, "the body is longer than its description");
    longer[12] = 'D';
    assert_false(vmstate_device_walk(device, longer, sizeof(body), log_value, log, &at, &reason));
    assert_int_equal(at, 10);
    g_string_free(log, TRUE);
    vmstate_description_free(all);
}

static void wrong_texts_are_refused(void **state)
{
    static const struct {
        const char *text;
        const char *reason;
    } rows[] = {
        {"", "no JSON"},
        {"{", "no JSON"},
        {"[]", "no list"},
        {"{\"devices\": 1}", "no list"},
        {"{\"devices\": [1]}", "a device without"},
        {"{\"devices\": [{\"name\": \"d\", \"instance_id\": -1}]}", "a device without"},
        {"{\"devices\": [{\"name\": 1, \"instance_id\": 1}]}", "a device without"},
        {DEVICE("\"fields\": [" FIELD("a", "b", "-1") "]"), "a field without"},
        {DEVICE("\"fields\": [" FIELD("a", "b", "\"1\"") "]"), "a field without"},
        {DEVICE("\"fields\": [" FIELD("a", "b", "99999999999999999999") "]"), "a field without"},
        {DEVICE("\"fields\": [" FIELD("a", "b", "1099511627776") "," FIELD("a", "b", "1") "]"),
         "too large"},
        {DEVICE("\"fields\": [{\"name\": \"a\", \"type\": \"b\", \"size\": 1099511627776, "
                "\"array_len\": 4294967295}]"),
         "too large"},
        {DEVICE("\"fields\": [{\"name\": \"a\", \"type\": \"b\", \"size\": 1, \"array_len\": 0}]"),
         "array_len"},
        {DEVICE("\"subsections\": [{\"fields\": []}]"), "a subsection without"},
        {DEVICE("\"subsections\": [[]]"), "a subsection that"},
        {"{\"devices\": [\xff]}", "no JSON"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *reason = NULL;

        assert_null(vmstate_description_parse(rows[i].text, strlen(rows[i].text), &reason));
        if (!strstr(reason, rows[i].reason))
            assert_string_equal(reason, rows[i].reason);
    }
}

static void deep_texts_are_refused(void **state)
{
    GString *deep = g_string_new("{\"devices\": ");
    const char *reason;

    for (int i = 0; i < 1000000; i++)
        g_string_append_c(deep, '[');
    assert_null(vmstate_description_parse(deep->str, deep->len, &reason));
    g_string_free(deep, TRUE);
}

static void it_is_found_at_the_end(void **state)
{
    const uint8_t tail[] = {0, 6, 0, 0, 0, 1, '{', 9, 0, 6, 0, 0, 0, 2, '{', '}', 0, 0};
    size_t at, size;

    assert_true(vmstate_description_find(tail, sizeof(tail), &at, &size));
    assert_int_equal(at, 14);
    assert_int_equal(size, 2);
    assert_true(vmstate_description_find(tail, 15, &at, &size)); /* the cut one does not count */
    assert_int_equal(at, 6);
    assert_false(vmstate_description_find(tail, 6, &at, &size));
    assert_false(vmstate_description_find(NULL, 0, &at, &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_named),         cmocka_unit_test(a_tree_finds_and_sets),
        cmocka_unit_test(other_bodies_are_refused), cmocka_unit_test(wrong_texts_are_refused),
        cmocka_unit_test(deep_texts_are_refused),   cmocka_unit_test(it_is_found_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
