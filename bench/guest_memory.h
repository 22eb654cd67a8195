/* SPDX-License-Identifier: MIT */
/*
 * Video memory: blocks of power-of-two sizes out of one mapping. One lock; any thread.
 */
#ifndef BENCH_GUEST_MEMORY_H
#define BENCH_GUEST_MEMORY_H

#include <stddef.h>
#include <stdint.h>

struct guest_memory;

struct guest_memory *guest_memory_new(size_t size);
uint8_t *guest_memory_base(const struct guest_memory *memory);
/* Zeroed up to `zeroed` bytes. Returns NULL when there is no room. */
void *guest_memory_alloc(struct guest_memory *memory, size_t size, size_t zeroed);
void guest_memory_release(struct guest_memory *memory, void *block);

#endif
