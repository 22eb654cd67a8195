/* SPDX-License-Identifier: MIT */
/*
 * A party on the host that copies and pastes text: the users of QEMU's VNC server, the host's own
 * desktop. Each kind is a row of functions; whoever shares among them knows nothing else of it.
 * Main thread; nothing here blocks.
 */
#ifndef CARAVAN_AGENT_HOST_CLIP_H
#define CARAVAN_AGENT_HOST_CLIP_H

#include <stdbool.h>
#include <stddef.h>

#define HOST_CLIP_TEXT_MAX (1u << 20) /* bytes; a longer text is none */

/* What a party tells: called from the main loop, never from within a call of host_clip_ops. */
struct host_clip_news {
    /* Offers may be made to it. */
    void (*ready)(void *opaque);
    /* It has text, perhaps another than before, or has it no more. */
    void (*offered)(void *opaque, bool has);
    /* It wants the text that it was offered: provide follows, now or later. */
    void (*asked)(void *opaque);
    /* The text it was asked for last: UTF-8 without NUL; none if it is of no use. Borrowed. */
    void (*text)(void *opaque, const char *text, size_t len);
    /* It is of no use any more; `why` is static. free follows, perhaps from within. */
    void (*ended)(void *opaque, const char *why);
};

struct host_clip_ops {
    const char *who;   /* for the log: who copies and pastes */
    const char *place; /* for the log: what is connected to */
    unsigned retry_ms; /* between attempts to connect */
    /* Begins to connect; NULL when there is nothing there. `where` is borrowed for good. */
    void *(*connect)(const char *where, const struct host_clip_news *news, void *opaque);
    void (*free)(void *self);
    /* Others have text, perhaps another than before, or have it no more. */
    void (*offer)(void *self, bool has);
    /* Wants the text it has offered. It may never answer. */
    void (*ask)(void *self);
    /* What it has asked for: UTF-8 in any line ends; none if nobody has it. */
    void (*provide)(void *self, const char *text, size_t len);
};

#endif
