/* SPDX-License-Identifier: MIT */
/*
 * The clipboard of everybody. A selection has one owner, the last who grabbed it; requests go to
 * the owner and are answered once, with nothing if it comes to that: who waits for an answer may
 * be a program that does nothing else meanwhile.
 */
#include <string.h>

#include "agent/hub_impl.h"
#include "base/log.h"

enum { GUEST_CLIPBOARD_MAX = 128 << 20 };

static bool shares(const struct party *party, uint8_t selection)
{
    return party_is_ready(party) && party_has(party, VD_AGENT_CAP_CLIPBOARD_BY_DEMAND) &&
           (selection == 0 || party_has(party, VD_AGENT_CAP_CLIPBOARD_SELECTION));
}

static void for_others(struct party *self, uint8_t selection,
                       void (*say)(struct party *to, uint8_t selection))
{
    struct hub *hub = self->hub;

    if (self != &hub->guest && shares(&hub->guest, selection))
        say(&hub->guest, selection);
    for (guint i = 0; i < hub->clients->len; i++) {
        struct hub_client *client = g_ptr_array_index(hub->clients, i);
        if (&client->party != self && shares(&client->party, selection))
            say(&client->party, selection);
    }
}

static void put_selection(const struct party *to, struct buf *body, uint8_t selection)
{
    if (party_has(to, VD_AGENT_CAP_CLIPBOARD_SELECTION))
        buf_u32(body, selection); /* and three bytes of nothing */
}

static void say_release(struct party *to, uint8_t selection)
{
    struct buf body = BUF_INIT;

    put_selection(to, &body, selection);
    party_send(to, VD_AGENT_CLIPBOARD_RELEASE, body.data, body.len);
    to->told_grab[selection] = false;
    buf_free(&body);
}

static void say_grab(struct party *to, uint8_t selection)
{
    const struct selection *s = &to->hub->selections[selection];
    struct buf body = BUF_INIT;

    if (to->told_grab[selection] && !party_has(to, VD_AGENT_CAP_CLIPBOARD_NO_RELEASE_ON_REGRAB))
        say_release(to, selection);
    put_selection(to, &body, selection);
    if (party_has(to, VD_AGENT_CAP_CLIPBOARD_GRAB_SERIAL))
        buf_u32(&body, to->serial[selection]++);
    for (uint32_t i = 0; i < s->n_types; i++)
        buf_u32(&body, s->types[i]);
    party_send(to, VD_AGENT_CLIPBOARD_GRAB, body.data, body.len);
    to->told_grab[selection] = true;
    buf_free(&body);
}

static void say_empty(struct party *to, uint8_t selection)
{
    struct buf body = BUF_INIT;

    put_selection(to, &body, selection);
    buf_u32(&body, VD_AGENT_CLIPBOARD_NONE);
    party_send(to, VD_AGENT_CLIPBOARD, body.data, body.len);
    buf_free(&body);
}

static struct request *request_at(struct hub *hub, guint i)
{
    return &g_array_index(hub->requests, struct request, i);
}

/* Ends requests of a selection that only the old owner could answer. */
static void answer_with_nothing(struct hub *hub, uint8_t selection)
{
    for (guint i = hub->requests->len; i-- > 0;) {
        struct request r = *request_at(hub, i);
        if (r.selection != selection)
            continue;
        g_array_remove_index(hub->requests, i);
        if (r.from)
            say_empty(r.from, selection);
    }
}

/* False: there is no such selection, or it is cut short. */
static bool read_selection(const struct party *from, struct reader *body, uint8_t *selection)
{
    *selection = 0;
    if (party_has(from, VD_AGENT_CAP_CLIPBOARD_SELECTION) && reader_left(body)) {
        *selection = reader_u8(body);
        reader_skip(body, MIN(reader_left(body), 3));
    }
    return *selection < HUB_SELECTIONS && shares(from, *selection);
}

/* Both ends count their grabs together. Who counts one less grabbed at the same time as we did:
 * the client's side of such a pair wins, on each of the links. */
static bool serial_fits(struct party *from, uint8_t selection, uint32_t serial)
{
    uint32_t *next = &from->serial[selection];

    if (serial == *next || (!from->client && serial - *next < INT32_MAX)) {
        *next = serial + 1;
        return true;
    }
    return from->client && serial == *next - 1;
}

static void read_types(struct selection *s, struct reader *body)
{
    s->n_types = 0;
    while (reader_left(body) >= 4 && s->n_types < TYPES_MAX)
        s->types[s->n_types++] = reader_u32(body);
}

bool on_grab(struct inflow *in, uint32_t type, struct reader *body, uint32_t rest)
{
    struct party *from = in->from;
    struct selection *s;
    uint8_t selection;

    if (!read_selection(from, body, &selection))
        return true;
    if (party_has(from, VD_AGENT_CAP_CLIPBOARD_GRAB_SERIAL) &&
        !serial_fits(from, selection, reader_u32(body))) {
        log_info("agent: a grab of the %s comes too late", party_name(from));
        return true;
    }
    answer_with_nothing(from->hub, selection);
    s = &from->hub->selections[selection];
    s->owner = from;
    read_types(s, body);
    from->told_grab[selection] = false;
    for_others(from, selection, say_grab);
    return true;
}

static void release(struct party *from, uint8_t selection)
{
    struct selection *s = &from->hub->selections[selection];

    if (s->owner != from)
        return;
    s->owner = NULL;
    s->n_types = 0;
    answer_with_nothing(from->hub, selection);
    for_others(from, selection, say_release);
}

bool on_release(struct inflow *in, uint32_t type, struct reader *body, uint32_t rest)
{
    uint8_t selection;

    if (read_selection(in->from, body, &selection))
        release(in->from, selection);
    return true;
}

static bool offers(const struct selection *s, uint32_t type)
{
    for (uint32_t i = 0; i < s->n_types; i++) {
        if (s->types[i] == type)
            return true;
    }
    return false;
}

static bool may_ask_more(struct hub *hub, const struct party *from)
{
    unsigned n = 0;

    for (guint i = 0; i < hub->requests->len; i++)
        n += request_at(hub, i)->from == from;
    return n < REQUESTS_EACH && hub->requests->len < REQUESTS_MAX;
}

static void pass_request(struct party *from, struct party *owner, uint8_t selection, uint32_t type)
{
    struct hub *hub = from->hub;
    struct request r = {from, owner, selection, type, hub->now_us + ANSWER_US};
    struct buf body = BUF_INIT;

    g_array_append_val(hub->requests, r);
    put_selection(owner, &body, selection);
    buf_u32(&body, type);
    party_send(owner, VD_AGENT_CLIPBOARD_REQUEST, body.data, body.len);
    buf_free(&body);
}

bool on_request(struct inflow *in, uint32_t type, struct reader *body, uint32_t rest)
{
    struct party *from = in->from;
    const struct selection *s;
    uint8_t selection;
    uint32_t wanted;

    if (!read_selection(from, body, &selection))
        return true;
    wanted = reader_u32(body);
    s = &from->hub->selections[selection];
    if (reader_ok(body) && s->owner && s->owner != from && offers(s, wanted) &&
        shares(s->owner, selection) && may_ask_more(from->hub, from))
        pass_request(from, s->owner, selection, wanted);
    else
        say_empty(from, selection);
    return true;
}

/* The oldest request that this can answer: of the type, or any if the owner says "nothing". */
static int find_request(struct hub *hub, const struct party *owner, uint8_t selection,
                        uint32_t type)
{
    for (guint i = 0; i < hub->requests->len; i++) {
        const struct request *r = request_at(hub, i);
        if (r->to == owner && r->selection == selection &&
            (r->type == type || type == VD_AGENT_CLIPBOARD_NONE))
            return (int)i;
    }
    return -1;
}

/* The guest's agent makes room for all of it at once, and ends if there is none. */
static bool takes_that_much(const struct party *to, uint32_t size)
{
    if (!to->client)
        return size <= GUEST_CLIPBOARD_MAX;
    return to->client->max_clipboard < 0 || size <= (uint32_t)to->client->max_clipboard;
}

static void begin_answer(struct inflow *in, struct party *to, uint8_t selection, uint32_t type,
                         struct reader *body, uint32_t rest)
{
    size_t here = reader_left(body);
    uint32_t prefix = party_has(to, VD_AGENT_CAP_CLIPBOARD_SELECTION) ? 8 : 4;
    struct buf head = BUF_INIT;

    put_selection(to, &head, selection);
    buf_u32(&head, type);
    buf_append(&head, reader_bytes(body, here), here);
    in->to = to;
    party_begin(to, in, VD_AGENT_CLIPBOARD, head.data, head.len, prefix + (uint32_t)here + rest);
    buf_free(&head);
}

bool on_clipboard(struct inflow *in, uint32_t type, struct reader *body, uint32_t rest)
{
    struct hub *hub = in->from->hub;
    struct party *to;
    uint8_t selection;
    uint32_t kind;
    int i;

    if (!read_selection(in->from, body, &selection))
        return true;
    kind = reader_u32(body);
    i = reader_ok(body) ? find_request(hub, in->from, selection, kind) : -1;
    if (i < 0)
        return true;
    to = request_at(hub, (guint)i)->from;
    if (to && (to->source || !party_room(to)))
        return false;
    g_array_remove_index(hub->requests, (guint)i);
    if (to && takes_that_much(to, (uint32_t)reader_left(body) + rest))
        begin_answer(in, to, selection, kind, body, rest);
    else if (to)
        say_empty(to, selection);
    return true;
}

void clipboard_end(struct hub *self)
{
    for (uint8_t i = 0; i < HUB_SELECTIONS; i++) {
        if (self->selections[i].owner)
            release(self->selections[i].owner, i);
    }
}

/* ---- How much a client takes ---- */

void clipboard_tell_max(struct hub *self)
{
    int32_t most = 0;
    struct buf body = BUF_INIT;

    for (guint i = 0; i < self->clients->len; i++) {
        const struct hub_client *client = g_ptr_array_index(self->clients, i);
        most = most < 0 || client->max_clipboard < 0 ? -1 : MAX(most, client->max_clipboard);
    }
    if (!party_is_ready(&self->guest) || !party_has(&self->guest, VD_AGENT_CAP_MAX_CLIPBOARD) ||
        !self->clients->len)
        return;
    buf_i32(&body, most);
    party_send(&self->guest, VD_AGENT_MAX_CLIPBOARD, body.data, body.len);
    buf_free(&body);
}

bool on_max(struct inflow *in, uint32_t type, struct reader *body, uint32_t rest)
{
    struct hub_client *client = in->from->client;
    int32_t max = reader_i32(body);

    max = MAX(max, -1);
    if (client->max_clipboard != max) {
        client->max_clipboard = max;
        clipboard_tell_max(in->from->hub);
    }
    return true;
}

/* ---- Coming and going ---- */

void clipboard_replay(struct party *to)
{
    for (uint8_t i = 0; i < HUB_SELECTIONS; i++) {
        const struct selection *s = &to->hub->selections[i];
        if (s->owner && s->owner != to && shares(to, i))
            say_grab(to, i);
    }
}

void clipboard_leave(struct party *party)
{
    struct hub *hub = party->hub;

    for (guint i = 0; i < hub->requests->len; i++) {
        struct request *r = request_at(hub, i);
        if (r->from == party)
            r->from = NULL;
    }
    for (uint8_t i = 0; i < HUB_SELECTIONS; i++)
        release(party, i);
    for (guint i = hub->requests->len; i-- > 0;) {
        if (request_at(hub, i)->to == party)
            g_array_remove_index(hub->requests, i);
    }
}

/* An owner that does not answer holds up nobody for ever. */
void clipboard_tick(struct hub *self)
{
    for (guint i = self->requests->len; i-- > 0;) {
        struct request r = *request_at(self, i);
        if (r.until_us > self->now_us)
            continue;
        g_array_remove_index(self->requests, i);
        if (r.from)
            say_empty(r.from, r.selection);
    }
}
