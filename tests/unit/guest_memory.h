/* SPDX-License-Identifier: MIT */
/* A guest's memory for tests: one slot of exactly so many bytes, filled from the front. */
#ifndef CARAVAN_TESTS_GUEST_MEMORY_H
#define CARAVAN_TESTS_GUEST_MEMORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "display/qxl/read.h"

enum { GUEST_GROUP = 1, GUEST_SLOT = 2, GUEST_GENERATION = 5, GUEST_SIZE = 65536 };

struct guest_memory {
    uint8_t *bytes;
    size_t used;
    struct memslots *slots;
};

static inline QXLPHYSICAL guest_address(size_t offset)
{
    return (QXLPHYSICAL)GUEST_SLOT << 56 | (QXLPHYSICAL)GUEST_GENERATION << 48 | offset;
}

static inline struct guest_memory guest_memory_make(void)
{
    struct guest_memory m = {.bytes = calloc(1, GUEST_SIZE), .used = 64};
    struct memslot_desc desc = {
        .group = GUEST_GROUP,
        .slot = GUEST_SLOT,
        .generation = GUEST_GENERATION,
        .virt_start = (uintptr_t)m.bytes,
        .virt_end = (uintptr_t)m.bytes + GUEST_SIZE,
        .addr_delta = (uintptr_t)m.bytes,
    };

    m.slots = memslots_new(2, 8, 8, 8);
    assert_true(memslots_add(m.slots, &desc));
    return m;
}

static inline void guest_memory_free(struct guest_memory *m)
{
    memslots_free(m->slots);
    free(m->bytes);
}

/* Copies bytes into the guest, returns where. */
static inline QXLPHYSICAL guest_put(struct guest_memory *m, const void *bytes, size_t n)
{
    size_t at = m->used;

    assert_true(at + n <= GUEST_SIZE);
    memcpy(m->bytes + at, bytes, n);
    m->used += (n + 7) & ~(size_t)7;
    return guest_address(at);
}

/* A list of one chunk behind a header; both may be empty. */
static inline QXLPHYSICAL guest_put_chunk(struct guest_memory *m, const void *header,
                                          size_t header_size, QXLPHYSICAL next, const void *bytes,
                                          size_t n)
{
    uint8_t room[8192];
    QXLDataChunk chunk = {.data_size = (uint32_t)n, .next_chunk = next};

    assert_true(header_size + sizeof(chunk) + n <= sizeof(room));
    if (header_size)
        memcpy(room, header, header_size);
    memcpy(room + header_size, &chunk, sizeof(chunk));
    if (n)
        memcpy(room + header_size + sizeof(chunk), bytes, n);
    return guest_put(m, room, header_size + sizeof(chunk) + n);
}

/* An image around a bitmap header. */
static inline QXLPHYSICAL guest_put_bitmap(struct guest_memory *m, const QXLBitmap *bitmap)
{
    QXLImage image = {.descriptor = {.id = 77, .type = SPICE_IMAGE_TYPE_BITMAP}};

    image.descriptor.width = bitmap->x;
    image.descriptor.height = bitmap->y;
    image.bitmap = *bitmap;
    return guest_put(m, &image, sizeof(image.descriptor) + sizeof(image.bitmap));
}

#endif
