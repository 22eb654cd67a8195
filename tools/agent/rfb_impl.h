/* SPDX-License-Identifier: MIT */
/* The parts of an RFB link; for rfb.c and rfb_read.c only. */
#ifndef CARAVAN_AGENT_RFB_IMPL_H
#define CARAVAN_AGENT_RFB_IMPL_H

#include "base/buf.h"
#include "rfb.h"

enum rfb_state {
    RFB_VERSION,
    RFB_SECURITY_COUNT,
    RFB_SECURITY_TYPES,
    RFB_SECURITY_RESULT,
    RFB_SERVER_INIT,
    RFB_NAME,
    RFB_MESSAGE,
    RFB_COLOURS,
    RFB_CUT_TEXT,
    RFB_CUT_FLAGS,
    RFB_CUT_DATA,
    RFB_SKIP,
    RFB_STATES
};

/* Flags of an Extended Clipboard message. */
enum {
    CUT_TEXT = 1 << 0,
    CUT_CAPS = 1 << 24,
    CUT_REQUEST = 1 << 25,
    CUT_NOTIFY = 1 << 27,
    CUT_PROVIDE = 1 << 28,
};

struct rfb {
    const struct host_clip_news *ops;
    void *opaque;
    int fd;
    unsigned source;     /* GLib's, of the descriptor */
    unsigned events;     /* it waits for */
    unsigned end_source; /* ended is about to be told */
    unsigned late;       /* the server has not become ready */
    const char *why;
    enum rfb_state state;
    size_t need; /* bytes of the state's token */
    uint32_t flags;
    struct buf in, out;
    bool ready;
};

/* What waits for the descriptor has changed. */
void rfb_send(struct rfb *self);
void rfb_fail(struct rfb *self, const char *why);

/* Handles every whole token in `in`. */
void rfb_read(struct rfb *self);

#endif
