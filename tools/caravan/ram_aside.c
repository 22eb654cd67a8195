/* SPDX-License-Identifier: MIT */
#include "ram_aside.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <glib.h>

#define BLOCKS_MOST 16
#define BYTES_MOST  (UINT64_C(4) << 30) /* of all blocks together */

struct aside_block {
    char name[VMSTATE_NAME_MAX];
    size_t index; /* in the stream */
    uint64_t size;
    uint64_t place;   /* in the file */
    uint8_t *written; /* a byte a page: the file has something there */
};

struct ram_aside {
    FILE *file;
    struct aside_block blocks[BLOCKS_MOST];
    size_t n_blocks;
    uint64_t size;
    bool failed;
    bool encoded;
    struct aside_block *page_block; /* of the page whose bytes come now, or NULL */
    uint64_t page_offset;
};

struct ram_aside *ram_aside_new(void)
{
    FILE *file = tmpfile();
    struct ram_aside *self;

    if (!file)
        return NULL;
    self = g_new0(struct ram_aside, 1);
    self->file = file;
    return self;
}

void ram_aside_free(struct ram_aside *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < self->n_blocks; i++)
        g_free(self->blocks[i].written);
    fclose(self->file);
    g_free(self);
}

bool ram_aside_ok(const struct ram_aside *self)
{
    return !self->failed;
}

/* "vga.vram", "0000:00:02.0/vga.vram", "qxl.vram" */
static void add_block(struct ram_aside *self, const struct vmstate_event *event)
{
    uint64_t size = event->block->size;
    struct aside_block *block = &self->blocks[self->n_blocks];

    if (!g_str_has_suffix(event->block->name, "vram") || self->n_blocks == BLOCKS_MOST ||
        size > BYTES_MOST - self->size)
        return;
    memcpy(block->name, event->block->name, sizeof(block->name));
    block->index = event->block_index;
    block->size = size;
    block->place = self->size;
    block->written = g_malloc0(size / VMSTATE_PAGE_SIZE + 1);
    self->size += size;
    self->n_blocks++;
}

static void put(struct ram_aside *self, const uint8_t *bytes, size_t len)
{
    struct aside_block *block = self->page_block;
    uint64_t offset = self->page_offset;

    block->written[offset / VMSTATE_PAGE_SIZE] = 1;
    if (pwrite(fileno(self->file), bytes, len, (off_t)(block->place + offset)) != (ssize_t)len)
        self->failed = true;
    self->page_offset += len;
}

static void begin_page(struct ram_aside *self, const struct vmstate_event *event)
{
    uint8_t page[VMSTATE_PAGE_SIZE];

    self->page_block = NULL;
    for (size_t i = 0; i < self->n_blocks; i++)
        if (self->blocks[i].index == event->block_index)
            self->page_block = &self->blocks[i];
    if (!self->page_block)
        return;
    self->page_offset = event->page_offset;
    if (event->page == VMSTATE_PAGE_RAW)
        return;
    if (event->page != VMSTATE_PAGE_FILLED)
        self->encoded = true;
    else if (event->fill || self->page_block->written[event->page_offset / VMSTATE_PAGE_SIZE])
        put(self, memset(page, event->fill, sizeof(page)), sizeof(page));
    self->page_block = NULL;
}

void ram_aside_event(struct ram_aside *self, const struct vmstate_event *event)
{
    if (event->kind == VMSTATE_RAM_BLOCK)
        add_block(self, event);
    else if (event->kind == VMSTATE_RAM_PAGE)
        begin_page(self, event);
    else if (event->kind == VMSTATE_RAM_BYTES && self->page_block)
        put(self, event->bytes, event->len);
}

static const struct aside_block *find(const struct ram_aside *self, const char *block)
{
    for (size_t i = 0; i < self->n_blocks; i++)
        if (!strcmp(self->blocks[i].name, block))
            return &self->blocks[i];
    return NULL;
}

uint64_t ram_aside_size(const struct ram_aside *self, const char *block)
{
    const struct aside_block *found = find(self, block);

    return found ? found->size : 0;
}

bool ram_aside_any_encoded(const struct ram_aside *self)
{
    return self->encoded;
}

void ram_aside_read(const struct ram_aside *self, const char *block, uint64_t offset, void *to,
                    size_t len)
{
    const struct aside_block *found = find(self, block);
    size_t there = 0;

    if (found && offset < found->size) {
        size_t most = (size_t)MIN(len, found->size - offset);
        ssize_t n = pread(fileno(self->file), to, most, (off_t)(found->place + offset));

        there = n > 0 ? (size_t)n : 0; /* the file ends with the last page that was written */
    }
    memset((uint8_t *)to + there, 0, len - there);
}
