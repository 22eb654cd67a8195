/* SPDX-License-Identifier: MIT */
#include "channel/vscard.h"

#include <glib.h>

#include "base/reader.h"

static struct vsc_message message_of(struct reader *reader, bool big_endian)
{
    struct vsc_message message = {0};

    message.type = reader_u32(reader);
    message.reader_id = reader_u32(reader);
    message.length = reader_u32(reader);
    if (big_endian) {
        message.type = GUINT32_SWAP_LE_BE(message.type);
        message.reader_id = GUINT32_SWAP_LE_BE(message.reader_id);
        message.length = GUINT32_SWAP_LE_BE(message.length);
    }
    return message;
}

enum vsc_found vsc_find(const uint8_t *bytes, size_t len, struct vsc_message *out)
{
    struct reader reader = reader_make(bytes, len);

    *out = message_of(&reader, true);
    if (!reader_ok(&reader))
        return VSC_PART;
    if (out->length > VSC_MESSAGE_MAX - VSC_HEADER)
        return VSC_BAD;
    out->data = reader_bytes(&reader, out->length);
    return reader_ok(&reader) ? VSC_WHOLE : VSC_PART;
}

bool vsc_from_client(const uint8_t *bytes, size_t len, struct vsc_message *out)
{
    struct reader reader = reader_make(bytes, len);

    *out = message_of(&reader, false);
    out->data = reader_bytes(&reader, reader_left(&reader));
    return reader_ok(&reader) && len <= VSC_MESSAGE_MAX && out->length == len - VSC_HEADER;
}

/* An error without its code QEMU would read from what comes behind it. */
bool vsc_is_for_reader(const struct vsc_message *message)
{
    switch (message->type) {
    case VSC_READER_ADD:
        return true;
    case VSC_READER_REMOVE:
    case VSC_ATR:
    case VSC_CARD_REMOVE:
    case VSC_APDU:
        return message->reader_id == VSC_READER;
    case VSC_ERROR:
        return message->reader_id == VSC_READER && message->length == sizeof(uint32_t);
    default:
        return false;
    }
}

bool vsc_all_for_reader(const uint8_t *bytes, size_t len)
{
    struct vsc_message message;

    while (len && vsc_find(bytes, len, &message) == VSC_WHOLE && vsc_is_for_reader(&message)) {
        bytes += VSC_HEADER + message.length;
        len -= VSC_HEADER + message.length;
    }
    return !len;
}

static bool tells(const struct vsc_message *message)
{
    return message->type == VSC_READER_ADD || message->type == VSC_READER_REMOVE;
}

bool vsc_reader_after(const uint8_t *bytes, size_t len, bool otherwise)
{
    struct vsc_message message;

    while (vsc_find(bytes, len, &message) == VSC_WHOLE) {
        if (tells(&message))
            otherwise = message.type == VSC_READER_ADD;
        bytes += VSC_HEADER + message.length;
        len -= VSC_HEADER + message.length;
    }
    return otherwise;
}

bool vsc_reader_before(const uint8_t *bytes, size_t len, bool otherwise)
{
    struct vsc_message message;

    while (vsc_find(bytes, len, &message) == VSC_WHOLE) {
        if (tells(&message))
            return message.type == VSC_READER_REMOVE;
        bytes += VSC_HEADER + message.length;
        len -= VSC_HEADER + message.length;
    }
    return otherwise;
}

void vsc_put_for_reader(struct buf *out, const struct vsc_message *message)
{
    buf_u32(out, GUINT32_SWAP_LE_BE(message->type));
    buf_u32(out, GUINT32_SWAP_LE_BE(message->reader_id));
    buf_u32(out, GUINT32_SWAP_LE_BE(message->length));
    buf_append(out, message->data, message->length);
}

void vsc_put_for_client(struct buf *out, const struct vsc_message *message)
{
    buf_u32(out, message->type);
    buf_u32(out, message->reader_id);
    buf_u32(out, message->length);
    buf_append(out, message->data, message->length);
}
