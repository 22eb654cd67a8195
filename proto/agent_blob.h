/* SPDX-License-Identifier: MIT */
/*
 * What `caravan agent` saves: a table of fields, version 1, little endian. It comes back through a
 * migration stream, so it is hostile.
 */
#ifndef CARAVAN_PROTO_AGENT_BLOB_H
#define CARAVAN_PROTO_AGENT_BLOB_H

#include <stdint.h>

struct field_table;

#define AGENT_BLOB_MAGIC   0x47415643u /* "CVAG" */
#define AGENT_BLOB_VERSION 1u
/* Each in bytes. All but the text fit BUS_STATE_MAX together. */
#define AGENT_BLOB_BYTES_MAX (440u << 10)
#define AGENT_BLOB_OWN_MAX   (40u << 10)
#define AGENT_BLOB_HUB_MAX   (96u << 10)
#define AGENT_BLOB_TEXT_MAX  (1000u << 10)
#define AGENT_BLOB_BEGUN_MAX (4u << 20) /* a text of RFB_TEXT_MAX with other ends of lines */

struct agent_blob {
    uint32_t magic;
    uint32_t version;
    uint32_t in_len; /* bytes of the guest that nobody has looked at */
    uint8_t *in;
    uint32_t out_len; /* bytes for the guest that QEMU has not read */
    uint8_t *out;
    uint32_t own_len; /* chunks of the clipboard's side that the hub has not looked at */
    uint8_t *own;
    uint32_t own_messages; /* SAVED_AGENT_WINDOW at most: so many messages are on their way */
    uint32_t begun;        /* bytes missing of a message that the clipboard's side has begun */
    uint32_t text_len;     /* all that it still wants to say; 0 with begun: that is too long */
    uint8_t *text;
    uint32_t hub_len; /* proto/saved_agent.h's saved_hub_table; 0: the guest's port was closed */
    uint8_t *hub;
};

extern const struct field_table agent_blob_table;

#endif
