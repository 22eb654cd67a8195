/* SPDX-License-Identifier: MIT */
/*
 * Plays a workload in a thread of its own, at the workload's rate, and notes when each change was
 * handed to the device.
 */
#ifndef BENCH_PLAYER_H
#define BENCH_PLAYER_H

#include <stdint.h>
#include <stdio.h>

#include "workload.h"

struct player;

/* `recording`: an open recording, which the player closes, or NULL for a painted workload, whose
 * first screen is then shown. `done` is called on the player's thread at the end. */
struct player *player_new(const struct workload *workload, struct guest *guest, uint64_t seed,
                          FILE *recording, void (*done)(struct player *player));
/* Plays for `seconds`, or to the end of the recording. Once. */
void player_start(struct player *player, double seconds);

/* After `done` only. */
uint32_t player_changes(const struct player *player);
/* CPU time of the player's thread while it played. */
double player_cpu_ms(const struct player *player);
/* One line for each change: its number, and usage_now() when it had been pushed. */
void player_write_log(const struct player *player, FILE *file);

#endif
