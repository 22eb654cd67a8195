/* SPDX-License-Identifier: MIT */
/*
 * The link stage of one connection: everything before a channel's first message. Bytes in, bytes
 * out: no descriptor, no clock, no thread of its own. The owner feeds what the peer sent, sends
 * what link_output() holds, and bounds the time the stage may take.
 *
 *   client: header, link message      server: header, reply (error, public key, capabilities)
 *   client: mechanism, ticket         server: u32 result, then the channel's own messages
 *
 * or, when the owner wants SASL,
 *
 *   client: mechanism                 server: u32 length, names of SASL mechanisms
 *   client: u32 length, a name,
 *           u32 length, data          server: u32 length, data, u8 done
 *   client: u32 length, data          server: u32 length, data, u8 done     ... until done,
 *                                     server: u32 result of the login
 *                                     server: u32 result of the link, through the login's layer
 *
 * where data ends with a NUL that counts, and length 0 is no data. Layouts: SpiceLinkHeader,
 * SpiceLinkMess, SpiceLinkReply in <spice/protocol.h>. At most 4 KiB of a peer that has not shown
 * who it is are held, 64 KiB with SASL. One owner thread.
 */
#ifndef CARAVAN_WIRE_LINK_H
#define CARAVAN_WIRE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct link;

#define LINK_KEY_BYTES    162 /* DER SubjectPublicKeyInfo of an RSA key of 1024 bits */
#define LINK_TICKET_BYTES 128 /* one RSA block */
#define LINK_CAPS_WORDS   8   /* 256 capabilities; words past that name nothing we know */

enum link_state {
    LINK_NEED_MORE, /* feed the next bytes */
    LINK_LOGGED_IN, /* by SASL: send the output, put its layer on the stream, call link_go_on */
    LINK_DONE,      /* send the output; what follows in the input belongs to the channel */
    LINK_FAILED,    /* send the output if there is any, then close */
};

/* A set of capabilities: bit n of the set is bit n % 32 of words[n / 32]. */
struct link_caps {
    uint32_t count; /* words in use, at most LINK_CAPS_WORDS */
    uint32_t words[LINK_CAPS_WORDS];
};

/* What the client asked for; valid from the call of `admit` on. */
struct link_request {
    uint32_t connection_id; /* 0: a new session (main channel only) */
    uint8_t channel_type;   /* SPICE_CHANNEL_*, not checked here */
    uint8_t channel_id;
    bool mini_header; /* both sides frame messages with the 6-byte header */
    struct link_caps common_caps;
    struct link_caps channel_caps;
};

enum link_sasl {
    LINK_SASL_MORE, /* the client is to answer */
    LINK_SASL_DONE,
    LINK_SASL_FAILED,
};

#define LINK_SASL_DATA_MAX (64 * 1024) /* bytes of a step, either way: Kerberos needs the most */

/* What the owner decides. All are called from inside link_feed, each at most once but for
 * sasl_step. None may free the link. Those of SASL may be NULL, the others are required. */
struct link_ops {
    /* Before the reply: is this channel allowed on this connection (NEED_SECURED and the like)?
     * Returns SPICE_LINK_ERR_*; when that is OK, server_caps (empty on entry) goes into the reply.
     */
    uint32_t (*admit)(void *opaque, const struct link_request *request,
                      struct link_caps *server_caps);
    /* The key for the reply; false when there is none. The owner keeps it for check_ticket. */
    bool (*public_key)(void *opaque, uint8_t out[LINK_KEY_BYTES]);
    /* Does the ticket open the door? Called with every ticket, also when no password is wanted. */
    bool (*check_ticket)(void *opaque, const uint8_t cipher[LINK_TICKET_BYTES]);
    /* After authentication: the final result (BAD_CONNECTION_ID, CHANNEL_NOT_AVAILABLE, OK). */
    uint32_t (*accept)(void *opaque, const struct link_request *request);
    /* Does the client have to log in by SASL, instead of showing a ticket? Then key and ticket are
     * not asked for. */
    bool (*wants_sasl)(void *opaque);
    /* Names of mechanisms, separated by commas, valid as long as the link; NULL: there are none. */
    const char *(*sasl_mechanisms)(void *opaque);
    /* The client's data (NULL: none), with the name that it chose, or later with NULL. Appends the
     * answer's data to *out. */
    enum link_sasl (*sasl_step)(void *opaque, const char *mechanism, const void *data, size_t len,
                                struct buf *out);
};

/* A link waiting for its first byte. ops and opaque are borrowed and outlive it. */
struct link *link_new(const struct link_ops *ops, void *opaque);
void link_free(struct link *self);

/* Takes bytes, in runs of any length; returns how many were used: all of them unless the stage
 * ended, 0 once it has. */
size_t link_feed(struct link *self, const void *bytes, size_t len);

/* After LINK_LOGGED_IN, of which it is the end. */
void link_go_on(struct link *self);

/* What has to go to the peer, owned by the link; the caller drops what it has sent. */
struct buf *link_output(struct link *self);

enum link_state link_state(const struct link *self);

/* Why the link failed: a sentence for the log, static; NULL unless LINK_FAILED. */
const char *link_reason(const struct link *self);

/* The SPICE_LINK_ERR_* told to the peer; SPICE_LINK_ERR_OK unless LINK_FAILED. */
uint32_t link_error(const struct link *self);

/* Owned by the link; all zero before the link message was read. */
const struct link_request *link_request(const struct link *self);

bool link_caps_has(const struct link_caps *self, unsigned cap);

/* Adds a capability; ignored when cap >= 32 * LINK_CAPS_WORDS. */
void link_caps_set(struct link_caps *self, unsigned cap);

#endif
