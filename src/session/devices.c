/* SPDX-License-Identifier: MIT */
#include "session/devices.h"

#include <glib.h>
#include <spice/enums.h>
#include <string.h>

#include "base/log.h"
#include "session/server_impl.h"
#include "session/session_agent.h"
#include "session/vmc.h"

#define WEBDAV_PORT "org.spice-space.webdav.0"
#define STREAM_PORT "org.spice-space.stream.0" /* pictures that the guest has encoded */

enum {
    QUEUE_MAX = 256 * 1024,
    AGENT_QUEUE_MAX = 2048, /* the hub has the rest: it can tell which of it is old */
};

struct device_server {
    size_t queue_max; /* bytes to the guest */
    /* Sets the user of a new device, or says in the log why it can't. */
    bool (*serve)(struct server *server, struct char_device *device, int id);
};

struct device_kind {
    const char *subtype;
    const struct device_server *server;
    int id; /* of its channel; -1: the next that is free */
};

struct devices {
    struct server *server;
    GPtrArray *list;          /* struct char_device */
    struct loop_timer *start; /* the VM runs: told from the loop, when its devices know it too */
};

/* Read and dropped: left unread, it would fill the device's ring and hold up the guest's writers.
 */
static void drop(void *owner)
{
    uint8_t bytes[4096];

    while (char_device_read(owner, bytes, sizeof(bytes))) {
    }
}

static const struct char_device_user nobody = {
    .readable = drop,
};

static bool serve_agent(struct server *server, struct char_device *device, int id)
{
    agent_attach(server->agent, device);
    return true;
}

static bool serve_nobody(struct server *server, struct char_device *device, int id)
{
    char_device_set_user(device, &nobody, device);
    return true;
}

static bool serve_usb(struct server *server, struct char_device *device, int id)
{
    return vmc_device_add(server->vmc, device, SPICE_CHANNEL_USBREDIR, id);
}

/* Clients would offer the same cards to every reader. */
static bool serve_card(struct server *server, struct char_device *device, int id)
{
    if (vmc_devices_have(server->vmc, SPICE_CHANNEL_SMARTCARD)) {
        log_note("a second smartcard device is left alone: one card reader is served");
        return serve_nobody(server, device, id);
    }
    char_device_set_messages(device, vmc_card_message_size);
    return vmc_device_add(server->vmc, device, SPICE_CHANNEL_SMARTCARD, id);
}

static bool serve_port(struct server *server, struct char_device *device, int id)
{
    const char *name = char_device_port_name(device);
    uint8_t type = SPICE_CHANNEL_PORT;

    if (!name) {
        log_warn("a port without a name is not taken");
        return false;
    }
    if (!strcmp(name, STREAM_PORT)) {
        log_note("port %s is left alone: streaming devices are not served", name);
        return serve_nobody(server, device, id);
    }
    if (!strcmp(name, WEBDAV_PORT))
        type = SPICE_CHANNEL_WEBDAV;
    return vmc_device_add(server->vmc, device, type, id);
}

static const struct device_server agents = {AGENT_QUEUE_MAX, serve_agent};
static const struct device_server smartcards = {QUEUE_MAX, serve_card};
static const struct device_server usb_sockets = {QUEUE_MAX, serve_usb};
static const struct device_server ports = {QUEUE_MAX, serve_port};

static const struct device_kind kinds[] = {
    {"port", &ports, -1},
#define VMC_SUBTYPE(name, server, id) {name, &server, id},
#include "proto/char_subtypes.h"
#undef VMC_SUBTYPE
};

static const struct device_kind *find_kind(const char *subtype)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (!strcmp(kinds[i].subtype, subtype))
            return &kinds[i];
    }
    return NULL;
}

/* A device may go while another is told. */
static void start_all(void *opaque)
{
    struct devices *self = opaque;
    bool running = self->server->vm_running;
    g_autoptr(GPtrArray) now = g_ptr_array_copy(self->list, NULL, NULL);

    for (guint i = 0; i < now->len; i++) {
        if (g_ptr_array_find(self->list, g_ptr_array_index(now, i), NULL))
            char_device_set_running(g_ptr_array_index(now, i), running);
    }
    if (running)
        vmc_devices_vm_started(self->server->vmc);
    else
        vmc_devices_vm_stopped(self->server->vmc);
}

struct devices *devices_new(struct server *server)
{
    struct devices *self = g_new0(struct devices, 1);

    self->server = server;
    self->list = g_ptr_array_new();
    self->start = loop_timer_add(server->loop, start_all, self);
    return self;
}

void devices_free(struct devices *self)
{
    if (!self)
        return;
    while (self->list->len)
        char_device_remove(g_ptr_array_steal_index(self->list, 0));
    g_ptr_array_free(self->list, TRUE);
    loop_timer_remove(self->start);
    g_free(self);
}

bool devices_add(struct devices *self, SpiceCharDeviceInstance *sin)
{
    const struct device_kind *kind = sin->subtype ? find_kind(sin->subtype) : NULL;
    struct char_device *device;

    sin->st = NULL;
    if (!sin->subtype) {
        log_warn("a character device without a subtype is not taken");
        return false;
    }
    if (!kind) {
        log_warn("a character device of the unknown subtype %s is left alone", sin->subtype);
        return true;
    }
    device = char_device_new(self->server->loop, sin, kind->server->queue_max);
    if (!kind->server->serve(self->server, device, kind->id)) {
        char_device_remove(device);
        return false;
    }
    g_ptr_array_add(self->list, device);
    char_device_set_running(device, self->server->vm_running);
    return true;
}

bool devices_remove(struct devices *self, SpiceCharDeviceInstance *sin)
{
    struct char_device *device = (struct char_device *)(void *)sin->st;

    if (!device)
        return true;
    if (!g_ptr_array_remove(self->list, device))
        return false;
    char_device_remove(device);
    return true;
}

void devices_follow_vm(struct devices *self)
{
    if (!self)
        return;
    if (self->server->vm_running)
        loop_timer_start(self->start, 0);
    else
        start_all(self);
}
