/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_CHECK_QEMU_H
#define CARAVAN_CHECK_QEMU_H

#include <stdbool.h>
#include <stdint.h>
#include <json-glib/json-glib.h>
#include <sys/types.h>

#include "check_command.h"

/*
 * A QEMU of our own that stands still: its guest never runs (-S, and nothing here can tell it to).
 * Every wait ends at the deadline, and the child ends with check_qemu_free(). Main thread.
 */
struct check_qemu;

/* Starts it and waits for its monitor. `extra`: further words, NULL-terminated. timeout_s: for all
 * that is done with it. NULL and *reason (g_free it): QEMU's words. */
struct check_qemu *check_qemu_new(const struct check_command *command, const char *const *extra,
                                  double timeout_s, char **reason);

void check_qemu_free(struct check_qemu *self);

/* Runs a monitor command with arguments as JSON text (NULL: none); what it returned, owned by the
 * caller, or NULL and *reason. */
JsonNode *check_qemu_ask(struct check_qemu *self, const char *command, const char *arguments,
                         char **reason);

/* Gives QEMU our end of a new socket pair under this name; the other end, or -1 and *reason. */
int check_qemu_give_pair(struct check_qemu *self, const char *name, char **reason);

/* read() and write() that end at the deadline. */
ssize_t check_qemu_read(struct check_qemu *self, int fd, void *to, size_t n);
bool check_qemu_write(struct check_qemu *self, int fd, const void *bytes, size_t n);

/* Waits until the migration, in or out, has ended: 1; 0 when it failed, with QEMU's words; -1 when
 * it did not end in time. */
int check_qemu_wait_migration(struct check_qemu *self, char **reason);

/* Runs QEMU with words that make it end by itself; false and *reason when that fails. */
bool check_qemu_run(const struct check_command *command, const char *const *extra, double timeout_s,
                    char **reason);

#endif
