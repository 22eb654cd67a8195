/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_QMP_H
#define CARAVAN_QMP_H

#include <stdbool.h>
#include <json-glib/json-glib.h>

#include "loop.h"

/*
 * A client of QEMU's machine protocol on a unix socket. Main thread; waits
 * through the loop it was given, so events come in during every wait.
 */
struct qmp;

/* An event of QEMU; time: CLOCK_MONOTONIC microseconds at which QEMU made it. data may be NULL. */
typedef void (*qmp_listener)(void *user, const char *event, JsonObject *data, gint64 time);

/*
 * Connects to the socket at path, which may still have to appear (timeout_s
 * seconds), and negotiates. broken(broken_data), if given, ends the wait
 * early when it is true. NULL on error. Owned by the caller.
 */
struct qmp *qmp_connect(struct loop *loop, const char *path, double timeout_s,
                        bool (*broken)(void *data), void *broken_data, qmp_listener listener,
                        void *user, GError **error);
void qmp_free(struct qmp *qmp);

/*
 * Runs a command; arguments (taken, may be NULL). Returns what it returned,
 * owned by the caller; NULL and error when QEMU refused, is gone or is silent.
 */
JsonNode *qmp_execute(struct qmp *qmp, const char *command, JsonObject *arguments, GError **error);

/* The same when the answer does not matter. */
bool qmp_run(struct qmp *qmp, const char *command, JsonObject *arguments, GError **error);

#endif
