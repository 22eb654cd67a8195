/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_IMAGE_H
#define CARAVAN_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

/* An RGB picture: 3 bytes a pixel, rows top down, no padding. */
struct image {
    int width;
    int height;
    uint8_t *rgb;
};

/* What is different between two images: pixels and the box around them. */
struct image_difference {
    size_t pixels;
    int x, y, width, height;
};

/* A black image. NULL when a side is not within 1..16384. Owned by the caller. */
struct image *image_new(int width, int height);
void image_free(struct image *image);

/* SHA-256 of the RGB bytes as hexadecimal text, owned by the caller. */
char *image_sha256(const struct image *image);

/* Compares pixel by pixel; images of different sizes differ in every pixel of a. */
struct image_difference image_compare(const struct image *a, const struct image *b);

/* Writes PNG, or binary PPM (P6) when the name ends in ".ppm". */
bool image_save(const struct image *image, const char *path, GError **error);

/* Reads a binary PPM (P6, 8 bits), as QEMU's screendump writes it. NULL on error. */
struct image *image_load_ppm(const char *path, GError **error);

#endif
