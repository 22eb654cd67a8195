/* SPDX-License-Identifier: MIT */
/* What the video devices' files share. */
#ifndef CARAVAN_SCREEN_PRIVATE_H
#define CARAVAN_SCREEN_PRIVATE_H

#include "screen.h"
#include "vmstate/stream.h"

/* One kind of pixel in memory, little endian. */
struct screen_format {
    uint8_t bytes;
    uint8_t bits[3];  /* of red, green, blue */
    uint8_t shift[3]; /* of their lowest bit */
    bool bare;        /* fewer than 8 bits leave the low ones 0 */
};

extern const struct screen_format screen_x8r8g8b8, screen_b8g8r8, screen_r5g6b5, screen_x1r5g5b5;
/* As QEMU's VGA shows it: it does not repeat bits there. */
extern const struct screen_format screen_x1r5g5b5_vga;

/* n pixels to RGB; fewer than 8 bits are repeated to fill 8, so that white stays white, but for
 * bare formats. */
void screen_convert(const struct screen_format *format, const uint8_t *from, uint32_t n,
                    uint8_t *rgb);

/* A number in the section, `otherwise` when it has none of the path. */
uint64_t screen_number(const struct vmstate_tree *tree, const char *path, uint64_t otherwise);

/* Bytes of the section, at most n of them, zeros behind what it has. */
void screen_bytes(const struct vmstate_tree *tree, const char *path, uint8_t *to, size_t n);

/* The name of a block of the device's: behind its section's path, or plain, as old machine types
 * have it. */
void screen_block(const struct screen_source *source, const char *block,
                  char name[VMSTATE_NAME_MAX]);

/* screen_vga.c: prefix is that of the VGA's fields in the section. */
struct screen *screen_open_vga(const struct screen_source *source, const char *prefix, bool cirrus,
                               const char **reason);
struct screen *screen_open_qxl(const struct screen_source *source, const char **reason);
struct screen *screen_open_virtio_gpu(const struct screen_source *source, const char **reason);

#endif
