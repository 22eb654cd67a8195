/* SPDX-License-Identifier: MIT */
/* A VGA's registers as saved, and what they say. */
#ifndef CARAVAN_SCREEN_VGA_H
#define CARAVAN_SCREEN_VGA_H

#include "screen_private.h"

enum vbe_register {
    VBE_XRES = 1,
    VBE_YRES = 2,
    VBE_BPP = 3,
    VBE_ENABLE = 4,
    VBE_REGISTERS = 10,
};
#define VBE_ENABLED  0x01
#define VBE_8BIT_DAC 0x20

struct vga {
    struct screen screen;
    const struct ram_aside *ram;
    char block[VMSTATE_NAME_MAX];
    uint32_t mask; /* of addresses in the block: its size is a power of two */
    bool cirrus;
    uint8_t sr[256], gr[256], cr[256], ar[32], ar_index;
    uint16_t vbe[VBE_REGISTERS];
    uint8_t hidden_dac;
    uint32_t line_offset, start, line_compare; /* bytes, dwords, lines */
    uint8_t colors[256][3];
    uint32_t next; /* row to be drawn */
    uint8_t *line; /* bytes of video memory */
    /* graphics */
    const struct screen_format *format; /* NULL: colours of a palette */
    void (*draw)(struct vga *self, uint32_t address, uint8_t *rgb);
    uint32_t source_width; /* pixels before they are doubled */
    uint32_t address, lines_in, repeat, repeats;
    /* text */
    uint32_t columns, cell_width, cell_height;
    uint32_t row_address;
    uint8_t *fonts; /* two of FONT_BYTES */
};

/* Bytes of video memory; addresses wrap. */
void vga_read(const struct vga *self, uint32_t address, uint8_t *to, uint32_t len);

/* Prepare self->screen, from the registers; false with *reason. */
bool vga_prepare_text(struct vga *self, const char **reason);
bool vga_prepare_graphics(struct vga *self, const char **reason);

#endif
