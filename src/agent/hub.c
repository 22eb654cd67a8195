/* SPDX-License-Identifier: MIT */
#include "agent/hub.h"

#include "agent/hub_impl.h"
#include "base/log.h"

struct hub *hub_new(const struct hub_ops *ops, void *opaque)
{
    struct hub *self = g_new0(struct hub, 1);

    self->ops = ops;
    self->opaque = opaque;
    self->switches = (struct hub_switches){true, true, true};
    self->guest.hub = self;
    self->guest.in.from = &self->guest;
    self->server_port.from = &self->guest;
    self->clients = g_ptr_array_new();
    self->requests = g_array_new(FALSE, FALSE, sizeof(struct request));
    self->files = g_array_new(FALSE, FALSE, sizeof(struct file));
    return self;
}

static void client_free(struct hub_client *client)
{
    party_clear(&client->party);
    inflow_clear(&client->party.in);
    buf_free(&client->monitors);
    g_free(client);
}

void hub_free(struct hub *self)
{
    if (!self)
        return;
    for (guint i = 0; i < self->clients->len; i++)
        client_free(g_ptr_array_index(self->clients, i));
    party_clear(&self->guest);
    inflow_clear(&self->server_port);
    buf_free(&self->raw);
    g_ptr_array_free(self->clients, TRUE);
    g_array_free(self->requests, TRUE);
    g_array_free(self->files, TRUE);
    g_free(self);
}

static struct hub_client *client_at(const struct hub *self, guint i)
{
    return g_ptr_array_index(self->clients, i);
}

/* ---- Running ---- */

static void end_session(struct hub_client *client)
{
    struct party *party = &client->party;

    log_info("agent: a client's session begins anew: %s", client->end_session);
    client->end_session = NULL;
    client->replied = false;
    client->started = false;
    clipboard_leave(party);
    files_client_left(client);
    party_cut(party);
    party_clear(party);
    client->renew = client->told;
    if (!client->new_tokens)
        client->owed += client->held;
    client->held = 0;
    party->wake = true;
    party->hub->again = true;
}

void hub_client_renew(struct hub_client *client, const char *reason)
{
    client->end_session = reason;
    client->party.hub->again = true;
}

/* Messages whose bytes the guest has taken are given back; the others hold their tokens, so that
 * with one client no more is under way than other servers have. */
#define PIECE (HUB_DATA_MAX + CHUNK_HEADER)

static void give_back(struct hub_client *client)
{
    const struct inflow *in = &client->party.in;
    bool streams = client->party.hub->guest.source == in;
    size_t under_way =
        (in->held ? in->in.len : 0) + (streams ? client->party.hub->guest.out.len : 0);
    uint32_t waiting = (uint32_t)((under_way + PIECE - 1) / PIECE);

    if (waiting >= client->held)
        return;
    client->owed += client->held - waiting;
    client->held = waiting;
    client->party.wake |= client->owed >= TOKENS_AT_ONCE;
}

static void run_client(struct hub_client *client)
{
    if (client->end_session)
        end_session(client);
    if (client->garbage)
        return;
    if (!inflow_run(&client->party.in)) {
        client->garbage = "what it says to the agent is no agent protocol";
        client->party.wake = true;
    }
    give_back(client);
}

static void wake(struct party *party)
{
    struct hub *hub = party->hub;

    if (!party->wake)
        return;
    party->wake = false;
    if (party->client && !party->client->owner)
        return;
    if (!party->client)
        hub->ops->wake_guest(hub->opaque);
    else if (party->client->garbage)
        hub->ops->client_garbage(party->client->owner, party->client->garbage);
    else
        hub->ops->wake_client(party->client->owner);
}

static void close_garbage(struct hub *self)
{
    const char *reason = self->garbage;

    hub_guest_close(self);
    self->ops->guest_garbage(self->opaque, reason);
}

static void handle(struct hub *self)
{
    hub_run_guest(self);
    if (self->garbage)
        close_garbage(self);
    for (guint i = 0; i < self->clients->len; i++)
        run_client(client_at(self, i));
    hub_flush_mouse(self);
}

static void run_once(struct hub *self)
{
    self->again = false;
    if (!self->frozen && !self->held)
        handle(self);
    wake(&self->guest);
    for (guint i = 0; i < self->clients->len; i++)
        wake(&client_at(self, i)->party);
    if (self->changed) {
        self->changed = false;
        self->ops->changed(self->opaque);
    }
}

void hub_run(struct hub *self)
{
    self->again = true;
    if (self->busy)
        return;
    self->busy = true;
    while (self->again)
        run_once(self);
    self->busy = false;
}

static bool is_stalled(const struct hub *self, const struct party *to)
{
    return to->source && to->out.len == 0 && self->now_us - to->moved_us > STALL_US;
}

/* A client in the middle of a message for the guest that goes silent must not hold up others. */
static void check_guest_stalled(struct hub *self)
{
    struct party *from = self->guest.source ? self->guest.source->from : NULL;
    bool others_wait = self->guest.later.len > 0;

    for (guint i = 0; i < self->clients->len; i++)
        others_wait |= client_at(self, i)->party.in.held;
    if (from && from->client && others_wait && is_stalled(self, &self->guest))
        hub_client_renew(from->client, "it stopped in the middle of a message");
}

/* A client that does not read what it asked for must not hold up the guest. */
static void check_client_stalled(struct hub_client *client)
{
    struct party *party = &client->party;

    if (party->source && party->source->held && party->hub->now_us - party->moved_us > STALL_US)
        hub_client_renew(client, "it does not read what it asked for");
}

/* Who should have arrived with a move and has not. */
static void give_up_late(struct hub *self)
{
    if (self->now_us < self->arrive_until)
        return;
    for (guint i = self->clients->len; i-- > 0;) {
        struct hub_client *client = client_at(self, i);
        if (!client->owner)
            hub_client_free(client);
    }
    if (self->awaits_port)
        hub_guest_close(self);
}

void hub_tick(struct hub *self, int64_t now_us)
{
    self->now_us = now_us;
    if (self->frozen) /* what is overdue then is answered at the target */
        return;
    give_up_late(self);
    clipboard_tick(self);
    check_guest_stalled(self);
    for (guint i = 0; i < self->clients->len; i++)
        check_client_stalled(client_at(self, i));
    hub_run(self);
}

/* ---- Settings ---- */

void hub_set_switches(struct hub *self, struct hub_switches switches)
{
    bool less = (self->switches.copy_paste && !switches.copy_paste) ||
                (self->switches.file_xfer && !switches.file_xfer);

    self->switches = switches;
    self->changed = true;
    if (less)
        transparent_end(self);
    hub_follow_switches(self);
    hub_run(self);
}

/* ---- The guest ---- */

bool hub_guest_is_open(const struct hub *self)
{
    return self && self->state != GUEST_CLOSED && !self->awaits_port;
}

void hub_guest_open(struct hub *self)
{
    if (self->awaits_port) {
        self->awaits_port = false;
        self->guest.wake = true;
        hub_run(self);
        return;
    }
    if (self->state != GUEST_CLOSED)
        hub_guest_close(self);
    self->state = GUEST_OPEN;
    for (guint i = 0; i < self->clients->len; i++)
        client_at(self, i)->party.wake = true;
    hub_run(self);
}

void hub_guest_close(struct hub *self)
{
    if (self->state == GUEST_CLOSED)
        return;
    self->state = GUEST_CLOSED;
    self->garbage = NULL;
    self->changed = true;
    self->monitors_from = NULL;
    self->mouse = (struct mouse){0};
    self->awaits_port = false;
    self->transparent = NULL;
    party_cut(&self->guest);
    party_clear(&self->guest);
    inflow_clear(&self->server_port);
    buf_free(&self->raw);
    self->chunk_port = self->chunk_left = 0;
    g_array_set_size(self->requests, 0);
    g_array_set_size(self->files, 0);
    memset(self->selections, 0, sizeof(self->selections));
    for (guint i = 0; i < self->clients->len; i++)
        hub_client_renew(client_at(self, i), "the guest's agent has gone");
    hub_run(self);
}

/* ---- Clients ---- */

struct hub_client *hub_find(const struct hub *self, uint32_t id)
{
    for (guint i = 0; i < self->clients->len; i++) {
        if (client_at(self, i)->id == id && !client_at(self, i)->here_before)
            return client_at(self, i);
    }
    return NULL;
}

struct hub_client *hub_client_make(struct hub *self, uint32_t id)
{
    struct hub_client *client = g_new0(struct hub_client, 1);

    client->party.hub = self;
    client->party.client = client;
    client->party.in.from = &client->party;
    client->id = id;
    client->new_tokens = true;
    client->window_left = HUB_WINDOW;
    client->max_clipboard = -1;
    g_ptr_array_add(self->clients, client);
    return client;
}

struct hub_client *hub_client_new(struct hub *self, uint32_t id, bool new_tokens, void *owner)
{
    struct hub_client *absent = hub_find(self, id);
    struct hub_client *client;

    if (absent && !absent->owner) /* it comes without its state */
        hub_client_free(absent);
    client = hub_client_make(self, id);
    client->owner = owner;
    client->new_tokens = new_tokens;
    client->told = hub_guest_is_open(self);
    return client;
}

void hub_client_free(struct hub_client *client)
{
    struct hub *hub = client->party.hub;

    if (hub->frozen) { /* it has gone on; the others' states speak of it */
        client->owner = NULL;
        return;
    }
    g_ptr_array_remove(hub->clients, client);
    client->replied = false;
    if (hub->transparent == client)
        hub->transparent = NULL;
    clipboard_leave(&client->party);
    files_client_left(client);
    party_cut(&client->party);
    if (hub->in_charge == client)
        hub->in_charge = NULL;
    if (hub->monitors_from == client)
        hub->monitors_from = NULL;
    if (hub->clients->len == 0)
        hub_guest_forget(hub);
    else if (client->max_clipboard >= 0)
        clipboard_tell_max(hub);
    hub_run(hub);
    client_free(client);
}

void hub_client_start(struct hub_client *client, uint32_t tokens)
{
    struct hub *hub = client->party.hub;

    if (!client->told || client->renew)
        return;
    if (client->started) {
        client->owed += client->new_tokens ? client->held : 0;
        client->end_session = "it starts anew";
        end_session(client);
        client->renew = false;
    }
    client->started = true;
    client->tokens = tokens;
    hub_run(hub);
}

void hub_client_tokens(struct hub_client *client, uint32_t tokens)
{
    if (client->tokens != UINT32_MAX)
        client->tokens += MIN(tokens, UINT32_MAX - 1 - client->tokens);
    client->party.wake = true;
    hub_run(client->party.hub);
}

/* The first message of a session, from a client that did drop what was left of the last one. */
static bool is_greeting(const struct hub_client *client, const uint8_t *bytes, size_t len)
{
    struct reader in = reader_make(bytes, len);

    return client->started && !client->party.known && reader_u32(&in) == VD_AGENT_PROTOCOL &&
           reader_u32(&in) == VD_AGENT_ANNOUNCE_CAPABILITIES && reader_u64(&in) == 0 &&
           reader_u32(&in) == reader_left(&in) && reader_ok(&in);
}

static void add_data(struct hub_client *client, const uint8_t *bytes, size_t len)
{
    if (is_greeting(client, bytes, len))
        inflow_clear(&client->party.in);
    buf_append(&client->party.in.in, bytes, len);
}

void hub_client_data(struct hub_client *client, const uint8_t *bytes, size_t len)
{
    bool counts = client->started || !client->new_tokens; /* else its tokens are void */

    if (len > HUB_DATA_MAX || (counts && client->window_left == 0) ||
        client->party.in.in.len + len > CLIENT_IN_HARD) {
        client->garbage = "it says more to the agent than it may";
        client->party.wake = true;
    } else {
        client->window_left -= counts;
        client->held += counts;
        add_data(client, bytes, len);
    }
    hub_run(client->party.hub);
}

static bool say(struct hub_word *word, enum hub_word_kind kind, uint32_t tokens)
{
    word->kind = kind;
    word->tokens = tokens;
    return true;
}

static bool say_connected(struct hub_client *client, struct hub_word *word)
{
    client->told = true;
    if (!client->new_tokens)
        return say(word, HUB_SAY_CONNECTED, 0);
    client->window_left = HUB_WINDOW;
    client->owed = 0;
    return say(word, HUB_SAY_CONNECTED_TOKENS, HUB_WINDOW);
}

static bool say_data(struct hub_client *client, struct hub_word *word)
{
    struct party *party = &client->party;

    word->len = MIN(party->out.len, HUB_DATA_MAX);
    memcpy(word->bytes, party->out.data, word->len);
    buf_consume(&party->out, word->len);
    party->moved_us = party->hub->now_us;
    if (client->tokens != UINT32_MAX)
        client->tokens -= client->tokens > 0;
    hub_run(party->hub);
    return say(word, HUB_SAY_DATA, 0);
}

bool hub_client_next(struct hub_client *client, struct hub_word *word)
{
    uint32_t owed = client->owed;

    if (client->renew) {
        client->renew = client->told = false;
        return say(word, HUB_SAY_DISCONNECTED, 0);
    }
    if (!client->told)
        return hub_guest_is_open(client->party.hub) && say_connected(client, word);
    if (owed >= TOKENS_AT_ONCE) {
        client->owed = 0;
        client->window_left += owed;
        return say(word, HUB_SAY_TOKENS, owed);
    }
    if (client->started && (client->tokens || client->party.hub->frozen) && client->party.out.len)
        return say_data(client, word);
    return false;
}
