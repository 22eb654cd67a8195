/* SPDX-License-Identifier: MIT */
#include "display/qxl/memslots.h"

#include <glib.h>

struct slot {
    bool used;
    uint64_t generation;
    uint64_t start;
    uint64_t end;
    uint64_t delta;
};

struct memslots {
    uint32_t n_groups;
    uint32_t n_slots;
    unsigned id_bits;
    unsigned gen_bits;
    struct slot slots[]; /* n_groups rows of n_slots */
};

struct memslots *memslots_new(uint32_t n_groups, uint32_t n_slots, unsigned id_bits,
                              unsigned gen_bits)
{
    if (n_groups == 0 || n_slots == 0 || n_groups > 256 || n_slots > 65536 || id_bits > 32 ||
        gen_bits > 32 || id_bits + gen_bits > 32)
        return NULL;

    size_t n = (size_t)n_groups * n_slots;
    struct memslots *self = g_malloc0(sizeof(*self) + n * sizeof(self->slots[0]));
    self->n_groups = n_groups;
    self->n_slots = n_slots;
    self->id_bits = id_bits;
    self->gen_bits = gen_bits;
    return self;
}

void memslots_free(struct memslots *self)
{
    g_free(self);
}

/* The n bits of value just under bit `top`. */
static uint64_t field(uint64_t value, unsigned top, unsigned n)
{
    return n == 0 ? 0 : (value >> (top - n)) & ((UINT64_C(1) << n) - 1);
}

static struct slot *slot_at(struct memslots *self, uint32_t group, uint64_t slot)
{
    if (group >= self->n_groups || slot >= self->n_slots)
        return NULL;
    return &self->slots[(size_t)group * self->n_slots + slot];
}

bool memslots_add(struct memslots *self, const struct memslot_desc *desc)
{
    struct slot *slot = slot_at(self, desc->group, desc->slot);

    if (!slot || desc->virt_start > desc->virt_end)
        return false;
    *slot = (struct slot){
        .used = true,
        .generation = field(desc->generation, self->gen_bits, self->gen_bits),
        .start = desc->virt_start,
        .end = desc->virt_end,
        .delta = desc->addr_delta,
    };
    return true;
}

void memslots_del(struct memslots *self, uint32_t group, uint32_t slot)
{
    struct slot *found = slot_at(self, group, slot);

    if (found)
        *found = (struct slot){0};
}

void memslots_reset(struct memslots *self)
{
    for (uint32_t group = 0; group < self->n_groups; group++)
        for (uint32_t slot = 0; slot < self->n_slots; slot++)
            memslots_del(self, group, slot);
}

/* The host address of addr, and through *room what is left of its slot; room 0 when invalid. */
static uint64_t translate(const struct memslots *self, uint32_t group, QXLPHYSICAL addr,
                          uint64_t *room)
{
    unsigned low_bits = 64 - self->id_bits - self->gen_bits;
    uint64_t id = field(addr, 64, self->id_bits);

    *room = 0;
    if (group >= self->n_groups || id >= self->n_slots)
        return 0;
    const struct slot *slot = &self->slots[(size_t)group * self->n_slots + id];
    if (!slot->used || slot->generation != field(addr, 64 - self->id_bits, self->gen_bits))
        return 0;

    uint64_t low = low_bits == 64 ? addr : addr & ((UINT64_C(1) << low_bits) - 1);
    uint64_t host = low + slot->delta;
    if (host == 0 || host < slot->start || host >= slot->end)
        return 0;
    *room = slot->end - host;
    return host;
}

void *memslots_map(const struct memslots *self, uint32_t group, QXLPHYSICAL addr, size_t size)
{
    uint64_t room;
    uint64_t host = translate(self, group, addr, &room);

    return room == 0 || size > room ? NULL : (void *)(uintptr_t)host;
}

size_t memslots_room(const struct memslots *self, uint32_t group, QXLPHYSICAL addr)
{
    uint64_t room;

    translate(self, group, addr, &room);
    return room;
}
