/* SPDX-License-Identifier: MIT */
#include "share.h"

#include <glib.h>

#include "base/log.h"
#include "host_clip.h"

enum {
    GUEST = 0, /* among the parties */
};

struct share_party {
    struct share *share;
    const struct host_clip_ops *ops;
    const char *where;
    void *link;       /* NULL: not there */
    unsigned retry;   /* GLib's source */
    const char *said; /* why it is of no use */
    bool ready;
    bool asks; /* for the owner's text */
};

struct share {
    const struct share_ops *guest;
    void *opaque;
    struct share_party parties[1 + SHARE_HOSTS];
    unsigned n_parties;
    struct share_party *owner; /* of the text; NULL: nobody */
    unsigned owed;             /* answers of the guest that are still to come */
    unsigned stale;            /* of these, so many that nobody waits for: the first ones */
};

/* ---- The guest as a party ---- */

static void guest_offer(void *link, bool has)
{
    struct share *self = link;

    self->guest->offer(self->opaque, has);
}

static void guest_ask(void *link)
{
    struct share *self = link;

    self->owed++;
    self->guest->ask(self->opaque);
}

static void guest_provide(void *link, const char *text, size_t len)
{
    struct share *self = link;

    self->guest->give(self->opaque, text, len);
}

static const struct host_clip_ops guest_clip_ops = {
    .who = "the guest", .offer = guest_offer, .ask = guest_ask, .provide = guest_provide};

/* ---- Who owns, who asks ---- */

static void answer(struct share *self, const char *text, size_t len)
{
    for (unsigned i = 0; i < self->n_parties; i++) {
        struct share_party *party = &self->parties[i];

        if (!party->asks)
            continue;
        party->asks = false;
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): n_parties lie in the list */
        party->ops->provide(party->link, text, len);
    }
}

static void set_owner(struct share *self, struct share_party *owner, struct share_party *but)
{
    self->owner = owner;
    self->stale = self->owed;
    answer(self, "", 0);
    for (unsigned i = 0; i < self->n_parties && self->owner == owner; i++) {
        struct share_party *party = &self->parties[i];

        if (party != but && party->ready)
            party->ops->offer(party->link, owner != NULL);
    }
}

static void offered(struct share_party *party, bool has)
{
    struct share *self = party->share;

    log_info("%s has %s", party->ops->who, has ? "text" : "no text");
    if (has)
        set_owner(self, party, party);
    else if (self->owner == party)
        set_owner(self, NULL, party);
}

static void asked(struct share_party *party)
{
    struct share_party *owner = party->share->owner;

    log_info("%s wants the text%s%s", party->ops->who, owner ? " of " : "",
             owner ? owner->ops->who : "");
    if (!owner || owner == party) {
        party->ops->provide(party->link, "", 0);
        return;
    }
    party->asks = true;
    owner->ops->ask(owner->link);
}

static void gives(struct share_party *party, const char *text, size_t len)
{
    log_info("%s gives %zu bytes of text", party->ops->who, len);
    if (party->share->owner == party)
        answer(party->share, text, len);
}

/* ---- Parties on the host ---- */

static void connect_party(struct share_party *party);

static gboolean reconnect(gpointer opaque)
{
    struct share_party *party = opaque;

    party->retry = 0;
    connect_party(party);
    return G_SOURCE_REMOVE;
}

static void on_ready(void *opaque)
{
    struct share_party *party = opaque;

    party->said = NULL;
    party->ready = true;
    log_note("sharing the clipboard of %s at %s", party->ops->place, party->where);
    share_repeat(party);
}

static void on_offered(void *opaque, bool has)
{
    offered(opaque, has);
}

static void on_asked(void *opaque)
{
    asked(opaque);
}

static void on_text(void *opaque, const char *text, size_t len)
{
    gives(opaque, text, len);
}

static void on_ended(void *opaque, const char *why)
{
    struct share_party *party = opaque;

    if (party->said != why)
        log_warn("%s: %s", party->where, why);
    party->said = why;
    party->ready = party->asks = false;
    party->ops->free(g_steal_pointer(&party->link));
    if (party->share->owner == party)
        set_owner(party->share, NULL, party);
    party->retry = g_timeout_add(party->ops->retry_ms, reconnect, party);
}

static const struct host_clip_news news = {on_ready, on_offered, on_asked, on_text, on_ended};

static void connect_party(struct share_party *party)
{
    party->link = party->ops->connect(party->where, &news, party);
    if (!party->link)
        party->retry = g_timeout_add(party->ops->retry_ms, reconnect, party);
}

/* ---- Outside ---- */

static struct share_party *add(struct share *self, const struct host_clip_ops *ops,
                               const char *where)
{
    struct share_party *party = &self->parties[self->n_parties++];

    *party = (struct share_party){.share = self, .ops = ops, .where = where};
    return party;
}

struct share *share_new(const struct share_ops *guest, void *opaque)
{
    struct share *self = g_new0(struct share, 1);
    struct share_party *party;

    self->guest = guest;
    self->opaque = opaque;
    party = add(self, &guest_clip_ops, NULL);
    party->link = self;
    party->ready = true;
    return self;
}

void share_free(struct share *self)
{
    if (!self)
        return;
    for (unsigned i = GUEST + 1; i < self->n_parties; i++) {
        struct share_party *party = &self->parties[i];

        if (party->retry)
            g_source_remove(party->retry);
        if (party->link)
            party->ops->free(party->link);
    }
    g_free(self);
}

struct share_party *share_add(struct share *self, const struct host_clip_ops *ops,
                              const char *where)
{
    struct share_party *party = add(self, ops, where);

    connect_party(party);
    return party;
}

void share_repeat(struct share_party *party)
{
    if (party->ready && party->share->owner && party->share->owner != party)
        party->ops->offer(party->link, true);
}

bool share_is_connected(const struct share_party *party)
{
    return party->link != NULL;
}

bool share_host_has(const struct share *self)
{
    return self->owner && self->owner != &self->parties[GUEST];
}

void share_guest_offers(struct share *self, bool has)
{
    offered(&self->parties[GUEST], has);
}

void share_guest_asks(struct share *self)
{
    asked(&self->parties[GUEST]);
}

void share_guest_gives(struct share *self, const char *text, size_t len)
{
    self->owed -= self->owed > 0;
    if (self->stale)
        self->stale--;
    else
        gives(&self->parties[GUEST], text, len);
}

void share_guest_anew(struct share *self)
{
    struct share_party *guest = &self->parties[GUEST];

    guest->asks = false;
    if (self->owner == guest)
        offered(guest, false);
    self->owed = self->stale = 0;
}
