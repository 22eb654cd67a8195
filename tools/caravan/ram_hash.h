/* SPDX-License-Identifier: MIT */
/* A hash for each page of RAM, of its newest copy in a stream: enough to tell which pages of two
 * streams differ. Eight bytes a page. */
#ifndef CARAVAN_RAM_HASH_H
#define CARAVAN_RAM_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmstate/stream.h"

#define RAM_HASH_UNSENT  0
#define RAM_HASH_ENCODED 1 /* as a difference or compressed: what it holds is not known */

struct ram_hash_block {
    char name[VMSTATE_NAME_MAX];
    uint64_t size;
    uint64_t n_pages;
    uint64_t *pages; /* RAM_HASH_*, or XXH3 with its lowest bits made other than those */
};

struct ram_hashes;

struct ram_hashes *ram_hashes_new(void);

void ram_hashes_free(struct ram_hashes *self);

/* Takes RAM_BLOCK, RAM_PAGE and RAM_BYTES. */
void ram_hashes_event(struct ram_hashes *self, const struct vmstate_event *event);

/* False when a block was too large to be hashed. */
bool ram_hashes_ok(const struct ram_hashes *self);

size_t ram_hashes_count(const struct ram_hashes *self);
const struct ram_hash_block *ram_hashes_block(const struct ram_hashes *self, size_t i);
const struct ram_hash_block *ram_hashes_find(const struct ram_hashes *self, const char *name);

#endif
