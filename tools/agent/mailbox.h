/* SPDX-License-Identifier: MIT */
/*
 * Words of a clipboard's party for another thread. Of each kind only the newest waits, so however
 * long the other is busy, the box stays small. Any thread may post; handled on the reader's.
 */
#ifndef CARAVAN_AGENT_MAILBOX_H
#define CARAVAN_AGENT_MAILBOX_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Handled in this order: an answer is of what was asked before. */
struct mail {
    bool ready;
    GBytes *text; /* NULL: none came */
    bool offered; /* the next three hold */
    bool has;
    uint32_t seen; /* how many offers of the reader's its writer had handled */
    bool asked;
    const char *ended; /* static */
    bool quit;
};

struct mailbox {
    GMutex lock;
    GMainContext *reader;
    struct mail mail;
    bool waits; /* the reader knows of it */
    void (*handle)(void *opaque, const struct mail *mail);
    void *opaque;
    void (*hold)(void *opaque, bool hold); /* a reference, while there is mail */
};

void mailbox_init(struct mailbox *self, GMainContext *reader,
                  void (*handle)(void *opaque, const struct mail *mail),
                  void (*hold)(void *opaque, bool hold), void *opaque);
void mailbox_clear(struct mailbox *self);

/* Adds what is set in `mail`, whose text the box takes over. */
void mailbox_post(struct mailbox *self, struct mail mail);

#endif
