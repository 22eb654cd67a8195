/* SPDX-License-Identifier: MIT */
/* The guest's port: chunks in ("vd_agent.h", VDIChunkHeader), the pointer out. */
#include <string.h>

#include "agent/hub_impl.h"
#include "base/log.h"

static struct inflow *inflow_of(struct hub *self, uint32_t port)
{
    return port == VDP_CLIENT_PORT ? &self->guest.in : &self->server_port;
}

static bool begin_chunk(struct hub *self)
{
    struct reader in = reader_make(self->raw.data, self->raw.len);
    uint32_t port = reader_u32(&in);
    uint32_t size = reader_u32(&in);

    if (!reader_ok(&in))
        return false;
    if (port != VDP_CLIENT_PORT && port != VDP_SERVER_PORT) {
        self->garbage = "it names a port that there is not";
        return false;
    }
    buf_consume(&self->raw, CHUNK_HEADER);
    self->chunk_port = size ? port : 0;
    self->chunk_left = size;
    return true;
}

/* Moves bytes of the open chunk to its stream; false when nothing moves now. */
static bool move_chunk(struct hub *self)
{
    struct inflow *to = inflow_of(self, self->chunk_port);
    size_t n = MIN(self->raw.len, self->chunk_left);

    if (!n || to->in.len >= IN_MAX)
        return false;
    buf_append(&to->in, self->raw.data, n);
    buf_consume(&self->raw, n);
    self->chunk_left -= (uint32_t)n;
    if (!self->chunk_left)
        self->chunk_port = 0;
    if (!inflow_run(to))
        self->garbage = "it speaks another protocol";
    return true;
}

bool hub_run_guest(struct hub *self)
{
    size_t before = self->raw.len;
    bool full = !hub_guest_room(self);
    bool more = true;

    if (!inflow_run(&self->guest.in) || !inflow_run(&self->server_port))
        self->garbage = "it speaks another protocol";
    while (more && !self->garbage)
        more = self->chunk_port ? move_chunk(self) : begin_chunk(self);
    if (self->raw.len != before || (full && hub_guest_room(self)))
        self->guest.wake = true;
    return self->raw.len != before;
}

size_t hub_guest_room(const struct hub *self)
{
    bool waits = self->raw.len >= CHUNK_HEADER || self->guest.in.held || self->server_port.held ||
                 hub_guest_backlog(self) > GUEST_LATER_MAX;

    return self->state == GUEST_CLOSED || self->garbage || self->held || self->frozen || waits
               ? 0
               : HUB_READ_MAX;
}

void hub_guest_feed(struct hub *self, const uint8_t *bytes, size_t len)
{
    if (self->state == GUEST_CLOSED)
        return;
    buf_append(&self->raw, bytes, len);
    hub_run(self);
}

const uint8_t *hub_guest_output(const struct hub *self, size_t *len)
{
    *len = self->guest.out.len;
    return self->guest.out.data;
}

void hub_guest_taken(struct hub *self, size_t len)
{
    bool full = !hub_guest_room(self);

    buf_consume(&self->guest.out, MIN(len, self->guest.out.len));
    self->guest.wake |= full && hub_guest_room(self);
    self->guest.moved_us = self->now_us;
    hub_run(self);
}

/* ---- The pointer ---- */

bool hub_takes_mouse(const struct hub *self)
{
    return self && self->switches.mouse && self->state == GUEST_READY && !self->frozen &&
           (self->guest.caps & CAP(MOUSE_STATE));
}

static void put_mouse(struct hub *self)
{
    struct buf *out = hub_put_server(self, VD_AGENT_MOUSE_STATE, 13);

    buf_u32(out, self->mouse.x);
    buf_u32(out, self->mouse.y);
    buf_u32(out, self->mouse.buttons);
    buf_u8(out, self->mouse.display);
    self->mouse.dirty = false;
}

/* The newest place counts, while the guest has not read the last one; it goes along in a move. */
void hub_flush_mouse(struct hub *self)
{
    if (self->mouse.dirty && (self->frozen || self->guest.out.len < HUB_DATA_MAX))
        put_mouse(self);
}

/* QEMU's order is left, right, middle; side and extra stand where the agent has them. */
static uint32_t agent_buttons(uint32_t buttons, int wheel)
{
    return (buttons & 1 ? VD_AGENT_LBUTTON_MASK : 0) | (buttons & 2 ? VD_AGENT_RBUTTON_MASK : 0) |
           (buttons & 4 ? VD_AGENT_MBUTTON_MASK : 0) | (wheel < 0 ? VD_AGENT_UBUTTON_MASK : 0) |
           (wheel > 0 ? VD_AGENT_DBUTTON_MASK : 0) |
           (buttons & (VD_AGENT_SBUTTON_MASK | VD_AGENT_EBUTTON_MASK));
}

/* A button must not be lost behind a later place. */
static void set_mouse(struct hub *self, struct mouse wanted)
{
    if (!hub_takes_mouse(self) || self->guest.out.len > GUEST_LATER_MAX)
        return;
    if (self->mouse.dirty && self->mouse.buttons != wanted.buttons)
        put_mouse(self);
    self->mouse = wanted;
}

void hub_mouse_to(struct hub *self, uint32_t x, uint32_t y, uint32_t buttons, uint8_t display)
{
    set_mouse(self, (struct mouse){true, true, x, y, agent_buttons(buttons, 0), display});
    hub_run(self);
}

/* The wheel is a button that is let go at once. */
void hub_mouse_buttons(struct hub *self, uint32_t buttons, int wheel)
{
    struct mouse now = self->mouse;

    if (!now.known) /* a click must not go to a corner */
        return;
    now.dirty = true;
    now.buttons = agent_buttons(buttons, wheel);
    set_mouse(self, now);
    now.buttons = agent_buttons(buttons, 0);
    set_mouse(self, now);
    hub_run(self);
}
