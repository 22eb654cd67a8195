/* SPDX-License-Identifier: MIT */
/*
 * Writes QEMU's migration stream piece by piece: calls in, bytes out to a sink, no I/O of its own.
 * What the reader tells (vmstate/stream.h) can be handed over event by event and gives the same
 * bytes again; a caller who changes something writes that part himself.
 *
 * The caller keeps the order of the format (header, configuration, sections, end of state,
 * description); nothing is checked but that names and texts fit. A writer whose sink or caller
 * failed takes further calls and does nothing.
 * No globals, no locks: any thread, one at a time.
 */
#ifndef VMSTATE_WRITER_H
#define VMSTATE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmstate/stream.h"

/* Takes all the bytes (borrowed), or returns false: the writer has failed. */
typedef bool (*vmstate_sink)(void *opaque, const uint8_t *bytes, size_t len);

struct vmstate_writer;

struct vmstate_writer *vmstate_writer_new(vmstate_sink sink, void *opaque);

/* Writes nothing. */
void vmstate_writer_free(struct vmstate_writer *self);

/* False after a failed sink or a name that does not fit. */
bool vmstate_writer_ok(const struct vmstate_writer *self);

/* Bytes written so far. */
uint64_t vmstate_writer_offset(const struct vmstate_writer *self);

/* Writes what the event stands for, but for NEEDS_BYTES, NEEDS_SIZE, FAILED and ENDED. */
void vmstate_writer_event(struct vmstate_writer *self, const struct vmstate_event *event);

/* ---- Parts ---- */

void vmstate_writer_file_header(struct vmstate_writer *self);

/* Machine type, of at most 255 bytes; subsections may follow as bytes. */
void vmstate_writer_configuration(struct vmstate_writer *self, const char *machine);

/* The header of a section or of a part of one: kind, id, and for START and FULL name, instance and
 * version. The body follows as bytes or RAM records. */
void vmstate_writer_section(struct vmstate_writer *self, const struct vmstate_section *section);

/* The end of a section's body; QEMU writes footers since 2.4. */
void vmstate_writer_section_end(struct vmstate_writer *self, const struct vmstate_section *section,
                                bool footer);

/* The header of a subsection, inside a body. */
void vmstate_writer_subsection(struct vmstate_writer *self, const char *name, uint32_t version);

/* Any bytes: bodies, pages, data of commands. */
void vmstate_writer_bytes(struct vmstate_writer *self, const uint8_t *bytes, size_t len);

/* RAM: the size of all blocks together, and each of them. */
void vmstate_writer_ram_list(struct vmstate_writer *self, uint64_t total);
void vmstate_writer_ram_block(struct vmstate_writer *self, const char *name, uint64_t size);

/* RAM: a page of the block; its bytes follow unless it is filled (`fill`). len: of an encoded one.
 * A block of NULL: that of the page before. */
void vmstate_writer_ram_page(struct vmstate_writer *self, enum vmstate_page_kind kind,
                             const char *block, uint64_t page_offset, uint8_t fill, size_t len);

/* The mark that ends each body of "ram" and "block". */
void vmstate_writer_ram_end(struct vmstate_writer *self);
void vmstate_writer_disk_end(struct vmstate_writer *self);

void vmstate_writer_end_of_state(struct vmstate_writer *self);

/* The JSON behind the stream. */
void vmstate_writer_description(struct vmstate_writer *self, const char *text, uint32_t len);

#endif
