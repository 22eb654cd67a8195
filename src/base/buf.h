/* SPDX-License-Identifier: MIT */
/*
 * A growable run of bytes, little-endian writers on it. Sizes are bytes.
 * Not thread safe: one owner. Running out of memory ends the process (GLib's rule), so
 * callers bound what a peer can make them append.
 */
#ifndef CARAVAN_BASE_BUF_H
#define CARAVAN_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data; /* owned; NULL while empty */
    size_t len;
    size_t cap;
};

#define BUF_INIT                                                                                   \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

/* Releases the bytes; the buffer is empty and usable afterwards. */
void buf_free(struct buf *self);

/* Sets the length to 0 and keeps the room. */
void buf_reset(struct buf *self);

/* Appends n bytes of undefined content, returns where they start (valid until the next append). */
uint8_t *buf_extend(struct buf *self, size_t n);

void buf_append(struct buf *self, const void *bytes, size_t n);

/* Drops the first n bytes (n <= len), moving the rest to the front. */
void buf_consume(struct buf *self, size_t n);

/* Cuts to n bytes (n <= len). */
void buf_truncate(struct buf *self, size_t n);

void buf_u8(struct buf *self, uint8_t v);
void buf_u16(struct buf *self, uint16_t v);
void buf_u32(struct buf *self, uint32_t v);
void buf_u64(struct buf *self, uint64_t v);
void buf_i32(struct buf *self, int32_t v);

/* Overwrites four bytes at offset `at` (at + 4 <= len): for sizes and offsets known late. */
void buf_set_u32(struct buf *self, size_t at, uint32_t v);

#endif
