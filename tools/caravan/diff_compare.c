/* SPDX-License-Identifier: MIT */
#include "diff.h"

#include <string.h>

static const struct inspect_section *find_section(const struct inspection *in,
                                                  const struct vmstate_section *like)
{
    for (guint i = 0; i < in->sections->len; i++) {
        const struct inspect_section *seen = in->sections->pdata[i];

        if (seen->section.instance == like->instance && !strcmp(seen->section.name, like->name))
            return seen;
    }
    return NULL;
}

/* Either may be NULL, not both. */
static void compare_sections(struct diff *self, const struct inspect_section *a,
                             const struct inspect_section *b)
{
    struct diff_section section = {{a ? &a->section : NULL, b ? &b->section : NULL}, NULL};
    bool differs = !a || !b || a->section.version != b->section.version;

    if (a && b) {
        section.fields = diff_fields(a, b);
        differs |= section.fields->len > 0;
    }
    if (differs)
        g_ptr_array_add(self->sections, g_memdup2(&section, sizeof(section)));
    else
        g_ptr_array_unref(section.fields);
}

static void note_page(struct diff_block *block, uint64_t n, uint64_t *counter)
{
    if (block->changed + block->only[0] + block->only[1] + block->unknown == 0)
        block->first = n * VMSTATE_PAGE_SIZE;
    block->last = n * VMSTATE_PAGE_SIZE;
    ++*counter;
}

static void compare_pages(struct diff_block *block)
{
    const struct ram_hash_block *a = block->side[0], *b = block->side[1];
    uint64_t most = MAX(a ? a->n_pages : 0, b ? b->n_pages : 0);

    for (uint64_t n = 0; n < most; n++) {
        uint64_t was = a && n < a->n_pages ? a->pages[n] : RAM_HASH_UNSENT;
        uint64_t is = b && n < b->n_pages ? b->pages[n] : RAM_HASH_UNSENT;

        if (was == RAM_HASH_ENCODED || is == RAM_HASH_ENCODED)
            note_page(block, n, &block->unknown);
        else if (was == is)
            continue;
        else if (is == RAM_HASH_UNSENT)
            note_page(block, n, &block->only[0]);
        else if (was == RAM_HASH_UNSENT)
            note_page(block, n, &block->only[1]);
        else
            note_page(block, n, &block->changed);
    }
}

static void compare_blocks(struct diff *self, const struct ram_hash_block *a,
                           const struct ram_hash_block *b)
{
    struct diff_block block = {.side = {a, b}};

    compare_pages(&block);
    if (!a || !b || a->size != b->size ||
        block.changed + block.only[0] + block.only[1] + block.unknown)
        g_array_append_val(self->blocks, block);
}

void diff_compare(struct diff *self)
{
    const struct inspection *a = &self->side[0].inspection, *b = &self->side[1].inspection;
    const struct ram_hashes *was = self->side[0].hashes, *is = self->side[1].hashes;

    self->sections = g_ptr_array_new();
    self->blocks = g_array_new(FALSE, FALSE, sizeof(struct diff_block));
    self->machine = g_strcmp0(a->machine, b->machine) != 0;
    for (size_t i = 0; i < ram_hashes_count(is); i++) {
        const struct ram_hash_block *block = ram_hashes_block(is, i);

        compare_blocks(self, ram_hashes_find(was, block->name), block);
    }
    for (size_t i = 0; i < ram_hashes_count(was); i++) {
        const struct ram_hash_block *block = ram_hashes_block(was, i);

        if (!ram_hashes_find(is, block->name))
            compare_blocks(self, block, NULL);
    }
    for (guint i = 0; i < b->sections->len; i++) {
        const struct inspect_section *section = b->sections->pdata[i];

        compare_sections(self, find_section(a, &section->section), section);
    }
    for (guint i = 0; i < a->sections->len; i++) {
        const struct inspect_section *section = a->sections->pdata[i];

        if (!find_section(b, &section->section))
            compare_sections(self, section, NULL);
    }
}
