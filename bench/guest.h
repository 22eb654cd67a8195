/* SPDX-License-Identifier: MIT */
/*
 * A guest with a QXL device, as far as a SPICE server can tell: video memory in a memory slot of
 * group 1, a command ring of 32 entries, and a driver that copies changed areas of a frame buffer
 * the way the Linux kernel driver (KMS) does: DRAW COPY, a bitmap in video memory, clip rectangles,
 * image id 0, no flags.
 */
#ifndef BENCH_GUEST_H
#define BENCH_GUEST_H

#include <spice.h>

#include "paint.h"

struct guest;

/* Adds a QXL interface to `server`, and its memory slots. Lives as long as the process. */
struct guest *guest_new(SpiceServer *server);

QXLInstance *guest_instance(struct guest *guest);

/* Creates the primary surface, xRGB32. Not while commands for another one are under way. */
void guest_create_primary(struct guest *guest, int width, int height);

/* Any thread, but only one at a time, calls the following; each waits while the ring is full or
 * video memory is short. Time spent so is a stall. */
void guest_copy(struct guest *guest, const struct picture *from, struct area area);
void guest_fill(struct guest *guest, struct area area, uint32_t color);
void guest_copy_bits(struct guest *guest, struct area to, int from_x, int from_y);
void guest_set_cursor(struct guest *guest, const struct picture *shape, int x, int y);

/* Pushes a command with host pointers; `free` is called, on any thread, when it is released.
 * Its release_info.id must be the address of `command`. */
typedef void guest_free_fn(void *opaque, QXLCommandExt *command);
void guest_push_foreign(struct guest *guest, QXLCommandExt *command, guest_free_fn *free,
                        void *opaque);

double guest_stalled_ms(const struct guest *guest);
/* Commands the server has not released yet. */
unsigned guest_held(struct guest *guest);
/* The longest time a drawing waited for its release so far, the ring's queue included. */
double guest_longest_held_ms(struct guest *guest);

#endif
