/* SPDX-License-Identifier: MIT */
/* QXL: a VGA until its driver takes over; then the primary surface, which lies in one of the
 * device's memories. Source: spice/qxl_dev.h, and how QEMU keeps memory slots. */
#include "screen_private.h"

#include <stdlib.h>
#include <string.h>
#include <glib.h>

enum { QXL_MODE_VGA = 1, QXL_MODE_COMPAT = 2, QXL_MODE_NATIVE = 3 };
#define QXL_SLOTS 8

struct qxl {
    struct screen screen;
    const struct ram_aside *ram;
    char block[VMSTATE_NAME_MAX];
    uint64_t next; /* address of the next row */
    int64_t step;
    const struct screen_format *format;
    uint8_t *line;
};

/* SPICE_SURFACE_FMT_* */
static const struct {
    uint32_t number;
    const struct screen_format *format;
} formats[] = {
    {16, &screen_x1r5g5b5},
    {32, &screen_x8r8g8b8},
    {80, &screen_r5g6b5},
    {96, &screen_x8r8g8b8},
};

/* The memories of the device: which PCI bar shows them to the guest. */
static const struct {
    const char *block;
    unsigned bar; /* offset in the configuration space */
} memories[] = {
    {"vga.vram", 0x10},
    {"qxl.vram", 0x14},
};

static uint32_t bar_address(const struct vmstate_tree *tree, unsigned bar)
{
    uint8_t config[256];
    uint32_t address = 0;

    screen_bytes(tree, "pci.config", config, sizeof(config));
    if (!vmstate_tree_find(tree, "pci.config", NULL))
        screen_bytes(tree, "pci.config[0]", config, sizeof(config));
    for (unsigned i = 0; i < 4; i++)
        address |= (uint32_t)config[bar + i] << (8 * i);
    return address & ~0xfu;
}

/* Where the guest put what the device calls `address`: slot and generation in the upper 16 bits,
 * and the place in the slot. */
static uint64_t guest_address(const struct vmstate_tree *tree, uint64_t mode, uint64_t address)
{
    uint64_t slot = address >> 56, place = address & ((UINT64_C(1) << 48) - 1);
    char path[64];

    if (mode == QXL_MODE_COMPAT || slot >= QXL_SLOTS)
        return place;
    g_snprintf(path, sizeof(path), "guest_slots[%u].slot.mem_start", (unsigned)slot);
    return screen_number(tree, path, 0) + place;
}

static bool find_memory(struct qxl *self, const struct screen_source *source, uint64_t address,
                        uint64_t len)
{
    for (size_t i = 0; i < G_N_ELEMENTS(memories); i++) {
        uint64_t bar = bar_address(source->tree, memories[i].bar);
        uint64_t size;

        screen_block(source, memories[i].block, self->block);
        size = ram_aside_size(source->ram, self->block);
        if (bar == 0 || address < bar || len > size || address - bar > size - len)
            continue;
        self->next += address - bar;
        return true;
    }
    return false;
}

static void qxl_row(struct screen *screen, uint8_t *rgb)
{
    struct qxl *self = (struct qxl *)screen;

    ram_aside_read(self->ram, self->block, self->next, self->line,
                   (size_t)screen->width * self->format->bytes);
    screen_convert(self->format, self->line, screen->width, rgb);
    self->next += (uint64_t)self->step;
}

static void qxl_free(struct screen *screen)
{
    struct qxl *self = (struct qxl *)screen;

    g_free(self->line);
    g_free(self);
}

static bool prepare(struct qxl *self, const struct screen_source *source, uint64_t mode,
                    const char **reason)
{
    const struct vmstate_tree *tree = source->tree;
    uint64_t number = screen_number(tree, "guest_primary.surface.format", 0);
    uint32_t stride = (uint32_t)screen_number(tree, "guest_primary.surface.stride", 0);
    uint64_t bytes;

    self->screen.width = (uint32_t)screen_number(tree, "guest_primary.surface.width", 0);
    self->screen.height = (uint32_t)screen_number(tree, "guest_primary.surface.height", 0);
    self->step = (int32_t)stride;
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (formats[i].number == number)
            self->format = formats[i].format;
    *reason = "the qxl device has a primary surface that cannot be";
    if (!self->format || self->screen.width - 1 >= SCREEN_SIDE_MOST ||
        self->screen.height - 1 >= SCREEN_SIDE_MOST ||
        (uint64_t)llabs(self->step) < (uint64_t)self->screen.width * self->format->bytes)
        return false;
    bytes = (uint64_t)llabs(self->step) * self->screen.height;
    if (self->step < 0) /* the bottom row comes first */
        self->next = bytes - (uint64_t)-self->step;
    *reason = "the primary surface of the qxl device is not in its memory";
    self->line = g_malloc((size_t)self->screen.width * self->format->bytes);
    return find_memory(
        self, source,
        guest_address(tree, mode, screen_number(tree, "guest_primary.surface.mem", 0)), bytes);
}

struct screen *screen_open_qxl(const struct screen_source *source, const char **reason)
{
    uint64_t mode = screen_number(source->tree, "mode", 0);
    struct qxl *self;

    if (mode == QXL_MODE_VGA)
        return screen_open_vga(source, "vga.", false, reason);
    if (mode != QXL_MODE_NATIVE && mode != QXL_MODE_COMPAT) {
        *reason = "the qxl device has no mode: nothing is shown";
        return NULL;
    }
    self = g_new0(struct qxl, 1);
    self->screen.row = qxl_row;
    self->screen.free = qxl_free;
    self->ram = source->ram;
    if (prepare(self, source, mode, reason))
        return &self->screen;
    qxl_free(&self->screen);
    return NULL;
}
