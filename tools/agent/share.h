/* SPDX-License-Identifier: MIT */
/*
 * One clipboard for the guest and all parties on the host: who copied last owns, who asks is
 * answered once. Connects to the parties, again when they are gone. Main thread.
 */
#ifndef CARAVAN_AGENT_SHARE_H
#define CARAVAN_AGENT_SHARE_H

#include <stdbool.h>
#include <stddef.h>

struct host_clip_ops;
struct share;
struct share_party;

/* Towards the guest. They may call back into share_guest_*. */
struct share_ops {
    /* The host has text, or none any more. */
    void (*offer)(void *opaque, bool has);
    /* The guest's text is wanted: each is answered by share_guest_gives, in this order. */
    void (*ask)(void *opaque);
    /* What the guest asked for; none if nobody has it. */
    void (*give)(void *opaque, const char *text, size_t len);
};

struct share *share_new(const struct share_ops *guest, void *opaque);
void share_free(struct share *self);

/* A party on the host, connected to from now on; `where` is borrowed. At most SHARE_HOSTS. */
#define SHARE_HOSTS 2
struct share_party *share_add(struct share *self, const struct host_clip_ops *ops,
                              const char *where);
/* Tells it once more what it was offered, if it was: not everybody there heard it. */
void share_repeat(struct share_party *party);

/* Somebody listens there. */
bool share_is_connected(const struct share_party *party);

/* Somebody on the host has text. */
bool share_host_has(const struct share *self);

/* What the guest says. */
void share_guest_offers(struct share *self, bool has);
void share_guest_asks(struct share *self);
void share_guest_gives(struct share *self, const char *text, size_t len);
/* It is another guest from now on, or a fresh one: it owns, asks and owes nothing. */
void share_guest_anew(struct share *self);

#endif
