/* SPDX-License-Identifier: MIT */
/* caravan agent: a host-side agent for QEMUs without SPICE. Who tells whom. */
#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <string.h>

#include "agent.h"
#include "agent/hub.h"
#include "base/buf.h"
#include "base/log.h"
#include "bus.h"
#include "clip.h"
#include "monitor.h"
#include "options.h"
#include "port.h"
#include "rfb.h"
#include "share.h"
#include "state.h"

enum {
    EXIT_NO_START = 2,
    CLIP_ID = 1,
    RETRY_MS = 250, /* between attempts to connect */
    ANEW_MS = 1000, /* the port stays closed for a guest that comes without a state */
    VNC_S = 5,      /* QEMU's VNC server may take longer to be there than the port */
    TICK_S = 1,
    REPEATS = 2, /* offers to VNC users who come: after a second, and for slow ones later */
    REPEAT_S = 4,
    STATE_S = 2, /* how long a state may take to come once QEMU looks for who takes it */
};

static const char without_state[] = "the VM has come without a state";

struct agent {
    const struct options *options;
    GMainLoop *main;
    struct hub *hub;
    struct clip *clip;
    struct port *port;       /* NULL: QEMU is not there */
    struct share *share;     /* the clipboard's parties on the host */
    struct share_party *vnc; /* NULL: not wanted */
    struct bus *bus;         /* NULL: not wanted */
    struct monitor *monitor; /* of the QEMU that is there */
    struct buf early;        /* what the guest said before a move, until there is a port */
    /* GLib's sources. */
    unsigned retry, drop, renew, late, resume, repeat, no_vnc;
    unsigned repeats; /* still to come */
    bool waits;       /* for the state of an incoming VM: nothing is said to the guest */
    bool arrived;     /* its state is in, its port is not there yet */
    bool deaf;        /* what the hub says meanwhile is heard afterwards, or not at all */
    bool port_said;   /* why the port is */
    bool incoming;    /* the VM that is waited with comes, or may */
    bool anew;        /* the port is about to be opened anew: there is nothing to wait for */
};

static void connect_all(struct agent *self);
static void connect_port(struct agent *self);
static void drop_soon(struct agent *self);
static void set_clip(struct agent *self, const struct state *state);

/* ---- Waiting for a state ---- */

static void stop_waiting(struct agent *self)
{
    self->waits = false;
    if (self->late)
        g_source_remove(self->late);
    self->late = 0;
}

/* A guest that comes may stand in the middle of what another agent said: it is to begin anew. */
static void begin_without_state(struct agent *self, const char *why)
{
    if (!self->waits)
        return;
    stop_waiting(self);
    if (self->incoming) {
        log_note("%s: the guest's agent is connected anew", why);
        self->incoming = false;
        self->anew = true;
        drop_soon(self);
        return;
    }
    log_info("%s: no state is waited for", why);
    hub_guest_open(self->hub);
    port_kick(self->port);
}

static gboolean on_late(gpointer opaque)
{
    struct agent *self = opaque;

    self->late = 0;
    begin_without_state(self, without_state);
    return G_SOURCE_REMOVE;
}

/* QEMU takes the connection before it lets the guest run: later, the guest would find its port
 * closed, and its agent would begin anew. */
static void on_looked_for(void *opaque)
{
    struct agent *self = opaque;

    if (!self->port)
        connect_port(self);
    if (self->waits && !self->late)
        self->late = g_timeout_add_seconds(STATE_S, on_late, self);
}

static void on_checked(void *opaque, enum monitor_vm vm)
{
    struct agent *self = opaque;

    self->incoming =
        self->waits && vm != MONITOR_THERE && (vm == MONITOR_COMES || self->options->incoming);
    if (!self->incoming)
        begin_without_state(self, "the VM waits for no migration");
}

static void on_runs(void *opaque)
{
    begin_without_state(opaque, without_state);
}

static bool on_bus(void *opaque)
{
    struct agent *self = opaque;

    return self->bus && bus_in_use(self->bus);
}

static gboolean offer_again(gpointer opaque)
{
    struct agent *self = opaque;

    self->repeats--;
    if (self->vnc)
        share_repeat(self->vnc);
    self->repeat = self->repeats ? g_timeout_add_seconds(REPEAT_S, offer_again, self) : 0;
    return G_SOURCE_REMOVE;
}

/* QEMU tells those who come of no offer that was made before, and not when one is ready for it: he
 * has yet to say that he knows Extended Clipboard. */
static void on_vnc_user(void *opaque)
{
    struct agent *self = opaque;

    if (self->repeat)
        g_source_remove(self->repeat);
    self->repeats = REPEATS;
    self->repeat = g_timeout_add_seconds(1, offer_again, self);
}

static const struct monitor_ops monitor_ops = {on_checked, on_runs, on_vnc_user, on_bus};

/* ---- The guest's port ---- */

static size_t port_room(void *opaque)
{
    struct agent *self = opaque;

    return self->waits ? HUB_READ_MAX : hub_guest_room(self->hub);
}

static void port_bytes(void *opaque, const uint8_t *bytes, size_t len)
{
    struct agent *self = opaque;

    begin_without_state(self, "the guest speaks already");
    if (!self->anew)
        hub_guest_feed(self->hub, bytes, len);
}

static const uint8_t *port_output(void *opaque, size_t *len)
{
    struct agent *self = opaque;

    *len = 0;
    return self->waits ? NULL : hub_guest_output(self->hub, len);
}

static void port_taken(void *opaque, size_t len)
{
    struct agent *self = opaque;

    hub_guest_taken(self->hub, len);
}

static void lose_port(struct agent *self)
{
    port_free(g_steal_pointer(&self->port));
    monitor_free(g_steal_pointer(&self->monitor));
    stop_waiting(self);
    hub_guest_close(self->hub);
}

static void port_ended(void *opaque)
{
    struct agent *self = opaque;

    log_note("QEMU has closed the guest's port");
    lose_port(self);
    if (self->options->once)
        g_main_loop_quit(self->main);
    else
        connect_all(self);
}

static const struct port_ops port_ops = {port_room, port_bytes, port_output, port_taken,
                                         port_ended};

/* ---- The hub ---- */

static void wake_guest(void *opaque)
{
    struct agent *self = opaque;

    if (self->port && !self->deaf)
        port_kick(self->port);
}

static void wake_client(void *owner)
{
    struct agent *self = owner;

    if (self->clip && !self->deaf)
        clip_wake(self->clip);
}

static gboolean renew_clip(gpointer opaque)
{
    struct agent *self = opaque;

    self->renew = 0;
    set_clip(self, NULL);
    return G_SOURCE_REMOVE;
}

/* What another's state had it say made no sense. */
static void client_garbage(void *owner, const char *reason)
{
    struct agent *self = owner;

    log_warn("the clipboard begins anew: %s", reason);
    if (!self->renew)
        self->renew = g_idle_add(renew_clip, self);
}

static gboolean reconnect(gpointer opaque)
{
    struct agent *self = opaque;

    self->retry = 0;
    connect_all(self);
    return G_SOURCE_REMOVE;
}

static gboolean drop_port(gpointer opaque)
{
    struct agent *self = opaque;

    self->drop = 0;
    if (self->port)
        lose_port(self);
    if (self->retry)
        g_source_remove(self->retry);
    self->retry = g_timeout_add(self->anew ? ANEW_MS : RETRY_MS, reconnect, self);
    return G_SOURCE_REMOVE;
}

/* Not from within what the port or the hub says. */
static void drop_soon(struct agent *self)
{
    if (!self->drop)
        self->drop = g_idle_add(drop_port, self);
}

/* QEMU shows the guest that its port was closed, and the guest's agent begins anew. It notices only
 * if the port stays closed for a moment. */
static void guest_garbage(void *opaque, const char *reason)
{
    struct agent *self = opaque;

    log_warn("the guest's agent is disconnected: %s", reason);
    drop_soon(self);
}

static void changed(void *opaque)
{
}

static bool no_monitors(void *opaque, const uint8_t *config, size_t len)
{
    return false;
}

static void no_device_info(void *opaque, struct buf *out)
{
}

static const struct hub_ops hub_ops = {
    .wake_guest = wake_guest,
    .wake_client = wake_client,
    .client_garbage = client_garbage,
    .guest_garbage = guest_garbage,
    .changed = changed,
    .monitors = no_monitors,
    .device_info = no_device_info,
};

static gboolean on_tick(gpointer opaque)
{
    struct agent *self = opaque;

    hub_tick(self->hub, g_get_monotonic_time());
    return G_SOURCE_CONTINUE;
}

/* ---- The clipboard ---- */

static void guest_offers(void *opaque, bool has)
{
    struct agent *self = opaque;

    share_guest_offers(self->share, has);
}

static void guest_asks(void *opaque)
{
    struct agent *self = opaque;

    share_guest_asks(self->share);
}

static void guest_gives(void *opaque, const char *text, size_t len)
{
    struct agent *self = opaque;

    share_guest_gives(self->share, text, len);
}

static const struct clip_ops clip_ops = {guest_offers, guest_asks, guest_gives};

static void host_offers(void *opaque, bool has)
{
    struct agent *self = opaque;

    if (self->clip)
        clip_offer(self->clip, has);
}

static void host_asks(void *opaque)
{
    struct agent *self = opaque;

    if (self->clip)
        clip_ask(self->clip);
}

static void host_gives(void *opaque, const char *text, size_t len)
{
    struct agent *self = opaque;

    if (self->clip)
        clip_give(self->clip, text, len);
}

static const struct share_ops share_ops = {host_offers, host_asks, host_gives};

/* In the place of the one there is; state: it goes on from there. What the host was told of the
 * guest's clipboard does not hold any more. */
static void set_clip(struct agent *self, const struct state *state)
{
    clip_free(g_steal_pointer(&self->clip));
    share_guest_anew(self->share);
    if (state)
        self->clip = clip_arrive(self->hub, state->client ? state->client : CLIP_ID, &clip_ops,
                                 self, self, &state->main, &state->words);
    else
        self->clip = clip_new(self->hub, CLIP_ID, &clip_ops, self, self);
    clip_offer(self->clip, share_host_has(self->share));
    clip_wake(self->clip);
}

/* ---- Connections come when QEMU does ---- */

static void connect_monitor(struct agent *self)
{
    const struct monitor_setup setup = {self->options->qmp, self->options->id, self->options->bus};

    if (self->options->qmp)
        self->monitor = monitor_new(&setup, &monitor_ops, self);
}

/* A QEMU that is not there yet is none to complain of. */
static void no_port(struct agent *self)
{
    if (self->port_said)
        return;
    self->port_said = true;
    if (errno == ENOENT || errno == ECONNREFUSED)
        log_note("waiting for QEMU's socket of the guest's port at %s", self->options->port);
    else
        log_warn("the guest's port at %s: %s", self->options->port, g_strerror(errno));
}

/* QEMU is there, and makes all its sockets before long. */
static gboolean on_no_vnc(gpointer opaque)
{
    struct agent *self = opaque;

    self->no_vnc = 0;
    if (self->port && !share_is_connected(self->vnc))
        log_warn("no VNC server is at %s. Give QEMU -vnc unix:%s,id=agent", self->options->vnc,
                 self->options->vnc);
    return G_SOURCE_REMOVE;
}

/* The guest hears nothing before it is known whether it is about to come from another host. */
static void connect_port(struct agent *self)
{
    self->port = port_new(self->options->port, &port_ops, self);
    if (!self->port) {
        no_port(self);
        return;
    }
    log_note("connected to the guest's port at %s", self->options->port);
    self->port_said = false;
    if (self->vnc && !self->no_vnc)
        self->no_vnc = g_timeout_add_seconds(VNC_S, on_no_vnc, self);
    connect_monitor(self);
    self->waits = !self->arrived && !self->anew && (self->options->incoming || self->options->qmp);
    self->incoming = self->waits && self->options->incoming;
    self->anew = false;
    if (self->arrived)
        port_restore(self->port, self->early.data, self->early.len);
    buf_free(&self->early);
    self->arrived = false;
    if (!self->waits)
        hub_guest_open(self->hub);
    port_kick(self->port);
}

static void connect_all(struct agent *self)
{
    if (!self->port)
        connect_port(self);
    if (!self->retry && !self->port)
        self->retry = g_timeout_add(RETRY_MS, reconnect, self);
}

/* ---- The state ---- */

static gboolean resume(gpointer opaque)
{
    struct agent *self = opaque;

    self->resume = 0;
    clip_wake(self->clip);
    if (self->port)
        port_kick(self->port);
    return G_SOURCE_REMOVE;
}

static GBytes *on_save(void *opaque)
{
    struct agent *self = opaque;
    GBytes *state;

    self->deaf = true;
    state = state_save(self->hub, self->clip, self->port);
    self->deaf = false;
    if (!self->resume)
        self->resume = g_idle_add(resume, self);
    return state;
}

/* The bytes of the guest that came along are the next ones. */
static void take_over_port(struct agent *self, const struct agent_blob *blob)
{
    buf_reset(&self->early);
    self->arrived = !self->port;
    if (!self->port) {
        if (blob->in_len)
            buf_append(&self->early, blob->in, blob->in_len);
    } else if (!port_restore(self->port, blob->in, blob->in_len)) {
        log_warn("the guest has still to read what was said to it before it came: its agent is "
                 "connected anew (start with --incoming where a migration goes to)");
        drop_soon(self);
    }
}

/* What came made no sense; the guest learns that when the VM runs. */
static void wait_in_vain(struct agent *self)
{
    if (!self->port)
        return;
    self->waits = self->incoming = true;
    on_looked_for(self);
}

/* Whatever it is, it is taken as well as can be: an error would end the VM. */
static void on_load(void *opaque, const guint8 *bytes, gsize len)
{
    struct agent *self = opaque;
    struct state state;
    bool loaded = state_load(bytes, len, &state);

    stop_waiting(self);
    self->incoming = false;
    hub_tick(self->hub, g_get_monotonic_time());
    self->deaf = true; /* good-byes are not for the guest that comes */
    clip_free(g_steal_pointer(&self->clip));
    hub_guest_close(self->hub);
    self->deaf = false;
    if (!loaded)
        wait_in_vain(self);
    else if (self->port)
        hub_guest_open(self->hub);
    if (loaded)
        take_over_port(self, &state.blob);
    set_clip(self, loaded ? &state : NULL);
    if (self->port)
        port_kick(self->port);
    if (loaded)
        log_note("state loaded: %" G_GSIZE_FORMAT " bytes", len);
    state_clear(&state);
}

static const struct bus_ops bus_ops = {on_looked_for, on_save, on_load};

/* ---- The program ---- */

static gboolean on_signal(gpointer opaque)
{
    struct agent *self = opaque;

    g_main_loop_quit(self->main);
    return G_SOURCE_CONTINUE;
}

static bool start(struct agent *self)
{
    g_autoptr(GError) error = NULL;

    self->hub = hub_new(&hub_ops, self);
    self->share = share_new(&share_ops, self);
    self->clip = clip_new(self->hub, CLIP_ID, &clip_ops, self, self);
    if (self->options->bus) {
        self->bus = bus_new(self->options->bus, self->options->id, &bus_ops, self, &error);
        if (!self->bus) {
            fprintf(stderr, "caravan agent: %s cannot be made: %s\n", self->options->bus,
                    error->message);
            return false;
        }
    }
    if (self->options->vnc)
        self->vnc = share_add(self->share, &rfb_clip_ops, self->options->vnc);
    if (self->options->desk)
        share_add(self->share, self->options->desk, self->options->desk_where);
    connect_all(self);
    return true;
}

static void stop(struct agent *self)
{
    const unsigned sources[] = {self->drop,   self->retry,  self->renew, self->late,
                                self->resume, self->repeat, self->no_vnc};

    for (size_t i = 0; i < G_N_ELEMENTS(sources); i++) {
        if (sources[i])
            g_source_remove(sources[i]);
    }
    monitor_free(self->monitor);
    bus_free(self->bus);
    share_free(self->share);
    clip_free(self->clip);
    port_free(self->port);
    hub_free(self->hub);
    buf_free(&self->early);
}

int agent_run(const struct options *options)
{
    struct agent agent = {.options = options};
    struct agent *self = &agent;
    unsigned tick = g_timeout_add_seconds(TICK_S, on_tick, self);
    unsigned terminated = g_unix_signal_add(SIGTERM, on_signal, self);
    unsigned interrupted = g_unix_signal_add(SIGINT, on_signal, self);
    bool started;

    self->main = g_main_loop_new(NULL, FALSE);
    started = start(self);
    if (started)
        g_main_loop_run(self->main);
    stop(self);
    g_source_remove(tick);
    g_source_remove(terminated);
    g_source_remove(interrupted);
    g_main_loop_unref(self->main);
    return started ? 0 : EXIT_NO_START;
}
