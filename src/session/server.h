/* SPDX-License-Identifier: MIT */
/*
 * The server as the ABI shell sees it. QEMU's main thread (or whoever holds its big lock) only.
 * Functions that return bool give false when the arguments or the moment are wrong, with the reason
 * in the log.
 */
#ifndef CARAVAN_SESSION_SERVER_H
#define CARAVAN_SESSION_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <spice.h>

#include "session/settings.h"

struct server;

struct server *server_new(void);

/* Starts to listen and to make keys. `core` is borrowed for the server's life. */
bool server_init(struct server *self, SpiceCoreInterface *core);

/* Disconnects everybody, stops the displays. */
void server_free(struct server *self);

/* The host's settings; those of listening count at server_init. */
struct settings *server_settings(struct server *self);

/* A connected socket becomes a client link, plain or with TLS (which must have been set up). Takes
 * the descriptor if it returns true. skip_auth: no ticket is asked. */
bool server_add_client(struct server *self, int fd, bool tls, bool skip_auth);

/* The password. Returns false, and nothing changes, if it is too long or fail_if_connected holds.
 */
bool server_set_ticket(struct server *self, const char *password, uint32_t lifetime_s,
                       bool fail_if_connected, bool disconnect_if_connected);

void server_set_compression(struct server *self, uint8_t setting);

unsigned server_num_clients(const struct server *self);

/* Address of the main link of the client that is here longest; false if there is none. */
bool server_main_addr(const struct server *self, bool peer, struct sockaddr *addr, socklen_t *len);

/* Devices. The instances are borrowed until they are removed. */
bool server_add_qxl(struct server *self, QXLInstance *qxl);
bool server_remove_qxl(struct server *self, QXLInstance *qxl);
/* Where the guest finds the device, and which of its outputs the device has. */
void server_set_device_info(struct server *self, QXLInstance *qxl, const char *address,
                            uint32_t first, uint32_t count);
bool server_add_keyboard(struct server *self, SpiceKbdInstance *keyboard);
bool server_add_mouse(struct server *self, SpiceMouseInstance *mouse);
bool server_add_tablet(struct server *self, SpiceTabletInstance *tablet);
bool server_remove_tablet(struct server *self, SpiceTabletInstance *tablet);
bool server_add_migration(struct server *self, SpiceMigrateInstance *migration);
bool server_remove_migration(struct server *self, SpiceMigrateInstance *migration);
bool server_add_char_device(struct server *self, SpiceCharDeviceInstance *device);
bool server_remove_char_device(struct server *self, SpiceCharDeviceInstance *device);
/* What the guest's agent may be used for. */
enum agent_use {
    AGENT_MOUSE,
    AGENT_COPY_PASTE,
    AGENT_FILE_XFER,
};
void server_set_agent(struct server *self, enum agent_use use, bool on);
void server_kbd_leds(struct server *self, uint8_t leds);
bool server_is_server_mouse(const struct server *self);

void server_vm_start(struct server *self);
void server_vm_stop(struct server *self);

/* The move (src/migrate/move.h has the states). Ports -1: none. */
bool server_migrate_connect(struct server *self, const char *host, int port, int secure_port,
                            const char *cert_subject);
bool server_migrate_start(struct server *self);
bool server_migrate_end(struct server *self, bool completed);
/* Old style, switch-host only: remembers the destination, then sends everybody there. */
bool server_migrate_info(struct server *self, const char *host, int port, int secure_port,
                         const char *cert_subject);
bool server_migrate_switch(struct server *self);

#endif
