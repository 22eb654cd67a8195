/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_CHECK_VIEW_H
#define CARAVAN_CHECK_VIEW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <glib.h>

#include "vmstate/stream.h"
#include "vmstate/tree.h"

/* What a stream is made of: everything but the content of RAM. */
struct check_section {
    char *name;
    uint32_t instance;
    uint32_t version;
    bool live;    /* in parts */
    bool guessed; /* its size was: no description has it */
    GByteArray *body;
    struct vmstate_tree *tree; /* NULL: without a description, or not as it says */
};

struct check_block {
    char *name;
    uint64_t size;
};

struct check_view {
    bool whole;            /* read to its end */
    char *machine;         /* NULL: no configuration section */
    GByteArray *additions; /* to the configuration: its subsections */
    bool footers;          /* sections have them */
    bool described;        /* has JSON at its end */
    GPtrArray *sections;   /* struct check_section, in their order */
    GArray *blocks;        /* struct check_block */
    uint64_t disk_blocks;  /* of block migration */
    unsigned commands;
    struct vmstate_error error; /* when it is not whole */
};

/* Up to n bytes, 0 at the end, -1 on an error. */
typedef ssize_t (*check_reader)(void *source, void *to, size_t n);

/* Reads a stream. Sections without a description get the size that `like` has for them if what
 * follows looks right, else up to what looks like the next section. like may be NULL. */
struct check_view *check_view_read(check_reader read, void *source, const struct check_view *like);

void check_view_free(struct check_view *self);

/* Borrowed, or NULL. */
const struct check_section *check_view_section(const struct check_view *self, const char *name,
                                               uint32_t instance);
const struct check_block *check_view_block(const struct check_view *self, const char *name);

/* What stands behind the path of the bus in a section's name: "vga" of "0000:00:02.0/vga". */
const char *check_leaf(const char *name);

#endif
