/* SPDX-License-Identifier: MIT */
/* The link to a compositor: what it knows, and the bytes to and fro. */
#include "wayland.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "source.h"
#include "wayland_impl.h"

static const char gone[] = "the Wayland compositor has closed the link";
static const char no_data_control[] =
    "the Wayland compositor has no data-control protocol (ext_data_control_v1 or wlr's), as "
    "GNOME's "
    "has none: share its X11 clipboard with --host-clipboard=x11, or use another compositor (sway, "
    "KDE's and others have it)";

void wayland_fail(struct wayland *self, const char *why)
{
    if (self->why)
        return;
    self->why = why;
    source_end(&self->readable);
    source_end(&self->writable);
    self->news->ended(self->opaque, why);
}

static gboolean on_writable(int fd, GIOCondition condition, void *opaque)
{
    struct wayland *self = opaque;

    source_end(&self->writable);
    wayland_flush(self);
    return G_SOURCE_REMOVE;
}

void wayland_flush(struct wayland *self)
{
    if (self->why || self->writable)
        return;
    if (wl_display_flush(self->display) < 0) {
        if (errno == EAGAIN)
            self->writable =
                source_fd(wl_display_get_fd(self->display), G_IO_OUT, on_writable, self);
        else
            wayland_fail(self, gone);
    } else if (self->undone) {
        wayland_clip_do(self);
        wayland_flush(self);
    }
}

static gboolean on_readable(int fd, GIOCondition condition, void *opaque)
{
    struct wayland *self = opaque;

    if (wl_display_dispatch_pending(self->display) >= 0 &&
        !wl_display_prepare_read(self->display) && wl_display_read_events(self->display) >= 0)
        wl_display_dispatch_pending(self->display);
    if (wl_display_get_error(self->display))
        wayland_fail(self, gone);
    wayland_flush(self);
    return G_SOURCE_CONTINUE;
}

/* ---- What the compositor has ---- */

static bool is_manager(const char *interface, bool *ext)
{
    *ext = !strcmp(interface, "ext_data_control_manager_v1");
    return *ext || !strcmp(interface, zwlr_data_control_manager_v1_interface.name);
}

static void on_global(void *opaque, struct wl_registry *registry, uint32_t name,
                      const char *interface, uint32_t version)
{
    struct wayland *self = opaque;
    bool ext;

    if (is_manager(interface, &ext) && !self->manager) {
        self->manager = wl_registry_bind(
            registry, name, ext ? &self->ext : &zwlr_data_control_manager_v1_interface, 1);
    } else if (!strcmp(interface, wl_seat_interface.name) && !self->seat) {
        self->seat = wl_registry_bind(registry, name, &wl_seat_interface, 1);
        self->seat_name = name;
    } else {
        return;
    }
    if (self->manager && self->seat && !self->device)
        wayland_clip_begin(self);
}

/* The seat's device tells of its end itself. */
static void on_global_remove(void *opaque, struct wl_registry *registry, uint32_t name)
{
    struct wayland *self = opaque;

    if (!self->seat || self->seat_name != name)
        return;
    wl_seat_destroy(self->seat);
    self->seat = NULL;
    wayland_clip_end(self);
}

static const struct wl_registry_listener registry_listener = {on_global, on_global_remove};

static void on_all_known(void *opaque, struct wl_callback *callback, uint32_t serial)
{
    struct wayland *self = opaque;

    wl_callback_destroy(self->all_known);
    self->all_known = NULL;
    if (self->manager)
        self->news->ready(self->opaque);
    else
        wayland_fail(self, no_data_control);
}

static const struct wl_callback_listener all_known_listener = {on_all_known};

/* ---- Beginning and end ---- */

static void block_sigpipe(void)
{
    sigset_t pipe;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
}

static void *wayland_connect(const char *where, const struct host_clip_news *news, void *opaque)
{
    struct wayland *self = g_new0(struct wayland, 1);

    block_sigpipe();
    self->news = news;
    self->opaque = opaque;
    self->next.best = self->offer.best = WAYLAND_NO_TEXT;
    self->text_ms = WAYLAND_TEXT_MS;
    self->ext = zwlr_data_control_manager_v1_interface;
    self->ext.name = "ext_data_control_manager_v1";
    snprintf(self->mark, sizeof(self->mark), "application/x-caravan-agent-%08x%08x", g_random_int(),
             g_random_int());
    self->display = wl_display_connect(where);
    if (!self->display) {
        wayland_fail(self, "the Wayland compositor cannot be reached (see WAYLAND_DISPLAY and "
                           "XDG_RUNTIME_DIR)");
        return self;
    }
    self->registry = wl_display_get_registry(self->display);
    wl_registry_add_listener(self->registry, &registry_listener, self);
    self->all_known = wl_display_sync(self->display);
    wl_callback_add_listener(self->all_known, &all_known_listener, self);
    self->readable =
        source_fd(wl_display_get_fd(self->display), G_IO_IN | G_IO_HUP, on_readable, self);
    wayland_flush(self);
    return self;
}

static void wayland_free(void *opaque)
{
    struct wayland *self = opaque;

    self->why = "freed";
    source_end(&self->readable);
    source_end(&self->writable);
    if (self->display) {
        wayland_clip_end(self);
        if (self->all_known)
            wl_callback_destroy(self->all_known);
        if (self->manager)
            zwlr_data_control_manager_v1_destroy(self->manager);
        if (self->seat)
            wl_seat_destroy(self->seat);
        wl_registry_destroy(self->registry);
        wl_display_disconnect(self->display);
    }
    g_free(self);
}

static void wayland_offer(void *opaque, bool has)
{
    struct wayland *self = opaque;

    if (self->why)
        return;
    self->wants = has;
    self->undone = true;
    wayland_flush(self);
}

static void wayland_ask(void *opaque)
{
    struct wayland *self = opaque;

    if (self->why)
        return;
    wayland_clip_ask(self);
    wayland_flush(self);
}

static void wayland_provide(void *opaque, const char *text, size_t len)
{
    struct wayland *self = opaque;

    if (!self->why)
        wayland_clip_provide(self, text, len);
}

const struct host_clip_ops wayland_link_ops = {
    .connect = wayland_connect,
    .free = wayland_free,
    .offer = wayland_offer,
    .ask = wayland_ask,
    .provide = wayland_provide,
};
