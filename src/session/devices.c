/* SPDX-License-Identifier: MIT */
#include "session/devices.h"

#include <glib.h>
#include <string.h>

#include "base/log.h"
#include "session/server_impl.h"
#include "session/session_agent.h"

enum {
    QUEUE_MAX = 256 * 1024,
    AGENT_QUEUE_MAX = 2048, /* the hub has the rest: it can tell which of it is old */
};

/* A new device: `serve` sets its user. */
struct device_kind {
    const char *subtype;
    size_t queue_max; /* bytes to the guest */
    void (*serve)(struct server *server, struct char_device *device);
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

static void serve_agent(struct server *server, struct char_device *device)
{
    agent_attach(server->agent, device);
}

static void serve_nobody(struct server *server, struct char_device *device)
{
    char_device_set_user(device, &nobody, device);
}

static const struct device_kind kinds[] = {
    {"vdagent", AGENT_QUEUE_MAX, serve_agent},
    {"smartcard", QUEUE_MAX, serve_nobody},
    {"usbredir", QUEUE_MAX, serve_nobody},
    {"port", QUEUE_MAX, serve_nobody},
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
    device = char_device_new(self->server->loop, sin, kind->queue_max);
    g_ptr_array_add(self->list, device);
    kind->serve(self->server, device);
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
