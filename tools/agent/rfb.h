/* SPDX-License-Identifier: MIT */
/*
 * A client of QEMU's VNC server that has no screen, only the clipboard: pseudo-encoding Extended
 * Clipboard ("RFB protocol, community edition, 7.7.27"), text alone. Main thread, never blocks.
 * The server's bytes are not trusted.
 */
#ifndef CARAVAN_AGENT_RFB_H
#define CARAVAN_AGENT_RFB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rfb;

/* What QEMU inflates at most, its NUL included: more is lost without a word. */
#define RFB_TEXT_MAX ((1u << 20) - 64)

/* Called from the main loop, never from within a call here. */
struct rfb_ops {
    /* The server takes Extended Clipboard: offers may be made. */
    void (*ready)(void *opaque);
    /* Another of its clients has text, or has it no more. */
    void (*offered)(void *opaque, bool has);
    /* Another of its clients wants the text offered: rfb_provide follows, now or later. */
    void (*asked)(void *opaque);
    /* The text asked for: UTF-8 with "\n" at line ends, no NUL; borrowed. */
    void (*text)(void *opaque, const char *text, size_t len);
    /* The link is of no use any more; `why` is static. rfb_free follows, not from within. */
    void (*ended)(void *opaque, const char *why);
};

/* Connects to the unix socket; NULL with errno when it cannot. */
struct rfb *rfb_new(const char *path, const struct rfb_ops *ops, void *opaque);
void rfb_free(struct rfb *self);

/* Tells the server that we have text, or none. */
void rfb_offer(struct rfb *self, bool has);
/* Wants what was offered. */
void rfb_ask(struct rfb *self);
/* The text offered, in any line ends; more than RFB_TEXT_MAX is given as none. */
void rfb_provide(struct rfb *self, const char *text, size_t len);

#endif
