/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_CHECK_COMMAND_H
#define CARAVAN_CHECK_COMMAND_H

#include <stdbool.h>
#include <glib.h>

/*
 * A QEMU command line made harmless: the same machine with the same devices, but without a disk
 * image, network, monitor, display, socket or file of its own. Images are replaced by empty ones of
 * the same size, back ends by such that lead nowhere; RAM in files becomes ordinary RAM.
 */
struct check_command {
    GPtrArray *argv;  /* char *, NULL-terminated; the program first */
    GPtrArray *lacks; /* char *: files that the command line names and that are not there */
};

/* From words as a shell takes them apart; assignments before the program are left out, and an
 * option as the first word means qemu-system-x86_64. NULL and *reason (g_free it) when it cannot be
 * made harmless, or is no command line. */
struct check_command *check_command_new(const char *line, char **reason);

void check_command_free(struct check_command *self);

/* Takes the devices of this driver out; false when there is none. */
bool check_command_drop_device(struct check_command *self, const char *driver);

#endif
