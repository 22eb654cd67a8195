/* SPDX-License-Identifier: MIT */
/* Tile hashes follow the pixels, and only them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "display/tiles.h"

#define SIDE (3 * TILE_SIZE - 5)

static uint32_t memory[SIDE * SIDE];

static struct pixels view(uint32_t format)
{
    return (struct pixels){(const uint8_t *)memory, SIDE * 4, SIDE, SIDE, format};
}

static int clear(void **state)
{
    memset(memory, 0, sizeof(memory));
    return 0;
}

static void set_pixel(struct tile_hashes *hashes, int32_t x, int32_t y, uint32_t v)
{
    memory[y * SIDE + x] = v;
    tile_hashes_damage(hashes, &(pixman_box32_t){x, y, x + 1, y + 1});
}

static void every_pixel_counts_in_its_tile_only(void **state)
{
    struct tile_hashes *hashes = tile_hashes_new(SIDE, SIDE);
    struct pixels px = view(SPICE_SURFACE_FMT_32_xRGB);
    uint64_t blank[3][3];

    for (uint32_t t = 0; t < 9; t++) {
        blank[t / 3][t % 3] = tile_hashes_get(hashes, &px, t % 3, t / 3);
        assert_true(blank[t / 3][t % 3] != TILE_HASH_UNKNOWN);
    }
    for (int32_t y = 0; y < SIDE; y++) {
        for (int32_t x = 0; x < SIDE; x++) {
            set_pixel(hashes, x, y, 1);
            for (int32_t t = 0; t < 9; t++) {
                bool mine = x / TILE_SIZE == t % 3 && y / TILE_SIZE == t / 3;
                uint64_t hash = tile_hashes_get(hashes, &px, (uint32_t)t % 3, (uint32_t)t / 3);

                assert_int_equal(hash != blank[t / 3][t % 3], mine);
            }
            set_pixel(hashes, x, y, 0);
        }
    }
    tile_hashes_free(hashes);
}

static void pad_byte_counts_with_alpha_only(void **state)
{
    struct tile_hashes *hashes = tile_hashes_new(SIDE, SIDE);
    struct pixels rgb = view(SPICE_SURFACE_FMT_32_xRGB), argb = view(SPICE_SURFACE_FMT_32_ARGB);
    uint64_t before = tile_hashes_get(hashes, &rgb, 0, 0);

    set_pixel(hashes, 3, 3, 0xff000000);
    assert_true(tile_hashes_get(hashes, &rgb, 0, 0) == before);
    tile_hashes_damage_all(hashes);
    assert_true(tile_hashes_get(hashes, &argb, 0, 0) != before);
    tile_hashes_free(hashes);
}

static void computed_again_after_damage_only(void **state)
{
    struct tile_hashes *hashes = tile_hashes_new(SIDE, SIDE);
    struct pixels px = view(SPICE_SURFACE_FMT_32_xRGB);
    uint64_t before = tile_hashes_get(hashes, &px, 1, 1);

    memory[TILE_SIZE * SIDE + TILE_SIZE] = 7;
    assert_true(tile_hashes_get(hashes, &px, 1, 1) == before);
    tile_hashes_damage(hashes, &(pixman_box32_t){0, 0, TILE_SIZE, SIDE});
    tile_hashes_damage(hashes, &(pixman_box32_t){0, 0, SIDE, TILE_SIZE});
    assert_true(tile_hashes_get(hashes, &px, 1, 1) == before);
    tile_hashes_damage(hashes, &(pixman_box32_t){-9, -9, INT32_MAX, TILE_SIZE + 1});
    assert_true(tile_hashes_get(hashes, &px, 1, 1) != before);
    tile_hashes_free(hashes);
}

/* The same picture, stored bottom-up, or as a part of a wider one. */
static void layout_in_memory_does_not_count(void **state)
{
    struct tile_hashes *a = tile_hashes_new(SIDE, SIDE), *b = tile_hashes_new(SIDE, SIDE);
    uint32_t flipped[SIDE][SIDE + 3];
    struct pixels px = view(SPICE_SURFACE_FMT_32_xRGB), up = px;

    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        memory[i] = i * 2654435761u;
        flipped[SIDE - 1 - i / SIDE][i % SIDE] = memory[i];
    }
    up.top = (const uint8_t *)flipped[SIDE - 1];
    up.stride = -(ptrdiff_t)sizeof(flipped[0]);
    for (uint32_t t = 0; t < 9; t++) {
        assert_true(tile_hashes_get(a, &px, t % 3, t / 3) == tile_hashes_get(b, &up, t % 3, t / 3));
    }
    tile_hashes_free(a);
    tile_hashes_free(b);
}

static void narrow_formats(void **state)
{
    struct tile_hashes *hashes = tile_hashes_new(SIDE, SIDE);
    struct pixels px = view(SPICE_SURFACE_FMT_16_565);
    uint64_t before[2];

    px.stride = SIDE * 2;
    before[0] = tile_hashes_get(hashes, &px, 0, 0);
    before[1] = tile_hashes_get(hashes, &px, 1, 0);
    ((uint16_t *)memory)[TILE_SIZE] = 1;
    tile_hashes_damage_all(hashes);
    assert_true(tile_hashes_get(hashes, &px, 0, 0) == before[0]);
    assert_true(tile_hashes_get(hashes, &px, 1, 0) != before[1]);
    tile_hashes_free(hashes);
}

static void sizes_out_of_range(void **state)
{
    assert_null(tile_hashes_new(0, 1));
    assert_null(tile_hashes_new(1, 0));
    assert_null(tile_hashes_new(TILES_MAX_SIDE + 1, 1));
    assert_null(tile_hashes_new(1, UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_pixel_counts_in_its_tile_only, clear),
        cmocka_unit_test_setup(pad_byte_counts_with_alpha_only, clear),
        cmocka_unit_test_setup(computed_again_after_damage_only, clear),
        cmocka_unit_test_setup(layout_in_memory_does_not_count, clear),
        cmocka_unit_test_setup(narrow_formats, clear),
        cmocka_unit_test_setup(sizes_out_of_range, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
