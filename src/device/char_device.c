/* SPDX-License-Identifier: MIT */
#include "device/char_device.h"

#include <glib.h>
#include <limits.h>
#include <spice/macros.h>
#include <spice/protocol.h>
#include <string.h>

#include "base/buf.h"
#include "loop/loop.h"

enum {
    WRITE_CHUNK = 16 * 1024,
    RETRY_MS = 100,  /* for hosts that do not say when there is room */
    MINOR_EVENT = 2, /* of the interface: when a member came */
    MINOR_FLAGS = 3,
};

struct char_device {
    SpiceCharDeviceInstance *sin; /* NULL: removed */
    const struct char_device_user *user;
    void *owner;
    struct buf queue;
    size_t queue_max;
    size_t (*message_size)(const uint8_t *bytes, size_t len); /* NULL: a stream of bytes */
    size_t message_left;                                      /* of the message that was begun */
    struct loop_timer *retry;
    unsigned calls;    /* under way into the host or the user */
    unsigned openings; /* how often it was opened or closed */
    bool open;
    bool running;
    bool writing; /* inside the host's write */
    bool starved; /* writable() is owed */
    bool port_opened;
};

static const SpiceCharDeviceInterface *interface_of(const struct char_device *self)
{
    return SPICE_CONTAINEROF(self->sin->base.sif, const SpiceCharDeviceInterface, base);
}

static void enter(struct char_device *self)
{
    self->calls++;
}

static void leave(struct char_device *self)
{
    if (--self->calls || self->sin)
        return;
    loop_timer_remove(self->retry);
    buf_free(&self->queue);
    g_free(self);
}

static bool says_when_writable(const struct char_device *self)
{
    const SpiceCharDeviceInterface *sif = interface_of(self);

    return sif->base.minor_version >= MINOR_FLAGS &&
           (sif->flags & SPICE_CHAR_DEVICE_NOTIFY_WRITABLE);
}

/* The guest may answer from within, and what it is answered be queued: so it is given a copy. */
static size_t write_chunk(struct char_device *self, size_t from)
{
    uint8_t chunk[WRITE_CHUNK];
    size_t len = MIN(self->queue.len - from, sizeof(chunk));
    int n;

    if (self->message_size && !self->message_left)
        self->message_left = self->message_size(self->queue.data + from, self->queue.len - from);
    if (self->message_size)
        len = MIN(len, self->message_left);
    memcpy(chunk, self->queue.data + from, len);
    self->writing = true;
    n = interface_of(self)->write(self->sin, chunk, (int)len);
    self->writing = false;
    len = n > 0 ? MIN((size_t)n, len) : 0;
    self->message_left -= MIN(len, self->message_left);
    return len;
}

/* Gives the guest what it takes. Between enter and leave. */
static void flush(struct char_device *self)
{
    unsigned openings = self->openings;
    size_t done = 0, n = 1;

    if (!self->sin || self->writing || !self->running || !interface_of(self)->write ||
        (!self->open && !self->message_size))
        return;
    while (n && self->sin && (self->message_size || openings == self->openings) &&
           done < self->queue.len) {
        n = write_chunk(self, done);
        if (self->message_size)
            buf_consume(&self->queue, n); /* the rest may have been dropped meanwhile */
        else
            done += n;
    }
    if (openings == self->openings)
        buf_consume(&self->queue, done);
    if (self->sin && self->queue.len && !says_when_writable(self))
        loop_timer_start(self->retry, RETRY_MS);
}

static void tell_writable(struct char_device *self)
{
    if (!self->sin || !self->starved || self->queue.len > self->queue_max / 2)
        return;
    self->starved = false;
    if (self->user && self->user->writable)
        self->user->writable(self->owner);
}

static void try_write(struct char_device *self)
{
    flush(self);
    tell_writable(self);
}

static void try_read(struct char_device *self)
{
    if (self->sin && self->running && self->user && self->user->readable)
        self->user->readable(self->owner);
}

static void on_retry(void *opaque)
{
    struct char_device *self = opaque;

    enter(self);
    try_write(self);
    leave(self);
}

struct char_device *char_device_new(struct loop *loop, SpiceCharDeviceInstance *sin,
                                    size_t queue_max)
{
    struct char_device *self = g_new0(struct char_device, 1);

    self->sin = sin;
    self->queue_max = queue_max;
    self->retry = loop_timer_add(loop, on_retry, self);
    sin->st = (SpiceCharDeviceState *)(void *)self;
    return self;
}

void char_device_remove(struct char_device *self)
{
    enter(self);
    self->sin->st = NULL;
    self->sin = NULL;
    loop_timer_cancel(self->retry);
    if (self->user && self->user->removed)
        self->user->removed(self->owner);
    self->user = NULL;
    leave(self);
}

void char_device_set_user(struct char_device *self, const struct char_device_user *user,
                          void *owner)
{
    self->user = user;
    self->owner = owner;
    self->starved = false;
}

const char *char_device_subtype(const struct char_device *self)
{
    return self->sin->subtype;
}

const char *char_device_port_name(const struct char_device *self)
{
    return self->sin->portname;
}

bool char_device_port_opened(const struct char_device *self)
{
    return self->port_opened;
}

void char_device_set_open(struct char_device *self, bool open)
{
    if (!self->sin || self->open == open)
        return;
    self->open = open;
    self->openings++;
    if (!open && !self->message_size) {
        buf_reset(&self->queue);
        loop_timer_cancel(self->retry);
    }
    enter(self);
    if (interface_of(self)->state)
        interface_of(self)->state(self->sin, open);
    if (open)
        try_write(self);
    leave(self);
}

bool char_device_is_open(const struct char_device *self)
{
    return self->open;
}

void char_device_set_messages(struct char_device *self,
                              size_t (*size)(const uint8_t *bytes, size_t len))
{
    self->message_size = size;
}

void char_device_drop_queue(struct char_device *self)
{
    buf_truncate(&self->queue, MIN(self->message_left, self->queue.len));
}

void char_device_set_running(struct char_device *self, bool running)
{
    self->running = running;
    if (running)
        char_device_wakeup(self);
}

size_t char_device_read(struct char_device *self, uint8_t *out, size_t max)
{
    int n;

    if (!self->sin || !self->running || !max || !interface_of(self)->read)
        return 0;
    enter(self);
    n = interface_of(self)->read(self->sin, out, (int)MIN(max, INT_MAX));
    leave(self);
    return n > 0 ? MIN((size_t)n, max) : 0;
}

/* Queues up to the bound; returns how many bytes. */
static size_t enqueue(struct char_device *self, const uint8_t *bytes, size_t len)
{
    size_t room = char_device_room(self), n = MIN(len, room);

    if (self->message_size && len > room)
        return 0;
    buf_append(&self->queue, bytes, n);
    return n;
}

size_t char_device_write(struct char_device *self, const uint8_t *bytes, size_t len)
{
    size_t done = 0, n;

    enter(self);
    do {
        n = self->open ? enqueue(self, bytes + done, len - done) : 0;
        done += n;
        flush(self);
    } while (n && done < len);
    self->starved = done < len;
    leave(self);
    return done;
}

size_t char_device_room(const struct char_device *self)
{
    return self->queue_max - MIN(self->queue.len, self->queue_max);
}

const struct buf *char_device_queue(const struct char_device *self)
{
    return &self->queue;
}

void char_device_send_event(struct char_device *self, uint8_t event)
{
    const SpiceCharDeviceInterface *sif = self->sin ? interface_of(self) : NULL;

    if (!sif || sif->base.minor_version < MINOR_EVENT || !sif->event)
        return;
    enter(self);
    sif->event(self->sin, event);
    leave(self);
}

void char_device_wakeup(struct char_device *self)
{
    enter(self);
    try_write(self);
    try_read(self);
    leave(self);
}

void char_device_port_event(struct char_device *self, uint8_t event)
{
    enter(self);
    if (event == SPICE_PORT_EVENT_OPENED)
        self->port_opened = true;
    else if (event == SPICE_PORT_EVENT_CLOSED)
        self->port_opened = false;
    if (self->user && self->user->port_event)
        self->user->port_event(self->owner, event);
    leave(self);
}
