/* SPDX-License-Identifier: MIT */
/*
 * A cursor over untrusted bytes with a sticky error: after the first read past the end every read
 * gives 0 (or NULL) and reader_ok() is false, so a parser reads all its fields and asks once.
 * The bytes are borrowed. Integers are little endian, as on the SPICE wire.
 */
#ifndef CARAVAN_BASE_READER_H
#define CARAVAN_BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
    const uint8_t *base;
    size_t pos;
    size_t len;
    bool bad;
};

struct reader reader_make(const void *bytes, size_t len);

uint8_t reader_u8(struct reader *self);
uint16_t reader_u16(struct reader *self);
uint32_t reader_u32(struct reader *self);
uint64_t reader_u64(struct reader *self);
int32_t reader_i32(struct reader *self);
int64_t reader_i64(struct reader *self);

/* The next n bytes, borrowed from the input; NULL (and the sticky error) when there are fewer. */
const uint8_t *reader_bytes(struct reader *self, size_t n);

void reader_skip(struct reader *self, size_t n);

/* Moves to an offset from the start; past the end is an error. */
void reader_seek(struct reader *self, size_t pos);

/* Bytes not yet read; 0 after an error. */
size_t reader_left(const struct reader *self);

/* Marks the input as wrong: for values that parse but are out of range. */
void reader_fail(struct reader *self);

bool reader_ok(const struct reader *self);

#endif
