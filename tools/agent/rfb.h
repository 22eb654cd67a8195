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

#include "host_clip.h"

struct rfb;

/* What QEMU inflates at most, its NUL included: more is lost without a word. */
#define RFB_TEXT_MAX ((1u << 20) - 64)

/* Connects to the unix socket; NULL with errno when it cannot. */
struct rfb *rfb_new(const char *path, const struct host_clip_news *ops, void *opaque);
void rfb_free(struct rfb *self);

/* Tells the server that we have text, or none. */
void rfb_offer(struct rfb *self, bool has);
/* Wants what was offered. */
void rfb_ask(struct rfb *self);
/* The text offered, in any line ends; more than RFB_TEXT_MAX is given as none. */
void rfb_provide(struct rfb *self, const char *text, size_t len);

/* The same as a party of the clipboard. Line ends are "\n" in what it gives. */
extern const struct host_clip_ops rfb_clip_ops;

#endif
