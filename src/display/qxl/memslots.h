/* SPDX-License-Identifier: MIT */
/*
 * The memory slots of one QXL device: guest addresses (QXLPHYSICAL) to host pointers.
 * An address holds, from the top bit down, the slot's number (id_bits), its generation (gen_bits)
 * and an offset; host pointer = offset + addr_delta, valid inside [virt_start, virt_end).
 * Layout of addresses: spice-protocol's qxl_dev.h and the device's QXLDevInitInfo.
 * One owner thread. Nothing here ends the process, whatever the address.
 */
#ifndef CARAVAN_DISPLAY_QXL_MEMSLOTS_H
#define CARAVAN_DISPLAY_QXL_MEMSLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <spice/qxl_dev.h>

struct memslots;

struct memslot_desc {
    uint32_t group;
    uint32_t slot;
    uint32_t generation;
    uint64_t virt_start; /* host addresses */
    uint64_t virt_end;   /* first byte after the slot */
    uint64_t addr_delta; /* added modulo 2^64 */
};

/* Counts and bit widths as in QXLDevInitInfo. NULL when they make no sense (no slots at all,
 * more than 256 groups or 65536 slots, id_bits + gen_bits > 32). The caller owns the result. */
struct memslots *memslots_new(uint32_t n_groups, uint32_t n_slots, unsigned id_bits,
                              unsigned gen_bits);
void memslots_free(struct memslots *self);

/* Sets a slot, replacing what it held. False (and nothing changed) when group or slot are out of
 * range or virt_start > virt_end. A generation is compared by its low gen_bits bits. */
bool memslots_add(struct memslots *self, const struct memslot_desc *desc);

/* Unsets a slot; unknown ones are ignored. */
void memslots_del(struct memslots *self, uint32_t group, uint32_t slot);

/* Unsets every slot of every group, the host's too: QEMU adds that one again after a reset. */
void memslots_reset(struct memslots *self);

/* The host pointer of [addr, addr + size), borrowed guest memory; NULL unless all of it lies in the
 * slot that the address names, with the slot's generation. The guest may write there any time. */
void *memslots_map(const struct memslots *self, uint32_t group, QXLPHYSICAL addr, size_t size);

/* How many bytes from addr on lie in its slot; 0 for an address that maps nowhere. */
size_t memslots_room(const struct memslots *self, uint32_t group, QXLPHYSICAL addr);

#endif
