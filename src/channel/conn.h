/* SPDX-License-Identifier: MIT */
/*
 * The protocol engine of one client on one channel, after the link stage: bytes in, messages to
 * handlers; messages out, bytes to take. Framing, serials and the acknowledge window as in
 * "spice-protocol protocol.h" (SpiceDataHeader, SpiceMiniDataHeader) and enums.h (SPICE_MSG_*).
 * One owner thread; no I/O, no clock. The first error is sticky: the link is over then.
 */
#ifndef CARAVAN_CHANNEL_CONN_H
#define CARAVAN_CHANNEL_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/reader.h"

struct conn;

/* Where this link stands in a move; decides which messages are legal (bits, for the tables). */
enum conn_phase {
    CONN_ACTIVE = 1,      /* normal */
    CONN_TARGET = 2,      /* linked ahead of a move; MIGRATE_DATA has not come */
    CONN_SOURCE_MARK = 4, /* MIGRATE sent, FLUSH_MARK has not come */
    CONN_SOURCE_DONE = 8, /* all sent; the client will close */
};

#define CONN_RUNNING (CONN_ACTIVE | CONN_SOURCE_MARK)

/* Handles one message; what it needs beyond the row's size check it says by reader_fail(). */
typedef void conn_handler_fn(void *owner, struct reader *body);

struct msg_row {
    uint16_t type;
    const char *name;
    uint32_t min_size; /* of the body, bytes */
    uint32_t max_size;
    unsigned phases; /* enum conn_phase bits in which it is legal */
    conn_handler_fn *handle;
};

struct conn_kind {
    const char *name;
    const struct msg_row *rows;
    size_t n_rows;
    /* Appends the next message(s) to send; false when there is nothing to send. May be NULL. */
    bool (*fill)(void *owner);
    /* All the client sent before its FLUSH_MARK has been handled. May be NULL. */
    void (*flush_mark)(void *owner);
    /* The state this channel had at the source. Hostile: it passed through the client. */
    conn_handler_fn *migrate_data;
    uint32_t max_migrate_data; /* bytes; 0 if the channel takes none */
    uint32_t max_output; /* bytes that may wait for a peer that does not read; 0: a common bound */
    void (*pong)(void *owner, uint32_t id, uint64_t time);
};

/* `mini`: both sides have SPICE_COMMON_CAP_MINI_HEADER. `owner` goes to the handlers. */
struct conn *conn_new(const struct conn_kind *kind, void *owner, bool mini, enum conn_phase phase);
void conn_free(struct conn *self);

enum conn_phase conn_phase(const struct conn *self);
void conn_set_phase(struct conn *self, enum conn_phase phase);

/* Takes all the bytes; handlers run from within. */
void conn_feed(struct conn *self, const uint8_t *bytes, size_t len);

/* While held no message is handled; what comes is kept, up to a bound. Letting go handles it. */
void conn_hold(struct conn *self, bool hold);
/* False when so much is kept that the peer's bytes had better stay in its socket. */
bool conn_wants_input(const struct conn *self);

/* NULL, or why this link is over. Valid until conn_free. */
const char *conn_error(const struct conn *self);

/* Ends the link with a reason (copied); the first one stays. */
void conn_fail(struct conn *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes to send: whole messages, but for the front of the first. What was taken goes by conn_taken.
 */
struct buf *conn_output(struct conn *self);

/* How far it is, in bytes, from offset `at` of the output (0, or where a message begins; less than
 * its length) to the end of the message there. */
size_t conn_message_left(const struct conn *self, size_t at);

/* Drops the first n bytes of the output (n <= its length). */
void conn_taken(struct conn *self, size_t n);

/* Starts a message, returns the buffer its body is appended to. Nothing else may be begun before
 * conn_end. Offsets inside the body count from conn_body_pos() == 0. */
struct buf *conn_begin(struct conn *self, uint16_t type);
size_t conn_body_pos(const struct conn *self);
void conn_end(struct conn *self);

/* What may come often, or by another's doing, is best sent by fill: the newest state only. */

/* A message with an empty body. */
void conn_send_empty(struct conn *self, uint16_t type);

/* Serial of the next message on this link, as the peer counts (from 1). */
uint64_t conn_next_serial(const struct conn *self);
/* After a move the peer goes on counting; `serial` is that of the next message. */
void conn_set_next_serial(struct conn *self, uint64_t serial);

/* Sends SET_ACK: from then fill is held while 2 * window messages are not acknowledged. */
void conn_send_set_ack(struct conn *self, uint32_t window);

void conn_send_ping(struct conn *self, uint32_t id, uint64_t time);

/* Asks the kind for output, up to a bound; true if something was appended. */
bool conn_fill(struct conn *self);
/* That bound, in bytes made ahead of what the link takes: at most, and at first, the maximum. */
#define CONN_AHEAD_MAX ((size_t)64 * 1024)
void conn_set_ahead(struct conn *self, size_t bytes);
/* There may be more than the last fill took. */
bool conn_wants_fill(const struct conn *self);

/* `wake` is called when conn_wake is: there is output, or fill would give some. */
void conn_set_wake(struct conn *self, void (*wake)(void *opaque), void *opaque);
void conn_wake(struct conn *self);

#endif
