/* SPDX-License-Identifier: MIT */
/* The body of "ram", version 4: records of a be64, a page's place in its block with flags in the
 * low bits, and what the flags say follows. */
#include "vmstate/stream_private.h"

#include <glib.h>
#include <string.h>

#include "vmstate/stream_format.h"

#define RAM_FLAGS       (VMSTATE_PAGE_SIZE - 1)
#define RAM_XBZRLE_MOST VMSTATE_PAGE_SIZE
/* zlib's bound for a page: what it writes when a page cannot be compressed */
#define RAM_COMPRESSED_MOST (VMSTATE_PAGE_SIZE + VMSTATE_PAGE_SIZE / 8 + 64)

static enum stream_step next_record(struct vmstate_stream *self)
{
    return stream_enter(self, STREAM_RAM_RECORD, 8);
}

static enum stream_step begin_list(struct vmstate_stream *self, struct vmstate_event *event,
                                   uint64_t total)
{
    struct stream_ram *ram = &self->ram;

    if (ram->listed)
        return stream_fail(self, "a second list of blocks");
    ram->listed = true;
    ram->list_left = total;
    if (total)
        stream_enter(self, STREAM_RAM_LIST_SIZE, 1);
    else
        next_record(self);
    stream_tell(self, event, VMSTATE_RAM_LIST);
    event->value = total;
    return STREAM_TELL;
}

enum stream_step stream_ram_list_size(struct vmstate_stream *self, const uint8_t *bytes,
                                      struct vmstate_event *event)
{
    if (bytes[0] == 0)
        return stream_fail(self, "a block without a name");
    return stream_enter(self, STREAM_RAM_LIST, (size_t)bytes[0] + 8);
}

static size_t find_block(const struct stream_ram *ram, const char *name)
{
    size_t i = 0;

    while (i < ram->n_blocks && strcmp(ram->blocks[i].name, name))
        i++;
    return i;
}

enum stream_step stream_ram_list(struct vmstate_stream *self, const uint8_t *bytes,
                                 struct vmstate_event *event)
{
    struct stream_ram *ram = &self->ram;
    struct vmstate_ram_block block = {0};
    size_t n = self->need - 8;

    if (!stream_copy_name(block.name, bytes, n))
        return stream_fail(self, "the name of a block holds a NUL");
    block.size = stream_be64(bytes + n);
    if (block.size > ram->list_left)
        return stream_fail(self, "the blocks are larger than their total says");
    if (find_block(ram, block.name) < ram->n_blocks)
        return stream_fail(self, "a block is listed twice");
    if (ram->n_blocks == STREAM_BLOCKS_MAX)
        return stream_fail(self, "more than %d blocks", STREAM_BLOCKS_MAX);
    ram->list_left -= block.size;
    ram->blocks = g_renew(struct vmstate_ram_block, ram->blocks, ram->n_blocks + 1);
    ram->blocks[ram->n_blocks++] = block;
    if (ram->list_left)
        stream_enter(self, STREAM_RAM_LIST_SIZE, 1);
    else
        next_record(self);
    stream_tell(self, event, VMSTATE_RAM_BLOCK);
    event->block_index = ram->n_blocks - 1;
    event->block = &ram->blocks[event->block_index];
    return STREAM_TELL;
}

static enum stream_step tell_page(struct vmstate_stream *self, struct vmstate_event *event,
                                  enum vmstate_page_kind page)
{
    struct stream_ram *ram = &self->ram;

    stream_tell(self, event, VMSTATE_RAM_PAGE);
    event->page = page;
    event->continued = ram->record & RAM_CONTINUE;
    event->offset = ram->record_at;
    event->page_offset = ram->record & ~(uint64_t)RAM_FLAGS;
    event->block_index = ram->block;
    event->block = &ram->blocks[ram->block];
    return STREAM_TELL;
}

/* The block is known: reads on by the kind of page. */
static enum stream_step page_in_block(struct vmstate_stream *self, struct vmstate_event *event)
{
    struct stream_ram *ram = &self->ram;

    if ((ram->record & ~(uint64_t)RAM_FLAGS) >= ram->blocks[ram->block].size)
        return stream_fail(self, "a page outside its block");
    switch (ram->record & RAM_FLAGS & ~(uint64_t)RAM_CONTINUE) {
    case RAM_FILLED:
        return stream_enter(self, STREAM_RAM_FILL, 1);
    case RAM_XBZRLE:
        return stream_enter(self, STREAM_RAM_XBZRLE, 3);
    case RAM_COMPRESSED:
        return stream_enter(self, STREAM_RAM_COMPRESSED, 4);
    default: /* stream_ram_record lets no other in */
        break;
    }
    stream_pass(self, VMSTATE_PAGE_SIZE, VMSTATE_RAM_BYTES, STREAM_RAM_RECORD, 8);
    return tell_page(self, event, VMSTATE_PAGE_RAW);
}

enum stream_step stream_ram_record(struct vmstate_stream *self, const uint8_t *bytes,
                                   struct vmstate_event *event)
{
    struct stream_ram *ram = &self->ram;
    unsigned flags;

    ram->record = stream_be64(bytes);
    ram->record_at = self->item;
    flags = ram->record & RAM_FLAGS;
    switch (flags & ~(unsigned)RAM_CONTINUE) {
    case RAM_LIST:
        if (flags != RAM_LIST)
            return stream_fail(self, "flags %#x are not known", flags);
        return begin_list(self, event, ram->record & ~(uint64_t)RAM_FLAGS);
    case RAM_EOS:
        if (ram->record != RAM_EOS)
            return stream_fail(self, "more than a flag at the end of the body");
        return stream_enter(self, STREAM_AFTER_BODY, 1);
    case RAM_FILLED:
    case RAM_RAW:
    case RAM_XBZRLE:
    case RAM_COMPRESSED:
        break;
    default:
        return stream_fail(self, "flags %#x are not known", flags);
    }
    if (!(flags & RAM_CONTINUE))
        return stream_enter(self, STREAM_RAM_NAME_SIZE, 1);
    if (!ram->has_block)
        return stream_fail(self, "a page of the block before, but there was none");
    return page_in_block(self, event);
}

enum stream_step stream_ram_name_size(struct vmstate_stream *self, const uint8_t *bytes,
                                      struct vmstate_event *event)
{
    if (bytes[0] == 0)
        return stream_fail(self, "it has no name");
    return stream_enter(self, STREAM_RAM_NAME, bytes[0]);
}

enum stream_step stream_ram_name(struct vmstate_stream *self, const uint8_t *bytes,
                                 struct vmstate_event *event)
{
    struct stream_ram *ram = &self->ram;
    size_t block;

    stream_copy_name(self->text, bytes, self->need);
    block = find_block(ram, self->text);
    if (block == ram->n_blocks || strlen(self->text) != self->need)
        return stream_fail(self, "no block of that name was listed");
    ram->block = block;
    ram->has_block = true;
    return page_in_block(self, event);
}

enum stream_step stream_ram_fill(struct vmstate_stream *self, const uint8_t *bytes,
                                 struct vmstate_event *event)
{
    uint8_t fill = bytes[0];

    next_record(self);
    tell_page(self, event, VMSTATE_PAGE_FILLED);
    event->fill = fill;
    return STREAM_TELL;
}

enum stream_step stream_ram_xbzrle(struct vmstate_stream *self, const uint8_t *bytes,
                                   struct vmstate_event *event)
{
    unsigned size = bytes[1] << 8 | bytes[2];

    if (bytes[0] != RAM_XBZRLE_CODING)
        return stream_fail(self, "coding %u is not known", bytes[0]);
    if (size > RAM_XBZRLE_MOST)
        return stream_fail(self, "%u bytes, more than a page", size);
    stream_pass(self, size, VMSTATE_RAM_BYTES, STREAM_RAM_RECORD, 8);
    tell_page(self, event, VMSTATE_PAGE_XBZRLE);
    event->len = size;
    return STREAM_TELL;
}

enum stream_step stream_ram_compressed(struct vmstate_stream *self, const uint8_t *bytes,
                                       struct vmstate_event *event)
{
    uint32_t size = stream_be32(bytes);

    if (size > RAM_COMPRESSED_MOST)
        return stream_fail(self, "%u bytes, more than a page takes", size);
    stream_pass(self, size, VMSTATE_RAM_BYTES, STREAM_RAM_RECORD, 8);
    tell_page(self, event, VMSTATE_PAGE_COMPRESSED);
    event->len = size;
    return STREAM_TELL;
}
