/* SPDX-License-Identifier: MIT */
#include "paint.h"

#include <glib.h>
#include <string.h>

#define GLYPH_STROKES 4
#define PHOTO_OCTAVES 5
#define PHOTO_GRAIN   4
#define PAPER         0xf6f5f4u
#define INK           0x2e3436u
#define ACCENT        0x3584e4u

struct picture *picture_new(int width, int height)
{
    struct picture *picture = g_new0(struct picture, 1);

    picture->width = width;
    picture->height = height;
    picture->pixels = g_new0(uint32_t, (size_t)width * (size_t)height);
    return picture;
}

void picture_free(struct picture *picture)
{
    if (picture)
        g_free(picture->pixels);
    g_free(picture);
}

uint32_t random_next(struct random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = random->state;

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(z >> 32);
}

int random_below(struct random *random, int limit)
{
    return (int)((uint64_t)random_next(random) * (uint64_t)limit >> 32);
}

static uint32_t *pixel_at(const struct picture *picture, int x, int y)
{
    return &picture->pixels[(size_t)y * (size_t)picture->width + (size_t)x];
}

void paint_fill(struct picture *to, struct area area, uint32_t color)
{
    for (int y = area.y; y < area.y + area.height; y++) {
        for (int x = area.x; x < area.x + area.width; x++)
            *pixel_at(to, x, y) = color;
    }
}

void paint_copy(struct picture *to, int x, int y, const struct picture *from, struct area area)
{
    for (int row = 0; row < area.height; row++)
        memcpy(pixel_at(to, x, y + row), pixel_at(from, area.x, area.y + row),
               (size_t)area.width * sizeof(uint32_t));
}

/* One bit a pixel, from the code alone. */
static void shape_glyph(unsigned code, uint8_t rows[GLYPH_HEIGHT])
{
    struct random random = {code * UINT64_C(7919) + 1};

    memset(rows, 0, GLYPH_HEIGHT);
    for (int i = 0; i < GLYPH_STROKES; i++) {
        int x = 1 + random_below(&random, GLYPH_WIDTH - 3);
        int y = 3 + random_below(&random, GLYPH_HEIGHT - 8);
        int length = 3 + random_below(&random, 5), slope = random_below(&random, 3);

        for (int step = 0; step < length; step++) {
            int at_x = slope == 0 ? x : MIN(x + step, GLYPH_WIDTH - 2);
            int at_y = slope == 1 ? y : MIN(y + step, GLYPH_HEIGHT - 4);

            rows[at_y] |= (uint8_t)(1u << at_x);
        }
    }
}

void paint_glyph(struct picture *to, int x, int y, unsigned code, uint32_t ink, uint32_t paper)
{
    uint8_t rows[GLYPH_HEIGHT] = {0};

    if (code)
        shape_glyph(code, rows);
    for (int row = 0; row < GLYPH_HEIGHT; row++) {
        for (int column = 0; column < GLYPH_WIDTH; column++)
            *pixel_at(to, x + column, y + row) = rows[row] >> column & 1 ? ink : paper;
    }
}

void paint_text_line(struct picture *to, int x, int y, int columns, struct random *random,
                     uint32_t ink, uint32_t paper)
{
    int used = columns / 4 + random_below(random, columns * 3 / 4 + 1);
    int word = 0;

    for (int column = 0; column < columns; column++) {
        unsigned code = 0;

        if (word == 0)
            word = 1 + random_below(random, 9);
        else if (column < used)
            code = 33 + (unsigned)random_below(random, 64);
        word--;
        paint_glyph(to, x + column * GLYPH_WIDTH, y, code, ink, paper);
    }
}

/* Adds noise whose nodes lie `scale` apart, interpolated, to one colour of every pixel. */
static void add_octave(const struct picture *to, int *sum, int scale, int weight,
                       struct random *random)
{
    int columns = to->width / scale + 2, rows = to->height / scale + 2;
    int *nodes = g_new(int, (size_t)columns *(size_t)rows);

    for (int i = 0; i < columns * rows; i++)
        nodes[i] = random_below(random, weight);
    for (int y = 0; y < to->height; y++) {
        const int *upper = &nodes[y / scale * columns], *lower = upper + columns;
        int fy = y % scale;

        for (int x = 0; x < to->width; x++) {
            int i = x / scale, fx = x % scale;
            int above = upper[i] * (scale - fx) + upper[i + 1] * fx;
            int below = lower[i] * (scale - fx) + lower[i + 1] * fx;

            *sum++ += (above * (scale - fy) + below * fy) / (scale * scale);
        }
    }
    g_free(nodes);
}

void paint_photo(struct picture *to, struct random *random)
{
    size_t count = (size_t)to->width * (size_t)to->height;
    int *sum = g_new(int, count);

    memset(to->pixels, 0, count * sizeof(uint32_t));
    for (int color = 0; color < 3; color++) {
        memset(sum, 0, count * sizeof(int));
        for (int octave = 0; octave < PHOTO_OCTAVES; octave++)
            add_octave(to, sum, 256 >> octave, 128 >> octave, random);
        for (size_t i = 0; i < count; i++) {
            int value = sum[i] + random_below(random, PHOTO_GRAIN);

            to->pixels[i] |= (uint32_t)MIN(value, 255) << (8 * color);
        }
    }
    g_free(sum);
}

static void paint_list(struct picture *to, struct area area, struct random *random)
{
    for (int y = area.y; y + GLYPH_HEIGHT <= area.y + area.height; y += 24) {
        paint_fill(to, (struct area){area.x, y, 16, 16}, random_next(random) & 0xffffff);
        paint_text_line(to, area.x + 20, y, (area.width - 20) / GLYPH_WIDTH, random, INK, PAPER);
    }
}

static void paint_page(struct picture *to, struct area area, struct random *random)
{
    for (int y = area.y; y + GLYPH_HEIGHT <= area.y + area.height; y += GLYPH_HEIGHT + 2)
        paint_text_line(to, area.x, y, area.width / GLYPH_WIDTH, random, 0, 0xffffff);
}

void paint_window(struct picture *to, struct area area, struct random *random)
{
    int side = area.width / 5, x = area.x + side, y = area.y + 32;
    struct picture *photo = picture_new(240, 160);

    paint_fill(to, area, PAPER);
    paint_fill(to, (struct area){area.x, area.y, area.width, 28}, ACCENT);
    paint_text_line(to, area.x + 200, area.y + 6, 40, random, 0xffffff, ACCENT);
    for (int i = 0; i < 6; i++)
        paint_fill(to, (struct area){x + i * 90, y, 80, 24}, 0xdeddda - (uint32_t)i * 0x040404);
    paint_list(to, (struct area){area.x + 8, y, side - 16, area.height - 40}, random);
    paint_fill(to, (struct area){x, y + 32, area.width - side, area.height - 64}, 0xffffff);
    paint_page(to, (struct area){x + 8, y + 40, area.width - side - 16, area.height - 80}, random);
    paint_photo(photo, random);
    paint_copy(to, x + 260, y + 120, photo, (struct area){0, 0, photo->width, photo->height});
    picture_free(photo);
}
