/* SPDX-License-Identifier: MIT */
/* What the host sets before and while the server runs. Plain data; QEMU's main thread. */
#ifndef CARAVAN_SESSION_SETTINGS_H
#define CARAVAN_SESSION_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/hub.h"
#include "auth/ticket.h"
#include "stream/listen.h"
#include "stream/tls.h"

/* What happens to those who are here when another client comes. */
enum client_policy {
    CLIENTS_SHARE,   /* both stay: the default */
    CLIENTS_REPLACE, /* the new one stays */
    CLIENTS_REFUSE,  /* the old one stays */
};

struct settings {
    char *addr; /* NULL: every address */
    enum listen_family family;
    int port;                /* -1: none */
    int listen_fd;           /* -1: none */
    int tls_port;            /* -1: none */
    struct tls_context *tls; /* owned; NULL: no TLS */
    struct ticket ticket;
    bool sasl;          /* clients log in by SASL instead of a ticket */
    char *sasl_appname; /* NULL: "spice" */
    bool seamless_migration;
    uint8_t image_compression; /* SPICE_IMAGE_COMPRESSION_* */
    char *name;
    bool has_uuid;
    uint8_t uuid[16];
    enum client_policy policy;
    struct hub_switches agent; /* what the guest's agent may be used for */
    char *move_log;            /* file for the moves' story; NULL: none */
    uint64_t tls_only;         /* bit SPICE_CHANNEL_*: plain links are refused */
};

/* Defaults; then what the configuration files say (config.h); then the environment:
 * CARAVAN_CLIENTS=share|replace|refuse, CARAVAN_MOVE_LOG=FILE. */
void settings_init(struct settings *self);
void settings_clear(struct settings *self);

/* One setting of the configuration, by its name there. False if the name or the value is unknown.
 */
bool settings_configure(struct settings *self, const char *name, const char *value);

/* Security of one channel by its name ("main", "display", ...), or of all: NULL or "default".
 * False if there is no such channel. */
bool settings_secure(struct settings *self, const char *channel, bool tls_only);
/* A port for TLS, and what it is done with. False, with the reason in the log, if anything is
 * wrong: then there is no such port. */
bool settings_set_tls(struct settings *self, int port, const struct tls_files *files);

bool settings_needs_tls(const struct settings *self, uint8_t channel_type);

#endif
