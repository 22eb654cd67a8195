/* SPDX-License-Identifier: MIT */
#include "session/hearing.h"

#include <glib.h>

#include "session/server_impl.h"

struct hearing {
    struct server *server;
    struct loop_timer *still; /* runs while QEMU has stopped the VM without telling */
    struct loop_timer *pace;  /* runs while keys < HEARING_KEYS */
    bool asleep;              /* stopped, never told: a guest that sleeps hears keys */
    bool waits;               /* `still` runs */
    unsigned keys;            /* scan codes that there is room for */
};

/* QEMU's, which its own SPICE module uses too; other programs have none. */
extern bool runstate_is_running(void) __attribute__((weak));

static bool stopped_untold(void)
{
    return runstate_is_running && !runstate_is_running();
}

static void on_still(void *opaque)
{
    struct hearing *self = opaque;

    self->waits = false;
    self->asleep = true;
    server_release_inputs(self->server);
}

static void on_pace(void *opaque)
{
    struct hearing *self = opaque;

    self->keys = MIN(self->keys + HEARING_TICK_KEYS, HEARING_KEYS);
    server_release_inputs(self->server);
    if (self->keys < HEARING_KEYS)
        loop_timer_start(self->pace, HEARING_TICK_MS);
}

struct hearing *hearing_new(struct server *server)
{
    struct hearing *self = g_new0(struct hearing, 1);

    self->server = server;
    self->still = loop_timer_add(server->loop, on_still, self);
    self->pace = loop_timer_add(server->loop, on_pace, self);
    self->keys = HEARING_KEYS;
    return self;
}

void hearing_free(struct hearing *self)
{
    if (!self)
        return;
    loop_timer_remove(self->still);
    loop_timer_remove(self->pace);
    g_free(self);
}

void hearing_vm_changed(struct hearing *self)
{
    loop_timer_cancel(self->still);
    self->waits = false;
    self->asleep = false;
}

bool hearing_vm_hears(struct hearing *self)
{
    if (!self->server->vm_running)
        return false;
    if (self->asleep || !stopped_untold())
        return true;
    if (!self->waits)
        loop_timer_start(self->still, HEARING_STILL_MS);
    self->waits = true;
    return false;
}

bool hearing_takes_key(struct hearing *self)
{
    if (self->keys == HEARING_KEYS)
        loop_timer_start(self->pace, HEARING_TICK_MS);
    if (self->keys)
        self->keys--;
    else
        return false;
    return true;
}
