/* SPDX-License-Identifier: MIT */
#include "inspect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

#define BYTES_SHOWN 32 /* of a value that is bytes; --json gives all */

/* Names come from the stream: nothing of them reaches the terminal raw. */
static void print_name(const char *name, int width)
{
    char *safe = g_strescape(name, NULL);

    printf("%-*s", width, safe);
    g_free(safe);
}

static void print_size(uint64_t bytes)
{
    char *text = g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);

    fputs(text, stdout);
    g_free(text);
}

static void print_head(const struct inspection *self)
{
    bool footers = false;

    for (guint i = 0; i < self->sections->len; i++)
        footers |= ((struct inspect_section *)self->sections->pdata[i])->footer;
    if (!self->header)
        return;
    if (*self->wrapping)
        printf("came as      %s\n", self->wrapping);
    fputs("machine      ", stdout);
    print_name(self->machine ? self->machine : "not told (no configuration section)", 0);
    printf("\nfooters      %s\ndescription  ", footers ? "yes" : "no");
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
    if (self->disk_blocks)
        printf("disk blocks  %" PRIu64 "\n", self->disk_blocks);
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
        uint64_t all = 0;

        print_name(block->name, 36);
        printf(" %14" PRIu64, block->size);
        if (ram_block_count(block, counts)) {
            for (int k = 0; k < RAM_PAGES; k++)
                all += counts[k];
            printf(" %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %6.1f", counts[RAM_ZERO],
                   counts[RAM_DATA], counts[RAM_ENCODED], counts[RAM_UNSENT],
                   all ? 100.0 * (double)counts[RAM_ZERO] / (double)all : 0.0);
        } else {
            fputs(" (too large to be counted)", stdout);
        }
        putchar('\n');
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

        print_name(seen->section.name, 36);
        printf(" %8" PRIu32 " %8" PRIu32 " %5" PRIu32 " %12" PRIu64 " %10" PRIu64,
               seen->section.instance, seen->section.version, seen->section.id,
               seen->section.offset, seen->bytes);
        if (seen->parts > 1)
            printf("  in %u parts", seen->parts);
        putchar('\n');
    }
}

static void print_bytes(const uint8_t *p, size_t len)
{
    bool zero = len > 0 && p[0] == 0 && !memcmp(p, p + 1, len - 1);

    if (zero) {
        printf("%zu zero bytes", len);
        return;
    }
    for (size_t i = 0; i < MIN(len, BYTES_SHOWN); i++)
        printf("%02x", p[i]);
    if (len > BYTES_SHOWN)
        printf("... (%zu bytes)", len);
}

/* A register file: a line for each register that has a name. */
static void print_registers(const struct vmstate_value *value, const char *section)
{
    for (size_t i = 0; i < value->len; i++) {
        const char *name = words_register(section, value->path, i);
        char *path;

        if (!name)
            continue;
        path = g_strdup_printf("%s[0x%02zx]", value->path, i);
        printf("    %-42s %-14s %3u (0x%02x)  %s\n", path, "register", value->bytes[i],
               value->bytes[i], name);
        g_free(path);
    }
}

static void print_value(void *opaque, const struct vmstate_value *value)
{
    const char *section = opaque;
    const char *words = words_for(section, value);

    fputs("  ", stdout);
    print_name(value->path, 44);
    putchar(' ');
    print_name(value->type, 14);
    putchar(' ');
    switch (value->kind) {
    case VMSTATE_VALUE_UNSIGNED:
        printf("%" PRIu64 " (%#" PRIx64 ")", value->u, value->u);
        break;
    case VMSTATE_VALUE_SIGNED:
        printf("%" PRId64, value->i);
        break;
    case VMSTATE_VALUE_BOOL:
        fputs(value->u ? "true" : "false", stdout);
        break;
    case VMSTATE_VALUE_BYTES:
        print_bytes(value->bytes, value->len);
        break;
    }
    printf("%s%s\n", words ? "  " : "", words ? words : "");
    if (value->kind == VMSTATE_VALUE_BYTES)
        print_registers(value, section);
}

static void print_values(const struct inspection *self)
{
    for (guint i = 0; i < self->sections->len; i++) {
        const struct inspect_section *seen = self->sections->pdata[i];

        if (!seen->tree || !seen->wanted)
            continue;
        putchar('\n');
        print_name(seen->section.name, 0);
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
    print_name(shot->section, 0);
    putchar('\n');
}

void inspect_print_text(const struct inspection *self)
{
    bool part = self->wanted || self->window.block || self->shot.path;

    if (!part) {
        print_head(self);
        print_ram(self);
        print_sections(self);
        if (self->after)
            printf("\n%" PRIu64 " bytes follow the stream that are no part of it\n", self->after);
    }
    print_values(self);
    print_shot(&self->shot);
    if (self->window.block)
        print_window(&self->window);
}
