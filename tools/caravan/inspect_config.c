/* SPDX-License-Identifier: MIT */
#include "inspect_config.h"

#include <string.h>

#include "base/reader.h"

#define BYTES_MOST (1u << 20)
#define UUID_BYTES 16

void inspect_config_take(struct inspect_config *self, const uint8_t *bytes, size_t len)
{
    if (!self->bytes)
        self->bytes = g_byte_array_new();
    if (len <= BYTES_MOST - MIN(self->bytes->len, BYTES_MOST))
        g_byte_array_append(self->bytes, bytes, (guint)len);
}

static uint32_t read_be32(struct reader *reader)
{
    return GUINT32_SWAP_LE_BE(reader_u32(reader));
}

/* A name behind its length; NULL at the end. */
static char *read_name(struct reader *reader)
{
    size_t n = reader_u8(reader);
    const uint8_t *bytes = reader_bytes(reader, n);

    return bytes ? g_strndup((const char *)bytes, n) : NULL;
}

static void read_capabilities(struct inspect_config *self, struct reader *reader)
{
    uint32_t n = read_be32(reader);

    if (!self->capabilities)
        self->capabilities = g_ptr_array_new_with_free_func(g_free);
    for (uint32_t i = 0; i < n && reader_ok(reader); i++) {
        char *name = read_name(reader);

        if (name)
            g_ptr_array_add(self->capabilities, name);
    }
}

static void read_uuid(struct inspect_config *self, struct reader *reader)
{
    const uint8_t *bytes = reader_bytes(reader, UUID_BYTES);
    GString *text;

    if (!bytes || self->uuid)
        return;
    text = g_string_new(NULL);
    for (size_t i = 0; i < UUID_BYTES; i++)
        g_string_append_printf(text, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                               bytes[i]);
    self->uuid = g_string_free(text, FALSE);
}

void inspect_config_read(struct inspect_config *self)
{
    struct reader reader;

    if (!self->bytes)
        return;
    reader = reader_make(self->bytes->data, self->bytes->len);
    while (reader_ok(&reader) && reader_left(&reader) && reader_u8(&reader) == 5) {
        char *name = read_name(&reader);

        read_be32(&reader); /* version */
        if (!g_strcmp0(name, "configuration/capabilities"))
            read_capabilities(self, &reader);
        else if (!g_strcmp0(name, "configuration/uuid"))
            read_uuid(self, &reader);
        else
            reader_fail(&reader);
        g_free(name);
    }
}

void inspect_config_clear(struct inspect_config *self)
{
    g_clear_pointer(&self->bytes, g_byte_array_unref);
    g_clear_pointer(&self->capabilities, g_ptr_array_unref);
    g_clear_pointer(&self->uuid, g_free);
}
