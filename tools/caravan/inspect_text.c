/* SPDX-License-Identifier: MIT */
#include "inspect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "term.h"
#include "value_out.h"

static void print_size(uint64_t bytes)
{
    char *text = term_size(bytes);

    fputs(text, stdout);
    g_free(text);
}

static void print_head(const struct inspection *self)
{
    if (!self->header)
        return;
    if (*self->wrapping)
        printf("came as      %s\n", self->wrapping);
    fputs("machine      ", stdout);
    value_print_name(self->machine ? self->machine : "not told (no configuration section)", 0);
    printf("\nfooters      %s\ndescription  ", inspect_has_footers(self) ? "yes" : "no");
    if (self->description_size)
        printf("%" PRIu64 " bytes of JSON\n", self->description_size);
    else
        puts(self->exit == INSPECT_WHOLE || self->exit == INSPECT_STOPPED ? "none" : "not reached");
    if (self->schemas)
        printf("layouts      built in, %s\n",
               self->flavour ? self->flavour : "not told by whom written");
    fputs("size         ", stdout);
    print_size(self->size);
    printf(" (%" PRIu64 " bytes)\n", self->size);
    if (self->commands)
        printf("commands     %" PRIu64 "\n", self->commands);
    for (guint i = 0; self->config.capabilities && i < self->config.capabilities->len; i++) {
        fputs("saved with   ", stdout);
        value_print_name(self->config.capabilities->pdata[i], 0);
        putchar('\n');
    }
    if (self->config.uuid)
        printf("UUID         %s\n", self->config.uuid);
}

/* What was sent as a difference (xbzrle) or compressed, also of pages that were sent again. */
static void print_encoded(const struct ram_block_map *block)
{
    if (block->records[VMSTATE_PAGE_XBZRLE])
        printf("  %" PRIu64 " xbzrle", block->records[VMSTATE_PAGE_XBZRLE]);
    if (block->records[VMSTATE_PAGE_COMPRESSED])
        printf("  %" PRIu64 " compressed", block->records[VMSTATE_PAGE_COMPRESSED]);
}

static void print_ram(const struct inspection *self)
{
    if (ram_map_blocks(self->ram) == 0)
        return;
    printf("\n%-36s %14s %9s %9s %9s %9s %6s\n", "RAM, 4 KiB pages", "bytes", "zero", "data",
           "encoded", "not sent", "zero%");
    for (size_t i = 0; i < ram_map_blocks(self->ram); i++) {
        const struct ram_block_map *block = ram_map_block(self->ram, i);
        uint64_t counts[RAM_PAGES];
        uint64_t all = 0, tenths;

        value_print_name(block->name, 36);
        printf(" %14" PRIu64, block->size);
        if (ram_block_count(block, counts)) {
            for (int k = 0; k < RAM_PAGES; k++)
                all += counts[k];
            tenths = all ? 1000 * counts[RAM_ZERO] / all : 0; /* 100 only if all are */
            printf(" %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %4" PRIu64 ".%" PRIu64,
                   counts[RAM_ZERO], counts[RAM_DATA], counts[RAM_ENCODED], counts[RAM_UNSENT],
                   tenths / 10, tenths % 10);
        } else {
            fputs(" (too large to be counted)", stdout);
        }
        print_encoded(block);
        putchar('\n');
    }
}

static void print_disks(const struct inspection *self)
{
    if (!self->disks)
        return;
    printf("\n%-36s %14s %9s %9s\n", "disks, blocks of 1 MiB", "bytes", "zero", "data");
    for (guint i = 0; i < self->disks->len; i++) {
        const struct inspect_disk *disk = self->disks->pdata[i];

        value_print_name(disk->name, 36);
        printf(" %14" PRIu64 " %9" PRIu64 " %9" PRIu64 "\n", disk->blocks * INSPECT_DISK_BLOCK,
               disk->zero, disk->blocks - disk->zero);
    }
}

static void print_sections(const struct inspection *self)
{
    if (self->sections->len == 0)
        return;
    printf("\n%-36s %8s %8s %5s %12s %10s\n", "section", "instance", "version", "id", "offset",
           "bytes");
    for (guint i = 0; i < self->sections->len; i++) {
        const struct inspect_section *seen = self->sections->pdata[i];

        value_print_name(seen->section.name, 36);
        printf(" %8" PRIu32 " %8" PRIu32 " %5" PRIu32 " %12" PRIu64 " %10" PRIu64,
               seen->section.instance, seen->section.version, seen->section.id,
               seen->section.offset, seen->bytes);
        if (seen->parts > 1)
            printf("  in %u parts", seen->parts);
        putchar('\n');
    }
}

static void print_value(void *opaque, const struct vmstate_value *value)
{
    value_print(opaque, value);
}

static void print_values(const struct inspection *self)
{
    for (guint i = 0; i < self->sections->len; i++) {
        const struct inspect_section *seen = self->sections->pdata[i];

        if (!seen->tree || !seen->wanted)
            continue;
        putchar('\n');
        value_print_name(seen->section.name, 0);
        printf(", instance %" PRIu32 ", version %" PRIu32 ", %" PRIu64 " bytes\n",
               seen->section.instance, seen->section.version, seen->bytes);
        vmstate_tree_walk(seen->tree, print_value, (void *)seen->section.name);
    }
}

static void print_window(const struct ram_window *window)
{
    static const char *const unknown[RAM_PAGES] = {[RAM_UNSENT] = "--", [RAM_ENCODED] = "??"};

    for (uint32_t i = 0; i < window->len; i += 16) {
        uint32_t n = MIN(16, window->len - i);

        printf("%012" PRIx64 " ", window->offset + i);
        for (uint32_t k = i; k < i + n; k++) {
            if (unknown[window->known[k]])
                printf(" %s", unknown[window->known[k]]);
            else
                printf(" %02x", window->bytes[k]);
        }
        printf("%*s  ", (int)(16 - n) * 3, "");
        for (uint32_t k = i; k < i + n; k++)
            putchar(g_ascii_isprint(window->bytes[k]) ? window->bytes[k] : '.');
        putchar('\n');
    }
}

static void print_shot(const struct inspect_shot *shot)
{
    if (!shot->written)
        return;
    printf("%s: %" PRIu32 " x %" PRIu32 ", of ", shot->path, shot->width, shot->height);
    value_print_name(shot->section, 0);
    putchar('\n');
}

void inspect_print_text(const struct inspection *self)
{
    bool part = self->wanted || self->window.block || self->shot.path;

    if (!part) {
        print_head(self);
        print_ram(self);
        print_disks(self);
        print_sections(self);
        if (self->after)
            printf("\n%" PRIu64 " bytes follow the stream that are no part of it\n", self->after);
    }
    print_values(self);
    print_shot(&self->shot);
    if (self->window.block)
        print_window(&self->window);
}
