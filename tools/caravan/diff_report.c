/* SPDX-License-Identifier: MIT */
#include "diff.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json_out.h"
#include "value_out.h"

#define HEX_SHOWN 32 /* characters of bytes; --json gives all */

/* ---- Text ---- */

static void print_value(const struct diff_value *value, bool words)
{
    if (!value->text)
        fputs("(none)", stdout);
    else if (!value->bytes || strlen(value->text) <= HEX_SHOWN)
        fputs(value->text, stdout);
    else
        printf("%.*s... (%zu bytes)", HEX_SHOWN, value->text, strlen(value->text) / 2);
    if (words && value->words)
        printf(" (%s)", value->words);
}

/* Where two long runs of bytes part, since their beginnings are what is shown. */
static void print_place(const struct diff_field *field)
{
    const char *a = field->side[0].text, *b = field->side[1].text;
    size_t n = 0, differ = 0, len;

    if (!a || !b || !field->side[0].bytes || strlen(a) != strlen(b) || strlen(a) <= HEX_SHOWN)
        return;
    len = strlen(a) / 2;
    for (size_t i = len; i-- > 0;) {
        if (memcmp(a + 2 * i, b + 2 * i, 2)) {
            differ++;
            n = i;
        }
    }
    printf("  %zu of them differ, the first at %zu: %.2s -> %.2s", differ, n, a + 2 * n, b + 2 * n);
}

static void print_field(const struct diff_field *field)
{
    fputs("  ", stdout);
    value_print_name(field->path, 0);
    if (field->words)
        printf(" (%s)", field->words);
    fputs(": ", stdout);
    print_value(&field->side[0], !field->words);
    fputs(" -> ", stdout);
    print_value(&field->side[1], !field->words);
    print_place(field);
    putchar('\n');
}

static void print_section(const struct diff_section *section)
{
    const struct vmstate_section *a = section->side[0], *b = section->side[1];

    value_print_name((b ? b : a)->name, 0);
    printf(":%" PRIu32, (b ? b : a)->instance);
    if (!a || !b)
        printf(": only in the %s", a ? "first" : "second");
    else if (a->version != b->version)
        printf(", version %" PRIu32 " -> %" PRIu32, a->version, b->version);
    putchar('\n');
    for (guint i = 0; section->fields && i < section->fields->len; i++)
        print_field(section->fields->pdata[i]);
}

static void print_count(uint64_t count, const char *what)
{
    if (count)
        printf(", %" PRIu64 " %s", count, what);
}

static void print_block(const struct diff_block *block)
{
    const struct ram_hash_block *a = block->side[0], *b = block->side[1];

    fputs("RAM ", stdout);
    value_print_name((b ? b : a)->name, 0);
    if (!a || !b)
        printf(": only in the %s", a ? "first" : "second");
    else if (a->size != b->size)
        printf(": %" PRIu64 " -> %" PRIu64 " bytes", a->size, b->size);
    else
        printf(": of %" PRIu64 " pages", b->n_pages);
    print_count(block->changed, "changed");
    print_count(block->only[0], "sent in the first alone");
    print_count(block->only[1], "sent in the second alone");
    print_count(block->unknown, "encoded, so not compared");
    if (block->changed + block->only[0] + block->only[1] + block->unknown)
        printf(" (from %#" PRIx64 " to %#" PRIx64 ")", block->first,
               block->last + VMSTATE_PAGE_SIZE - 1);
    putchar('\n');
}

void diff_print_text(const struct diff *self)
{
    if (self->machine) {
        const char *a = self->side[0].inspection.machine, *b = self->side[1].inspection.machine;

        fputs("machine: ", stdout);
        value_print_name(a ? a : "(not told)", 0);
        fputs(" -> ", stdout);
        value_print_name(b ? b : "(not told)", 0);
        putchar('\n');
    }
    for (guint i = 0; i < self->blocks->len; i++)
        print_block(&g_array_index(self->blocks, struct diff_block, i));
    for (guint i = 0; i < self->sections->len; i++)
        print_section(self->sections->pdata[i]);
}

/* ---- JSON ---- */

static void put_value(const char *name, const struct diff_value *value)
{
    printf(", \"%s\": ", name);
    if (!value->text)
        fputs("null", stdout);
    else if (value->bytes)
        json_out_text(value->text);
    else
        fputs(value->text, stdout);
}

static void put_field(const struct diff_field *field)
{
    fputs("\n    {", stdout);
    json_out_pair("path", field->path);
    fputs(", ", stdout);
    json_out_pair("type", field->type);
    put_value("first", &field->side[0]);
    put_value("second", &field->side[1]);
    putchar('}');
}

static void put_section(const struct diff_section *section)
{
    const struct vmstate_section *any = section->side[section->side[1] ? 1 : 0];

    fputs("\n  {", stdout);
    json_out_pair("name", any->name);
    printf(", \"instance\": %" PRIu32 ", \"versions\": [", any->instance);
    for (int i = 0; i < 2; i++) {
        fputs(i ? ", " : "", stdout);
        if (section->side[i])
            printf("%" PRIu32, section->side[i]->version);
        else
            fputs("null", stdout);
    }
    fputs("], \"fields\": [", stdout);
    for (guint i = 0; section->fields && i < section->fields->len; i++) {
        fputs(i ? "," : "", stdout);
        put_field(section->fields->pdata[i]);
    }
    fputs("]}", stdout);
}

static void put_block(const struct diff_block *block)
{
    const struct ram_hash_block *any = block->side[block->side[1] ? 1 : 0];

    fputs("\n  {", stdout);
    json_out_pair("name", any->name);
    fputs(", \"bytes\": [", stdout);
    for (int i = 0; i < 2; i++) {
        fputs(i ? ", " : "", stdout);
        if (block->side[i])
            printf("%" PRIu64, block->side[i]->size);
        else
            fputs("null", stdout);
    }
    printf("], \"changed\": %" PRIu64 ", \"only_first\": %" PRIu64 ", \"only_second\": %" PRIu64
           ", \"encoded\": %" PRIu64 "}",
           block->changed, block->only[0], block->only[1], block->unknown);
}

void diff_print_json(const struct diff *self)
{
    printf("{\"same\": %s, \"machines\": [",
           self->machine || self->sections->len || self->blocks->len ? "false" : "true");
    for (int i = 0; i < 2; i++) {
        fputs(i ? ", " : "", stdout);
        if (self->side[i].inspection.machine)
            json_out_text(self->side[i].inspection.machine);
        else
            fputs("null", stdout);
    }
    fputs("],\n \"ram\": [", stdout);
    for (guint i = 0; i < self->blocks->len; i++) {
        fputs(i ? "," : "", stdout);
        put_block(&g_array_index(self->blocks, struct diff_block, i));
    }
    fputs("],\n \"sections\": [", stdout);
    for (guint i = 0; i < self->sections->len; i++) {
        fputs(i ? "," : "", stdout);
        put_section(self->sections->pdata[i]);
    }
    puts("]}");
}
