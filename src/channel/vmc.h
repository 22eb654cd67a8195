/* SPDX-License-Identifier: MIT */
/*
 * One client's link to a character device: USB redirection, a named port, webdav, a smart card
 * reader ("spice-protocol enums.h", SPICE_MSG_SPICEVMC_*, SPICE_MSG_PORT_*, SPICE_MSG_SMARTCARD_*).
 * Bytes both ways, each throttled by its reader: the guest's are asked for when the link takes
 * some, the client's socket is not read while too many wait here. A card reader's are messages
 * ("channel/vscard.h") and can't be throttled; a client that lets too many wait loses its link.
 * QEMU's main thread.
 */
#ifndef CARAVAN_CHANNEL_VMC_H
#define CARAVAN_CHANNEL_VMC_H

#include "channel/conn.h"
#include "proto/saved_state.h"

struct vmc_link;

/* All required. `owner` is vmc_link_new's. None may free the link. */
struct vmc_link_ops {
    /* The guest's next bytes, up to max; 0: none now, or not for this client. */
    size_t (*read)(void *owner, uint8_t *out, size_t max);
    /* Gives the guest what it takes; 0: none now, or not from this client. */
    size_t (*write)(void *owner, const uint8_t *bytes, size_t len);
    bool (*is_owner)(void *owner);                  /* the device is this client's */
    void (*port_event)(void *owner, uint8_t event); /* SPICE_PORT_EVENT_* */
    /* What is to travel besides the link's own: sets device.connected, identity's type, id and
     * name (borrowed), and appends what the guest was not given yet. */
    void (*save)(void *owner, struct vmc_state *state, struct buf *unwritten);
    /* The state this link had at the source; the link itself is restored already. False, with a
     * reason in the log, ends the link. */
    bool (*restored)(void *owner, const struct vmc_state *state);
};

struct vmc_link_config {
    uint8_t channel_type; /* SPICE_CHANNEL_USBREDIR, _PORT, _WEBDAV, _SMARTCARD */
    bool mini;
    bool target;           /* its state comes in MIGRATE_DATA */
    bool lz4;              /* compress what is worth it */
    const char *port_name; /* NULL: not a port; else the client is told it, unless target */
};

struct vmc_link *vmc_link_new(const struct vmc_link_ops *ops, void *owner,
                              const struct vmc_link_config *config);
void vmc_link_free(struct vmc_link *self);
struct conn *vmc_link_conn(struct vmc_link *self);

/* There may be something to read; to write. */
void vmc_link_readable(struct vmc_link *self);
void vmc_link_writable(struct vmc_link *self);

/* A card reader: what it said before the link's state was there; whether the guest was told that
 * the client has one. */
void vmc_link_card_said(struct vmc_link *self, const uint8_t *bytes, size_t len);
bool vmc_link_card_reader_added(const struct vmc_link *self);
/* The guest may wait for an answer of the client's; not known of what was asked before a move. */
bool vmc_link_card_is_asked(const struct vmc_link *self);
/* The size of the first message for a card reader; of all when it is not whole. For
 * char_device_set_messages. */
size_t vmc_card_message_size(const uint8_t *bytes, size_t len);

/* A port: whether it is open for this client. Told when the link takes it; a port that was closed
 * and opened again meanwhile is told so. */
void vmc_link_set_opened(struct vmc_link *self, bool opened);

/* The source's end of a seamless move; MIGRATE_DATA follows the client's mark by itself. */
void vmc_link_send_migrate(struct vmc_link *self);

/* Waits for MIGRATE_DATA; has sent it. */
bool vmc_link_is_expected(const struct vmc_link *self);
bool vmc_link_is_gone(const struct vmc_link *self);

#endif
