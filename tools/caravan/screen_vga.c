/* SPDX-License-Identifier: MIT */
/* Sources: IBM's VGA registers as QEMU implements them (hw/display/vga.c, cirrus_vga.c tell which
 * of them count), the Bochs VBE interface, the Cirrus Logic GD5446's extensions. */
#include "screen_vga.h"

#include <stddef.h>
#include <string.h>
#include <glib.h>

#define PALETTE_BYTES 768

static const struct {
    const char *name;
    size_t place; /* in struct vga */
    size_t size;
    bool cirrus; /* in its section only */
} registers[] = {
    {"sr", offsetof(struct vga, sr), 256, false},
    {"gr", offsetof(struct vga, gr), 16, false},
    {"ar", offsetof(struct vga, ar), 21, false},
    {"cr", offsetof(struct vga, cr), 256, false},
    {"ar_index", offsetof(struct vga, ar_index), 1, false},
};

static void read_registers(struct vga *self, const struct vmstate_tree *tree, const char *prefix)
{
    char path[64];

    for (size_t i = 0; i < G_N_ELEMENTS(registers); i++) {
        g_snprintf(path, sizeof(path), "%s%s", prefix, registers[i].name);
        screen_bytes(tree, path, (uint8_t *)self + registers[i].place, registers[i].size);
    }
    if (self->cirrus) { /* saved from the third on */
        memmove(self->gr + 2, self->gr, 14);
        g_snprintf(path, sizeof(path), "%.*scirrus_hidden_dac_data",
                   (int)(strlen(prefix) - strlen("vga.")), prefix);
        self->hidden_dac = (uint8_t)screen_number(tree, path, 0);
        return;
    }
    for (unsigned i = 0; i < VBE_REGISTERS; i++) {
        g_snprintf(path, sizeof(path), "%svbe_regs[%u]", prefix, i);
        self->vbe[i] = (uint16_t)screen_number(tree, path, 0);
    }
}

void vga_read(const struct vga *self, uint32_t address, uint8_t *to, uint32_t len)
{
    while (len) {
        uint32_t at = address & self->mask;
        uint32_t n = (uint32_t)MIN(len, (uint64_t)self->mask + 1 - at);

        ram_aside_read(self->ram, self->block, at, to, n);
        address += n;
        to += n;
        len -= n;
    }
}

/* 6 bits to 8 as the DAC does: the lowest is repeated. */
static uint8_t widen(uint8_t v)
{
    v &= 0x3f;
    return (uint8_t)(v << 2 | (v & 1 ? 3 : 0));
}

/* All 256 colours, or the 16 that the attribute controller picks from them. */
static void read_colors(struct vga *self, const struct vmstate_tree *tree, const char *prefix,
                        bool sixteen)
{
    bool wide = !sixteen && self->vbe[VBE_ENABLE] & VBE_8BIT_DAC;
    uint8_t palette[PALETTE_BYTES];
    char path[64];

    g_snprintf(path, sizeof(path), "%spalette", prefix);
    screen_bytes(tree, path, palette, sizeof(palette));
    for (unsigned i = 0; i < (sixteen ? 16 : 256); i++) {
        unsigned n = i;

        if (sixteen && self->ar[0x10] & 0x80)
            n = (self->ar[0x14] & 0xfu) << 4 | (self->ar[i] & 0xfu);
        else if (sixteen)
            n = (self->ar[0x14] & 0xcu) << 4 | (self->ar[i] & 0x3fu);
        for (unsigned k = 0; k < 3; k++)
            self->colors[i][k] = wide ? palette[n * 3 + k] : widen(palette[n * 3 + k]);
    }
}

static void read_geometry(struct vga *self, const struct vmstate_tree *tree, const char *prefix)
{
    const uint8_t *cr = self->cr;
    char path[64];

    self->line_offset = (uint32_t)cr[0x13] << 3;
    self->start = (uint32_t)cr[0x0c] << 8 | cr[0x0d];
    self->line_compare = cr[0x18] | (cr[0x07] & 0x10u) << 4 | (cr[0x09] & 0x40u) << 3;
    if (self->cirrus) {
        self->line_offset += (cr[0x1b] & 0x10u) << 7;
        self->start |=
            (cr[0x1b] & 0x01u) << 16 | (cr[0x1b] & 0x0cu) << 15 | (cr[0x1d] & 0x80u) << 12;
    } else if (self->vbe[VBE_ENABLE] & VBE_ENABLED) {
        g_snprintf(path, sizeof(path), "%svbe_line_offset", prefix);
        self->line_offset = (uint32_t)screen_number(tree, path, 0);
        g_snprintf(path, sizeof(path), "%svbe_start_addr", prefix);
        self->start = (uint32_t)screen_number(tree, path, 0);
        self->line_compare = UINT32_MAX;
    }
}

static void free_vga(struct screen *screen)
{
    struct vga *self = (struct vga *)screen;

    g_free(self->line);
    g_free(self->fonts);
    g_free(self);
}

static bool prepare(struct vga *self, const struct screen_source *source, const char *prefix,
                    const char **reason)
{
    uint64_t size;
    bool text;

    screen_block(source, "vga.vram", self->block);
    size = ram_aside_size(source->ram, self->block);
    if (size == 0 || size > UINT32_MAX || size & (size - 1)) {
        *reason = "the stream does not have its video memory";
        return false;
    }
    self->mask = (uint32_t)(size - 1);
    read_registers(self, source->tree, prefix);
    if (!(self->ar_index & 0x20)) {
        *reason = "the VGA is blanked";
        return false;
    }
    read_geometry(self, source->tree, prefix);
    text = !(self->gr[6] & 1);
    read_colors(self, source->tree, prefix, text || (self->gr[5] >> 5 & 3) < 2);
    return text ? vga_prepare_text(self, reason) : vga_prepare_graphics(self, reason);
}

struct screen *screen_open_vga(const struct screen_source *source, const char *prefix, bool cirrus,
                               const char **reason)
{
    struct vga *self = g_new0(struct vga, 1);

    self->screen.free = free_vga;
    self->ram = source->ram;
    self->cirrus = cirrus;
    if (prepare(self, source, prefix, reason))
        return &self->screen;
    free_vga(&self->screen);
    return NULL;
}
