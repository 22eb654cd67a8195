/* SPDX-License-Identifier: MIT */
/*
 * Finds out what kind of server listens at a move's target: links it as a client would and reads
 * the capabilities of its reply, without showing a ticket. Never blocks. Numeric addresses and
 * plain links only: everything else stays unknown. QEMU's main thread.
 */
#ifndef CARAVAN_MIGRATE_TARGET_PROBE_H
#define CARAVAN_MIGRATE_TARGET_PROBE_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct target_probe;

/* `loop` is borrowed. NULL when it can't be found out. */
struct target_probe *target_probe_new(struct loop *loop, const char *host, uint16_t port);
void target_probe_free(struct target_probe *self);

/* The target takes links of a move after its guest has started. False as long as that is not known;
 * self may be NULL. */
bool target_probe_takes_late(const struct target_probe *self);

#endif
