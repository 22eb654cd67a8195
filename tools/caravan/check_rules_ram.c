/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "check_rules.h"

/* -m takes MiB, and whatever is no multiple of that in bytes. */
static char *memory_option(uint64_t size)
{
    if (size % (1 << 20))
        return g_strdup_printf("-m %" PRIu64 "B", size);
    return g_strdup_printf("-m %" PRIu64, size >> 20);
}

static char *video_option(const struct check_case *it, uint64_t size)
{
    const char *property = check_video_memory(it->stream);

    if (!property)
        return g_strdup("a video device with as much memory");
    return g_strdup_printf("-global %s=%" PRIu64, property, size >> 20);
}

static char *size_remedy(const struct check_case *it, const char *name, uint64_t size)
{
    const char *leaf = check_leaf(name);

    if (!strcmp(leaf, "pc.ram"))
        return memory_option(size);
    if (!strcmp(leaf, "vga.vram"))
        return video_option(it, size);
    if (!strcmp(leaf, "qxl.vram"))
        return g_strdup_printf("-global qxl-vga.vram_size_mb=%" PRIu64, size >> 20);
    if (!strcmp(leaf, "pc.bios"))
        return g_strdup_printf("-bios FILE, of a file of %" PRIu64 " KiB", size >> 10);
    if (g_str_has_suffix(leaf, ".rom"))
        return g_strdup_printf("romfile=FILE for the device, of a file of more than %" PRIu64
                               " and up to %" PRIu64 " KiB",
                               size >> 11, size >> 10);
    if (strstr(name, "flash"))
        return g_strdup_printf("-drive if=pflash,... with a file of %" PRIu64 " KiB", size >> 10);
    return NULL;
}

static void report_name(const struct check_case *it, const struct check_block *block)
{
    const struct check_target *target = it->target;
    const char *leaf = check_leaf(block->name);
    char *remedy = NULL;

    for (guint i = 0; i < target->view->blocks->len && !remedy; i++) {
        const struct check_block *theirs =
            &g_array_index(target->view->blocks, struct check_block, i);

        if (!strcmp(leaf, "vga.vram") && !strcmp(check_leaf(theirs->name), leaf) &&
            strchr(block->name, '/') && strchr(theirs->name, '/'))
            remedy = g_strdup_printf("the video device at the same place; the target has %s",
                                     theirs->name);
        else if (!strcmp(leaf, "vga.vram") && !strcmp(check_leaf(theirs->name), leaf))
            remedy = g_strdup_printf("global-vmstate=%s for the video device",
                                     strchr(block->name, '/') ? "off" : "on");
        else if (g_str_has_suffix(leaf, ".rom") && !strcmp(check_leaf(theirs->name), leaf))
            remedy =
                g_strdup_printf("the device at the same place; the target has %s", theirs->name);
    }
    if (!remedy && !strcmp(leaf, "pc.ram"))
        remedy = g_strdup("no memory-backend= in -machine, so that RAM is called pc.ram");
    if (!remedy && g_str_has_suffix(leaf, ".rom"))
        remedy = g_strdup("the device that the ROM belongs to (or none: rombar=0 where it was "
                          "saved)");
    if (!remedy && !strchr(block->name, '.') && !strchr(block->name, '/'))
        remedy = g_strdup_printf("-object memory-backend-ram,id=%s,size=%" PRIu64
                                 ", used as the source did",
                                 block->name, block->size);
    check_report_add(it->report, CHECK_OBSTACLE, "unknown-ram", block->name, 0, remedy,
                     "the target has no such RAM block (%" PRIu64 " KiB)", block->size >> 10);
}

static void compare_size(const struct check_case *it, const struct check_block *ours,
                         const struct check_block *theirs)
{
    const uint64_t *room = g_hash_table_lookup(it->target->room, ours->name);

    if (ours->size == theirs->size || (room && *room > theirs->size && ours->size <= *room))
        return;
    check_report_add(it->report, CHECK_OBSTACLE, "ram-size", ours->name, 0,
                     size_remedy(it, ours->name, ours->size),
                     "RAM block of %" PRIu64 " KiB, in the target it has %" PRIu64 " KiB",
                     ours->size >> 10, theirs->size >> 10);
}

void check_rule_ram(const struct check_case *it)
{
    for (guint i = 0; i < it->stream->blocks->len; i++) {
        const struct check_block *ours = &g_array_index(it->stream->blocks, struct check_block, i);
        const struct check_block *theirs = check_view_block(it->target->view, ours->name);

        if (theirs)
            compare_size(it, ours, theirs);
        else
            report_name(it, ours);
    }
}
