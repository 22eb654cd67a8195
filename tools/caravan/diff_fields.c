/* SPDX-License-Identifier: MIT */
#include "diff.h"

#include <inttypes.h>
#include <string.h>

#include "words.h"

/* All values of a section by path; a path that comes again has "#2" and so on behind it. */
struct listing {
    const char *section;
    GHashTable *by_path; /* of struct listed */
    GPtrArray *order;    /* the same, borrowed */
};

struct listed {
    char *key;
    char *path;
    struct vmstate_value value; /* its bytes lie in the tree */
    bool matched;
};

static void free_listed(gpointer data)
{
    struct listed *listed = data;

    g_free(listed->key);
    g_free(listed->path);
    g_free(listed);
}

static void list_value(void *opaque, const struct vmstate_value *value)
{
    struct listing *listing = opaque;
    struct listed *listed = g_new0(struct listed, 1);

    listed->path = g_strdup(value->path);
    listed->key = g_strdup(value->path);
    for (unsigned n = 2; g_hash_table_contains(listing->by_path, listed->key); n++) {
        g_free(listed->key);
        listed->key = g_strdup_printf("%s#%u", value->path, n);
    }
    listed->value = *value;
    listed->value.path = listed->path;
    g_hash_table_insert(listing->by_path, listed->key, listed);
    g_ptr_array_add(listing->order, listed);
}

static struct listing make_listing(const struct inspect_section *section)
{
    struct listing listing = {
        .section = section->section.name,
        .by_path = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_listed),
        .order = g_ptr_array_new(),
    };

    if (section->tree)
        vmstate_tree_walk(section->tree, list_value, &listing);
    return listing;
}

static void free_listing(struct listing *listing)
{
    g_ptr_array_unref(listing->order);
    g_hash_table_unref(listing->by_path);
}

static bool same(const struct vmstate_value *a, const struct vmstate_value *b)
{
    if (a->kind == VMSTATE_VALUE_BYTES || b->kind == VMSTATE_VALUE_BYTES)
        return a->kind == b->kind && a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
    return a->u == b->u;
}

static char *hex(const uint8_t *bytes, size_t len)
{
    GString *text = g_string_sized_new(len * 2 + 1);

    for (size_t i = 0; i < len; i++)
        g_string_append_printf(text, "%02x", bytes[i]);
    return g_string_free(text, FALSE);
}

static struct diff_value print(const struct vmstate_value *value, const char *section)
{
    struct diff_value printed = {.words = words_for(section, value)};

    switch (value->kind) {
    case VMSTATE_VALUE_UNSIGNED:
        printed.text = g_strdup_printf("%" PRIu64, value->u);
        break;
    case VMSTATE_VALUE_SIGNED:
        printed.text = g_strdup_printf("%" PRId64, value->i);
        break;
    case VMSTATE_VALUE_BOOL:
        printed.text = g_strdup(value->u ? "true" : "false");
        break;
    case VMSTATE_VALUE_BYTES:
        printed.text = hex(value->bytes, value->len);
        printed.bytes = true;
        break;
    }
    return printed;
}

/* Either may be NULL, not both. */
static void add_field(GPtrArray *fields, const struct listed *a, const struct listed *b,
                      const char *section)
{
    const struct listed *any = b ? b : a;
    struct diff_field *field = g_new0(struct diff_field, 1);

    field->path = g_strdup(any->path);
    field->type = g_strdup(any->value.type);
    if (a)
        field->side[0] = print(&a->value, section);
    if (b)
        field->side[1] = print(&b->value, section);
    if (a && b && field->side[0].words == field->side[1].words) /* of the place, not the number */
        field->words = field->side[0].words;
    g_ptr_array_add(fields, field);
}

/* Register files: a field for each register that has a name and differs. False: it is none, or
 * registers without names differ too. */
static bool add_registers(GPtrArray *fields, const struct listed *a, const struct listed *b,
                          const char *section)
{
    size_t len = a->value.len;

    if (a->value.kind != VMSTATE_VALUE_BYTES || b->value.kind != VMSTATE_VALUE_BYTES ||
        b->value.len != len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (a->value.bytes[i] != b->value.bytes[i] && !words_register(section, a->path, i))
            return false;
    for (size_t i = 0; i < len; i++) {
        struct diff_field *field;

        if (a->value.bytes[i] == b->value.bytes[i])
            continue;
        field = g_new0(struct diff_field, 1);
        field->path = g_strdup_printf("%s[0x%02zx]", a->path, i);
        field->type = g_strdup("register");
        field->words = words_register(section, a->path, i);
        field->side[0].text = g_strdup_printf("%u", a->value.bytes[i]);
        field->side[1].text = g_strdup_printf("%u", b->value.bytes[i]);
        g_ptr_array_add(fields, field);
    }
    return true;
}

GPtrArray *diff_fields(const struct inspect_section *a, const struct inspect_section *b)
{
    struct listing of_a = make_listing(a), of_b = make_listing(b);
    GPtrArray *fields = g_ptr_array_new();

    for (guint i = 0; i < of_b.order->len; i++) {
        const struct listed *now = of_b.order->pdata[i];
        struct listed *before = g_hash_table_lookup(of_a.by_path, now->key);

        if (before)
            before->matched = true;
        if (before &&
            (same(&before->value, &now->value) || add_registers(fields, before, now, of_b.section)))
            continue;
        add_field(fields, before, now, of_b.section);
    }
    for (guint i = 0; i < of_a.order->len; i++) {
        const struct listed *before = of_a.order->pdata[i];

        if (!before->matched)
            add_field(fields, before, NULL, of_a.section);
    }
    free_listing(&of_a);
    free_listing(&of_b);
    return fields;
}

void diff_field_free(struct diff_field *field)
{
    g_free(field->path);
    g_free(field->type);
    g_free(field->side[0].text);
    g_free(field->side[1].text);
    g_free(field);
}
