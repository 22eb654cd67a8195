/* SPDX-License-Identifier: MIT */
/* JSON as it comes, without a tree: values have 64 bits, which json-glib's integers have not. */
#include "inspect.h"

#include <inttypes.h>
#include <stdio.h>

#include "words.h"

/* Bytes of a name above ASCII are given as the character of the same number. */
static void put_text(const char *text)
{
    putchar('"');
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            printf("\\%c", *p);
        else if (*p < 0x20 || *p >= 0x7f)
            printf("\\u%04x", *p);
        else
            putchar(*p);
    }
    putchar('"');
}

static void put_name(const char *name, const char *text)
{
    printf("\"%s\": ", name);
    put_text(text);
}

static void put_hex(const uint8_t *bytes, size_t len)
{
    putchar('"');
    for (size_t i = 0; i < len; i++)
        printf("%02x", bytes[i]);
    putchar('"');
}

static void put_words(const char *words)
{
    if (!words)
        return;
    fputs(", ", stdout);
    put_name("means", words);
}

struct putting {
    const char *section;
    bool later; /* not the first value */
};

static void put_value(void *opaque, const struct vmstate_value *value)
{
    struct putting *putting = opaque;

    fputs(putting->later ? ",\n    {" : "\n    {", stdout);
    putting->later = true;
    put_name("path", value->path);
    fputs(", ", stdout);
    put_name("type", value->type);
    fputs(", \"value\": ", stdout);
    switch (value->kind) {
    case VMSTATE_VALUE_UNSIGNED:
        printf("%" PRIu64, value->u);
        break;
    case VMSTATE_VALUE_SIGNED:
        printf("%" PRId64, value->i);
        break;
    case VMSTATE_VALUE_BOOL:
        fputs(value->u ? "true" : "false", stdout);
        break;
    case VMSTATE_VALUE_BYTES:
        put_hex(value->bytes, value->len);
        break;
    }
    put_words(words_for(putting->section, value));
    putchar('}');
}

static void put_section(const struct inspect_section *seen)
{
    const struct vmstate_section *section = &seen->section;

    fputs("\n  {", stdout);
    put_name("name", section->name);
    printf(", \"instance\": %" PRIu32 ", \"version\": %" PRIu32 ", \"id\": %" PRIu32
           ", \"offset\": %" PRIu64 ", \"bytes\": %" PRIu64
           ", \"parts\": %u, \"footer\": %s, \"described\": %s",
           section->instance, section->version, section->id, section->offset, seen->bytes,
           seen->parts, seen->footer ? "true" : "false", seen->described ? "true" : "false");
    if (seen->tree && seen->wanted) {
        struct putting putting = {section->name, false};

        fputs(",\n   \"fields\": [", stdout);
        vmstate_tree_walk(seen->tree, put_value, &putting);
        putchar(']');
    }
    putchar('}');
}

static void put_block(const struct ram_block_map *block)
{
    static const char *const kinds[RAM_PAGES] = {"unsent", "zero", "data", "encoded"};
    static const char *const records[VMSTATE_PAGE_KINDS] = {"filled", "raw", "xbzrle",
                                                            "compressed"};
    uint64_t counts[RAM_PAGES];

    fputs("\n  {", stdout);
    put_name("name", block->name);
    printf(", \"bytes\": %" PRIu64, block->size);
    if (ram_block_count(block, counts))
        for (int i = 0; i < RAM_PAGES; i++)
            printf(", \"%s\": %" PRIu64, kinds[i], counts[i]);
    fputs(", \"records\": {", stdout);
    for (int i = 0; i < VMSTATE_PAGE_KINDS; i++)
        printf("%s\"%s\": %" PRIu64, i ? ", " : "", records[i], block->records[i]);
    fputs("}}", stdout);
}

static void put_window(const struct ram_window *window)
{
    static const char marks[RAM_PAGES] = {'-', '+', '+', '?'};

    fputs(",\n \"window\": {", stdout);
    put_name("block", window->block);
    printf(", \"offset\": %" PRIu64 ", \"bytes\": ", window->offset);
    put_hex(window->bytes, window->len);
    fputs(", \"known\": \"", stdout);
    for (uint32_t i = 0; i < window->len; i++)
        putchar(marks[window->known[i]]);
    fputs("\"}", stdout);
}

static void put_shot(const struct inspect_shot *shot)
{
    printf(",\n \"screenshot\": {\"width\": %" PRIu32 ", \"height\": %" PRIu32 ", ", shot->width,
           shot->height);
    put_name("section", shot->section);
    putchar('}');
}

static void put_error(const struct inspection *self)
{
    printf(",\n \"error\": {\"offset\": %" PRIu64 ", ", self->error.offset);
    put_name("section", self->error.section);
    fputs(", ", stdout);
    put_name("field", self->error.field ? self->error.field : "");
    fputs(", ", stdout);
    put_name("reason", self->error.reason);
    putchar('}');
}

void inspect_print_json(const struct inspection *self)
{
    printf("{\"complete\": %s, \"bytes\": %" PRIu64 ", \"after\": %" PRIu64
           ", \"description_bytes\": %" PRIu64 ", \"commands\": %" PRIu64
           ", \"disk_blocks\": %" PRIu64,
           self->exit == INSPECT_WHOLE ? "true" : "false", self->size, self->after,
           self->description_size, self->commands, self->disk_blocks);
    if (*self->wrapping) {
        fputs(", ", stdout);
        put_name("wrapping", self->wrapping);
    }
    if (self->machine) {
        fputs(", ", stdout);
        put_name("machine", self->machine);
    }
    if (self->flavour) {
        fputs(", ", stdout);
        put_name("flavour", self->flavour);
    }
    fputs(",\n \"ram\": [", stdout);
    for (size_t i = 0; i < ram_map_blocks(self->ram); i++) {
        if (i)
            putchar(',');
        put_block(ram_map_block(self->ram, i));
    }
    fputs("],\n \"sections\": [", stdout);
    for (guint i = 0; i < self->sections->len; i++) {
        if (i)
            putchar(',');
        put_section(self->sections->pdata[i]);
    }
    putchar(']');
    if (self->window.block)
        put_window(&self->window);
    if (self->shot.written)
        put_shot(&self->shot);
    if (self->error.reason[0])
        put_error(self);
    puts("}");
}
