/* SPDX-License-Identifier: MIT */
#include "stamp.h"

#define BITS       (STAMP_COLUMNS * STAMP_ROWS)
#define WHITE      0xffffffu
#define GREEN_HALF 128

static uint8_t check_of(uint32_t number)
{
    return (uint8_t)(((number + 1) * UINT32_C(2654435761)) >> 24);
}

static uint32_t *row_at(const uint32_t *pixels, size_t stride_bytes, int y)
{
    return (uint32_t *)((uintptr_t)pixels + stride_bytes * (size_t)y);
}

void stamp_draw(uint32_t *pixels, size_t stride_bytes, int cell, uint32_t number)
{
    uint64_t bits = (uint64_t)number << 8 | check_of(number);

    for (int y = 0; y < STAMP_ROWS * cell; y++) {
        uint32_t *row = row_at(pixels, stride_bytes, y);

        for (int x = 0; x < STAMP_COLUMNS * cell; x++) {
            int bit = y / cell * STAMP_COLUMNS + x / cell;

            row[x] = bits >> (BITS - 1 - bit) & 1 ? WHITE : 0;
        }
    }
}

/* The cell's middle half decides: lossy formats blur its edges. */
static bool cell_is_white(const uint32_t *pixels, size_t stride_bytes, int cell)
{
    int margin = cell / 4, width = cell - 2 * margin;
    unsigned sum = 0;

    for (int y = margin; y < margin + width; y++) {
        const uint32_t *row = row_at(pixels, stride_bytes, y);

        for (int x = margin; x < margin + width; x++)
            sum += row[x] >> 8 & 0xff;
    }
    return sum > (unsigned)(GREEN_HALF * width * width);
}

bool stamp_read(const uint32_t *pixels, size_t stride_bytes, int cell, uint32_t *number)
{
    uint64_t bits = 0;

    for (int bit = 0; bit < BITS; bit++) {
        const uint32_t *row = row_at(pixels, stride_bytes, bit / STAMP_COLUMNS * cell);

        bits = bits << 1 | cell_is_white(row + bit % STAMP_COLUMNS * cell, stride_bytes, cell);
    }
    *number = (uint32_t)(bits >> 8);
    return (uint8_t)bits == check_of(*number);
}
