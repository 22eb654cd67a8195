/* SPDX-License-Identifier: MIT */
/*
 * Reads QEMU's migration stream (file version 3: qemu-kvm 1.0 to QEMU 7.2 and on) piece by piece:
 * bytes in, events out, no I/O. RAM and device state pass through without being kept, so memory
 * does not grow with the stream.
 *
 * The stream does not say how long a device's section is. When the reader stands before one it says
 * VMSTATE_NEEDS_SIZE, and the caller, who has a layout (see vmstate/description.h), tells it.
 *
 * Input is hostile: every size is checked, and an error names offset, section, field and reason.
 * No globals, no locks: any thread, one at a time.
 *
 * Sources of the format: the QEMU project's migration documentation, and streams as QEMU 1.0, 2.0
 * and 7.2 write them.
 */
#ifndef VMSTATE_STREAM_H
#define VMSTATE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMSTATE_NAME_MAX  256 /* with the NUL; the stream holds at most 255 bytes */
#define VMSTATE_PAGE_SIZE 4096

enum vmstate_section_kind {
    VMSTATE_SECTION_START = 1,
    VMSTATE_SECTION_PART = 2,
    VMSTATE_SECTION_END = 3,
    VMSTATE_SECTION_FULL = 4,
};

struct vmstate_section {
    enum vmstate_section_kind kind;
    uint32_t id;
    char name[VMSTATE_NAME_MAX]; /* as it came: any bytes but NUL */
    uint32_t instance;
    uint32_t version;
    uint64_t offset;    /* in the stream, of the byte that gives the kind */
    uint64_t body;      /* in the stream, of the first byte after the header */
    uint64_t body_size; /* known from VMSTATE_SECTION_CLOSED on */
};

struct vmstate_ram_block {
    char name[VMSTATE_NAME_MAX];
    uint64_t size; /* bytes */
};

enum vmstate_page_kind {
    VMSTATE_PAGE_FILLED,     /* the whole page is `fill`, mostly 0 */
    VMSTATE_PAGE_RAW,        /* VMSTATE_PAGE_SIZE bytes follow */
    VMSTATE_PAGE_XBZRLE,     /* a difference to the page as sent before follows, encoded */
    VMSTATE_PAGE_COMPRESSED, /* zlib data follows */
};
#define VMSTATE_PAGE_KINDS 4

enum vmstate_event_kind {
    VMSTATE_NEEDS_BYTES, /* all input is used up */
    VMSTATE_NEEDS_SIZE,  /* call vmstate_stream_set_size(), or give up */
    VMSTATE_FAILED,      /* see vmstate_stream_error() */
    VMSTATE_ENDED,       /* bytes that are left do not belong to the stream */
    VMSTATE_FILE_HEADER,
    VMSTATE_CONFIGURATION,       /* text: the machine type */
    VMSTATE_CONFIGURATION_BYTES, /* bytes: of its subsections */
    VMSTATE_SECTION_OPENED,      /* section */
    VMSTATE_SECTION_CLOSED,      /* section; footer tells whether it had one */
    VMSTATE_SECTION_BYTES,       /* section, bytes: of a body whose size the caller told */
    VMSTATE_RAM_LIST,            /* value: bytes of all blocks, which follow */
    VMSTATE_RAM_BLOCK,           /* block */
    VMSTATE_RAM_PAGE,      /* block, page, page_offset, fill, continued; len: of an encoded one */
    VMSTATE_RAM_BYTES,     /* bytes: of that page */
    VMSTATE_DISK_PROGRESS, /* value: the record */
    VMSTATE_DISK_BLOCK,    /* text: the drive; 1 MiB of its old block migration; value: the record;
                              len: of the bytes that follow, 0 for zeros */
    VMSTATE_DISK_BYTES,    /* bytes: of that */
    VMSTATE_COMMAND,       /* command: a message between the QEMUs; value: bytes of its data */
    VMSTATE_COMMAND_BYTES, /* bytes: of that */
    VMSTATE_END_OF_STATE,
    VMSTATE_DESCRIPTION,       /* description_size: of the JSON text that follows */
    VMSTATE_DESCRIPTION_BYTES, /* bytes: of that text */
};

/* Pointers are borrowed: from the input (bytes) or the reader (others), until the next call. */
struct vmstate_event {
    enum vmstate_event_kind kind;
    uint64_t offset;                       /* in the stream, where the thing begins */
    const struct vmstate_section *section; /* NULL outside sections */
    const struct vmstate_ram_block *block;
    size_t block_index;
    enum vmstate_page_kind page;
    uint64_t page_offset; /* in the block */
    uint8_t fill;
    bool continued; /* the record does not name its block: that of the record before */
    bool footer;
    uint16_t command;
    uint64_t value;
    uint32_t description_size;
    const char *text;
    const uint8_t *bytes;
    size_t len;
};

struct vmstate_error {
    uint64_t offset;                /* in the stream */
    char section[VMSTATE_NAME_MAX]; /* "" outside sections */
    const char *field;              /* static */
    char reason[160];
};

/* Bytes not yet read; borrowed. The reader moves `bytes` on and lessens `len`. */
struct vmstate_input {
    const uint8_t *bytes;
    size_t len;
};

struct vmstate_stream;

struct vmstate_stream *vmstate_stream_new(void);

void vmstate_stream_free(struct vmstate_stream *self);

/* Reads on until something is to be told; fills *event. Failed and ended are final. */
enum vmstate_event_kind vmstate_stream_next(struct vmstate_stream *self, struct vmstate_input *in,
                                            struct vmstate_event *event);

/* Answers VMSTATE_NEEDS_SIZE: the bytes of the section's body, without its footer. Ignored when
 * nothing was asked. */
void vmstate_stream_set_size(struct vmstate_stream *self, uint64_t size);

/* Says that no more input comes. True when the stream is whole; otherwise it has failed. */
bool vmstate_stream_finish(struct vmstate_stream *self);

/* Bytes that the events told so far stand for: each event stands for those since the one before.
 * Behind them are at most a few hundred bytes of what is not yet read whole. */
uint64_t vmstate_stream_told(const struct vmstate_stream *self);

/* Bytes read so far. */
uint64_t vmstate_stream_offset(const struct vmstate_stream *self);

/* What went wrong, or NULL. Belongs to the stream. */
const struct vmstate_error *vmstate_stream_error(const struct vmstate_stream *self);

#endif
