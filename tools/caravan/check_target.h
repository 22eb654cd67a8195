/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_CHECK_TARGET_H
#define CARAVAN_CHECK_TARGET_H

#include "check_command.h"
#include "check_schema.h"
#include "check_view.h"

#define CHECK_BARS 7 /* six regions and the ROM */

struct check_bars {
    uint64_t size[CHECK_BARS]; /* 0: none */
};

/* A machine as its QEMU makes it, learnt from the stream that it saves before it ever ran. */
struct check_target {
    struct check_command *command;
    struct check_view *view;
    char *machine;      /* its type */
    GHashTable *bars;   /* path of the bus as in section names -> struct check_bars */
    GHashTable *room;   /* RAM block -> uint64_t, bytes it can grow to */
    GHashTable *types;  /* type of device -> how many there are, as a pointer */
    GPtrArray *dropped; /* char *: drivers that had to be left out, since QEMU cannot save them */
    struct check_schema *schema; /* NULL: not asked for yet */
    uint64_t ram;                /* bytes of all blocks */
};

/* Starts the machine, made harmless, and asks. NULL and *reason (g_free it): why it cannot be. */
struct check_target *check_target_new(const char *line, double timeout_s, char **reason);

void check_target_free(struct check_target *self);

/* What its QEMU's -dump-vmstate tells; borrowed, or NULL. Starts that QEMU once more. */
const struct check_schema *check_target_schema(struct check_target *self, double timeout_s);

/* Has a throw-away of the machine load the stream; its guest does not run. 1: it does, 0: it does
 * not, with its *words (g_free them); -1: that could not be tried, *words tell why. */
int check_target_rehearse(const struct check_target *self, check_reader reader, void *source,
                          double timeout_s, char **words);

/* The same with what another machine saves. */
int check_target_rehearse_from(const struct check_target *self, const struct check_target *from,
                               double timeout_s, char **words);

#endif
