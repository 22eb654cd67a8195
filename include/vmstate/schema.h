/* SPDX-License-Identifier: MIT */
/*
 * Layouts of device sections for streams that do not describe themselves (QEMU before 2.3,
 * qemu-kvm): where a section ends, and its fields. The layouts are text files (vmstate/schemas,
 * compiled in); docs/vmstate.md has their language.
 *
 * Several forks wrote different bytes under one version. What only one of them can have written
 * tells which it was: its flavour, then known for the sections that follow.
 *
 * Sections are hostile: see vmstate/tree.h. No globals, no locks: any thread, one at a time.
 */
#ifndef VMSTATE_SCHEMA_H
#define VMSTATE_SCHEMA_H

#include "vmstate/stream.h"
#include "vmstate/tree.h"

struct vmstate_schemas;

enum vmstate_measure {
    VMSTATE_MEASURED,
    VMSTATE_MEASURE_SHORT,  /* more of the stream is needed */
    VMSTATE_MEASURE_FAILED, /* not known, or not what the layout says */
};

/* All that are compiled in. */
struct vmstate_schemas *vmstate_schemas_new(void);

void vmstate_schemas_free(struct vmstate_schemas *self);

/* Adds layouts from a text; false with *line and *reason (static), and nothing of it can be used.
 */
bool vmstate_schemas_add(struct vmstate_schemas *self, const char *text, unsigned *line,
                         const char **reason);

/* Who wrote the stream, such as "qemu-kvm-1.0"; NULL: not known (yet). */
const char *vmstate_schemas_flavour(const struct vmstate_schemas *self);

/* Says who; false when there is no such flavour. NULL: not known. */
bool vmstate_schemas_set_flavour(struct vmstate_schemas *self, const char *flavour);

/* Where a section's body ends. The bytes begin with it and go on with what follows in the stream.
 * May settle the flavour. Fills *error (offset in the body) when it fails. */
enum vmstate_measure vmstate_schemas_measure(struct vmstate_schemas *self,
                                             const struct vmstate_section *section,
                                             const uint8_t *bytes, size_t len, uint64_t *size,
                                             struct vmstate_error *error);

/* The tree of a whole body, or NULL and *error. The caller frees it. */
struct vmstate_tree *vmstate_schemas_tree(const struct vmstate_schemas *self,
                                          const struct vmstate_section *section,
                                          const uint8_t *body, size_t len,
                                          struct vmstate_error *error);

/* Whether there is a layout for the name (what stands behind its last slash counts) and version. */
bool vmstate_schemas_has(const struct vmstate_schemas *self, const char *name, uint32_t version);

/* How many sections are known, and the name of each (by row; a name may come several times). */
size_t vmstate_schemas_count(const struct vmstate_schemas *self);
const char *vmstate_schemas_name(const struct vmstate_schemas *self, size_t i, uint32_t *version);

#endif
