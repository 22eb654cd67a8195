/* SPDX-License-Identifier: MIT */
/*
 * Messages of a virtual smart card reader ("libcacard vscard_common.h", VSCMsgHeader): u32 type,
 * u32 reader id, u32 bytes behind it, those bytes. Readers (QEMU's ccid-card-passthru) write
 * integers big endian, SPICE links little endian. Any thread.
 */
#ifndef CARAVAN_CHANNEL_VSCARD_H
#define CARAVAN_CHANNEL_VSCARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum vsc_type {
    VSC_INIT = 1,
    VSC_ERROR, /* the answer to READER_ADD, READER_REMOVE, ATR, CARD_REMOVE: u32 vsc_error */
    VSC_READER_ADD,
    VSC_READER_REMOVE,
    VSC_ATR, /* a card is in: its answer to reset */
    VSC_CARD_REMOVE,
    VSC_APDU,
};

enum vsc_error {
    VSC_OK = 0,
    VSC_GENERAL_ERROR = 1,
    VSC_NO_MORE_READERS = 2,
};

#define VSC_NO_READER   0xffffffffu
#define VSC_READER      0u            /* of the one reader that a channel has */
#define VSC_HEADER      12u           /* bytes */
#define VSC_MESSAGE_MAX (64u * 1024u) /* bytes, with the header: QEMU's reader takes no more */

struct vsc_message {
    uint32_t type; /* any value */
    uint32_t reader_id;
    uint32_t length;
    const uint8_t *data; /* borrowed */
};

enum vsc_found {
    VSC_WHOLE,
    VSC_PART, /* the rest is to come */
    VSC_BAD,  /* longer than VSC_MESSAGE_MAX */
};

/* The first message of a reader's bytes. */
enum vsc_found vsc_find(const uint8_t *bytes, size_t len, struct vsc_message *out);

/* A client's message, header and all. False: its length is a lie or too long. */
bool vsc_from_client(const uint8_t *bytes, size_t len, struct vsc_message *out);

/* Whether a client may say this to its reader. */
bool vsc_is_for_reader(const struct vsc_message *message);

/* Whether these are whole messages that a client may say, and nothing else. */
bool vsc_all_for_reader(const uint8_t *bytes, size_t len);

/* Whether there is a reader after these messages; before them, as the first that tells it shows.
 * `otherwise`: the answer where none tells. Stops at what is not whole. */
bool vsc_reader_after(const uint8_t *bytes, size_t len, bool otherwise);
bool vsc_reader_before(const uint8_t *bytes, size_t len, bool otherwise);

void vsc_put_for_reader(struct buf *out, const struct vsc_message *message);
void vsc_put_for_client(struct buf *out, const struct vsc_message *message);

#endif
