/* SPDX-License-Identifier: MIT */
#include "inspect.h"

#include <inttypes.h>
#include <stdio.h>

#include "json_out.h"
#include "value_out.h"

struct putting {
    const char *section;
    bool later; /* not the first value */
};

static void put_value(void *opaque, const struct vmstate_value *value)
{
    struct putting *putting = opaque;

    value_put_json(putting->section, value, putting->later);
    putting->later = true;
}

static void put_section(const struct inspect_section *seen)
{
    const struct vmstate_section *section = &seen->section;

    fputs("\n  {", stdout);
    json_out_pair("name", section->name);
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
    json_out_pair("name", block->name);
    printf(", \"bytes\": %" PRIu64, block->size);
    if (ram_block_count(block, counts))
        for (int i = 0; i < RAM_PAGES; i++)
            printf(", \"%s\": %" PRIu64, kinds[i], counts[i]);
    fputs(", \"records\": {", stdout);
    for (int i = 0; i < VMSTATE_PAGE_KINDS; i++)
        printf("%s\"%s\": %" PRIu64, i ? ", " : "", records[i], block->records[i]);
    fputs("}}", stdout);
}

static void put_disks(const struct inspection *self)
{
    fputs(",\n \"disks\": [", stdout);
    for (guint i = 0; self->disks && i < self->disks->len; i++) {
        const struct inspect_disk *disk = self->disks->pdata[i];

        fputs(i ? ",\n  {" : "\n  {", stdout);
        json_out_pair("name", disk->name);
        printf(", \"blocks\": %" PRIu64 ", \"zero\": %" PRIu64 "}", disk->blocks, disk->zero);
    }
    putchar(']');
}

static void put_config(const struct inspect_config *config)
{
    fputs(",\n \"capabilities\": [", stdout);
    for (guint i = 0; config->capabilities && i < config->capabilities->len; i++) {
        fputs(i ? ", " : "", stdout);
        json_out_text(config->capabilities->pdata[i]);
    }
    putchar(']');
    if (config->uuid) {
        fputs(", ", stdout);
        json_out_pair("uuid", config->uuid);
    }
}

static void put_window(const struct ram_window *window)
{
    static const char marks[RAM_PAGES] = {'-', '+', '+', '?'};

    fputs(",\n \"window\": {", stdout);
    json_out_pair("block", window->block);
    printf(", \"offset\": %" PRIu64 ", \"bytes\": ", window->offset);
    json_out_hex(window->bytes, window->len);
    fputs(", \"known\": \"", stdout);
    for (uint32_t i = 0; i < window->len; i++)
        putchar(marks[window->known[i]]);
    fputs("\"}", stdout);
}

static void put_shot(const struct inspect_shot *shot)
{
    printf(",\n \"screenshot\": {\"width\": %" PRIu32 ", \"height\": %" PRIu32 ", ", shot->width,
           shot->height);
    json_out_pair("section", shot->section);
    putchar('}');
}

static void put_error(const struct inspection *self)
{
    printf(",\n \"error\": {\"offset\": %" PRIu64 ", ", self->error.offset);
    json_out_pair("section", self->error.section);
    fputs(", ", stdout);
    json_out_pair("field", self->error.field ? self->error.field : "");
    fputs(", ", stdout);
    json_out_pair("reason", self->error.reason);
    putchar('}');
}

void inspect_print_json(const struct inspection *self)
{
    printf("{\"complete\": %s, \"bytes\": %" PRIu64 ", \"after\": %" PRIu64
           ", \"description_bytes\": %" PRIu64 ", \"commands\": %" PRIu64 ", \"footers\": %s",
           self->exit == INSPECT_WHOLE ? "true" : "false", self->size, self->after,
           self->description_size, self->commands, inspect_has_footers(self) ? "true" : "false");
    if (*self->wrapping) {
        fputs(", ", stdout);
        json_out_pair("wrapping", self->wrapping);
    }
    if (self->machine) {
        fputs(", ", stdout);
        json_out_pair("machine", self->machine);
    }
    if (self->flavour) {
        fputs(", ", stdout);
        json_out_pair("flavour", self->flavour);
    }
    put_config(&self->config);
    fputs(",\n \"ram\": [", stdout);
    for (size_t i = 0; i < ram_map_blocks(self->ram); i++) {
        if (i)
            putchar(',');
        put_block(ram_map_block(self->ram, i));
    }
    putchar(']');
    put_disks(self);
    fputs(",\n \"sections\": [", stdout);
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
