/* SPDX-License-Identifier: MIT */
/* Graphics: 4 and 16 colours in planes, 256 in bytes, and pixels as they are shown. */
#include "screen_vga.h"

#include <string.h>
#include <glib.h>

enum { SHIFT_PLANES, SHIFT_CGA, SHIFT_BYTES };

static unsigned shift_of(const struct vga *self)
{
    return MIN(self->gr[5] >> 5 & 3u, (unsigned)SHIFT_BYTES);
}

static bool doubled(const struct vga *self)
{
    return self->sr[1] & 0x08 && shift_of(self) != SHIFT_BYTES;
}

static void put_color(struct vga *self, uint8_t **rgb, unsigned color, unsigned times)
{
    while (times--) {
        memcpy(*rgb, self->colors[color], 3);
        *rgb += 3;
    }
}

/* Eight pixels a dword: a bit of each of its bytes. */
static void draw_planes(struct vga *self, uint32_t address, uint8_t *rgb)
{
    unsigned times = doubled(self) ? 2 : 1;

    vga_read(self, address, self->line, self->source_width / 2);
    for (const uint8_t *p = self->line; p < self->line + self->source_width / 2; p += 4) {
        for (int bit = 7; bit >= 0; bit--) {
            unsigned color = 0;

            for (unsigned plane = 0; plane < 4; plane++)
                if (self->ar[0x12] >> plane & 1)
                    color |= (p[plane] >> bit & 1u) << plane;
            put_color(self, &rgb, color, times);
        }
    }
}

/* Eight pixels a dword: four in its even bytes, then four in the odd ones, two bits of each. */
static void draw_cga(struct vga *self, uint32_t address, uint8_t *rgb)
{
    unsigned times = doubled(self) ? 2 : 1;

    vga_read(self, address, self->line, self->source_width / 2);
    for (uint8_t *p = self->line; p < self->line + self->source_width / 2; p += 4) {
        for (unsigned plane = 0; plane < 4; plane++)
            if (!(self->ar[0x12] >> plane & 1))
                p[plane] = 0;
        for (unsigned half = 0; half < 2; half++)
            for (int bit = 6; bit >= 0; bit -= 2)
                put_color(self, &rgb, (p[half] >> bit & 3u) | (p[half + 2] >> bit & 3u) << 2,
                          times);
    }
}

static void draw_bytes(struct vga *self, uint32_t address, uint8_t *rgb)
{
    vga_read(self, address, self->line, self->source_width);
    for (uint32_t i = 0; i < (self->source_width & ~7u); i++)
        put_color(self, &rgb, self->line[i], 1);
}

/* Mode 13h and its kin: each byte is two pixels wide. */
static void draw_wide_bytes(struct vga *self, uint32_t address, uint8_t *rgb)
{
    vga_read(self, address, self->line, self->source_width / 2);
    for (uint32_t i = 0; i < self->source_width / 2; i++)
        put_color(self, &rgb, self->line[i], 2);
}

static void draw_pixels(struct vga *self, uint32_t address, uint8_t *rgb)
{
    vga_read(self, address, self->line, self->source_width * self->format->bytes);
    screen_convert(self->format, self->line, self->source_width, rgb);
}

static void graphics_row(struct screen *screen, uint8_t *rgb)
{
    struct vga *self = (struct vga *)screen;
    unsigned mode = self->cr[0x17];
    uint32_t address = self->address;

    if (!(mode & 1)) { /* odd lines in the other bank, as CGA has it */
        unsigned shift = 14 + (mode >> 6 & 1);

        address = (address & ~(1u << shift)) | (self->lines_in & 1) << shift;
    }
    if (!(mode & 2))
        address = (address & ~0x8000u) | (self->lines_in & 2) << 14;
    self->draw(self, address, rgb);
    if (self->repeat-- == 0) {
        unsigned mask = (mode & 3) ^ 3;

        if ((self->lines_in & mask) == mask)
            self->address += self->line_offset;
        self->lines_in++;
        self->repeat = self->repeats;
    }
    if (self->next++ == self->line_compare)
        self->address = 0;
}

/* Bits of a pixel, 0 for those that the VGA itself knows. */
static unsigned depth_of(const struct vga *self)
{
    if (!self->cirrus)
        return self->vbe[VBE_ENABLE] & VBE_ENABLED ? self->vbe[VBE_BPP] : 0;
    if (!(self->sr[7] & 1))
        return 0;
    switch (self->sr[7] & 0x0e) {
    case 0x02:
    case 0x06:
        return (self->hidden_dac & 0xf) == 1 ? 16 : 15;
    case 0x04:
        return 24;
    case 0x08:
        return 32;
    default:
        return 8;
    }
}

static const struct {
    unsigned depth;
    const struct screen_format *format;
    void (*draw)(struct vga *self, uint32_t address, uint8_t *rgb);
} depths[] = {
    {0, NULL, draw_wide_bytes},
    {8, NULL, draw_bytes},
    {15, &screen_x1r5g5b5_vga, draw_pixels},
    {16, &screen_r5g6b5, draw_pixels},
    {24, &screen_b8g8r8, draw_pixels},
    {32, &screen_x8r8g8b8, draw_pixels},
};

static void choose_draw(struct vga *self)
{
    unsigned depth = depth_of(self);

    self->draw = draw_wide_bytes;
    if (shift_of(self) == SHIFT_PLANES)
        self->draw = draw_planes;
    else if (shift_of(self) == SHIFT_CGA)
        self->draw = draw_cga;
    for (size_t i = 0; i < G_N_ELEMENTS(depths); i++) {
        if (shift_of(self) != SHIFT_BYTES || depths[i].depth != depth)
            continue;
        self->draw = depths[i].draw;
        self->format = depths[i].format;
    }
}

bool vga_prepare_graphics(struct vga *self, const char **reason)
{
    const uint8_t *cr = self->cr;
    unsigned twice = cr[0x09] >> 7;

    self->source_width = (cr[0x01] + 1u) * 8;
    self->screen.height = (cr[0x12] | (cr[0x07] & 0x02u) << 7 | (cr[0x07] & 0x40u) << 3) + 1;
    if (self->cirrus && cr[0x1a] & 0x01) /* interlaced */
        self->screen.height *= 2;
    if (self->vbe[VBE_ENABLE] & VBE_ENABLED) {
        self->source_width = self->vbe[VBE_XRES];
        self->screen.height = self->vbe[VBE_YRES];
    }
    if (self->source_width < 8 || self->source_width > SCREEN_SIDE_MOST / 2) {
        *reason = "a graphics mode of a size that cannot be";
        return false;
    }
    choose_draw(self);
    self->screen.width = self->source_width * (doubled(self) ? 2 : 1);
    self->screen.row = graphics_row;
    self->address = self->start * 4;
    /* CGA's modes have their lines twice by the other bank */
    self->repeats = cr[0x17] & 1 ? (((cr[0x09] & 0x1fu) + 1) << twice) - 1 : twice;
    self->repeat = self->repeats;
    self->line = g_malloc((size_t)self->source_width * 4 + 8);
    return true;
}
