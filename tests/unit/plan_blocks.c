/* SPDX-License-Identifier: MIT */
/* Plans for a client that keeps images: what comes back is drawn from them, and rightly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "display/blocks.h"

#define PAPER 0x00ffffffu

/* An image as the client has it. */
struct kept {
    uint64_t id;
    uint32_t width, height;
    uint32_t *pixels;
};

struct world {
    uint32_t width, height;
    uint32_t *frame, *picture; /* of the guest, of the client */
    struct pixels px;
    struct tile_hashes *hashes;
    struct shown *shown;
    struct image_cache *images;
    GHashTable *kept; /* by id */
    int64_t now_us;
    /* Of the steps so far. */
    uint64_t steps, cached, stored;
    uint64_t pixels; /* in images */
};

static void kept_free(void *opaque)
{
    struct kept *kept = opaque;

    g_free(kept->pixels);
    g_free(kept);
}

static struct world *world_new(uint32_t width, uint32_t height, uint64_t cache)
{
    struct world *w = g_new0(struct world, 1);

    w->width = width;
    w->height = height;
    w->frame = g_new0(uint32_t, (size_t)width * height);
    w->picture = g_new0(uint32_t, (size_t)width * height);
    memset(w->picture, 0x5a, (size_t)width * height * 4);
    w->px = (struct pixels){(const uint8_t *)w->frame, (ptrdiff_t)width * 4, width, height,
                            SPICE_SURFACE_FMT_32_xRGB};
    w->hashes = tile_hashes_new(width, height);
    w->shown = shown_new(width, height);
    w->images = image_cache_new(cache, 0);
    w->kept = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, kept_free);
    w->now_us = 1;
    return w;
}

static void world_free(struct world *w)
{
    g_hash_table_destroy(w->kept);
    image_cache_free(w->images);
    shown_free(w->shown);
    tile_hashes_free(w->hashes);
    g_free(w->frame);
    g_free(w->picture);
    g_free(w);
}

static void damage(struct world *w, pixman_box32_t box)
{
    tile_hashes_damage(w->hashes, &box);
    shown_damage(w->shown, &box);
}

/* A page of a window that begins at x0, y0: lines of noise on paper, every fourth one empty. */
static void page(struct world *w, int32_t x0, int32_t y0, pixman_box32_t box, uint32_t seed)
{
    for (int32_t y = box.y1; y < box.y2; y++) {
        for (int32_t x = box.x1; x < box.x2; x++) {
            uint32_t ink =
                ((uint32_t)((y - y0) * 7919 + x - x0) * 2654435761u + seed * 40503u) >> 8;
            bool empty = (y - y0) / 64 % 4 == 3;

            w->frame[(size_t)y * w->width + (size_t)x] = empty ? PAPER : ink;
        }
    }
    damage(w, box);
}

static pixman_box32_t whole(const struct world *w)
{
    return (pixman_box32_t){0, 0, (int32_t)w->width, (int32_t)w->height};
}

static void drop_evicted(struct world *w)
{
    uint64_t id;

    while (image_cache_next_evicted(w->images, &id)) {
        assert_true(g_hash_table_remove(w->kept, &id));
    }
}

static void keep(struct world *w, const struct plan_step *step)
{
    struct kept *kept = g_new(struct kept, 1);

    kept->id = step->image;
    kept->width = (uint32_t)(step->box.x2 - step->box.x1);
    kept->height = (uint32_t)(step->box.y2 - step->box.y1);
    kept->pixels = g_new(uint32_t, (size_t)kept->width * kept->height);
    for (uint32_t y = 0; y < kept->height; y++) {
        memcpy(kept->pixels + (size_t)y * kept->width,
               w->frame + ((size_t)step->box.y1 + y) * w->width + step->box.x1,
               (size_t)kept->width * 4);
    }
    assert_true(g_hash_table_insert(w->kept, &kept->id, kept));
    w->stored++;
}

static uint32_t step_pixel(const struct world *w, const struct plan_step *step,
                           const struct kept *from, int32_t x, int32_t y)
{
    switch (step->kind) {
    case PLAN_FILL:
        return step->colour;
    case PLAN_COPY:
        return from->pixels[(size_t)(y + step->src_y - step->box.y1) * w->width +
                            (size_t)(x + step->src_x - step->box.x1)];
    case PLAN_IMAGE:
        return w->frame[(size_t)y * w->width + (size_t)x];
    case PLAN_CACHED:
        x += step->src_x - step->box.x1;
        y += step->src_y - step->box.y1;
        assert_true(x >= 0 && x < (int32_t)from->width && y >= 0 && y < (int32_t)from->height);
        return from->pixels[(size_t)y * from->width + (size_t)x];
    }
    return 0;
}

static void draw_step(struct world *w, const struct plan_step *step)
{
    struct kept before = {.pixels = NULL};
    const struct kept *from = &before;

    if (step->kind == PLAN_COPY) {
        before.pixels = g_memdup2(w->picture, (size_t)w->width * w->height * 4);
    }
    if (step->kind == PLAN_CACHED) {
        from = g_hash_table_lookup(w->kept, &step->image);
        assert_non_null(from);
        assert_int_equal(from->width, step->image_width);
        assert_int_equal(from->height, step->image_height);
        w->cached++;
    }
    for (int32_t y = step->box.y1; y < step->box.y2; y++) {
        for (int32_t x = step->box.x1; x < step->box.x2; x++) {
            w->picture[(size_t)y * w->width + (size_t)x] = step_pixel(w, step, from, x, y);
            w->pixels += step->kind == PLAN_IMAGE;
        }
    }
    w->steps++;
    g_free(before.pixels);
}

static bool one_step(struct world *w)
{
    struct plan_limits limits = {.images = w->images, .now_us = w->now_us};
    struct plan_step step;

    if (!plan_next(w->shown, w->hashes, &w->px, &limits, &step)) {
        assert_false(shown_dirty(w->shown));
        return false;
    }
    drop_evicted(w);
    if (step.kind == PLAN_IMAGE && step.image) {
        keep(w, &step);
    }
    draw_step(w, &step);
    return true;
}

static void send_all(struct world *w)
{
    w->steps = w->cached = w->stored = w->pixels = 0;
    while (one_step(w)) {
    }
    for (size_t i = 0; i < (size_t)w->width * w->height; i++) {
        if ((w->frame[i] ^ w->picture[i]) & 0xffffff) {
            fail_msg("pixel %zu,%zu differs", i % w->width, i / w->width);
        }
    }
}

/* A whole screen, long after the last one. */
static void show(struct world *w, uint32_t seed)
{
    w->now_us += 2 * BLOCK_HOT_US;
    page(w, 0, 0, whole(w), seed);
    send_all(w);
}

static void windows_come_back_without_pixels(void **state)
{
    struct world *w = world_new(650, 490, 4 << 20); /* blocks are cut off */

    for (uint32_t seed = 1; seed <= 4; seed++) {
        show(w, seed);
        assert_int_not_equal(w->pixels, 0);
    }
    for (uint32_t i = 0; i < 8; i++) {
        show(w, 1 + i * 3 % 4);
        assert_int_equal(w->pixels, 0);
        assert_true(w->steps <= 8);
    }
    world_free(w);
}

/* A part of what is kept, at a place of its own. */
static void a_part_comes_back_elsewhere(void **state)
{
    struct world *w = world_new(640, 512, 4 << 20);

    show(w, 1);
    show(w, 2);
    page(w, 64, -64, (pixman_box32_t){64, 0, 512, 256}, 1);
    send_all(w);
    assert_int_equal(w->pixels, 0);
    assert_true(w->cached >= 1);
    world_free(w);
}

static void a_small_change_leaves_the_rest_to_the_cache(void **state)
{
    struct world *w = world_new(640, 512, 4 << 20);

    show(w, 1);
    show(w, 2);
    page(w, 0, 0, whole(w), 1);
    page(w, 0, 0, (pixman_box32_t){300, 300, 308, 316}, 9);
    send_all(w);
    assert_true(w->pixels > 0 && w->pixels <= 2 * BLOCK_SIZE * BLOCK_SIZE);
    world_free(w);
}

static void typing_stores_nothing(void **state)
{
    struct world *w = world_new(640, 512, 4 << 20);

    show(w, 1);
    for (int32_t i = 0; i < 20; i++) {
        w->now_us += 2 * BLOCK_HOT_US;
        page(w, 0, 0, (pixman_box32_t){8 * i, 100, 8 * i + 8, 116}, 9);
        send_all(w);
        assert_int_equal(w->stored, 0);
        assert_int_equal(w->pixels, 8 * 16);
    }
    world_free(w);
}

static void videos_are_not_stored(void **state)
{
    struct world *w = world_new(640, 512, 4 << 20);
    uint64_t stored = 0;

    show(w, 1);
    for (uint32_t i = 0; i < 50; i++) {
        w->now_us += 40000;
        page(w, 0, 0, (pixman_box32_t){100, 100, 500, 400}, 10 + i);
        send_all(w);
        stored += w->stored;
        assert_true(i < 2 || w->stored == 0);
    }
    assert_true(stored > 0);
    show(w, 2);
    assert_true(w->stored > 0);
    world_free(w);
}

static void without_a_cache_nothing_is_kept(void **state)
{
    struct world *w = world_new(640, 512, 64);

    show(w, 1);
    show(w, 2);
    show(w, 1);
    assert_int_equal(w->stored + w->cached, 0);
    world_free(w);
}

static void random_box(GRand *rand, const struct world *w, pixman_box32_t *box)
{
    box->x1 = g_rand_int_range(rand, 0, (gint32)w->width);
    box->y1 = g_rand_int_range(rand, 0, (gint32)w->height);
    box->x2 = box->x1 + g_rand_int_range(rand, 1, 400);
    box->y2 = box->y1 + g_rand_int_range(rand, 1, 400);
    box->x2 = MIN(box->x2, (int32_t)w->width);
    box->y2 = MIN(box->y2, (int32_t)w->height);
}

/* What a client had is known by hash only, and the cache begins anew, as after a move. */
static void travel(struct world *w)
{
    size_t n = shown_block_count(w->shown);
    uint64_t *hashes = g_new(uint64_t, n);

    shown_export(w->shown, w->px.format, hashes);
    shown_free(w->shown);
    w->shown = shown_new(w->width, w->height);
    assert_true(shown_import(w->shown, w->hashes, &w->px, hashes, n));
    g_free(hashes);
    image_cache_forget(w->images);
    drop_evicted(w);
}

static void random_event(struct world *w, GRand *rand)
{
    int32_t origin = 64 * g_rand_int_range(rand, 0, 3);
    pixman_box32_t box;

    random_box(rand, w, &box);
    switch (g_rand_int_range(rand, 0, 12)) {
    case 0:
    case 1:
        page(w, 0, 0, whole(w), (uint32_t)g_rand_int_range(rand, 0, 5));
        break;
    case 2:
    case 3:
        page(w, origin, origin, box, (uint32_t)g_rand_int_range(rand, 0, 5));
        break;
    case 4:
        damage(w, box);
        break;
    case 5:
        w->now_us += g_rand_int_range(rand, 0, 2 * BLOCK_HOT_US);
        break;
    case 6:
        if (g_rand_int_range(rand, 0, 8) == 0) {
            travel(w);
        }
        break;
    default:
        one_step(w);
    }
}

static void client_ends_with_the_picture(void **state)
{
    static const uint32_t sizes[][3] = {
        {640, 512, 4 << 20}, {333, 217, 100000}, {700, 90, 30000}, {64, 64, 8192}, {1, 1, 9000}};
    uint64_t cached = 0;

    for (uint32_t seed = 0; seed < 25; seed++) {
        const uint32_t *size = sizes[seed % 5];
        struct world *w = world_new(size[0], size[1], size[2]);
        GRand *rand = g_rand_new_with_seed(seed);

        for (int round = 0; round < 10; round++) {
            for (int i = 0; i < 50; i++) {
                random_event(w, rand);
            }
            send_all(w);
            cached += w->cached;
        }
        g_rand_free(rand);
        world_free(w);
    }
    assert_true(cached > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_come_back_without_pixels),
        cmocka_unit_test(a_part_comes_back_elsewhere),
        cmocka_unit_test(a_small_change_leaves_the_rest_to_the_cache),
        cmocka_unit_test(typing_stores_nothing),
        cmocka_unit_test(videos_are_not_stored),
        cmocka_unit_test(without_a_cache_nothing_is_kept),
        cmocka_unit_test(client_ends_with_the_picture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
