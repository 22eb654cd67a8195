/* SPDX-License-Identifier: MIT */
#include "server_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/reader.h"

struct SpiceWatch {
    int fd, events;
    SpiceWatchFunc func;
    void *opaque;
    bool dead;
};

struct SpiceTimer {
    SpiceTimerFunc func;
    void *opaque;
    bool runs;
    int64_t at; /* ms of the test's clock */
};

/* Core interface functions get no context: one rig at a time answers them. */
static GPtrArray *watches, *timers;
static int64_t clock_ms;
static struct rig_told told;

struct rig {
    SpiceServer *server;
    SpiceMigrateInstance migrate;
    SpiceKbdInstance keyboard;
};

static unsigned rigs;

struct rig_link {
    struct rig *rig;
    int fd;
    struct buf in;
    size_t taken;
    bool closed;
};

static SpiceWatch *watch_add(int fd, int events, SpiceWatchFunc func, void *opaque)
{
    SpiceWatch *watch = g_new0(SpiceWatch, 1);

    *watch = (SpiceWatch){.fd = fd, .events = events, .func = func, .opaque = opaque};
    g_ptr_array_add(watches, watch);
    return watch;
}

static void watch_update_mask(SpiceWatch *watch, int events)
{
    watch->events = events;
}

static void watch_remove(SpiceWatch *watch)
{
    watch->dead = true;
}

static SpiceTimer *timer_add(SpiceTimerFunc func, void *opaque)
{
    SpiceTimer *timer = g_new0(SpiceTimer, 1);

    *timer = (SpiceTimer){.func = func, .opaque = opaque};
    g_ptr_array_add(timers, timer);
    return timer;
}

static void timer_start(SpiceTimer *timer, uint32_t ms)
{
    timer->runs = true;
    timer->at = clock_ms + ms;
}

static void timer_cancel(SpiceTimer *timer)
{
    timer->runs = false;
}

static void timer_remove(SpiceTimer *timer)
{
    g_ptr_array_remove(timers, timer);
    g_free(timer);
}

static void channel_event(int event, SpiceChannelEventInfo *info)
{
    told.connected += event == SPICE_CHANNEL_EVENT_CONNECTED;
    told.initialized += event == SPICE_CHANNEL_EVENT_INITIALIZED;
    told.secure += event == SPICE_CHANNEL_EVENT_INITIALIZED &&
                   (info->flags & SPICE_CHANNEL_EVENT_FLAG_TLS) != 0;
    told.disconnected += event == SPICE_CHANNEL_EVENT_DISCONNECTED;
}

static SpiceCoreInterface core = {
    .base = {SPICE_INTERFACE_CORE, "test", SPICE_INTERFACE_CORE_MAJOR, SPICE_INTERFACE_CORE_MINOR},
    .timer_add = timer_add,
    .timer_start = timer_start,
    .timer_cancel = timer_cancel,
    .timer_remove = timer_remove,
    .watch_add = watch_add,
    .watch_update_mask = watch_update_mask,
    .watch_remove = watch_remove,
    .channel_event = channel_event,
};

static void connect_complete(SpiceMigrateInstance *sin)
{
    told.connect_complete++;
}

static void end_complete(SpiceMigrateInstance *sin)
{
    told.end_complete++;
}

static const SpiceMigrateInterface migrate_interface = {
    .base = {SPICE_INTERFACE_MIGRATION, "test", SPICE_INTERFACE_MIGRATION_MAJOR,
             SPICE_INTERFACE_MIGRATION_MINOR},
    .migrate_connect_complete = connect_complete,
    .migrate_end_complete = end_complete,
};

static void push_scan(SpiceKbdInstance *sin, uint8_t byte)
{
    told.scans++;
}

static uint8_t get_leds(SpiceKbdInstance *sin)
{
    return 0;
}

static const SpiceKbdInterface keyboard_interface = {
    .base = {SPICE_INTERFACE_KEYBOARD, "test", SPICE_INTERFACE_KEYBOARD_MAJOR,
             SPICE_INTERFACE_KEYBOARD_MINOR},
    .push_scan_freg = push_scan,
    .get_leds = get_leds,
};

struct rig *rig_new_listening(int fd)
{
    struct rig *self = g_new0(struct rig, 1);

    if (!rigs++) {
        watches = g_ptr_array_new();
        timers = g_ptr_array_new();
        told = (struct rig_told){0};
    }
    self->migrate.base.sif = &migrate_interface.base;
    self->keyboard.base.sif = &keyboard_interface.base;
    self->server = spice_server_new();
    spice_server_set_noauth(self->server);
    spice_server_set_name(self->server, "rig");
    spice_server_set_seamless_migration(self->server, 1);
    G_GNUC_BEGIN_IGNORE_DEPRECATIONS
    assert_int_equal(spice_server_set_listen_socket_fd(self->server, fd), 0);
    G_GNUC_END_IGNORE_DEPRECATIONS
    assert_int_equal(spice_server_init(self->server, &core), 0);
    assert_int_equal(spice_server_add_interface(self->server, &self->migrate.base), 0);
    assert_int_equal(spice_server_add_interface(self->server, &self->keyboard.base), 0);
    return self;
}

struct rig *rig_new(void)
{
    return rig_new_listening(-1);
}

static void drop_dead(void)
{
    for (guint i = watches->len; i-- > 0;) {
        SpiceWatch *watch = watches->pdata[i];
        if (watch->dead) {
            g_ptr_array_remove_index(watches, i);
            g_free(watch);
        }
    }
}

void rig_free(struct rig *self)
{
    spice_server_destroy(self->server);
    drop_dead();
    if (!--rigs) {
        assert_int_equal(watches->len, 0);
        assert_int_equal(timers->len, 0);
        g_ptr_array_free(watches, TRUE);
        g_ptr_array_free(timers, TRUE);
    }
    g_free(self);
}

SpiceServer *rig_server(struct rig *self)
{
    return self->server;
}

const struct rig_told *rig_told(const struct rig *self)
{
    return &told;
}

static bool run_watch(SpiceWatch *watch)
{
    struct pollfd fd = {.fd = watch->fd};
    int events = 0;

    if (watch->dead)
        return false;
    fd.events = (watch->events & SPICE_WATCH_EVENT_READ ? POLLIN : 0) |
                (watch->events & SPICE_WATCH_EVENT_WRITE ? POLLOUT : 0);
    if (poll(&fd, 1, 0) <= 0)
        return false;
    if (fd.revents & (POLLIN | POLLHUP | POLLERR))
        events |= SPICE_WATCH_EVENT_READ;
    if (fd.revents & POLLOUT)
        events |= SPICE_WATCH_EVENT_WRITE;
    watch->func(watch->fd, events, watch->opaque);
    return true;
}

static bool fire_one(int64_t until)
{
    SpiceTimer *first = NULL;

    for (guint i = 0; i < timers->len; i++) {
        SpiceTimer *timer = timers->pdata[i];
        if (timer->runs && timer->at <= until && (!first || timer->at < first->at))
            first = timer;
    }
    if (!first)
        return false;
    first->runs = false;
    clock_ms = MAX(clock_ms, first->at);
    first->func(first->opaque);
    return true;
}

void rig_settle(struct rig *self)
{
    bool ran = true;

    for (int i = 0; ran; i++) {
        assert_true(i < 10000); /* it must come to rest */
        ran = false;
        for (guint w = 0; w < watches->len; w++)
            ran |= run_watch(watches->pdata[w]);
        drop_dead();
        ran |= fire_one(clock_ms);
    }
}

void rig_pass(struct rig *self, uint32_t ms)
{
    int64_t until = clock_ms + ms;

    rig_settle(self);
    while (fire_one(until))
        rig_settle(self);
    clock_ms = until;
}

/* Clients ------------------------------------------------------------------------------------ */

void rig_put_link(struct buf *out, uint32_t connection_id, uint8_t type, uint8_t id)
{
    const uint32_t common =
        1u << SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION | 1u << SPICE_COMMON_CAP_MINI_HEADER;

    buf_append(out, "REDQ", 4);
    buf_u32(out, 2);
    buf_u32(out, 2);
    buf_u32(out, 18 + 8);
    buf_u32(out, connection_id);
    buf_u8(out, type);
    buf_u8(out, id);
    buf_u32(out, 1);
    buf_u32(out, 1);
    buf_u32(out, 18);
    buf_u32(out, common);
    buf_u32(out, 0xf);
    buf_u32(out, SPICE_COMMON_CAP_AUTH_SPICE);
    memset(buf_extend(out, 128), 0, 128); /* no password is asked for */
}

static void read_some(struct rig_link *link)
{
    uint8_t bytes[4096];
    ssize_t n;

    rig_settle(link->rig);
    while ((n = recv(link->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        buf_append(&link->in, bytes, (size_t)n);
        rig_settle(link->rig);
    }
    if (n == 0 || (n < 0 && errno != EAGAIN))
        link->closed = true;
}

struct rig_link *rig_connect(struct rig *self, uint32_t connection_id, uint8_t type, uint8_t id,
                             uint32_t *result)
{
    struct rig_link *link = g_new0(struct rig_link, 1);
    struct buf out = BUF_INIT;
    struct reader in;
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    link->rig = self;
    link->fd = pair[0];
    assert_int_equal(spice_server_add_client(self->server, pair[1], 0), 0);
    rig_put_link(&out, connection_id, type, id);
    assert_int_equal(send(link->fd, out.data, out.len, MSG_NOSIGNAL), out.len);
    buf_free(&out);
    read_some(link);
    in = reader_make(link->in.data, link->in.len);
    reader_skip(&in, 12);
    reader_skip(&in, reader_u32(&in));
    *result = reader_u32(&in);
    assert_true(reader_ok(&in));
    buf_consume(&link->in, in.pos);
    if (*result == SPICE_LINK_ERR_OK)
        return link;
    rig_close(link);
    return NULL;
}

void rig_close(struct rig_link *link)
{
    if (!link)
        return;
    close(link->fd);
    rig_settle(link->rig);
    buf_free(&link->in);
    g_free(link);
}

void rig_send(struct rig_link *link, uint16_t type, const void *body, uint32_t size)
{
    struct buf out = BUF_INIT;
    ssize_t n;

    buf_u16(&out, type);
    buf_u32(&out, size);
    buf_append(&out, body, size);
    while (out.len) {
        n = send(link->fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        assert_true(n > 0); /* the server takes it */
        buf_consume(&out, (size_t)n);
        rig_settle(link->rig);
    }
    buf_free(&out);
    rig_settle(link->rig);
}

bool rig_try_send(struct rig_link *link, uint16_t type, const void *body, uint32_t size)
{
    struct buf out = BUF_INIT;
    ssize_t n;

    buf_u16(&out, type);
    buf_u32(&out, size);
    buf_append(&out, body, size);
    n = send(link->fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    buf_free(&out);
    rig_settle(link->rig);
    return n == (ssize_t)size + 6;
}

void rig_send_blind(struct rig_link *link, uint16_t type)
{
    struct buf out = BUF_INIT;

    for (int i = 0; i < 1000; i++) {
        buf_u16(&out, type);
        buf_u32(&out, 0);
    }
    /* A message cut in two by a full socket would be garbage, but it ends the link just as well. */
    if (send(link->fd, out.data, out.len, MSG_NOSIGNAL) < 0)
        assert_true(errno == EPIPE || errno == ECONNRESET);
    buf_free(&out);
    rig_settle(link->rig);
}

const uint8_t *rig_expect(struct rig_link *link, uint16_t type, uint32_t *size)
{
    struct reader in;
    const uint8_t *body;
    uint16_t got;
    uint32_t n;

    buf_consume(&link->in, link->taken);
    read_some(link);
    in = reader_make(link->in.data, link->in.len);
    got = reader_u16(&in);
    n = reader_u32(&in);
    body = reader_bytes(&in, n);
    assert_true(reader_ok(&in));
    assert_int_equal(got, type);
    link->taken = in.pos;
    if (size)
        *size = n;
    return body;
}

void rig_expect_nothing(struct rig_link *link)
{
    buf_consume(&link->in, link->taken);
    link->taken = 0;
    read_some(link);
    assert_int_equal(link->in.len, 0);
    assert_false(link->closed);
}

bool rig_is_closed(struct rig_link *link)
{
    read_some(link);
    return link->closed;
}

void rig_adopt(struct rig *self, struct rig_link *link)
{
    link->rig = self;
}
