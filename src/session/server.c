/* SPDX-License-Identifier: MIT */
#include "session/server.h"

#include <spice/enums.h>
#include <string.h>

#include "agent/hub.h"
#include "base/log.h"
#include "channel/main.h"
#include "migrate/move.h"
#include "session/hearing.h"
#include "session/devices.h"
#include "session/linker.h"
#include "session/server_impl.h"
#include "session/session_agent.h"
#include "session/vmc.h"

enum {
    PING_MS = 5 * 1000,
    ARRIVAL_GRACE_S = 30, /* after the guest started, a move's links may still come */
    BRISK_PING_MS = 100,
    BRISK_PINGS = 20,
    MEDIA_DELAY_MS = 400, /* clients' clock runs behind ours, so that nothing comes too late */
};

static void on_ping(void *opaque);

struct server *server_new(void)
{
    struct server *self = g_new0(struct server, 1);

    settings_init(&self->settings);
    self->clients = g_ptr_array_new();
    self->screens = g_ptr_array_new();
    self->mouse_mode = SPICE_MOUSE_MODE_SERVER;
    return self;
}

bool server_init(struct server *self, SpiceCoreInterface *core)
{
    if (self->loop) {
        log_warn("the server is initialised already");
        return false;
    }
    self->core = core;
    self->loop = loop_new_core(core);
    if (!self->loop)
        return false;
    self->move = move_new(self);
    self->vmc = vmc_devices_new(self);
    self->agent = agent_new(self);
    self->devices = devices_new(self);
    self->ping = loop_timer_add(self->loop, on_ping, self);
    loop_timer_start(self->ping, PING_MS);
    self->hearing = hearing_new(self);
    self->linker = linker_new(self);
    log_info("Caravan %s", CARAVAN_VERSION);
    return self->linker != NULL;
}

/* What the worker said before it ended is heard before the screen goes. */
static void screen_free(struct screen *screen)
{
    display_free(screen->display);
    loop_drain(screen->server->loop);
    g_free(screen->address);
    g_free(screen);
}

void server_free(struct server *self)
{
    if (!self)
        return;
    linker_free(self->linker);
    for (guint i = 0; i < self->screens->len; i++)
        screen_free(g_ptr_array_index(self->screens, i));
    g_ptr_array_set_size(self->screens, 0);
    if (self->loop) {
        clients_free_all(self);
        devices_free(self->devices);
        vmc_devices_free(self->vmc);
        agent_free(self->agent);
        move_free(self->move);
        loop_timer_remove(self->ping);
        hearing_free(self->hearing);
        loop_free(self->loop);
    }
    g_ptr_array_free(self->screens, TRUE);
    g_ptr_array_free(self->clients, TRUE);
    settings_clear(&self->settings);
    g_free(self);
}

struct settings *server_settings(struct server *self)
{
    return &self->settings;
}

uint32_t server_multi_media_time(void)
{
    return (uint32_t)(loop_now_us() / 1000 - MEDIA_DELAY_MS);
}

struct screen *server_screen(const struct server *self, uint8_t id)
{
    for (guint i = 0; i < self->screens->len; i++) {
        struct screen *screen = g_ptr_array_index(self->screens, i);
        if (screen->qxl->id == id)
            return screen;
    }
    return NULL;
}

bool server_takes_arrivals(const struct server *self)
{
    int64_t since = loop_now_us() - self->vm_started_us;

    return !self->vm_started_us || since < (int64_t)ARRIVAL_GRACE_S * G_USEC_PER_SEC;
}

static void on_ping(void *opaque)
{
    struct server *self = opaque;

    clients_end_stragglers(self);
    for (guint i = 0; i < self->clients->len; i++) {
        struct client *client = g_ptr_array_index(self->clients, i);
        struct main_link *link = client->main ? endpoint_main_link(client->main) : NULL;
        if (!link || !client->told || client->move.source != MOVE_STAY ||
            conn_phase(main_link_conn(link)) != CONN_ACTIVE)
            continue;
        /* A client that does not read gets no further pings. */
        if (conn_output(main_link_conn(link))->len)
            continue;
        conn_send_ping(main_link_conn(link), 1, (uint64_t)loop_now_us());
        conn_wake(main_link_conn(link));
    }
    if (self->brisk_pings)
        self->brisk_pings--;
    loop_timer_start(self->ping, self->brisk_pings ? BRISK_PING_MS : PING_MS);
}

void server_ping_briskly(struct server *self)
{
    self->brisk_pings = BRISK_PINGS;
    loop_timer_start(self->ping, BRISK_PING_MS);
}

bool server_add_client(struct server *self, int fd, bool tls, bool skip_auth)
{
    return self->linker && linker_add(self->linker, fd, tls, skip_auth);
}

bool server_set_ticket(struct server *self, const char *password, uint32_t lifetime_s,
                       bool fail_if_connected, bool disconnect_if_connected)
{
    if (self->clients->len && fail_if_connected) {
        log_note("the password stays as it is: a client is connected");
        return false;
    }
    if (!ticket_set(&self->settings.ticket, password, lifetime_s, loop_now_us() / G_USEC_PER_SEC)) {
        log_warn("the password is too long (at most %d bytes)", TICKET_PASSWORD_BYTES);
        return false;
    }
    if (disconnect_if_connected)
        clients_disconnect_all(self, "the password was changed with connected=disconnect");
    return true;
}

void server_set_compression(struct server *self, uint8_t setting)
{
    self->settings.image_compression = setting;
    for (guint i = 0; i < self->screens->len; i++) {
        struct screen *screen = g_ptr_array_index(self->screens, i);
        display_set_compression(screen->display, setting);
    }
}

unsigned server_num_clients(const struct server *self)
{
    return self->clients->len;
}

bool server_main_addr(const struct server *self, bool peer, struct sockaddr *addr, socklen_t *len)
{
    const struct client *client;
    const SpiceChannelEventInfo *info;
    const struct sockaddr_storage *from;
    socklen_t from_len;

    if (!self->clients->len)
        return false;
    client = g_ptr_array_index(self->clients, 0);
    if (!client->main)
        return false;
    info = client->main->info;
    from = peer ? &info->paddr_ext : &info->laddr_ext;
    from_len = peer ? info->plen_ext : info->llen_ext;
    memcpy(addr, from, MIN(*len, from_len));
    *len = from_len;
    return true;
}

static void on_display_closed(void *opaque, void *token, const char *reason)
{
    endpoint_gone(token, reason);
}

static void on_display_primary(void *opaque, uint32_t width, uint32_t height)
{
    struct screen *screen = opaque;

    screen->width = width;
    screen->height = height;
    if (width)
        mouse_update(screen->server);
}

static const struct display_events display_events = {
    .closed = on_display_closed,
    .primary = on_display_primary,
};

bool server_add_qxl(struct server *self, QXLInstance *qxl)
{
    const QXLInterface *interface = (const QXLInterface *)(const void *)qxl->base.sif;
    struct screen *screen;

    if (!self->loop || qxl->id < 0 || qxl->id > UINT8_MAX ||
        server_screen(self, (uint8_t)qxl->id)) {
        log_warn("QXL device %d is not taken: its id is in use or out of range", qxl->id);
        return false;
    }
    screen = g_new0(struct screen, 1);
    screen->server = self;
    screen->qxl = qxl;
    screen->display = display_new(qxl, self->loop, &display_events, screen);
    if (!screen->display) {
        g_free(screen);
        return false;
    }
    qxl->st = (QXLState *)(void *)screen->display;
    g_ptr_array_add(self->screens, screen);
    display_set_compression(screen->display, self->settings.image_compression);
    interface->attached_worker(qxl);
    interface->set_compression_level(qxl, 0);
    if (self->vm_running)
        display_start(screen->display);
    return true;
}

void server_set_device_info(struct server *self, QXLInstance *qxl, const char *address,
                            uint32_t first, uint32_t count)
{
    struct screen *screen =
        qxl->id >= 0 && qxl->id <= UINT8_MAX ? server_screen(self, (uint8_t)qxl->id) : NULL;

    if (!screen || screen->qxl != qxl)
        return;
    g_free(screen->address);
    screen->address = g_strdup(address);
    screen->first_output = first;
    screen->n_outputs = count;
    display_set_max_monitors(screen->display, count);
    hub_devices_changed(agent_hub(self->agent));
}

static void close_channel(struct server *self, uint8_t id)
{
    for (guint i = 0; i < self->clients->len; i++) {
        struct client *client = g_ptr_array_index(self->clients, i);
        for (guint j = client->endpoints->len; j-- > 0;) {
            struct endpoint *endpoint = g_ptr_array_index(client->endpoints, j);
            if (endpoint->request.channel_id == id &&
                (endpoint->request.channel_type == SPICE_CHANNEL_DISPLAY ||
                 endpoint->request.channel_type == SPICE_CHANNEL_CURSOR))
                endpoint_gone(endpoint, "its device was removed");
        }
    }
}

bool server_remove_qxl(struct server *self, QXLInstance *qxl)
{
    struct screen *screen =
        qxl->id >= 0 && qxl->id <= UINT8_MAX ? server_screen(self, (uint8_t)qxl->id) : NULL;

    if (!screen || screen->qxl != qxl)
        return false;
    g_ptr_array_remove(self->screens, screen);
    screen_free(screen);
    close_channel(self, (uint8_t)qxl->id);
    qxl->st = NULL;
    mouse_update(self);
    return true;
}

bool server_add_keyboard(struct server *self, SpiceKbdInstance *keyboard)
{
    if (self->keyboard)
        return false;
    self->keyboard = keyboard;
    return true;
}

bool server_add_mouse(struct server *self, SpiceMouseInstance *mouse)
{
    if (self->mouse)
        return false;
    self->mouse = mouse;
    return true;
}

bool server_add_tablet(struct server *self, SpiceTabletInstance *tablet)
{
    if (self->tablet)
        return false;
    self->tablet = tablet;
    mouse_update(self);
    return true;
}

bool server_remove_tablet(struct server *self, SpiceTabletInstance *tablet)
{
    if (self->tablet != tablet)
        return false;
    self->tablet = NULL;
    mouse_update(self);
    return true;
}

bool server_add_migration(struct server *self, SpiceMigrateInstance *migration)
{
    if (!self->move || move_interface(self->move))
        return false;
    move_set_interface(self->move, migration);
    return true;
}

bool server_remove_migration(struct server *self, SpiceMigrateInstance *migration)
{
    if (!self->move || move_interface(self->move) != migration)
        return false;
    move_set_interface(self->move, NULL);
    return true;
}

bool server_add_char_device(struct server *self, SpiceCharDeviceInstance *device)
{
    return self->devices && devices_add(self->devices, device);
}

bool server_remove_char_device(struct server *self, SpiceCharDeviceInstance *device)
{
    return self->devices && devices_remove(self->devices, device);
}

static struct endpoint *inputs_of(struct client *client)
{
    struct endpoint *endpoint = client_endpoint(client, SPICE_CHANNEL_INPUTS, 0);

    return endpoint && !endpoint->closing ? endpoint : NULL;
}

void server_release_inputs(struct server *self)
{
    for (guint i = 0; i < self->clients->len; i++) {
        struct endpoint *endpoint = inputs_of(g_ptr_array_index(self->clients, i));
        if (endpoint)
            endpoint_inputs_release(endpoint);
    }
}

void server_kbd_leds(struct server *self, uint8_t leds)
{
    self->leds = leds;
    for (guint i = 0; i < self->clients->len; i++) {
        struct endpoint *endpoint = inputs_of(g_ptr_array_index(self->clients, i));
        if (endpoint)
            endpoint_inputs_leds(endpoint, leds);
    }
}

bool server_is_server_mouse(const struct server *self)
{
    return self->mouse_mode == SPICE_MOUSE_MODE_SERVER;
}

void server_vm_start(struct server *self)
{
    self->vm_running = true;
    if (self->agent)
        agent_vm_started(self->agent);
    if (!self->vm_started_us)
        self->vm_started_us = loop_now_us();
    for (guint i = 0; i < self->screens->len; i++) {
        struct screen *screen = g_ptr_array_index(self->screens, i);
        display_start(screen->display);
    }
    hearing_vm_changed(self->hearing);
    server_release_inputs(self);
    devices_follow_vm(self->devices);
}

void server_vm_stop(struct server *self)
{
    self->vm_running = false;
    for (guint i = 0; i < self->screens->len; i++) {
        struct screen *screen = g_ptr_array_index(self->screens, i);
        display_stop(screen->display);
    }
    hearing_vm_changed(self->hearing);
    devices_follow_vm(self->devices);
}

bool server_migrate_connect(struct server *self, const char *host, int port, int secure_port,
                            const char *cert_subject)
{
    return self->move && move_connect(self->move, host, port, secure_port, cert_subject);
}

bool server_migrate_start(struct server *self)
{
    return self->move && move_start(self->move);
}

bool server_migrate_end(struct server *self, bool completed)
{
    return self->move && move_end(self->move, completed);
}

bool server_migrate_info(struct server *self, const char *host, int port, int secure_port,
                         const char *cert_subject)
{
    return self->move && move_info(self->move, host, port, secure_port, cert_subject);
}

bool server_migrate_switch(struct server *self)
{
    return self->move && move_switch(self->move);
}
