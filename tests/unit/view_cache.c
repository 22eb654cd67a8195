/* SPDX-License-Identifier: MIT */
/*
 * A display and clients with an image cache, which take a message about an image that is not there
 * as a fault: what comes back is drawn from the cache, through evictions and moves.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <spice/enums.h>

#include "display_rig.h"

#define W 333
#define H 217

static unsigned hits(const struct rig_client *client)
{
    return client->images[SPICE_IMAGE_TYPE_FROM_CACHE];
}

static unsigned misses(const struct rig_client *client)
{
    return client->images[SPICE_IMAGE_TYPE_LZ_RGB] + client->images[SPICE_IMAGE_TYPE_BITMAP];
}

static void show(struct rig *rig, struct rig_client *client, uint32_t seed)
{
    rig_draw_all(rig, seed);
    assert_true(rig_client_await_picture(client, rig));
    assert_int_equal(client->faults, 0);
}

static void read_rest(struct rig_client *client)
{
    while (rig_client_read(client, 50)) {
    }
}

/* A small screen: two of it fit into the cache. */
static void test_what_comes_back_is_drawn_from_the_cache(void **state)
{
    struct rig *rig = rig_new();
    struct rig_client *client = rig_client_new(rig, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);
    unsigned sent;

    rig_primary(rig, 200, 200);
    show(rig, client, 7);
    show(rig, client, 8);
    assert_true(client->cache_pixels > 0 && client->cache_pixels <= RIG_CACHE_PIXELS / 2);
    assert_int_equal(hits(client), 0);
    sent = misses(client);
    for (uint32_t i = 0; i < 6; i++)
        show(rig, client, 7 + i % 2);
    assert_int_equal(misses(client), sent);
    assert_true(hits(client) >= 6);
    rig_client_free(client);
    rig_free(rig);
}

/* More windows than the cache takes; each client has books of its own. */
static void test_evictions_are_told(void **state)
{
    struct rig *rig = rig_new();
    struct rig_client *clients[2];
    GRand *rand = g_rand_new_with_seed(3);

    display_set_compression(rig->display, SPICE_IMAGE_COMPRESSION_LZ);
    rig_primary(rig, W, H);
    for (unsigned i = 0; i < 2; i++)
        clients[i] = rig_client_new(rig, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);
    for (unsigned round = 0; round < 60; round++) {
        if (round % 5 == 4)
            rig_draw_random(rig, rand, 3);
        if (round % 10 == 0)
            g_usleep(750000); /* what changes too fast is not kept */
        show(rig, clients[round % 2], (uint32_t)g_rand_int_range(rand, 1, 5));
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_true(rig_client_await_picture(clients[i], rig));
        assert_int_equal(clients[i]->faults, 0);
        assert_true(clients[i]->seen[SPICE_MSG_DISPLAY_INVAL_LIST] > 0);
        assert_true(hits(clients[i]) > 0);
        rig_client_free(clients[i]);
    }
    g_rand_free(rand);
    rig_free(rig);
}

static void move_between(struct rig *from, struct rig *to, struct rig_client **client)
{
    uint32_t *pixels;

    rig_stop(to);
    rig_stop(from);
    pixels = g_memdup2(from->mem, (size_t)from->width * from->height * 4);
    rig_primary_keep(to, from->width, from->height, pixels);
    g_free(pixels);
    *client = rig_client_move(*client, from, to);
    rig_start(to);
}

static void start_over(struct rig_client *client)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(client->images); i++)
        client->images[i] = 0;
}

/* What was shown at one host is drawn from the cache at the next ones. The rig's client keeps its
 * images over a move, as clients do. */
static void test_the_cache_goes_along(void **state)
{
    struct rig *rigs[2] = {rig_new(), rig_new()};
    struct rig_client *client = rig_client_new(rigs[0], DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);
    guint kept;

    rig_primary(rigs[0], 200, 200);
    show(rigs[0], client, 7);
    show(rigs[0], client, 8);
    for (unsigned hop = 0; hop < 4; hop++) {
        struct rig *here = rigs[hop % 2], *there = rigs[(hop + 1) % 2];

        kept = g_hash_table_size(client->cache);
        assert_int_not_equal(kept, 0);
        move_between(here, there, &client);
        start_over(client);
        read_rest(client);
        assert_int_equal(client->drawn_pixels, 0);
        show(there, client, 7);
        show(there, client, 8);
        assert_int_equal(misses(client), 0);
        assert_true(hits(client) > 0);
        assert_int_equal(g_hash_table_size(client->cache), kept);
        rig_start(here);
    }
    rig_client_free(client);
    rig_free(rigs[0]);
    rig_free(rigs[1]);
}

/* Evictions go on where the source was: the client's own bounds are watched by the rig. */
static void test_a_cache_that_came_is_not_overfilled(void **state)
{
    struct rig *rigs[2] = {rig_new(), rig_new()};
    struct rig_client *client = rig_client_new(rigs[0], DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);

    rig_primary(rigs[0], W, H);
    for (unsigned hop = 0; hop < 4; hop++) {
        struct rig *here = rigs[hop % 2], *there = rigs[(hop + 1) % 2];

        g_usleep(750000); /* what changes too fast is not kept */
        for (uint32_t seed = 1; seed < 4; seed++)
            show(here, client, 3 * (hop + seed) + 1);
        move_between(here, there, &client);
        read_rest(client);
        assert_int_equal(client->faults, 0);
        rig_start(here);
    }
    assert_true(client->cache_pixels > 0);
    rig_client_free(client);
    rig_free(rigs[0]);
    rig_free(rigs[1]);
}

/* What the source has measured the target knows; of a new client it knows nothing. */
static void test_the_links_speed_goes_along(void **state)
{
    struct rig *rigs[2] = {rig_new(), rig_new()};
    struct rig_client *client = rig_client_new(rigs[0], DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);
    struct rig_client *fresh;

    rig_primary(rigs[0], W, H);
    /* the round trip, then the rate of the first burst behind its PONG */
    for (uint32_t seed = 1; client->seen[SPICE_MSG_PING] < 2 && seed < 50; seed++)
        show(rigs[0], client, seed);
    assert_int_equal(client->seen[SPICE_MSG_PING], 2);
    read_rest(client);
    move_between(rigs[0], rigs[1], &client);
    for (uint32_t seed = 50; seed < 54; seed++)
        show(rigs[1], client, seed);
    assert_int_equal(client->seen[SPICE_MSG_PING], 0);
    fresh = rig_client_new(rigs[1], DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);
    assert_true(rig_client_await(fresh, SPICE_MSG_PING, 1));
    rig_client_free(fresh);
    rig_client_free(client);
    rig_free(rigs[0]);
    rig_free(rigs[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_comes_back_is_drawn_from_the_cache),
        cmocka_unit_test(test_evictions_are_told),
        cmocka_unit_test(test_the_cache_goes_along),
        cmocka_unit_test(test_a_cache_that_came_is_not_overfilled),
        cmocka_unit_test(test_the_links_speed_goes_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
