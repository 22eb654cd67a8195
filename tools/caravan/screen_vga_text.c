/* SPDX-License-Identifier: MIT */
/* Text: plane 0 has characters, plane 1 attributes, plane 2 the fonts; a dword holds a byte of each
 * plane. */
#include "screen_vga.h"

#include <string.h>
#include <glib.h>

#define CELLS_MOST  4096 /* beyond that QEMU shows nothing */
#define FONT_BYTES  (256 * 32 * 4)
#define GLYPH_BYTES (32 * 4)

/* Which of the eight fonts: bit 2 of the number stands apart. */
static uint32_t font_place(unsigned low, unsigned high)
{
    return ((high & 1) | (low & 3) << 1) * 8192u * 4u;
}

static void read_row(struct vga *self)
{
    uint32_t line = self->next;

    vga_read(self, self->row_address, self->line, self->columns * 4);
    self->row_address += self->line_offset;
    if (line < self->line_compare && line + self->cell_height >= self->line_compare)
        self->row_address = 0;
}

/* The cursor covers these lines of its cell; it is drawn as it is when it can be seen. */
static bool under_cursor(const struct vga *self, uint32_t cell_address, uint32_t line)
{
    uint32_t cursor = ((uint32_t)self->cr[0x0e] << 8 | self->cr[0x0f]) * 4;
    uint32_t last = MIN(self->cr[0x0b] & 0x1fu, self->cell_height - 1);

    return cell_address == cursor && !(self->cr[0x0a] & 0x20) && line >= (self->cr[0x0a] & 0x1fu) &&
           line <= last;
}

static void draw_cell(const struct vga *self, const uint8_t *cell, bool cursor, uint32_t line,
                      uint8_t *rgb)
{
    const uint8_t *font = self->fonts + (cell[1] >> 3 & 1) * FONT_BYTES;
    unsigned bits = cursor ? 0xff : font[cell[0] * GLYPH_BYTES + line * 4 + 2];
    const uint8_t *ink = self->colors[cell[1] & 0xf], *paper = self->colors[cell[1] >> 4];
    bool ninth = cursor || (self->ar[0x10] & 4 && cell[0] >= 0xb0 && cell[0] <= 0xdf);

    for (uint32_t x = 0; x < self->cell_width; x++) {
        unsigned bit = self->cell_width == 16 ? 7 - x / 2 : 7 - x;

        if (x == 8 && self->cell_width == 9)
            memcpy(rgb, ninth && bits & 1 ? ink : paper, 3);
        else
            memcpy(rgb, bits >> bit & 1 ? ink : paper, 3);
        rgb += 3;
    }
}

static void text_row(struct screen *screen, uint8_t *rgb)
{
    struct vga *self = (struct vga *)screen;
    uint32_t line = self->next % self->cell_height;
    uint32_t address;

    if (line == 0) {
        self->address = self->row_address;
        read_row(self);
    }
    address = self->address;
    for (uint32_t i = 0; i < self->columns; i++, address += 4)
        draw_cell(self, self->line + i * 4, under_cursor(self, address, line), line,
                  rgb + (size_t)i * self->cell_width * 3);
    self->next++;
}

bool vga_prepare_text(struct vga *self, const char **reason)
{
    const uint8_t *cr = self->cr;
    uint32_t rows = 100;

    self->columns = cr[0x01] + 1u;
    self->cell_height = (cr[0x09] & 0x1fu) + 1;
    self->cell_width = self->sr[1] & 0x08 ? 16 : self->sr[1] & 0x01 ? 8 : 9;
    if (cr[0x06] != 100) /* else CGA's 160 x 100 */
        rows = ((cr[0x12] | (cr[0x07] & 0x02u) << 7 | (cr[0x07] & 0x40u) << 3) + 1) /
               self->cell_height;
    if (rows * self->columns <= 1 || rows * self->columns > CELLS_MOST) {
        *reason = "a text mode of a size that cannot be";
        return false;
    }
    self->screen.width = self->columns * self->cell_width;
    self->screen.height = rows * self->cell_height;
    self->screen.row = text_row;
    self->row_address = self->start * 4;
    self->line = g_malloc(self->columns * 4);
    self->fonts = g_malloc(2 * FONT_BYTES);
    vga_read(self, font_place(self->sr[3], self->sr[3] >> 4), self->fonts, FONT_BYTES);
    vga_read(self, font_place(self->sr[3] >> 2, self->sr[3] >> 5), self->fonts + FONT_BYTES,
             FONT_BYTES);
    return true;
}
