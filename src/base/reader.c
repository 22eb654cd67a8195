/* SPDX-License-Identifier: MIT */
#include "base/reader.h"

struct reader reader_make(const void *bytes, size_t len)
{
    return (struct reader){.base = bytes, .len = len};
}

const uint8_t *reader_bytes(struct reader *self, size_t n)
{
    const uint8_t *p;

    if (self->bad || n > self->len - self->pos) {
        self->bad = true;
        return NULL;
    }
    p = self->base ? self->base + self->pos : NULL; /* nothing of nothing */
    self->pos += n;
    return p;
}

static uint64_t read_le(struct reader *self, unsigned n)
{
    const uint8_t *p = reader_bytes(self, n);
    uint64_t v = 0;

    for (unsigned i = 0; p && i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint8_t reader_u8(struct reader *self)
{
    return (uint8_t)read_le(self, 1);
}

uint16_t reader_u16(struct reader *self)
{
    return (uint16_t)read_le(self, 2);
}

uint32_t reader_u32(struct reader *self)
{
    return (uint32_t)read_le(self, 4);
}

uint64_t reader_u64(struct reader *self)
{
    return read_le(self, 8);
}

int32_t reader_i32(struct reader *self)
{
    return (int32_t)reader_u32(self);
}

int64_t reader_i64(struct reader *self)
{
    return (int64_t)reader_u64(self);
}

void reader_skip(struct reader *self, size_t n)
{
    reader_bytes(self, n);
}

void reader_seek(struct reader *self, size_t pos)
{
    if (self->bad || pos > self->len)
        self->bad = true;
    else
        self->pos = pos;
}

size_t reader_left(const struct reader *self)
{
    return self->bad ? 0 : self->len - self->pos;
}

void reader_fail(struct reader *self)
{
    self->bad = true;
}

bool reader_ok(const struct reader *self)
{
    return !self->bad;
}
