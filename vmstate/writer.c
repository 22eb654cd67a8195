/* SPDX-License-Identifier: MIT */
#include "vmstate/writer.h"

#include <glib.h>
#include <string.h>

#include "vmstate/stream_format.h"

#define NAME_MOST 255

struct vmstate_writer {
    vmstate_sink sink;
    void *opaque;
    uint64_t offset;
    bool failed;
};

struct vmstate_writer *vmstate_writer_new(vmstate_sink sink, void *opaque)
{
    struct vmstate_writer *self = g_new0(struct vmstate_writer, 1);

    self->sink = sink;
    self->opaque = opaque;
    return self;
}

void vmstate_writer_free(struct vmstate_writer *self)
{
    g_free(self);
}

bool vmstate_writer_ok(const struct vmstate_writer *self)
{
    return !self->failed;
}

uint64_t vmstate_writer_offset(const struct vmstate_writer *self)
{
    return self->offset;
}

void vmstate_writer_bytes(struct vmstate_writer *self, const uint8_t *bytes, size_t len)
{
    if (self->failed || len == 0)
        return;
    self->failed = !self->sink(self->opaque, bytes, len);
    if (!self->failed)
        self->offset += len;
}

/* A head is put together here and goes out in one piece. */
struct head {
    uint8_t bytes[NAME_MOST + 32];
    size_t len;
};

static void put(struct head *head, uint64_t value, unsigned bytes)
{
    while (bytes--)
        head->bytes[head->len++] = (uint8_t)(value >> (8 * bytes));
}

static void put_name(struct vmstate_writer *self, struct head *head, const char *name)
{
    size_t n = strlen(name);

    if (n == 0 || n > NAME_MOST) {
        self->failed = true;
        return;
    }
    put(head, n, 1);
    memcpy(head->bytes + head->len, name, n);
    head->len += n;
}

static void send(struct vmstate_writer *self, const struct head *head)
{
    vmstate_writer_bytes(self, head->bytes, head->len);
}

void vmstate_writer_file_header(struct vmstate_writer *self)
{
    struct head head = {.len = 0};

    put(&head, FILE_MAGIC, 4);
    put(&head, FILE_VERSION, 4);
    send(self, &head);
}

void vmstate_writer_configuration(struct vmstate_writer *self, const char *machine)
{
    struct head head = {.len = 0};
    size_t n = strlen(machine);

    if (n == 0 || n > NAME_MOST) {
        self->failed = true;
        return;
    }
    put(&head, BYTE_CONFIGURATION, 1);
    put(&head, n, 4);
    memcpy(head.bytes + head.len, machine, n);
    head.len += n;
    send(self, &head);
}

void vmstate_writer_section(struct vmstate_writer *self, const struct vmstate_section *section)
{
    struct head head = {.len = 0};

    put(&head, section->kind, 1);
    put(&head, section->id, 4);
    if (section->kind == VMSTATE_SECTION_START || section->kind == VMSTATE_SECTION_FULL) {
        put_name(self, &head, section->name);
        put(&head, section->instance, 4);
        put(&head, section->version, 4);
    }
    send(self, &head);
}

void vmstate_writer_section_end(struct vmstate_writer *self, const struct vmstate_section *section,
                                bool footer)
{
    struct head head = {.len = 0};

    if (!footer)
        return;
    put(&head, BYTE_FOOTER, 1);
    put(&head, section->id, 4);
    send(self, &head);
}

void vmstate_writer_subsection(struct vmstate_writer *self, const char *name, uint32_t version)
{
    struct head head = {.len = 0};

    put(&head, BYTE_SUBSECTION, 1);
    put_name(self, &head, name);
    put(&head, version, 4);
    send(self, &head);
}

/* ---- RAM and disks ---- */

static void put_number(struct vmstate_writer *self, uint64_t value, unsigned bytes)
{
    struct head head = {.len = 0};

    put(&head, value, bytes);
    send(self, &head);
}

void vmstate_writer_ram_list(struct vmstate_writer *self, uint64_t total)
{
    put_number(self, total | RAM_LIST, 8);
}

void vmstate_writer_ram_block(struct vmstate_writer *self, const char *name, uint64_t size)
{
    struct head head = {.len = 0};

    put_name(self, &head, name);
    put(&head, size, 8);
    send(self, &head);
}

void vmstate_writer_ram_page(struct vmstate_writer *self, enum vmstate_page_kind kind,
                             const char *block, uint64_t page_offset, uint8_t fill, size_t len)
{
    static const unsigned flags[VMSTATE_PAGE_KINDS] = {
        [VMSTATE_PAGE_FILLED] = RAM_FILLED,
        [VMSTATE_PAGE_RAW] = RAM_RAW,
        [VMSTATE_PAGE_XBZRLE] = RAM_XBZRLE,
        [VMSTATE_PAGE_COMPRESSED] = RAM_COMPRESSED,
    };
    struct head head = {.len = 0};

    put(&head, page_offset | flags[kind] | (block ? 0 : RAM_CONTINUE), 8);
    if (block)
        put_name(self, &head, block);
    if (kind == VMSTATE_PAGE_FILLED)
        put(&head, fill, 1);
    if (kind == VMSTATE_PAGE_XBZRLE)
        put(&head, RAM_XBZRLE_CODING << 16 | len, 3);
    if (kind == VMSTATE_PAGE_COMPRESSED)
        put(&head, len, 4);
    send(self, &head);
}

void vmstate_writer_ram_end(struct vmstate_writer *self)
{
    put_number(self, RAM_EOS, 8);
}

void vmstate_writer_disk_end(struct vmstate_writer *self)
{
    put_number(self, DISK_EOS, 8);
}

static void put_disk_block(struct vmstate_writer *self, uint64_t record, const char *drive)
{
    struct head head = {.len = 0};

    put(&head, record, 8);
    put_name(self, &head, drive);
    send(self, &head);
}

/* ---- The end ---- */

void vmstate_writer_end_of_state(struct vmstate_writer *self)
{
    put_number(self, BYTE_EOF, 1);
}

static void put_description_head(struct vmstate_writer *self, uint32_t len)
{
    struct head head = {.len = 0};

    put(&head, BYTE_DESCRIPTION, 1);
    put(&head, len, 4);
    send(self, &head);
}

void vmstate_writer_description(struct vmstate_writer *self, const char *text, uint32_t len)
{
    put_description_head(self, len);
    vmstate_writer_bytes(self, (const uint8_t *)text, len);
}

/* ---- Events ---- */

static void put_command(struct vmstate_writer *self, const struct vmstate_event *event)
{
    struct head head = {.len = 0};

    put(&head, BYTE_COMMAND, 1);
    put(&head, event->command, 2);
    put(&head, event->value, 2);
    send(self, &head);
}

static void close_section(struct vmstate_writer *self, const struct vmstate_event *event)
{
    const struct vmstate_section *section = event->section;

    if (section->kind != VMSTATE_SECTION_FULL && !strcmp(section->name, "ram"))
        vmstate_writer_ram_end(self);
    if (section->kind != VMSTATE_SECTION_FULL && !strcmp(section->name, "block"))
        vmstate_writer_disk_end(self);
    vmstate_writer_section_end(self, section, event->footer);
}

void vmstate_writer_event(struct vmstate_writer *self, const struct vmstate_event *event)
{
    switch (event->kind) {
    case VMSTATE_NEEDS_BYTES:
    case VMSTATE_NEEDS_SIZE:
    case VMSTATE_FAILED:
    case VMSTATE_ENDED:
        break;
    case VMSTATE_FILE_HEADER:
        vmstate_writer_file_header(self);
        break;
    case VMSTATE_CONFIGURATION:
        vmstate_writer_configuration(self, event->text);
        break;
    case VMSTATE_SECTION_OPENED:
        vmstate_writer_section(self, event->section);
        break;
    case VMSTATE_SECTION_CLOSED:
        close_section(self, event);
        break;
    case VMSTATE_RAM_LIST:
        vmstate_writer_ram_list(self, event->value);
        break;
    case VMSTATE_RAM_BLOCK:
        vmstate_writer_ram_block(self, event->block->name, event->block->size);
        break;
    case VMSTATE_RAM_PAGE:
        vmstate_writer_ram_page(self, event->page, event->continued ? NULL : event->block->name,
                                event->page_offset, event->fill, event->len);
        break;
    case VMSTATE_DISK_PROGRESS:
        put_number(self, event->value, 8);
        break;
    case VMSTATE_DISK_BLOCK:
        put_disk_block(self, event->value, event->text);
        break;
    case VMSTATE_COMMAND:
        put_command(self, event);
        break;
    case VMSTATE_END_OF_STATE:
        vmstate_writer_end_of_state(self);
        break;
    case VMSTATE_DESCRIPTION:
        put_description_head(self, event->description_size);
        break;
    case VMSTATE_CONFIGURATION_BYTES:
    case VMSTATE_SECTION_BYTES:
    case VMSTATE_RAM_BYTES:
    case VMSTATE_DISK_BYTES:
    case VMSTATE_COMMAND_BYTES:
    case VMSTATE_DESCRIPTION_BYTES:
        vmstate_writer_bytes(self, event->bytes, event->len);
        break;
    }
}
