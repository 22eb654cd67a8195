/* SPDX-License-Identifier: MIT */
/*
 * The description that QEMU (2.3 and later) writes behind a stream: JSON that names the fields of
 * every device section with type and size. From it come the sizes of sections and the values in
 * them.
 *
 * The text is as hostile as the stream: depth, sizes and counts are checked.
 * No globals, no locks: any thread.
 */
#ifndef VMSTATE_DESCRIPTION_H
#define VMSTATE_DESCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmstate/tree.h"

#define VMSTATE_DESCRIPTION_MOST (32u << 20) /* bytes of text */

struct vmstate_description;
struct vmstate_layout;

struct vmstate_device {
    char *name;
    uint32_t instance;
    bool has_version; /* devices that write by hand have none */
    uint32_t version;
    uint64_t size; /* bytes of the section's body */
    struct vmstate_layout *layout;
};

/* The description in a text, or NULL and *reason (static). The caller frees it. */
struct vmstate_description *vmstate_description_parse(const char *text, size_t len,
                                                      const char **reason);

void vmstate_description_free(struct vmstate_description *self);

/* Finds the text in the last part of a stream (from anywhere before it to the end): true with where
 * it begins and how long it is. */
bool vmstate_description_find(const uint8_t *bytes, size_t len, size_t *at, size_t *size);

size_t vmstate_description_count(const struct vmstate_description *self);

const struct vmstate_device *vmstate_description_device(const struct vmstate_description *self,
                                                        size_t i);

/* The device of a section, or NULL. Borrowed. */
const struct vmstate_device *vmstate_description_lookup(const struct vmstate_description *self,
                                                        const char *name, uint32_t instance);

/* The tree of a section's body; NULL with *reason (static) and *at (offset in the body) when the
 * body is not what the description says. The caller frees it. */
struct vmstate_tree *vmstate_device_tree(const struct vmstate_device *device, const uint8_t *body,
                                         size_t len, size_t *at, const char **reason);

/* Visits the values in a section's body in their order. False with *reason (static) and *at (offset
 * in the body) when the body is not what the description says; values before that were visited. */
bool vmstate_device_walk(const struct vmstate_device *device, const uint8_t *body, size_t len,
                         vmstate_visit visit, void *opaque, size_t *at, const char **reason);

#endif
