/* SPDX-License-Identifier: MIT */
/* The parts of a server; for src/session and src/migrate only. */
#ifndef CARAVAN_SESSION_SERVER_IMPL_H
#define CARAVAN_SESSION_SERVER_IMPL_H

#include <glib.h>

#include "display/display.h"
#include "loop/loop.h"
#include "session/client.h"
#include "session/server.h"

struct agent;
struct hearing;
struct devices;
struct linker;
struct move;
struct vmc_devices;

/* A QXL device and its display. */
struct screen {
    struct server *server;
    QXLInstance *qxl;
    struct display *display;
    uint32_t width, height; /* of the primary surface; 0: none */
    char *address;          /* of the device, as the guest sees it; NULL: unknown */
    uint32_t first_output, n_outputs;
};

struct server {
    struct settings settings;
    struct loop *loop;
    SpiceCoreInterface *core;

    struct linker *linker;
    GPtrArray *clients; /* struct client, in order of arrival; owned */
    GPtrArray *screens; /* struct screen; owned */
    struct move *move;
    struct devices *devices;
    struct vmc_devices *vmc;
    struct agent *agent;

    SpiceKbdInstance *keyboard;
    SpiceMouseInstance *mouse;
    SpiceTabletInstance *tablet;
    uint32_t mouse_mode; /* SPICE_MOUSE_MODE_* */
    uint8_t leds;

    bool vm_running;
    int64_t vm_started_us; /* 0: never */
    struct loop_timer *ping;
    struct hearing *hearing;
    unsigned brisk_pings; /* that are still to come */
};

/* mouse.c */
uint32_t mouse_modes_supported(const struct server *self);
void mouse_set_mode(struct server *self, uint32_t mode);
/* A tablet or a screen came, left or changed its size. */
void mouse_update(struct server *self);

/* ms; what clients play sound and video by */
uint32_t server_multi_media_time(void);

/* Links ahead of a move are for a VM that has not started, or just has. */
bool server_takes_arrivals(const struct server *self);

/* The guest may hear what was kept for it. */
void server_release_inputs(struct server *self);

/* A client has come by a seamless move. spice-gtk keeps its main link to the source open until
 * something comes from the target, and the source lives as long: so pings come soon and often. */
void server_ping_briskly(struct server *self);

struct screen *server_screen(const struct server *self, uint8_t id);

#endif
