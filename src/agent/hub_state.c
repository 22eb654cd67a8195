/* SPDX-License-Identifier: MIT */
/* The hub's way through a move: what it hands over (proto/saved_agent.h), and taking it up. */
#include "agent/hub_impl.h"
#include "base/log.h"

/* ---- The source ---- */

/* What no state holds: sessions that are too far behind begin anew at the target. */
static void shorten(struct hub *self)
{
    for (guint i = 0; i < self->clients->len; i++) {
        struct hub_client *client = g_ptr_array_index(self->clients, i);
        if (client->party.later.len > SAVED_AGENT_LATER)
            hub_client_renew(client, "too much waits for it in a move");
    }
    if (self->guest.later.len > SAVED_AGENT_LATER)
        hub_guest_forget(self);
}

void hub_freeze(struct hub *self)
{
    if (self->frozen)
        return;
    shorten(self);
    hub_run(self);
    self->frozen = true; /* what is streamed to clients has room now */
    hub_flush_mouse(self);
    for (unsigned i = 0; i <= IN_MAX / HUB_READ_MAX; i++)
        hub_run_guest(self);
}

void hub_thaw(struct hub *self)
{
    if (!self->frozen)
        return;
    self->frozen = false;
    for (guint i = self->clients->len; i-- > 0;) {
        struct hub_client *client = g_ptr_array_index(self->clients, i);
        if (!client->owner)
            hub_client_free(client);
    }
    hub_run(self);
}

static struct saved_who who(const struct party *party)
{
    if (!party)
        return (struct saved_who){SAVED_NOBODY, 0};
    if (!party->client)
        return (struct saved_who){SAVED_GUEST, 0};
    return (struct saved_who){SAVED_CLIENT, party->client->id};
}

static void save_bytes(const struct buf *from, uint32_t *len, uint8_t **bytes)
{
    *len = (uint32_t)from->len;
    *bytes = from->len ? g_memdup2(from->data, from->len) : NULL;
}

static void save_party(const struct party *party, struct saved_agent_party *out)
{
    out->caps = party->caps;
    out->layout = party->layout;
    memcpy(out->serial, party->serial, sizeof(out->serial));
    memcpy(out->told_grab, party->told_grab, sizeof(out->told_grab));
    save_bytes(&party->later, &out->later_len, &out->later);
}

static void save_inflow(const struct inflow *in, struct saved_inflow *out, bool with_bytes)
{
    out->type = in->type;
    out->left = in->left;
    out->to = who(in->to);
    if (with_bytes)
        save_bytes(&in->in, &out->in_len, &out->in);
}

static void save_files(const struct hub_client *client, struct saved_member *out)
{
    const GArray *files = client->party.hub->files;

    out->files = g_new0(struct saved_file, SAVED_AGENT_FILES);
    for (guint i = 0; i < files->len && out->n_files < SAVED_AGENT_FILES; i++) {
        const struct file *file = &g_array_index(files, struct file, i);
        if (file->client == client)
            out->files[out->n_files++] = (struct saved_file){file->id, file->guest_id};
    }
    if (!out->n_files)
        g_clear_pointer(&out->files, g_free);
}

static void save_member(const struct hub_client *client, struct saved_member *out)
{
    out->id = client->id;
    out->known = client->party.known;
    out->started = client->started;
    out->replied = client->replied;
    out->max_clipboard = client->max_clipboard;
    save_party(&client->party, &out->party);
    save_inflow(&client->party.in, &out->in, false);
    save_files(client, out);
    save_bytes(&client->monitors, &out->monitors_len, &out->monitors);
}

static void save_members(const struct hub *self, struct saved_hub *out)
{
    out->members = g_new0(struct saved_member, self->clients->len);
    for (guint i = 0; i < self->clients->len && out->n_members < SAVED_AGENT_MEMBERS; i++) {
        const struct hub_client *client = g_ptr_array_index(self->clients, i);
        if (!client->renew && !client->end_session)
            save_member(client, &out->members[out->n_members++]);
    }
    if (!out->n_members)
        g_clear_pointer(&out->members, g_free);
}

static void save_selections(const struct hub *self, struct saved_hub *out)
{
    out->n_selections = HUB_SELECTIONS;
    out->selections = g_new0(struct saved_selection, HUB_SELECTIONS);
    for (unsigned i = 0; i < HUB_SELECTIONS; i++) {
        const struct selection *s = &self->selections[i];
        struct saved_selection *saved = &out->selections[i];

        saved->owner = who(s->owner);
        saved->n_types = s->n_types;
        if (s->n_types)
            saved->types = g_memdup2(s->types, s->n_types * sizeof(uint32_t));
    }
}

static void save_requests(const struct hub *self, struct saved_hub *out)
{
    out->n_requests = self->requests->len;
    if (out->n_requests)
        out->requests = g_new0(struct saved_request, out->n_requests);
    for (guint i = 0; i < self->requests->len; i++) {
        const struct request *r = &g_array_index(self->requests, struct request, i);
        out->requests[i] = (struct saved_request){who(r->from), who(r->to), r->selection, r->type};
    }
}

static void save_shared(const struct hub *self, struct saved_hub *out)
{
    const struct mouse *mouse = &self->mouse;

    out->version = SAVED_AGENT_VERSION;
    out->mouse =
        (struct saved_mouse){mouse->known, mouse->x, mouse->y, mouse->buttons, mouse->display};
    out->state = (uint8_t)self->state;
    out->in_charge = self->in_charge ? self->in_charge->id : 0;
    out->chunk_port = self->chunk_port;
    out->chunk_left = self->chunk_left;
    save_party(&self->guest, &out->guest);
    save_bytes(&self->raw, &out->raw_len, &out->raw);
    save_inflow(&self->guest.in, &out->client_port, true);
    save_inflow(&self->server_port, &out->server_port, true);
    save_members(self, out);
    save_selections(self, out);
    save_requests(self, out);
}

/* The client's bytes as chunks, as they would go to the guest if nobody looked into them. */
static void put_own(const struct hub_client *client, struct buf *out)
{
    const struct buf *in = &client->party.in.in;

    for (size_t done = 0, n; done < in->len; done += n) {
        n = MIN(in->len - done, HUB_DATA_MAX);
        buf_u32(out, VDP_CLIENT_PORT);
        buf_u32(out, (uint32_t)n);
        buf_append(out, in->data + done, n);
    }
}

static void save_tokens(const struct hub_client *client, struct saved_char_device *out)
{
    uint32_t held = MIN(client->held, SAVED_AGENT_WINDOW);

    out->num_send_tokens = client->tokens;
    out->write_num_client_tokens = held;
    out->num_client_tokens = MIN(client->window_left, SAVED_AGENT_WINDOW - held);
}

/* What others' receive buffers hold besides the body's fixed part and our mouse mode. */
#define FOREIGN_MAX (SAVED_MAIN_MAX - 512)

/* Bytes for the guest: what does not fit goes into our record, and others hear of no agent. */
static void save_output(const struct buf *out, struct main_state *state)
{
    struct buf here = *out;
    struct buf rest = BUF_INIT;

    here.len = MIN(here.len, FOREIGN_MAX);
    rest.data = out->len ? out->data + here.len : NULL;
    rest.len = out->len - here.len;
    save_bytes(&here, &state->agent.write_size, &state->agent.write_data);
    save_bytes(&rest, &state->hub.rest_len, &state->hub.rest);
    if (rest.len)
        state->agent.connected = state->client_agent_started = false;
}

void hub_save(const struct hub_client *client, const struct buf *queued, struct main_state *state)
{
    const struct hub *hub = client->party.hub;
    struct buf out = BUF_INIT;

    state->agent.version = SAVED_VERSION;
    if (hub->state == GUEST_CLOSED)
        return;
    stock_save(client, state);
    if (queued)
        buf_append(&out, queued->data, queued->len);
    buf_append(&out, hub->guest.out.data, hub->guest.out.len);
    if (!hub->transparent) {
        save_shared(hub, &state->hub);
        state->hub.out_len = (uint32_t)out.len;
        state->has_hub = true;
    }
    put_own(client, &out);
    save_tokens(client, &state->agent);
    save_output(&out, state);
    buf_free(&out);
}

/* ---- The target ---- */

void hub_hold(struct hub *self, bool hold)
{
    if (self->held == hold)
        return;
    self->held = hold;
    self->guest.wake = true;
    if (!hold)
        hub_ask_guest(self);
    hub_run(self);
}

bool hub_awaits_clients(const struct hub *self)
{
    for (guint i = 0; i < self->clients->len; i++) {
        const struct hub_client *client = g_ptr_array_index(self->clients, i);
        if (!client->owner)
            return true;
    }
    return false;
}

static struct party *party_of(struct hub *self, struct saved_who saved)
{
    struct hub_client *client;

    switch ((enum saved_who_kind)saved.kind) {
    case SAVED_NOBODY:
        break;
    case SAVED_GUEST:
        return &self->guest;
    case SAVED_CLIENT:
        client = hub_find(self, saved.id);
        return client ? &client->party : NULL;
    }
    return NULL;
}

static void load_party(struct party *party, const struct saved_agent_party *saved)
{
    party->caps = saved->caps;
    party->layout = saved->layout;
    memcpy(party->serial, saved->serial, sizeof(party->serial));
    memcpy(party->told_grab, saved->told_grab, sizeof(party->told_grab));
    buf_append(&party->later, saved->later, saved->later_len);
    party->moved_us = party->hub->now_us;
}

/* Messages go from the guest to clients or between clients or to the guest, one at a time. */
static void load_inflow(struct hub *self, struct inflow *in, const struct saved_inflow *saved)
{
    struct party *to = party_of(self, saved->to);

    in->type = saved->type;
    in->left = saved->left;
    buf_append(&in->in, saved->in, saved->in_len);
    if (!in->left || !to || to == in->from || to->source)
        return;
    in->to = to;
    to->source = in;
}

static void load_files(struct hub_client *client, const struct saved_member *saved)
{
    GArray *files = client->party.hub->files;

    for (uint32_t i = 0; i < saved->n_files && files->len < FILES_MAX; i++) {
        struct file file = {client, saved->files[i].id, saved->files[i].guest_id};
        g_array_append_val(files, file);
    }
}

static void load_member(struct hub *self, const struct saved_member *saved)
{
    struct hub_client *client = hub_client_make(self, saved->id);

    client->told = true;
    client->started = saved->started;
    client->replied = saved->replied;
    client->party.known = saved->known;
    client->max_clipboard = saved->max_clipboard;
    load_party(&client->party, &saved->party);
    load_files(client, saved);
    hub_keep_monitors(client, saved->monitors, saved->monitors_len);
}

static void load_requests(struct hub *self, const struct saved_hub *saved)
{
    for (uint32_t i = 0; i < saved->n_requests; i++) {
        const struct saved_request *s = &saved->requests[i];
        struct request r = {party_of(self, s->from), party_of(self, s->to), s->selection, s->type,
                            self->now_us + ANSWER_US};
        if (r.to && r.to != r.from)
            g_array_append_val(self->requests, r);
    }
}

static void load_selections(struct hub *self, const struct saved_hub *saved)
{
    for (unsigned i = 0; i < HUB_SELECTIONS; i++) {
        const struct saved_selection *s = &saved->selections[i];

        self->selections[i].owner = party_of(self, s->owner);
        self->selections[i].n_types = s->n_types;
        for (uint32_t j = 0; j < s->n_types; j++)
            self->selections[i].types[j] = s->types[j];
    }
}

/* All bytes for the guest: of all clients, then the client's own. */
static struct buf saved_output(const struct main_state *state)
{
    struct buf out = BUF_INIT;

    buf_append(&out, state->agent.write_data, state->agent.write_size);
    buf_append(&out, state->hub.rest, state->hub.rest_len);
    return out;
}

static void load_clients(struct hub *self, const struct saved_hub *saved)
{
    for (guint i = 0; i < self->clients->len; i++)
        ((struct hub_client *)g_ptr_array_index(self->clients, i))->here_before = true;
    for (uint32_t i = 0; i < saved->n_members; i++)
        load_member(self, &saved->members[i]);
    for (uint32_t i = 0; i < saved->n_members; i++)
        load_inflow(self, &hub_find(self, saved->members[i].id)->party.in, &saved->members[i].in);
}

/* Who is here without a state has left, as far as the record speaks of it. */
static void drop_doubles(struct hub *self)
{
    for (guint i = 0; i < self->clients->len; i++) {
        struct hub_client *client = g_ptr_array_index(self->clients, i);
        struct hub_client *saved = client->here_before ? hub_find(self, client->id) : NULL;

        client->here_before = false;
        if (saved) /* it stands further behind */
            hub_client_free(saved);
    }
}

static void load_shared(struct hub *self, const struct main_state *state, const struct buf *out)
{
    const struct saved_hub *saved = &state->hub;
    const struct saved_mouse *mouse = &saved->mouse;

    self->awaits_port = self->state == GUEST_CLOSED;
    self->state = (enum guest_state)saved->state;
    self->changed = true;
    self->arrive_until = self->now_us + ARRIVE_US;
    self->chunk_port = saved->chunk_port;
    self->chunk_left = saved->chunk_left;
    self->guest.known = true;
    load_party(&self->guest, &saved->guest);
    buf_append(&self->raw, saved->raw, saved->raw_len);
    self->mouse =
        (struct mouse){mouse->known, false, mouse->x, mouse->y, mouse->buttons, mouse->display};
    buf_append(&self->guest.out, out->data, saved->out_len);
    load_clients(self, saved);
    load_inflow(self, &self->guest.in, &saved->client_port);
    load_inflow(self, &self->server_port, &saved->server_port);
    load_selections(self, saved);
    load_requests(self, saved);
    self->in_charge = saved->in_charge ? hub_find(self, saved->in_charge) : NULL;
    hub_follow_switches(self);
    drop_doubles(self);
}

/* Nobody is served here yet. */
static bool is_blank(const struct hub *self)
{
    for (guint i = 0; i < self->clients->len; i++) {
        const struct hub_client *client = g_ptr_array_index(self->clients, i);
        if (client->started)
            return false;
    }
    return !self->awaits_port && (self->state == GUEST_CLOSED || self->state == GUEST_OPEN) &&
           !self->raw.len && !self->chunk_left;
}

/* The client's own bytes again; false if they are no chunks. */
static bool load_own(struct hub_client *client, const struct main_state *state,
                     const struct buf *out)
{
    struct reader r = reader_make(out->data, out->len);
    struct buf *in = &client->party.in.in;

    reader_skip(&r, state->hub.out_len);
    while (reader_ok(&r) && reader_left(&r)) {
        uint32_t port = reader_u32(&r);
        uint32_t size = reader_u32(&r);
        const uint8_t *bytes = reader_bytes(&r, size);

        if (!bytes || port != VDP_CLIENT_PORT)
            return false;
        buf_append(in, bytes, size);
    }
    return reader_ok(&r) && in->len <= CLIENT_IN_HARD;
}

static void load_tokens(struct hub_client *client, const struct saved_char_device *saved)
{
    uint32_t held = MIN(saved->write_num_client_tokens, HUB_WINDOW);
    uint32_t window = MIN(saved->num_client_tokens, HUB_WINDOW - held);

    client->tokens = saved->num_send_tokens;
    client->held = held;
    client->window_left = window;
    client->owed = HUB_WINDOW - held - window;
}

/* One that had an agent is told that it is gone; then that there is one here. */
static void begin_anew(struct hub_client *client, const struct main_state *state)
{
    client->told = client->renew = state->agent.connected || state->has_hub;
    client->party.in.left = state->c2a.msg_remaining;
}

static struct hub_client *adopt(struct hub *self, uint32_t id, const struct main_state *state)
{
    struct hub_client *client = hub_find(self, id);
    struct buf out = saved_output(state);

    if (!client && state->has_hub && is_blank(self)) {
        load_shared(self, state, &out);
        client = hub_find(self, id);
    }
    if (client && client->owner)
        client = NULL;
    if (client && (!state->has_hub || !load_own(client, state, &out)))
        hub_client_renew(client, "its state makes no sense");
    buf_free(&out);
    return client;
}

struct hub_client *hub_client_arrive(struct hub *self, uint32_t id, bool new_tokens, void *owner,
                                     const struct main_state *state)
{
    bool foreign = state->agent.connected && !state->has_hub && is_blank(self);
    struct hub_client *client = adopt(self, id, state);

    if (!client) {
        client = hub_client_make(self, id);
        if (foreign) {
            client->told = true;
            self->awaits_port = self->state == GUEST_CLOSED;
            self->arrive_until = self->now_us + ARRIVE_US;
            transparent_restore(client, state);
        }
        if (self->transparent != client)
            begin_anew(client, state);
    }
    client->owner = owner;
    client->new_tokens = new_tokens;
    if (client->told && !client->renew)
        load_tokens(client, &state->agent);
    client->party.wake = true;
    self->guest.wake = true;
    hub_hold(self, false);
    hub_run(self);
    return client;
}
