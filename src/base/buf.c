/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <glib.h>
#include <string.h>

void buf_free(struct buf *self)
{
    g_free(self->data);
    *self = (struct buf)BUF_INIT;
}

void buf_reset(struct buf *self)
{
    self->len = 0;
}

uint8_t *buf_extend(struct buf *self, size_t n)
{
    size_t at = self->len;

    if (n > self->cap - at) {
        size_t cap = self->cap ? self->cap : 256;
        while (cap - at < n)
            cap *= 2;
        self->data = g_realloc(self->data, cap);
        self->cap = cap;
    }
    self->len = at + n;
    return self->data ? self->data + at : NULL; /* NULL: nothing of nothing */
}

void buf_append(struct buf *self, const void *bytes, size_t n)
{
    if (n)
        memcpy(buf_extend(self, n), bytes, n);
}

void buf_consume(struct buf *self, size_t n)
{
    self->len -= n;
    if (self->len)
        memmove(self->data, self->data + n, self->len);
}

void buf_truncate(struct buf *self, size_t n)
{
    self->len = n;
}

static void put_le(uint8_t *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

void buf_u8(struct buf *self, uint8_t v)
{
    put_le(buf_extend(self, 1), v, 1);
}

void buf_u16(struct buf *self, uint16_t v)
{
    put_le(buf_extend(self, 2), v, 2);
}

void buf_u32(struct buf *self, uint32_t v)
{
    put_le(buf_extend(self, 4), v, 4);
}

void buf_u64(struct buf *self, uint64_t v)
{
    put_le(buf_extend(self, 8), v, 8);
}

void buf_i32(struct buf *self, int32_t v)
{
    buf_u32(self, (uint32_t)v);
}

void buf_set_u32(struct buf *self, size_t at, uint32_t v)
{
    put_le(self->data + at, v, 4);
}
