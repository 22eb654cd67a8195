/* SPDX-License-Identifier: MIT */
#include "inspect_ram.h"

#include <string.h>

struct ram_map {
    GPtrArray *blocks;
    uint64_t mapped; /* bytes */
    struct ram_window *window;
    struct {
        struct ram_block_map *block;
        uint64_t offset;
        uint32_t passed;
        bool raw;
    } page;
};

struct ram_map *ram_map_new(struct ram_window *window)
{
    struct ram_map *self = g_new0(struct ram_map, 1);

    self->blocks = g_ptr_array_new();
    self->window = window;
    return self;
}

void ram_map_free(struct ram_map *self)
{
    if (!self)
        return;
    for (guint i = 0; i < self->blocks->len; i++) {
        struct ram_block_map *block = self->blocks->pdata[i];

        g_free(block->pages);
        g_free(block);
    }
    g_ptr_array_unref(self->blocks);
    g_free(self);
}

static void add_block(struct ram_map *self, const struct vmstate_ram_block *block)
{
    struct ram_block_map *map = g_new0(struct ram_block_map, 1);
    uint64_t pages = block->size / VMSTATE_PAGE_SIZE + 1;

    memcpy(map->name, block->name, sizeof(map->name));
    map->size = block->size;
    if (block->size <= RAM_MAPPED_MOST - self->mapped) {
        map->pages = g_try_malloc0(pages / 4 + 1);
        self->mapped += block->size;
    }
    g_ptr_array_add(self->blocks, map);
}

static void set_page(struct ram_block_map *block, uint64_t offset, enum ram_page kind)
{
    uint64_t n = offset / VMSTATE_PAGE_SIZE;
    unsigned shift = n % 4 * 2;

    if (block->pages)
        block->pages[n / 4] = (uint8_t)((block->pages[n / 4] & ~(3u << shift)) | kind << shift);
}

static enum ram_page get_page(const struct ram_block_map *block, uint64_t n)
{
    return block->pages[n / 4] >> (n % 4 * 2) & 3;
}

/* Bytes of the window that lie in [at, at + len) of a block: bytes, or one that fills them all. */
static void fill_window(struct ram_map *self, const struct ram_block_map *block, uint64_t at,
                        const uint8_t *bytes, uint8_t fill, size_t len, enum ram_page kind)
{
    struct ram_window *window = self->window;
    uint64_t from, to;

    if (!window->block || strcmp(window->block, block->name))
        return;
    from = MAX(at, window->offset);
    to = MIN(at + len, window->offset + window->len);
    for (uint64_t i = from; i < to; i++) {
        window->bytes[i - window->offset] = bytes ? bytes[i - at] : fill;
        window->known[i - window->offset] = (uint8_t)kind;
    }
}

static void begin_page(struct ram_map *self, const struct vmstate_event *event)
{
    struct ram_block_map *block = self->blocks->pdata[event->block_index];
    enum ram_page kind = RAM_ENCODED;

    self->page.block = block;
    self->page.offset = event->page_offset;
    self->page.passed = 0;
    self->page.raw = event->page == VMSTATE_PAGE_RAW;
    block->records[event->page]++;
    if (event->page == VMSTATE_PAGE_FILLED)
        kind = event->fill ? RAM_DATA : RAM_ZERO;
    if (self->page.raw)
        kind = RAM_ZERO; /* until a byte says otherwise */
    else
        fill_window(self, block, event->page_offset, NULL, event->fill, VMSTATE_PAGE_SIZE, kind);
    set_page(block, event->page_offset, kind);
}

static void take_bytes(struct ram_map *self, const uint8_t *bytes, size_t len)
{
    if (!self->page.raw)
        return;
    if (bytes[0] || memcmp(bytes, bytes + 1, len - 1))
        set_page(self->page.block, self->page.offset, RAM_DATA);
    fill_window(self, self->page.block, self->page.offset + self->page.passed, bytes, 0, len,
                RAM_DATA);
    self->page.passed += (uint32_t)len;
}

void ram_map_event(struct ram_map *self, const struct vmstate_event *event)
{
    if (event->kind == VMSTATE_RAM_BLOCK)
        add_block(self, event->block);
    else if (event->kind == VMSTATE_RAM_PAGE)
        begin_page(self, event);
    else if (event->kind == VMSTATE_RAM_BYTES)
        take_bytes(self, event->bytes, event->len);
}

size_t ram_map_blocks(const struct ram_map *self)
{
    return self->blocks->len;
}

const struct ram_block_map *ram_map_block(const struct ram_map *self, size_t i)
{
    return self->blocks->pdata[i];
}

bool ram_block_count(const struct ram_block_map *block, uint64_t counts[RAM_PAGES])
{
    uint64_t pages = block->size / VMSTATE_PAGE_SIZE + (block->size % VMSTATE_PAGE_SIZE != 0);

    memset(counts, 0, RAM_PAGES * sizeof(counts[0]));
    if (!block->pages)
        return false;
    for (uint64_t n = 0; n < pages; n++)
        counts[get_page(block, n)]++;
    return true;
}
