/* SPDX-License-Identifier: MIT */
/* What a stream says about the pages of RAM: two bits a page, however often it is sent. */
#ifndef CARAVAN_INSPECT_RAM_H
#define CARAVAN_INSPECT_RAM_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#include "vmstate/stream.h"

#define RAM_MAPPED_MOST (UINT64_C(1) << 40) /* bytes of RAM whose pages are told apart */

enum ram_page {
    RAM_UNSENT,
    RAM_ZERO,
    RAM_DATA,
    RAM_ENCODED, /* as a difference, or compressed: not decoded */
};
#define RAM_PAGES 4

struct ram_block_map {
    char name[VMSTATE_NAME_MAX];
    uint64_t size;
    uint8_t *pages; /* NULL: too large to be mapped */
    uint64_t records[VMSTATE_PAGE_KINDS];
};

/* A piece of RAM to be kept: the newest bytes that the stream has for it. */
struct ram_window {
    const char *block; /* NULL: none wanted */
    uint64_t offset;
    uint32_t len;
    uint8_t *bytes;
    uint8_t *known; /* a byte a byte: enum ram_page */
};

struct ram_map;

/* The window is borrowed; its bytes and known have room for len bytes. */
struct ram_map *ram_map_new(struct ram_window *window);

void ram_map_free(struct ram_map *self);

/* Takes RAM_BLOCK, RAM_PAGE and RAM_BYTES. */
void ram_map_event(struct ram_map *self, const struct vmstate_event *event);

size_t ram_map_blocks(const struct ram_map *self);
const struct ram_block_map *ram_map_block(const struct ram_map *self, size_t i);

/* Counts the pages of a block by what was sent last; false when it is not mapped. */
bool ram_block_count(const struct ram_block_map *block, uint64_t counts[RAM_PAGES]);

#endif
