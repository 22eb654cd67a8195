/* SPDX-License-Identifier: MIT */
/*
 * Raster operations as 8 bit codes of three inputs: bit (4p + 2s + d) of a code is the result for
 * pattern bit p, source bit s, destination bit d (so 0xF0 is the pattern, 0xCC the source, 0xAA the
 * destination), the coding of the Windows GDI and of QXL's ROP3.
 */
#ifndef CARAVAN_DISPLAY_CANVAS_ROP_H
#define CARAVAN_DISPLAY_CANVAS_ROP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rop_input {
    ROP_PATTERN = 0xf0,
    ROP_SOURCE = 0xcc,
    ROP_DESTINATION = 0xaa,
};

/* The code of a SPICE_ROPD_* descriptor that combines `a` with `b`. Each input is inverted by its
 * own flag (INVERS_BRUSH, INVERS_SRC, INVERS_DEST). No operation at all means PUT. */
uint8_t rop_from_descriptor(uint16_t descriptor, enum rop_input a, enum rop_input b);

/* Whether the result depends on an input. */
bool rop_needs(uint8_t code, enum rop_input input);

/* dest[i] = code(pattern[i], source[i], dest[i]) for n words, bit by bit. Every array has n words,
 * also those that the code ignores. */
void rop_apply(uint8_t code, const uint32_t *pattern, const uint32_t *source, uint32_t *dest,
               size_t n);

#endif
