/* SPDX-License-Identifier: MIT */
/*
 * The number of an update, drawn into the update: 2 rows of 20 square cells, black for 0 and
 * white for 1, the highest bit first: 32 bits of the number, then 8 bits that check it. Cells of
 * 8 pixels survive lossy video; cells of 2 pixels disturb small lossless updates least.
 */
#ifndef BENCH_STAMP_H
#define BENCH_STAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAMP_COLUMNS 20
#define STAMP_ROWS    2

/* Draws `number` at `pixels`, the stamp's left upper corner in an xRGB32 picture. */
void stamp_draw(uint32_t *pixels, size_t stride_bytes, int cell, uint32_t number);
/* Reads a stamp. Returns false when there is none (yet). */
bool stamp_read(const uint32_t *pixels, size_t stride_bytes, int cell, uint32_t *number);

#endif
