/* SPDX-License-Identifier: MIT */
#include "clip.h"

#include <glib.h>
#include <spice/vd_agent.h>
#include <string.h>

#include "agent/hub.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/reader.h"

enum {
    HEADER_BYTES = 20,
    BODY_MAX = (1 << 20) + 8, /* kept; the rest of a longer one is dropped */
    TOKENS_WITHOUT_END = -1,
};

struct clip {
    struct hub *hub;
    struct hub_client *client;
    const struct clip_ops *ops;
    void *opaque;
    bool busy;     /* in clip_wake: what the hub has more of is seen there */
    bool ready;    /* the guest's capabilities are known */
    bool offers;   /* the host's text, if it has any, once all the news is in */
    bool crlf;     /* the guest's line ends */
    bool host_has; /* text */
    bool guest_has;
    unsigned guest_asked; /* answers owed to the guest */
    unsigned host_asked;  /* answers owed by it */
    uint32_t window;      /* messages the hub takes */
    struct buf in;        /* of the hub: header and body so far */
    uint32_t skip;        /* bytes of a body that is too long, or of another's message */
    struct buf out;       /* for the hub: whole messages, but for the first */
    size_t begun;         /* bytes of the first, of which the hub has some; 0: of none */
};

static void begin(struct clip *self);
static void announce(struct clip *self);

struct clip *clip_new(struct hub *hub, uint32_t id, const struct clip_ops *ops, void *opaque,
                      void *owner)
{
    struct clip *self = g_new0(struct clip, 1);

    *self = (struct clip){.hub = hub, .ops = ops, .opaque = opaque};
    self->client = hub_client_new(hub, id, true, owner);
    self->window = HUB_WINDOW;
    if (hub_guest_is_open(hub))
        begin(self);
    return self;
}

struct clip *clip_arrive(struct hub *hub, uint32_t id, const struct clip_ops *ops, void *opaque,
                         void *owner, const struct main_state *state,
                         const struct clip_words *words)
{
    struct clip *self = g_new0(struct clip, 1);

    *self = (struct clip){.hub = hub, .ops = ops, .opaque = opaque};
    self->client = hub_client_arrive(hub, id, true, owner, state);
    self->begun = words->begun;
    self->skip = words->skip;
    if (words->len)
        buf_append(&self->out, words->unsaid, words->len);
    else if (words->begun)
        memset(buf_extend(&self->out, words->begun), 0, words->begun);
    if (words->begun && !words->len)
        begin(self); /* the hub throws away what is said for the rest */
    else
        announce(self); /* which makes the hub begin anew once the rest is said */
    return self;
}

const struct hub_client *clip_client(const struct clip *self)
{
    return self->client;
}

struct clip_words clip_unsaid(const struct clip *self)
{
    return (struct clip_words){
        .unsaid = self->out.data, .len = self->out.len, .begun = self->begun};
}

void clip_free(struct clip *self)
{
    if (!self)
        return;
    hub_client_free(self->client);
    buf_free(&self->in);
    buf_free(&self->out);
    g_free(self);
}

bool clip_guest_offers(const struct clip *self)
{
    return self->guest_has;
}

/* The next n bytes of `out` are the hub's. */
static void count_begun(struct clip *self, size_t n)
{
    for (size_t at = 0, step; at < n; at += step) {
        if (!self->begun) {
            struct reader header = reader_make(self->out.data + at, self->out.len - at);

            reader_skip(&header, HEADER_BYTES - 4);
            self->begun = HEADER_BYTES + (size_t)reader_u32(&header);
        }
        step = MIN(self->begun, n - at);
        self->begun -= step;
    }
}

static void flush(struct clip *self)
{
    while (self->out.len && self->window) {
        uint8_t bytes[HUB_DATA_MAX];
        size_t n = MIN(self->out.len, sizeof(bytes));

        memcpy(bytes, self->out.data, n);
        count_begun(self, n);
        buf_consume(&self->out, n);
        self->window--;
        hub_client_data(self->client, bytes, n);
    }
}

static void say(struct clip *self, uint32_t type, const struct buf *body)
{
    buf_u32(&self->out, VD_AGENT_PROTOCOL);
    buf_u32(&self->out, type);
    buf_u64(&self->out, 0);
    buf_u32(&self->out, (uint32_t)body->len);
    if (body->len)
        buf_append(&self->out, body->data, body->len);
    flush(self);
}

static void say_word(struct clip *self, uint32_t type, uint32_t word)
{
    struct buf body = BUF_INIT;

    buf_u32(&body, word);
    say(self, type, &body);
    buf_free(&body);
}

static void say_nothing(struct clip *self, uint32_t type)
{
    const struct buf body = BUF_INIT;

    say(self, type, &body);
}

static void announce(struct clip *self)
{
    struct buf body = BUF_INIT;

    buf_u32(&body, 1);
    buf_u32(&body, 1u << VD_AGENT_CAP_CLIPBOARD_BY_DEMAND);
    say(self, VD_AGENT_ANNOUNCE_CAPABILITIES, &body);
    buf_free(&body);
}

void clip_offer(struct clip *self, bool has)
{
    bool had = self->host_has;

    self->host_has = has;
    if (has)
        self->guest_has = false;
    if (!self->ready)
        return;
    if (has)
        say_word(self, VD_AGENT_CLIPBOARD_GRAB, VD_AGENT_CLIPBOARD_UTF8_TEXT);
    else if (had)
        say_nothing(self, VD_AGENT_CLIPBOARD_RELEASE);
}

void clip_ask(struct clip *self)
{
    if (!self->ready || !self->guest_has) {
        self->ops->guest_gives(self->opaque, "", 0);
        return;
    }
    self->host_asked++;
    say_word(self, VD_AGENT_CLIPBOARD_REQUEST, VD_AGENT_CLIPBOARD_UTF8_TEXT);
}

void clip_give(struct clip *self, const char *text, size_t len)
{
    struct buf body = BUF_INIT;

    if (!self->guest_asked)
        return;
    self->guest_asked--;
    buf_u32(&body, len ? VD_AGENT_CLIPBOARD_UTF8_TEXT : VD_AGENT_CLIPBOARD_NONE);
    for (size_t i = 0; i < len; i++) {
        if (self->crlf && text[i] == '\n' && (i == 0 || text[i - 1] != '\r'))
            buf_u8(&body, '\r');
        buf_u8(&body, (uint8_t)text[i]);
    }
    say(self, VD_AGENT_CLIPBOARD, &body);
    buf_free(&body);
}

static void set_guest_has(struct clip *self, bool has)
{
    self->guest_has = has;
    self->host_has = self->host_has && !has;
    self->ops->guest_offers(self->opaque, has);
}

static void on_announce(struct clip *self, struct reader *body)
{
    uint32_t caps;

    reader_skip(body, 4);
    caps = reader_u32(body);
    if (!self->ready)
        log_info("the guest's agent answers");
    self->crlf = caps & (1u << VD_AGENT_CAP_GUEST_LINEEND_CRLF);
    self->ready = true;
    self->offers = true;
}

static void on_grab(struct clip *self, struct reader *body)
{
    bool text = false;

    while (reader_left(body) >= 4)
        text |= reader_u32(body) == VD_AGENT_CLIPBOARD_UTF8_TEXT;
    set_guest_has(self, text);
}

static void on_release(struct clip *self, struct reader *body)
{
    if (self->guest_has)
        set_guest_has(self, false);
}

static void on_request(struct clip *self, struct reader *body)
{
    self->guest_asked++;
    if (reader_u32(body) == VD_AGENT_CLIPBOARD_UTF8_TEXT && self->host_has)
        self->ops->guest_asks(self->opaque);
    else
        clip_give(self, "", 0);
}

/* From "\r\n" to "\n". */
static void give_host(struct clip *self, const char *text, size_t len)
{
    g_autofree char *lines = g_malloc(len + 1);
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        if (!self->crlf || text[i] != '\r' || i + 1 == len || text[i + 1] != '\n')
            lines[n++] = text[i];
    }
    self->ops->guest_gives(self->opaque, lines, n);
}

static void on_clipboard(struct clip *self, struct reader *body)
{
    uint32_t type = reader_u32(body);
    size_t len = reader_left(body);
    const uint8_t *text = reader_bytes(body, len);

    if (!self->host_asked)
        return;
    self->host_asked--;
    if (type == VD_AGENT_CLIPBOARD_UTF8_TEXT && text &&
        g_utf8_validate((const char *)text, len, NULL))
        give_host(self, (const char *)text, len);
    else
        self->ops->guest_gives(self->opaque, "", 0);
}

static const struct {
    uint32_t type;
    void (*handle)(struct clip *self, struct reader *body);
} messages[] = {
    {VD_AGENT_ANNOUNCE_CAPABILITIES, on_announce},
    {VD_AGENT_CLIPBOARD_GRAB, on_grab},
    {VD_AGENT_CLIPBOARD_RELEASE, on_release},
    {VD_AGENT_CLIPBOARD_REQUEST, on_request},
    {VD_AGENT_CLIPBOARD, on_clipboard},
};

static void handle(struct clip *self, uint32_t type, const uint8_t *bytes, size_t len)
{
    struct reader body = reader_make(bytes, len);

    if (!self->ready && type != VD_AGENT_ANNOUNCE_CAPABILITIES)
        return; /* for who was there before */
    for (size_t i = 0; i < G_N_ELEMENTS(messages); i++) {
        if (messages[i].type == type)
            messages[i].handle(self, &body);
    }
}

/* False: the message is not whole yet. */
static bool next_message(struct clip *self)
{
    struct reader header = reader_make(self->in.data, self->in.len);
    uint32_t type, size, kept;

    reader_skip(&header, 4);
    type = reader_u32(&header);
    reader_skip(&header, 8);
    size = reader_u32(&header);
    kept = MIN(size, (uint32_t)BODY_MAX);
    if (!reader_ok(&header) || reader_left(&header) < kept)
        return false;
    /* One that was cut is no text any more: it is handled as an empty one. */
    handle(self, type, self->in.data + HEADER_BYTES, kept < size ? 4 : kept);
    buf_consume(&self->in, HEADER_BYTES + kept);
    self->skip = size - kept;
    return true;
}

static void take(struct clip *self, const uint8_t *bytes, size_t len)
{
    do {
        size_t n = MIN(self->skip, len);
        self->skip -= (uint32_t)n;
        bytes += n;
        len -= n;
        if (len)
            buf_append(&self->in, bytes, len);
        len = 0;
        if (self->skip && self->in.len) { /* the rest of a long one is in already */
            n = MIN(self->skip, self->in.len);
            self->skip -= (uint32_t)n;
            buf_consume(&self->in, n);
        }
    } while (next_message(self));
}

/* A message that is begun is ended, whoever still wants it. */
static void begin(struct clip *self)
{
    buf_reset(&self->in);
    buf_truncate(&self->out, self->begun);
    self->skip = 0;
    hub_client_start(self->client, (uint32_t)TOKENS_WITHOUT_END);
    announce(self);
}

static void end(struct clip *self)
{
    bool had = self->guest_has;
    unsigned owed = self->host_asked;

    self->ready = self->guest_has = false;
    self->guest_asked = self->host_asked = 0;
    buf_reset(&self->in);
    buf_truncate(&self->out, self->begun);
    while (owed--)
        self->ops->guest_gives(self->opaque, "", 0);
    if (had)
        self->ops->guest_offers(self->opaque, false);
}

static void hear(struct clip *self, const struct hub_word *word)
{
    switch (word->kind) {
    case HUB_SAY_DISCONNECTED:
        end(self);
        break;
    case HUB_SAY_CONNECTED:
    case HUB_SAY_CONNECTED_TOKENS:
        self->window = HUB_WINDOW;
        begin(self);
        break;
    case HUB_SAY_TOKENS:
        self->window += word->tokens;
        flush(self);
        break;
    case HUB_SAY_DATA:
        take(self, word->bytes, word->len);
        break;
    }
}

/* What could only be done when all the news is in; true: there may be more of it. */
static bool follow_up(struct clip *self)
{
    bool offers = self->offers && self->host_has;

    self->offers = false;
    if (offers)
        clip_offer(self, true);
    return offers;
}

void clip_wake(struct clip *self)
{
    struct hub_word word;

    if (self->busy)
        return;
    self->busy = true;
    do {
        while (hub_client_next(self->client, &word))
            hear(self, &word);
    } while (follow_up(self));
    self->busy = false;
}
