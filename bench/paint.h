/* SPDX-License-Identifier: MIT */
/*
 * Pictures that are like what screens show, from a seed: text, windows, photographs. The same
 * seed gives the same pixels in every run.
 */
#ifndef BENCH_PAINT_H
#define BENCH_PAINT_H

#include <stddef.h>
#include <stdint.h>

#define GLYPH_WIDTH  8
#define GLYPH_HEIGHT 16

/* An xRGB32 picture; rows follow each other without a gap. */
struct picture {
    int width, height;
    uint32_t *pixels;
};

struct random {
    uint64_t state;
};

struct area {
    int x, y, width, height;
};

/* The caller frees with picture_free(). */
struct picture *picture_new(int width, int height);
void picture_free(struct picture *picture);

uint32_t random_next(struct random *random);
/* 0 <= result < limit */
int random_below(struct random *random, int limit);

void paint_fill(struct picture *to, struct area area, uint32_t color);
/* Copies `area` of `from` to x, y of `to`; all must lie inside the pictures. */
void paint_copy(struct picture *to, int x, int y, const struct picture *from, struct area area);
/* A made-up script: each character code has its own shape of strokes. */
void paint_glyph(struct picture *to, int x, int y, unsigned code, uint32_t ink, uint32_t paper);
/* A line of words, about `columns` wide, on a paper that is filled. */
void paint_text_line(struct picture *to, int x, int y, int columns, struct random *random,
                     uint32_t ink, uint32_t paper);
/* Smooth noise of several scales in three colours, with a little grain. */
void paint_photo(struct picture *to, struct random *random);
/* A window with a title, buttons, a list, and text or a small photograph. */
void paint_window(struct picture *to, struct area area, struct random *random);

#endif
