/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_OUTPUT_H
#define CARAVAN_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A file or pipe that is written whole or not at all: a file under a name of its own until it is
 * done. Bytes that lie in a source file already can be copied by the kernel.
 */
struct output;

/* "-" is standard output; NULL: bytes are taken and thrown away. NULL and *reason (g_free it) when
 * it cannot be opened. */
struct output *output_open(const char *name, char **reason);

bool output_put(struct output *self, const uint8_t *bytes, size_t len);

/* The bytes, which also lie at `offset` of the file `fd` (-1: they do not). */
bool output_copy(struct output *self, int fd, uint64_t offset, const uint8_t *bytes, size_t len);

/* Writes what is held back and gives the file its name. */
bool output_finish(struct output *self);

/* What went wrong; "" for nothing. */
const char *output_problem(struct output *self);

uint64_t output_size(const struct output *self);

/* Without output_finish() before, nothing is left of a file. */
void output_close(struct output *self);

#endif
