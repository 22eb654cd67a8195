/* SPDX-License-Identifier: MIT */
#include "dump_bus.h"

#include <glib.h>
#include <string.h>

#include "base/reader.h"

static uint32_t read_be32(struct reader *reader)
{
    return GUINT32_SWAP_LE_BE(reader_u32(reader));
}

/* An entry: the helper's id and its blob, each behind its length. */
static bool read_entry(struct reader *reader, struct dump_bus_blob *blob)
{
    uint32_t n = read_be32(reader);
    const uint8_t *id = n < sizeof(blob->id) ? reader_bytes(reader, n) : NULL;

    if (!id || memchr(id, 0, n))
        return false;
    memcpy(blob->id, id, n);
    blob->id[n] = 0;
    blob->len = read_be32(reader);
    blob->bytes = reader_bytes(reader, blob->len);
    return blob->bytes != NULL;
}

bool dump_bus_blob(const uint8_t *bytes, size_t len, uint32_t at, struct dump_bus_blob *blob)
{
    struct reader reader = reader_make(bytes, len);
    uint32_t size = read_be32(&reader), n = read_be32(&reader);

    if (!reader_ok(&reader) || size != len - 4 || at >= n)
        return false;
    for (uint32_t i = 0; i <= at; i++)
        if (!read_entry(&reader, blob))
            return false;
    return true;
}
