/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_CHECK_SCHEMA_H
#define CARAVAN_CHECK_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What `qemu-system-x86_64 -dump-vmstate FILE` writes: the devices that QEMU was built with, the
 * versions that they read and write, and their subsections. It knows nothing of RAM, nor of state
 * that belongs to no device (timer, cpu).
 */
struct check_schema;

struct check_schema_row {
    uint32_t version;         /* the newest that it reads */
    uint32_t minimum_version; /* the oldest */
};

/* From a file; NULL and *reason (g_free it). */
struct check_schema *check_schema_read(const char *path, char **reason);

void check_schema_free(struct check_schema *self);

/* The machine type that was asked, or NULL. Borrowed. */
const char *check_schema_machine(const struct check_schema *self);

/* The row of a section by its name without path; NULL: not a device's. Where several devices share
 * the name, what any of them takes. */
const struct check_schema_row *check_schema_find(const struct check_schema *self, const char *leaf);

/* Whether a device of this type can write sections of this name. */
bool check_schema_writes(const struct check_schema *self, const char *type, const char *leaf);

bool check_schema_has_subsection(const struct check_schema *self, const char *name);

#endif
