/* SPDX-License-Identifier: MIT */
/*
 * Moving the guest to another host, seen from the host it leaves. All in the thread of the event
 * loop.
 *
 * The order: migrate_connect, wait for migrate_connect_complete; migrate_start, move the guest;
 * migrate_end, wait for migrate_end_complete; only then may the process end.
 */
#ifndef SPICE_MIGRATION_H_
#define SPICE_MIGRATION_H_

#if !defined(SPICE_H_INSIDE) && !defined(SPICE_SERVER_INTERNAL)
#error "Include <spice.h>; the headers beside it are its parts."
#endif

#include "spice-core.h"
#include "spice-server.h"

SPICE_BEGIN_DECLS

#define SPICE_INTERFACE_MIGRATION       "migration"
#define SPICE_INTERFACE_MIGRATION_MAJOR 1
#define SPICE_INTERFACE_MIGRATION_MINOR 1
typedef struct SpiceMigrateInterface SpiceMigrateInterface;
typedef struct SpiceMigrateInstance SpiceMigrateInstance;
typedef struct SpiceMigrateState SpiceMigrateState; /* the server's */

struct SpiceMigrateInterface {
    SpiceBaseInterface base;
    /* The clients are connected to the target, or will not be: the guest may go. Answers each
     * migrate_connect once, perhaps before it returns. */
    void (*migrate_connect_complete)(SpiceMigrateInstance *sin);
    /* The clients have all they need from this side. Answers each migrate_end once, perhaps
     * before it returns. */
    void (*migrate_end_complete)(SpiceMigrateInstance *sin);
};

struct SpiceMigrateInstance {
    SpiceBaseInstance base;
    SpiceMigrateState *st;
};

/* Names the target and has the clients connect to it. port or secure_port may be -1 for none, not
 * both; cert_subject may be NULL. Returns 0, or -1 when the arguments make no sense or there is
 * no migration interface; migrate_connect_complete does not come then. */
int spice_server_migrate_connect(SpiceServer *s, const char *dest, int port, int secure_port,
                                 const char *cert_subject);
/* Tells that the guest begins to move. Returns 0, or -1 when no target was named. */
int spice_server_migrate_start(SpiceServer *s);
/* Tells how it ended: completed 1, the guest runs at the target; 0, it stays here. Returns 0. */
int spice_server_migrate_end(SpiceServer *s, int completed);

/* Says whether both sides agree to move the clients' sessions with the guest (seamless). */
void spice_server_set_seamless_migration(SpiceServer *s, int enable);

/* Deprecated: switch-host. migrate_info names the target, migrate_switch sends the clients there;
 * they begin anew. Return 0, or -1 when the arguments make no sense, or there is no client. */
int spice_server_migrate_info(SpiceServer *s, const char *dest, int port, int secure_port,
                              const char *cert_subject) SPICE_GNUC_DEPRECATED;
int spice_server_migrate_switch(SpiceServer *s) SPICE_GNUC_DEPRECATED;

SPICE_END_DECLS

#endif /* SPICE_MIGRATION_H_ */
