/* SPDX-License-Identifier: MIT */
/* Cuts streams of bytes into agent messages and hands them to who understands them. */
#include <string.h>

#include "agent/hub_impl.h"
#include "base/log.h"

enum {
    FROM_SERVER = 0,
    FROM_GUEST = 1,
    FROM_CLIENT = 2,
    FROM_BOTH = FROM_GUEST | FROM_CLIENT,
};

enum agent_switch {
    NO_SWITCH,
    CLIPBOARD_SWITCH,
    FILE_SWITCH,
};

#define WHOLE UINT32_MAX

struct agent_row {
    uint32_t type;
    const char *name;
    unsigned from;
    uint32_t min, max, head;
    enum agent_switch needs;
    unsigned cap;
    agent_handler_fn *handle;
};

#define AGENT_MSG(NAME, from, min, max, head, needs, cap, handler)                                 \
    {VD_AGENT_##NAME, #NAME, from, min, max, head, needs, VD_AGENT_CAP_##cap, handler},
static const struct agent_row rows[] = {
#include "proto/agent_messages.h"
};
#undef AGENT_MSG

struct agent_header {
    uint32_t type, size;
};

static const struct agent_row *find_row(uint32_t type)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].type == type)
            return &rows[i];
    }
    return NULL;
}

static bool is_on(const struct hub *hub, enum agent_switch needs)
{
    switch (needs) {
    case NO_SWITCH:
        return true;
    case CLIPBOARD_SWITCH:
        return hub->switches.copy_paste;
    case FILE_SWITCH:
        return hub->switches.file_xfer;
    }
    return false;
}

/* NULL: the message is skipped. */
static const struct agent_row *accepted_row(const struct inflow *self, struct agent_header header)
{
    const struct agent_row *row = find_row(header.type);
    unsigned from = self->from->client ? FROM_CLIENT : FROM_GUEST;

    if (!row || !(row->from & from)) {
        log_debug("agent: message %u of the %s is not known, skipped", header.type,
                  party_name(self->from));
        return NULL;
    }
    if (header.size < row->min || header.size > row->max) {
        log_info("agent: %s of the %s has a wrong size (%u bytes), skipped", row->name,
                 party_name(self->from), header.size);
        return NULL;
    }
    if (!is_on(self->from->hub, row->needs))
        return NULL;
    if (self->from->client && !self->from->client->started)
        return NULL; /* the rest of a session that is over */
    if (!self->from->client || party_is_ready(&self->from->hub->guest) ||
        header.type == VD_AGENT_ANNOUNCE_CAPABILITIES || header.type == VD_AGENT_MONITORS_CONFIG)
        return row;
    return row->handle == on_setting ? NULL : row;
}

/* Passes on what there is of the open body; false when nothing more moves now. */
static bool pass(struct inflow *self)
{
    size_t n = MIN(self->in.len, self->left);

    if (self->to) {
        size_t room = party_room(self->to);

        self->held = n > room;
        n = MIN(n, room);
        if (n)
            party_put(self->to, self->in.data, n);
    }
    buf_consume(&self->in, n);
    self->left -= (uint32_t)n;
    if (n)
        self->from->moved_us = self->from->hub->now_us;
    if (self->left)
        return false;
    if (self->to) {
        struct party *to = self->to;

        self->to = NULL;
        party_end(to);
    }
    return true;
}

/* One message, or its head; false when more bytes are needed or it cannot go on now. */
static bool take(struct inflow *self, struct agent_header header)
{
    const struct agent_row *row = accepted_row(self, header);
    bool raw = row && transparent_takes(self) && row->handle != on_monitors;
    uint32_t head = row && !raw ? MIN(row->head, header.size) : 0;
    struct reader body;

    if (self->from->client && hub_guest_backlog(self->from->hub) > GUEST_LATER_MAX) {
        self->held = true;
        return false;
    }

    if (self->in.len - MESSAGE_HEADER < head)
        return false;
    self->type = header.type;
    self->to = NULL;
    if (row) {
        body = reader_make(self->in.data + MESSAGE_HEADER, head);
        self->left = header.size - head;
        if (raw ? !transparent_begin(self, header.type, header.size)
                : !row->handle(self, header.type, &body, self->left)) {
            self->held = true;
            self->left = 0;
            return false;
        }
    }
    log_debug("agent: %s of the %s, %u bytes%s", row ? row->name : "a message",
              party_name(self->from), header.size, row ? "" : ", skipped");
    self->left = header.size - head;
    buf_consume(&self->in, MESSAGE_HEADER + head);
    if (!self->left && self->to) {
        struct party *to = self->to;

        self->to = NULL;
        party_end(to);
    }
    return true;
}

bool inflow_run(struct inflow *self)
{
    bool more = true;

    self->held = false;
    while (more) {
        struct reader in = reader_make(self->in.data, self->in.len);
        struct agent_header header;
        uint32_t protocol;

        if (self->left) {
            more = pass(self);
            continue;
        }
        protocol = reader_u32(&in);
        header.type = reader_u32(&in);
        reader_u64(&in);
        header.size = reader_u32(&in);
        if (!reader_ok(&in))
            return true;
        if (protocol != VD_AGENT_PROTOCOL)
            return false;
        more = take(self, header);
    }
    return true;
}

void inflow_clear(struct inflow *self)
{
    buf_free(&self->in);
    self->left = 0;
    self->to = NULL;
    self->held = false;
}
