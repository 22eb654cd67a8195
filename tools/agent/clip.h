/* SPDX-License-Identifier: MIT */
/*
 * A client of the agent hub that is nothing but a clipboard of text. It speaks the agent protocol
 * as any client does ("spice-protocol vd_agent.h"), by demand and without selections.
 * Main thread. Calls back from clip_wake, and from clip_ask when there is nothing to be had.
 */
#ifndef CARAVAN_AGENT_CLIP_H
#define CARAVAN_AGENT_CLIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clip;
struct hub;
struct hub_client;
struct main_state;

struct clip_ops {
    /* The guest, or nobody, has text for the host. */
    void (*guest_offers)(void *opaque, bool has);
    /* The guest wants the host's text: clip_give follows, now or later. */
    void (*guest_asks)(void *opaque);
    /* The text asked for: UTF-8, "\n" at line ends unless the guest mixes them; borrowed. */
    void (*guest_gives)(void *opaque, const char *text, size_t len);
};

/* `owner` is what the hub knows it by; id as hub_client_new's. */
struct clip *clip_new(struct hub *hub, uint32_t id, const struct clip_ops *ops, void *opaque,
                      void *owner);
/* What is on its way between it and the hub, besides what the hub knows. */
struct clip_words {
    const uint8_t *unsaid; /* what waits until the hub takes it; borrowed */
    size_t len;            /* 0 with begun: it did not come along */
    size_t begun;          /* bytes of that, or that are missing, of a message begun */
    uint32_t skip;         /* bytes of the hub's that come first and are the end of a message */
};

/* One that goes on where another was: it says what the other did not and then begins anew. What the
 * host had is released, what the guest has asked for is answered with nothing. Call clip_wake. */
struct clip *clip_arrive(struct hub *hub, uint32_t id, const struct clip_ops *ops, void *opaque,
                         void *owner, const struct main_state *state,
                         const struct clip_words *words);
void clip_free(struct clip *self);

/* For the state: what the hub knows it by, and all of clip_words but skip. */
const struct hub_client *clip_client(const struct clip *self);
struct clip_words clip_unsaid(const struct clip *self);

/* The hub has something for it. */
void clip_wake(struct clip *self);

/* The host has text, or none any more. */
void clip_offer(struct clip *self, bool has);
/* The host wants the guest's text. */
void clip_ask(struct clip *self);
/* What the guest asked for; "\n" becomes the guest's line end. */
void clip_give(struct clip *self, const char *text, size_t len);

bool clip_guest_offers(const struct clip *self);

#endif
