/* SPDX-License-Identifier: MIT */
/*
 * A simulated client draws the planned steps and ends with the server's picture, whatever was drawn
 * and forgotten in between; and no more is sent than has to be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "display/plan.h"

#define CLIENTS 2

struct client {
    struct shown *shown;
    uint32_t *frame;
    /* Of the steps so far. */
    uint64_t steps, fills, pixels;
};

struct world {
    uint32_t width, height;
    uint32_t *frame;
    struct pixels px;
    struct tile_hashes *hashes;
    struct client clients[CLIENTS];
    uint64_t random;
};

static uint32_t dice(struct world *w, uint32_t sides)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->random >> 33) % sides;
}

static struct world *world_new(uint32_t width, uint32_t height, uint64_t seed)
{
    struct world *w = calloc(1, sizeof(*w));

    w->width = width;
    w->height = height;
    w->random = seed;
    w->frame = calloc((size_t)width * height, 4);
    w->px = (struct pixels){(const uint8_t *)w->frame, (ptrdiff_t)width * 4, width, height,
                            SPICE_SURFACE_FMT_32_xRGB};
    w->hashes = tile_hashes_new(width, height);
    for (int i = 0; i < CLIENTS; i++) {
        w->clients[i].shown = shown_new(width, height);
        w->clients[i].frame = malloc((size_t)width * height * 4);
        memset(w->clients[i].frame, 0x5a, (size_t)width * height * 4);
    }
    return w;
}

static void world_free(struct world *w)
{
    for (int i = 0; i < CLIENTS; i++) {
        shown_free(w->clients[i].shown);
        free(w->clients[i].frame);
    }
    tile_hashes_free(w->hashes);
    free(w->frame);
    free(w);
}

static void damage(struct world *w, pixman_box32_t box)
{
    tile_hashes_damage(w->hashes, &box);
    for (int i = 0; i < CLIENTS; i++) {
        shown_damage(w->clients[i].shown, &box);
    }
}

static void fill(struct world *w, pixman_box32_t box, uint32_t colour)
{
    for (int32_t y = box.y1; y < box.y2; y++) {
        for (int32_t x = box.x1; x < box.x2; x++) {
            w->frame[(uint32_t)y * w->width + (uint32_t)x] = colour;
        }
    }
    damage(w, box);
}

/* Differs from pixel to pixel, and from seed to seed. */
static void noise(struct world *w, pixman_box32_t box, uint32_t seed)
{
    for (int32_t y = box.y1; y < box.y2; y++) {
        for (int32_t x = box.x1; x < box.x2; x++) {
            w->frame[(uint32_t)y * w->width + (uint32_t)x] =
                ((uint32_t)(y * 7919 + x) * 2654435761u + seed * 40503u) ^ seed << 9;
        }
    }
    damage(w, box);
}

static void draw_step(struct world *w, struct client *c, const struct plan_step *step)
{
    assert_true(step->box.x1 >= 0 && step->box.x1 < step->box.x2);
    assert_true(step->box.y1 >= 0 && step->box.y1 < step->box.y2);
    assert_true(step->box.x2 <= (int32_t)w->width && step->box.y2 <= (int32_t)w->height);
    assert_int_not_equal(step->kind, PLAN_COPY); /* tests/unit/motion.c is about these */
    for (int32_t y = step->box.y1; y < step->box.y2; y++) {
        for (int32_t x = step->box.x1; x < step->box.x2; x++) {
            size_t at = (size_t)y * w->width + (size_t)x;

            c->frame[at] = step->kind == PLAN_FILL ? step->colour : w->frame[at];
        }
    }
    c->steps++;
    c->fills += step->kind == PLAN_FILL;
    c->pixels += (uint64_t)(step->box.x2 - step->box.x1) * (uint64_t)(step->box.y2 - step->box.y1);
}

static bool one_step(struct world *w, struct client *c, uint32_t max_pixels, struct plan_step *step)
{
    struct plan_limits limits = {.max_pixels = max_pixels};

    if (!plan_next(c->shown, w->hashes, &w->px, &limits, step)) {
        assert_false(shown_dirty(c->shown));
        return false;
    }
    draw_step(w, c, step);
    return true;
}

/* Counts from 0, until nothing is left. */
static void send_all(struct world *w, struct client *c)
{
    struct plan_step step;

    c->steps = c->fills = c->pixels = 0;
    while (one_step(w, c, 0, &step)) {
    }
}

static void assert_shows(const struct world *w, const struct client *c)
{
    for (size_t i = 0; i < (size_t)w->width * w->height; i++) {
        if ((w->frame[i] ^ c->frame[i]) & 0xffffff) {
            fail_msg("pixel %zu,%zu differs", i % w->width, i / w->width);
        }
    }
}

static pixman_box32_t random_box(struct world *w, uint32_t most)
{
    pixman_box32_t b;

    b.x1 = (int32_t)dice(w, w->width);
    b.y1 = (int32_t)dice(w, w->height);
    b.x2 = b.x1 + 1 + (int32_t)dice(w, most);
    b.y2 = b.y1 + 1 + (int32_t)dice(w, most);
    b.x2 = b.x2 > (int32_t)w->width ? (int32_t)w->width : b.x2;
    b.y2 = b.y2 > (int32_t)w->height ? (int32_t)w->height : b.y2;
    return b;
}

/* A move: what was shown goes through an array, and the client's picture stays what it was. */
static void travel(struct world *w, struct client *c)
{
    size_t n = shown_block_count(c->shown);
    uint64_t *hashes = malloc(n * sizeof(*hashes));

    shown_export(c->shown, w->px.format, hashes);
    shown_free(c->shown);
    c->shown = shown_new(w->width, w->height);
    assert_true(shown_import(c->shown, w->hashes, &w->px, hashes, n));
    assert_false(shown_import(c->shown, w->hashes, &w->px, hashes, n - 1));
    free(hashes);
}

static void random_event(struct world *w)
{
    struct client *c = &w->clients[dice(w, CLIENTS)];
    struct plan_step step;

    switch (dice(w, 20)) {
    case 0:
        noise(w, random_box(w, 20), dice(w, 4));
        break;
    case 1:
    case 2:
        /* Few colours: what was shown before comes back. */
        fill(w, random_box(w, 40), dice(w, 3));
        break;
    case 3:
        fill(w, random_box(w, 400), dice(w, 2) | 0xff000000);
        break;
    case 4:
        noise(w, (pixman_box32_t){0, 0, (int32_t)w->width, (int32_t)w->height}, dice(w, 2));
        break;
    case 5:
        damage(w, random_box(w, 300));
        break;
    case 6:
        if (dice(w, 20) == 0) {
            memset(c->frame, (int)dice(w, 256), (size_t)w->width * w->height * 4);
            shown_forget(c->shown);
        } else if (dice(w, 10) == 0) {
            travel(w, c);
        } else if (dice(w, 10) == 0) {
            shown_damage_all(c->shown);
        }
        break;
    default:
        one_step(w, c, dice(w, 2) ? 0 : 1 + dice(w, 5000), &step);
    }
}

static void client_ends_with_the_picture(void **state)
{
    static const uint32_t sizes[][2] = {{1, 1},     {15, 17},  {16, 16},
                                        {200, 150}, {333, 90}, {1100, 40}};

    for (uint64_t seed = 0; seed < 60; seed++) {
        const uint32_t *size = sizes[seed % 6];
        struct world *w = world_new(size[0], size[1], seed);

        for (int round = 0; round < 6; round++) {
            for (int i = 0; i < 300; i++) {
                random_event(w);
            }
            send_all(w, &w->clients[round % CLIENTS]);
            assert_shows(w, &w->clients[round % CLIENTS]);
        }
        world_free(w);
    }
}

/* A world that all clients show. */
static struct world *settled_world(uint32_t width, uint32_t height)
{
    struct world *w = world_new(width, height, 1);

    noise(w, (pixman_box32_t){0, 0, (int32_t)width, (int32_t)height}, 99);
    for (int i = 0; i < CLIENTS; i++) {
        send_all(w, &w->clients[i]);
        assert_int_equal(w->clients[i].pixels, (uint64_t)width * height);
        assert_shows(w, &w->clients[i]);
    }
    return w;
}

static void glyph_across_tiles_is_one_small_step(void **state)
{
    struct world *w = settled_world(640, 480);
    struct client *c = &w->clients[0];

    noise(w, (pixman_box32_t){92, 120, 100, 136}, 5);
    send_all(w, c);
    assert_int_equal(c->steps, 1);
    assert_int_equal(c->pixels, 8 * 16);
    assert_shows(w, c);
    world_free(w);
}

static void nothing_changed_sends_nothing(void **state)
{
    struct world *w = settled_world(640, 480);
    struct client *c = &w->clients[0];

    damage(w, (pixman_box32_t){0, 0, 640, 480});
    assert_true(shown_dirty(c->shown));
    send_all(w, c);
    assert_int_equal(c->steps, 0);
    travel(w, c);
    send_all(w, c);
    assert_int_equal(c->steps, 0);
    assert_shows(w, c);
    world_free(w);
}

/* The client misses a tile's change while away: its box is not known, so all of it is sent. */
static void after_a_move_whole_blocks_are_sent(void **state)
{
    struct world *w = settled_world(640, 480);
    struct client *c = &w->clients[0];

    noise(w, (pixman_box32_t){TILE_SIZE + 1, 1, TILE_SIZE + 3, 3}, 5);
    travel(w, c);
    noise(w, (pixman_box32_t){TILE_SIZE + 9, 9, TILE_SIZE + 10, 10}, 6);
    send_all(w, c);
    assert_in_range(c->pixels, 64 * 64, 64 * 64 + TILE_SIZE * TILE_SIZE);
    assert_shows(w, c);
    world_free(w);
}

/* What is not known is sent, also when nothing was waiting before, and nothing else. */
static void unknown_blocks_are_sent(void **state)
{
    struct world *w = settled_world(640, 480);
    struct client *c = &w->clients[0];
    size_t n = shown_block_count(c->shown);
    uint64_t *hashes = malloc(n * sizeof(*hashes));

    shown_export(c->shown, w->px.format, hashes);
    hashes[n / 2] = TILE_HASH_UNKNOWN;
    assert_true(shown_import(c->shown, w->hashes, &w->px, hashes, n));
    send_all(w, c);
    assert_int_equal(c->pixels, 64 * 64);
    free(hashes);
    world_free(w);
}

/*
 * A long thin change beside a tile that changed all over, and below or above them a broad one: the
 * thin and the broad fit together, but that would cover a part of the tile only.
 */
static void no_tile_is_covered_in_part(void **state)
{
    const int32_t t = TILE_SIZE, end = 40 * t;

    for (int above = 0; above < 2; above++) {
        struct world *w = settled_world(1280, 480);
        struct client *c = &w->clients[0];
        int32_t broad = above ? 0 : t, thin = above ? t : t - 1, beside = above ? t : 0;

        noise(w, (pixman_box32_t){0, broad, 70 * t, broad + t}, 5);
        noise(w, (pixman_box32_t){0, thin, end, thin + 1}, 6);
        noise(w, (pixman_box32_t){end, beside, end + t, beside + t}, 7);
        for (int32_t i = 0; i < 20; i++) {
            /* Damage without change, so that the small ones above lose their precedence. */
            damage(w, (pixman_box32_t){i * t, 400, i * t + 1, 401});
        }
        send_all(w, c);
        assert_shows(w, c);
        world_free(w);
    }
}

static void plain_areas_are_fills(void **state)
{
    struct world *w = settled_world(640, 480);
    struct client *c = &w->clients[0];
    struct plan_step step;

    fill(w, (pixman_box32_t){100, 100, 400, 300}, 0x77123456);
    assert_true(one_step(w, c, 0, &step));
    assert_int_equal(step.kind, PLAN_FILL);
    assert_int_equal(step.colour, 0x123456);
    assert_memory_equal(&step.box, (&(pixman_box32_t){100, 100, 400, 300}), sizeof(step.box));
    assert_false(one_step(w, c, 0, &step));
    assert_shows(w, c);
    world_free(w);
}

static void steps_keep_to_the_limit(void **state)
{
    struct world *w = settled_world(640, 480);
    struct client *c = &w->clients[0];
    struct plan_step step;
    uint64_t before = c->pixels = 0, most = 0;

    noise(w, (pixman_box32_t){0, 0, 640, 480}, 3);
    while (one_step(w, c, 20000, &step)) {
        most = c->pixels - before > most ? c->pixels - before : most;
        before = c->pixels;
    }
    assert_true(most <= 20000 && most > 10000);
    assert_int_equal(c->pixels, 640 * 480);
    assert_shows(w, c);
    world_free(w);
}

static bool overlaps(const pixman_box32_t *a, const pixman_box32_t *b)
{
    return a->x1 < b->x2 && b->x1 < a->x2 && a->y1 < b->y2 && b->y1 < a->y2;
}

static void key_press_does_not_wait_for_the_screen(void **state)
{
    struct world *w = settled_world(640, 480);
    struct client *c = &w->clients[0];
    pixman_box32_t first = {600, 464, 608, 480}, second = {300, 400, 308, 416};
    struct plan_step step;

    noise(w, (pixman_box32_t){0, 0, 640, 480}, 3);
    assert_true(one_step(w, c, 20000, &step));
    noise(w, first, 4);
    noise(w, second, 4);
    assert_true(one_step(w, c, 20000, &step));
    assert_true(overlaps(&step.box, &second));
    assert_true(one_step(w, c, 20000, &step));
    assert_true(overlaps(&step.box, &first));
    send_all(w, c);
    assert_shows(w, c);
    world_free(w);
}

/* Something small and something large keep changing; what lies below both gets its turn. */
static void what_keeps_changing_starves_nothing(void **state)
{
    struct world *w = settled_world(640, 480);
    struct client *c = &w->clients[0];
    pixman_box32_t below = {0, 300, 640, 480};
    struct plan_step step;
    bool seen = false;

    noise(w, below, 3);
    for (uint32_t i = 0; i < 100 && !seen; i++) {
        noise(w, (pixman_box32_t){0, 0, 640, 280}, 10 + i);
        noise(w, (pixman_box32_t){200, 100, 210, 110}, 10 + i);
        assert_true(one_step(w, c, 20000, &step));
        seen = overlaps(&step.box, &below);
    }
    assert_true(seen);
    world_free(w);
}

/* Words on a page: steps are joined over what did not change, at a bounded waste. */
static void near_changes_are_joined(void **state)
{
    struct world *w = settled_world(640, 480);
    struct client *c = &w->clients[0];
    uint64_t changed = 0;

    for (int32_t line = 0; line < 10; line++) {
        for (int32_t word = 0; word < 8; word++) {
            pixman_box32_t box = {32 + word * 64, 32 + line * 16, 32 + word * 64 + 48,
                                  48 + line * 16};

            noise(w, box, 7);
            changed += 48 * 16;
        }
    }
    send_all(w, c);
    assert_true(c->steps <= 20);
    assert_true(c->pixels <= changed + changed / 2 + 1024 * c->steps);
    assert_shows(w, c);
    world_free(w);
}

static void sizes_out_of_range(void **state)
{
    assert_null(shown_new(0, 1));
    assert_null(shown_new(1, TILES_MAX_SIDE + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_ends_with_the_picture),
        cmocka_unit_test(glyph_across_tiles_is_one_small_step),
        cmocka_unit_test(nothing_changed_sends_nothing),
        cmocka_unit_test(after_a_move_whole_blocks_are_sent),
        cmocka_unit_test(unknown_blocks_are_sent),
        cmocka_unit_test(no_tile_is_covered_in_part),
        cmocka_unit_test(plain_areas_are_fills),
        cmocka_unit_test(steps_keep_to_the_limit),
        cmocka_unit_test(key_press_does_not_wait_for_the_screen),
        cmocka_unit_test(what_keeps_changing_starves_nothing),
        cmocka_unit_test(near_changes_are_joined),
        cmocka_unit_test(sizes_out_of_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
