/* SPDX-License-Identifier: MIT */
#include "ram_hash.h"

#include <string.h>
#include <glib.h>
#include <xxhash.h>

#define HASHED_MOST (UINT64_C(1) << 40) /* bytes of RAM */

struct ram_hashes {
    GPtrArray *blocks; /* struct ram_hash_block */
    uint64_t hashed;
    bool too_large;
    XXH3_state_t *state;
    uint64_t *page; /* of the page whose bytes come now, or NULL */
    uint32_t passed;
    uint64_t filled[256]; /* hashes of pages of one byte; 0: not yet made */
};

struct ram_hashes *ram_hashes_new(void)
{
    struct ram_hashes *self = g_new0(struct ram_hashes, 1);

    self->blocks = g_ptr_array_new();
    self->state = XXH3_createState();
    return self;
}

void ram_hashes_free(struct ram_hashes *self)
{
    if (!self)
        return;
    for (guint i = 0; i < self->blocks->len; i++) {
        struct ram_hash_block *block = self->blocks->pdata[i];

        g_free(block->pages);
        g_free(block);
    }
    g_ptr_array_unref(self->blocks);
    XXH3_freeState(self->state);
    g_free(self);
}

static uint64_t finish(uint64_t hash)
{
    return hash | 2;
}

static void add_block(struct ram_hashes *self, const struct vmstate_ram_block *from)
{
    struct ram_hash_block *block = g_new0(struct ram_hash_block, 1);

    memcpy(block->name, from->name, sizeof(block->name));
    block->size = from->size;
    if (from->size <= HASHED_MOST - self->hashed) {
        block->n_pages = from->size / VMSTATE_PAGE_SIZE + (from->size % VMSTATE_PAGE_SIZE != 0);
        block->pages = g_try_malloc0_n((gsize)block->n_pages, sizeof(uint64_t));
        self->hashed += from->size;
    }
    if (!block->pages) {
        block->n_pages = 0;
        self->too_large |= from->size > 0;
    }
    g_ptr_array_add(self->blocks, block);
}

static uint64_t hash_filled(struct ram_hashes *self, uint8_t fill)
{
    uint8_t page[VMSTATE_PAGE_SIZE];

    if (!self->filled[fill])
        self->filled[fill] = finish(XXH3_64bits(memset(page, fill, sizeof(page)), sizeof(page)));
    return self->filled[fill];
}

static void begin_page(struct ram_hashes *self, const struct vmstate_event *event)
{
    struct ram_hash_block *block = self->blocks->pdata[event->block_index];
    uint64_t n = event->page_offset / VMSTATE_PAGE_SIZE;

    self->page = NULL;
    if (n >= block->n_pages)
        return;
    if (event->page == VMSTATE_PAGE_RAW) {
        self->page = &block->pages[n];
        self->passed = 0;
        XXH3_64bits_reset(self->state);
    } else {
        block->pages[n] =
            event->page == VMSTATE_PAGE_FILLED ? hash_filled(self, event->fill) : RAM_HASH_ENCODED;
    }
}

static void take_bytes(struct ram_hashes *self, const struct vmstate_event *event)
{
    self->passed += (uint32_t)event->len;
    if (event->len == VMSTATE_PAGE_SIZE) {
        *self->page = finish(XXH3_64bits(event->bytes, event->len));
        return;
    }
    XXH3_64bits_update(self->state, event->bytes, event->len);
    if (self->passed == VMSTATE_PAGE_SIZE)
        *self->page = finish(XXH3_64bits_digest(self->state));
}

void ram_hashes_event(struct ram_hashes *self, const struct vmstate_event *event)
{
    if (event->kind == VMSTATE_RAM_BLOCK)
        add_block(self, event->block);
    else if (event->kind == VMSTATE_RAM_PAGE)
        begin_page(self, event);
    else if (event->kind == VMSTATE_RAM_BYTES && self->page)
        take_bytes(self, event);
}

bool ram_hashes_ok(const struct ram_hashes *self)
{
    return !self->too_large;
}

size_t ram_hashes_count(const struct ram_hashes *self)
{
    return self->blocks->len;
}

const struct ram_hash_block *ram_hashes_block(const struct ram_hashes *self, size_t i)
{
    return self->blocks->pdata[i];
}

const struct ram_hash_block *ram_hashes_find(const struct ram_hashes *self, const char *name)
{
    for (guint i = 0; i < self->blocks->len; i++) {
        const struct ram_hash_block *block = self->blocks->pdata[i];

        if (!strcmp(block->name, name))
            return block;
    }
    return NULL;
}
