/* SPDX-License-Identifier: MIT */
#include "display/canvas/rop.h"

#include <spice/enums.h>

static unsigned maybe_inverted(uint16_t descriptor, enum rop_input input)
{
    uint16_t flag = input == ROP_PATTERN  ? SPICE_ROPD_INVERS_BRUSH
                    : input == ROP_SOURCE ? SPICE_ROPD_INVERS_SRC
                                          : SPICE_ROPD_INVERS_DEST;

    return descriptor & flag ? ~(unsigned)input : input;
}

uint8_t rop_from_descriptor(uint16_t descriptor, enum rop_input a, enum rop_input b)
{
    unsigned va = maybe_inverted(descriptor, a);
    unsigned vb = maybe_inverted(descriptor, b);
    unsigned result = va;

    if (descriptor & SPICE_ROPD_OP_PUT)
        result = va;
    else if (descriptor & SPICE_ROPD_OP_OR)
        result = va | vb;
    else if (descriptor & SPICE_ROPD_OP_AND)
        result = va & vb;
    else if (descriptor & SPICE_ROPD_OP_XOR)
        result = va ^ vb;
    else if (descriptor & SPICE_ROPD_OP_BLACKNESS)
        result = 0;
    else if (descriptor & SPICE_ROPD_OP_WHITENESS)
        result = ~0u;
    else if (descriptor & SPICE_ROPD_OP_INVERS)
        result = ~(unsigned)ROP_DESTINATION;
    return (uint8_t)(descriptor & SPICE_ROPD_INVERS_RES ? ~result : result);
}

bool rop_needs(uint8_t code, enum rop_input input)
{
    unsigned shift = input == ROP_PATTERN ? 4 : input == ROP_SOURCE ? 2 : 1;
    unsigned zero = ~(unsigned)input & 0xff; /* table entries where the input's bit is 0 */

    return ((code >> shift) & zero) != (code & zero);
}

static inline uint32_t choose(uint32_t bits, uint32_t one, uint32_t zero)
{
    return (bits & one) | (~bits & zero);
}

void rop_apply(uint8_t code, const uint32_t *pattern, const uint32_t *source, uint32_t *dest,
               size_t n)
{
    uint32_t t[8];

    for (unsigned i = 0; i < 8; i++)
        t[i] = code >> i & 1 ? ~0u : 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t p = pattern[i], s = source[i], d = dest[i];
        uint32_t low = choose(s, choose(d, t[3], t[2]), choose(d, t[1], t[0]));
        uint32_t high = choose(s, choose(d, t[7], t[6]), choose(d, t[5], t[4]));
        dest[i] = choose(p, high, low);
    }
}
