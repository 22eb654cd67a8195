/* SPDX-License-Identifier: MIT */
/*
 * Connections in the link stage: not clients yet, so few, short-lived and cheap. QEMU's main
 * thread.
 */
#ifndef CARAVAN_SESSION_LINKER_H
#define CARAVAN_SESSION_LINKER_H

#include <stdbool.h>

struct linker;
struct server;

enum {
    LINKER_WAITING_MOST = 256, /* links in the link stage, */
    LINKER_OF_HOST_MOST = 128, /* of one host, by its IP address, without those that are refused:
                                * so that no stranger alone keeps others out */
};

/* Listens as the settings say. NULL when an address cannot be had (the reason is in the log). */
struct linker *linker_new(struct server *server);
void linker_free(struct linker *self);

/* Takes a connected socket. False when it is none, TLS is wanted but not set up, or too many are
 * waiting: then it stays the caller's. A listener also bounds how many come (stream/listen.h). */
bool linker_add(struct linker *self, int fd, bool tls, bool skip_auth);

#endif
