/* SPDX-License-Identifier: MIT */
/* caravan agent: a host-side agent for QEMUs without SPICE. Who tells whom. */
#include <errno.h>
#include <glib-unix.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "agent/hub.h"
#include "base/buf.h"
#include "base/log.h"
#include "bus.h"
#include "check.h"
#include "clip.h"
#include "options.h"
#include "port.h"
#include "rfb.h"
#include "state.h"

enum {
    EXIT_USAGE = 1,
    EXIT_NO_START = 2,
    CLIP_ID = 1,
    RETRY_MS = 250, /* between attempts to connect */
    TICK_S = 1,
};

struct agent {
    struct options options;
    GMainLoop *main;
    struct hub *hub;
    struct clip *clip;
    struct port *port;    /* NULL: QEMU is not there */
    struct rfb *rfb;      /* NULL: its VNC server is not there */
    struct bus *bus;      /* NULL: not wanted */
    unsigned retry, drop; /* GLib's sources */
    bool waits;           /* for the state of an incoming VM */
    bool rfb_said;        /* why the VNC server is of no use */
};

static void connect_all(struct agent *self);

/* ---- The guest's port ---- */

static size_t port_room(void *opaque)
{
    struct agent *self = opaque;

    return self->waits ? 0 : hub_guest_room(self->hub);
}

static void port_bytes(void *opaque, const uint8_t *bytes, size_t len)
{
    struct agent *self = opaque;

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
    hub_guest_close(self->hub);
}

static void port_ended(void *opaque)
{
    struct agent *self = opaque;

    log_note("QEMU has closed the guest's port");
    lose_port(self);
    if (self->options.once)
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

    if (self->port)
        port_kick(self->port);
}

static void wake_client(void *owner)
{
    struct agent *self = owner;

    if (self->clip)
        clip_wake(self->clip);
}

static void client_garbage(void *owner, const char *reason)
{
    log_warn("the clipboard's side of the hub is confused: %s", reason);
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
    self->retry = self->retry ? self->retry : g_timeout_add(RETRY_MS, reconnect, self);
    return G_SOURCE_REMOVE;
}

/* QEMU shows the guest that its port was closed, and the guest's agent begins anew. It notices only
 * if the port stays closed for a moment. */
static void guest_garbage(void *opaque, const char *reason)
{
    struct agent *self = opaque;

    log_warn("the guest's agent is disconnected: %s", reason);
    if (!self->drop)
        self->drop = g_idle_add(drop_port, self);
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

    log_info("the guest has %s", has ? "text" : "no text");
    if (self->rfb)
        rfb_offer(self->rfb, has);
}

static void guest_asks(void *opaque)
{
    struct agent *self = opaque;

    log_info("the guest wants the text");
    if (self->rfb)
        rfb_ask(self->rfb);
    else
        clip_give(self->clip, "", 0);
}

static void guest_gives(void *opaque, const char *text, size_t len)
{
    struct agent *self = opaque;

    log_info("the guest gives %zu bytes of text", len);
    if (self->rfb)
        rfb_provide(self->rfb, text, len);
}

static const struct clip_ops clip_ops = {guest_offers, guest_asks, guest_gives};

static void rfb_ready(void *opaque)
{
    struct agent *self = opaque;

    self->rfb_said = false;
    log_note("sharing the clipboard of the VNC server at %s", self->options.vnc);
    if (clip_guest_offers(self->clip))
        rfb_offer(self->rfb, true);
}

static void rfb_offered(void *opaque, bool has)
{
    struct agent *self = opaque;

    log_info("a user of the VNC server has %s", has ? "text" : "no text");
    clip_offer(self->clip, has);
}

static void rfb_asked(void *opaque)
{
    struct agent *self = opaque;

    log_info("a user of the VNC server wants the guest's text");
    clip_ask(self->clip);
}

static void rfb_text(void *opaque, const char *text, size_t len)
{
    struct agent *self = opaque;

    log_info("a user of the VNC server gives %zu bytes of text", len);
    clip_give(self->clip, text, len);
}

static void rfb_ended(void *opaque, const char *why)
{
    struct agent *self = opaque;

    if (!self->rfb_said)
        log_warn("%s: %s", self->options.vnc, why);
    self->rfb_said = true;
    rfb_free(g_steal_pointer(&self->rfb));
    clip_offer(self->clip, false);
    clip_give(self->clip, "", 0);
    if (!self->retry)
        self->retry = g_timeout_add(RETRY_MS, reconnect, self);
}

static const struct rfb_ops rfb_ops = {rfb_ready, rfb_offered, rfb_asked, rfb_text, rfb_ended};

/* ---- Connections come when QEMU does ---- */

static void connect_port(struct agent *self)
{
    self->port = port_new(self->options.port, &port_ops, self);
    if (!self->port)
        return;
    log_note("connected to the guest's port at %s", self->options.port);
    if (!self->waits)
        hub_guest_open(self->hub);
    port_kick(self->port);
}

static void connect_all(struct agent *self)
{
    if (!self->port)
        connect_port(self);
    if (self->options.vnc && !self->rfb)
        self->rfb = rfb_new(self->options.vnc, &rfb_ops, self);
    if (!self->retry && (!self->port || (self->options.vnc && !self->rfb)))
        self->retry = g_timeout_add(RETRY_MS, reconnect, self);
}

/* ---- The state ---- */

static GBytes *on_save(void *opaque)
{
    struct agent *self = opaque;

    return state_save(self->hub, self->port);
}

/* Whatever it is, it is taken as well as can be: an error would end the VM. */
static void on_load(void *opaque, const guint8 *bytes, gsize len)
{
    struct agent *self = opaque;

    self->waits = false;
    clip_free(g_steal_pointer(&self->clip));
    hub_guest_close(self->hub);
    if (state_load(self->hub, self->port, bytes, len, CLIP_ID))
        log_note("state loaded: %" G_GSIZE_FORMAT " bytes", len);
    else
        hub_guest_open(self->hub);
    self->clip = clip_new(self->hub, CLIP_ID, &clip_ops, self, self);
    clip_wake(self->clip);
    if (self->port)
        port_kick(self->port);
}

static const struct bus_ops bus_ops = {on_save, on_load};

/* ---- The program ---- */

static gboolean on_signal(gpointer opaque)
{
    struct agent *self = opaque;

    g_main_loop_quit(self->main);
    return G_SOURCE_CONTINUE;
}

static GLogWriterOutput write_log(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                                  gpointer opaque)
{
    const struct options *options = opaque;
    GLogLevelFlags least = options->verbose ? G_LOG_LEVEL_INFO
                           : options->quiet ? G_LOG_LEVEL_WARNING
                                            : G_LOG_LEVEL_MESSAGE;

    if ((level & G_LOG_LEVEL_MASK) > least)
        return G_LOG_WRITER_HANDLED;
    for (gsize i = 0; i < n_fields; i++) {
        if (!strcmp(fields[i].key, "MESSAGE"))
            fprintf(stderr, "caravan agent: %s\n", (const char *)fields[i].value);
    }
    return G_LOG_WRITER_HANDLED;
}

static bool start(struct agent *self)
{
    g_autoptr(GError) error = NULL;

    self->hub = hub_new(&hub_ops, self);
    self->clip = clip_new(self->hub, CLIP_ID, &clip_ops, self, self);
    self->waits = self->options.incoming;
    if (self->options.bus) {
        self->bus = bus_new(self->options.bus, self->options.id, &bus_ops, self, &error);
        if (!self->bus) {
            fprintf(stderr, "caravan agent: %s cannot be made: %s\n", self->options.bus,
                    error->message);
            return false;
        }
    }
    connect_all(self);
    if (self->options.qmp)
        check_migration(self->options.qmp, self->options.id);
    return true;
}

static void stop(struct agent *self)
{
    if (self->drop)
        g_source_remove(self->drop);
    if (self->retry)
        g_source_remove(self->retry);
    bus_free(self->bus);
    rfb_free(self->rfb);
    clip_free(self->clip);
    port_free(self->port);
    hub_free(self->hub);
}

static int run(struct agent *self)
{
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

int main(int argc, char **argv)
{
    struct agent agent = {0};
    int status = EXIT_USAGE;

    setlocale(LC_ALL, "");
    g_set_prgname("caravan agent");
    g_log_set_writer_func(write_log, &agent.options, NULL);
    /* `caravan agent` starts this with the subcommand as first argument. */
    if (argc > 1 && !strcmp(argv[1], "agent")) {
        argv++;
        argc--;
    }
    if (options_parse(&agent.options, argc, argv) == OPTIONS_RUN)
        status = run(&agent);
    options_clear(&agent.options);
    return status;
}
