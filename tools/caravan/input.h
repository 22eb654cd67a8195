/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_INPUT_H
#define CARAVAN_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The migration stream in whatever it comes: a file or pipe, plain or compressed (gzip, bzip2, xz,
 * lzop, zstd: by these tools), libvirt's save file, a snapshot inside a qcow2 image (by qemu-img).
 * The kind is found by the first bytes, layer by layer; what is none of these is passed on as it
 * is.
 *
 * Tools run as children, which end with the input. Main thread.
 */
struct input;

/* Opens a file, "-" for standard input, or IMAGE#SNAPSHOT (of an image with one snapshot the name
 * alone will do). NULL and *reason (g_free it) when that cannot be. */
struct input *input_open(const char *name, char **reason);

/* Up to n bytes, 0 at the end, -1 and input_problem() on an error, which includes a tool that
 * failed. Waits for the other side of a pipe. */
ssize_t input_read(struct input *self, void *to, size_t n);

/* Belongs to the input. A plain file's stands where input_read() goes on. */
int input_fd(const struct input *self);

/* Bytes of the stream, as far as that is known beforehand; 0 when it is not. */
uint64_t input_total(const struct input *self);

/* What it came in, such as "libvirt's save file, compressed by gzip"; "" for a plain stream. */
const char *input_wrapping(const struct input *self);

/* The domain's XML in libvirt's save file, or NULL. Borrowed. */
const char *input_domain(const struct input *self);

/* Why input_read() failed; "" before. */
const char *input_problem(const struct input *self);

void input_close(struct input *self);

#endif
