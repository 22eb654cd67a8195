/* SPDX-License-Identifier: MIT */
/* A display with a device that draws and clients that keep the picture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <spice/enums.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "display_rig.h"

#define W 333
#define H 217

static void assert_sound(const struct rig_client *client)
{
    assert_int_equal(client->faults, 0);
}

static unsigned draws(const struct rig_client *client)
{
    return client->seen[SPICE_MSG_DISPLAY_DRAW_COPY] + client->seen[SPICE_MSG_DISPLAY_DRAW_FILL];
}

static void test_client_shows_what_is_drawn(void **state)
{
    struct rig *rig = rig_new();
    struct rig_client *client = rig_client_new(rig, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);
    GRand *rand = g_rand_new_with_seed(1);

    rig_primary(rig, W, H);
    rig_draw_all(rig, 7);
    assert_true(rig_client_await_picture(client, rig));
    assert_true(rig_client_await(client, SPICE_MSG_DISPLAY_MARK, 1));
    assert_int_equal(client->seen[SPICE_MSG_DISPLAY_MONITORS_CONFIG], 1);
    for (unsigned i = 0; i < 40; i++) {
        rig_draw_random(rig, rand, 5);
        if (i % 4 == 0)
            assert_true(rig_client_await_picture(client, rig));
    }
    assert_true(rig_client_await_picture(client, rig));
    assert_int_equal(client->seen[SPICE_MSG_DISPLAY_SURFACE_CREATE], 1);
    assert_sound(client);
    rig_wait_released(rig, rig->pushed);
    assert_int_equal(rig->released, rig->pushed);
    g_rand_free(rand);
    rig_client_free(client);
    rig_free(rig);
}

static void test_compressed_images_are_shared_by_clients(void **state)
{
    struct rig *rig = rig_new();
    struct rig_client *clients[3];
    GRand *rand = g_rand_new_with_seed(2);

    display_set_compression(rig->display, SPICE_IMAGE_COMPRESSION_LZ);
    rig_primary(rig, W, H);
    rig_draw_all(rig, 8);
    for (unsigned i = 0; i < 3; i++)
        clients[i] = rig_client_new(rig, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);
    for (uint32_t round = 0; round < 10; round++) {
        if (round % 2)
            rig_draw_random(rig, rand, 3);
        else
            rig_draw_all(rig, 3 * round + 2); /* steps of equal size, other content */
        for (unsigned i = 0; i < 3; i++)
            assert_true(rig_client_await_picture(clients[i], rig));
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_sound(clients[i]);
        assert_true(clients[i]->images[SPICE_IMAGE_TYPE_LZ_RGB] >= 5);
        rig_client_free(clients[i]);
    }
    g_rand_free(rand);
    rig_free(rig);
}

static void test_slow_client_gets_the_newest_only(void **state)
{
    struct rig *rig = rig_new();
    struct rig_client *client = rig_client_new(rig, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);
    const unsigned frames = 60;

    display_set_compression(rig->display, SPICE_IMAGE_COMPRESSION_OFF);
    rig_primary(rig, 1024, 768);
    /* Nobody reads: 180 MB of noise are drawn. */
    for (unsigned i = 0; i < frames; i++) {
        rig_draw_all(rig, 1 + 3 * i);
        rig_settle(rig);
    }
    assert_true(rig_client_await_picture(client, rig));
    /* Far fewer pixels than were drawn; sockets hold some megabytes. */
    assert_true(client->drawn_pixels < (uint64_t)frames / 3 * 1024 * 768);
    assert_sound(client);
    rig_client_free(client);
    rig_free(rig);
}

static void test_blank_primary_is_not_shown(void **state)
{
    struct rig *rig = rig_new();
    struct rig_client *client = rig_client_new(rig, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);
    unsigned before;

    rig_primary(rig, W, H);
    rig_draw_all(rig, 7);
    assert_true(rig_client_await_picture(client, rig));
    assert_true(rig_client_await(client, SPICE_MSG_DISPLAY_MARK, 1));
    /* A new primary with the old content: the client need not know. */
    before = draws(client);
    rig_primary(rig, W, H);
    rig_draw_all(rig, 7);
    rig_draw(rig, &(pixman_box32_t){0, 0, 1, 1}, 3);
    assert_true(rig_client_await_picture(client, rig));
    assert_int_equal(draws(client), before + 1);
    assert_int_equal(client->seen[SPICE_MSG_DISPLAY_SURFACE_CREATE], 1);
    /* Nothing is drawn: the blank one is shown after a while. */
    rig_primary(rig, W, H);
    assert_true(rig_client_await_picture(client, rig));
    assert_sound(client);
    rig_client_free(client);
    rig_free(rig);
}

static void test_new_size_is_a_new_surface(void **state)
{
    struct rig *rig = rig_new();
    struct rig_client *client = rig_client_new(rig, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);

    for (uint32_t i = 0; i < 12; i++) {
        rig_primary(rig, 16 + 37 * i, 5 + 50 * (i % 5));
        rig_draw_all(rig, i);
        if (i % 3 == 0)
            assert_true(rig_client_await_picture(client, rig));
    }
    assert_true(rig_client_await_picture(client, rig));
    assert_true(rig_client_await(client, SPICE_MSG_DISPLAY_MARK, 1));
    assert_sound(client);
    rig_destroy_primary(rig);
    rig_primary(rig, 640, 480);
    rig_draw_all(rig, 4);
    assert_true(rig_client_await_picture(client, rig));
    rig_client_free(client);
    rig_free(rig);
}

/* The bytes of a rig's primary, for another rig. The caller frees them. */
static uint32_t *copy_memory(const struct rig *rig)
{
    return g_memdup2(rig->mem, (size_t)rig->width * rig->height * 4);
}

static void move_between(struct rig *from, struct rig *to, struct rig_client **client)
{
    uint32_t *pixels;

    rig_stop(to);
    rig_stop(from);
    pixels = copy_memory(from);
    rig_primary_keep(to, from->width, from->height, pixels);
    g_free(pixels);
    *client = rig_client_move(*client, from, to);
    rig_start(to);
}

/* One pixel was drawn at the target: the block of 64x64 with it, if that was before the target had
 * compared what the client shows, else its tile. */
static void assert_little_drawn(const struct rig_client *client)
{
    assert_in_range(draws(client), 1, 2);
    assert_in_range(client->drawn_pixels, 1, 64 * 64 + 16 * 16);
}

static void test_move_sends_nothing_again(void **state)
{
    struct rig *from = rig_new(), *to = rig_new();
    struct rig_client *client = rig_client_new(from, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);

    rig_primary(from, W, H);
    rig_draw_all(from, 7);
    assert_true(rig_client_await_picture(client, from));
    move_between(from, to, &client);
    rig_draw(to, &(pixman_box32_t){40, 40, 41, 41}, 3);
    assert_true(rig_client_await_picture(client, to));
    assert_little_drawn(client);
    assert_int_equal(client->seen[SPICE_MSG_DISPLAY_SURFACE_CREATE], 0);
    assert_int_equal(client->seen[SPICE_MSG_DISPLAY_MARK], 0);
    assert_int_equal(client->seen[SPICE_MSG_SET_ACK], 1);
    assert_sound(client);
    /* And back. */
    rig_start(from);
    move_between(to, from, &client);
    rig_draw(from, &(pixman_box32_t){40, 40, 41, 41}, 6);
    assert_true(rig_client_await_picture(client, from));
    assert_little_drawn(client);
    rig_client_free(client);
    rig_free(from);
    rig_free(to);
}

static void test_move_sends_what_was_owed(void **state)
{
    struct rig *from = rig_new(), *to = rig_new();
    struct rig_client *client = rig_client_new(from, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);
    GRand *rand = g_rand_new_with_seed(3);

    rig_primary(from, 1024, 768);
    rig_draw_all(from, 1);
    assert_true(rig_client_await_picture(client, from));
    for (unsigned i = 0; i < 20; i++)
        rig_draw_random(from, rand, 4); /* the client reads none of it before the move */
    rig_settle(from);
    move_between(from, to, &client);
    assert_true(rig_client_await_picture(client, to));
    rig_draw_random(to, rand, 10);
    assert_true(rig_client_await_picture(client, to));
    assert_sound(client);
    g_rand_free(rand);
    rig_client_free(client);
    rig_free(from);
    rig_free(to);
}

static void test_moved_client_waits_for_its_mode(void **state)
{
    struct rig *from = rig_new(), *to = rig_new();
    struct rig_client *client = rig_client_new(from, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);

    rig_primary(from, W, H);
    rig_draw_all(from, 7);
    assert_true(rig_client_await_picture(client, from));
    rig_primary(to, 640, 480); /* what a VGA device begins with */
    rig_draw_all(to, 5);
    rig_settle(to);
    rig_stop(to);
    rig_stop(from);
    client = rig_client_move(client, from, to);
    rig_start(to);
    assert_true(rig_client_await(client, SPICE_MSG_SET_ACK, 1));
    rig_primary(to, W, H);
    rig_draw_all(to, 7);
    rig_draw(to, &(pixman_box32_t){0, 0, 1, 1}, 3);
    assert_true(rig_client_await_picture(client, to));
    assert_int_equal(client->seen[SPICE_MSG_DISPLAY_SURFACE_CREATE], 0);
    assert_int_equal(draws(client), 1);
    assert_sound(client);
    rig_client_free(client);
    rig_free(from);
    rig_free(to);
}

static void test_moved_client_takes_another_mode_after_a_while(void **state)
{
    struct rig *from = rig_new(), *to = rig_new();
    struct rig_client *client = rig_client_new(from, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);

    rig_primary(from, W, H);
    rig_draw_all(from, 7);
    assert_true(rig_client_await_picture(client, from));
    rig_primary(to, 640, 480);
    rig_draw_all(to, 8);
    client = rig_client_move(client, from, to);
    assert_true(rig_client_await_picture(client, to));
    assert_int_equal(client->seen[SPICE_MSG_DISPLAY_SURFACE_CREATE], 1);
    assert_sound(client);
    rig_client_free(client);
    rig_free(from);
    rig_free(to);
}

static void test_bad_migration_data_ends_the_link_only(void **state)
{
    struct rig *rig = rig_new();
    struct rig_client *client = rig_client_new(rig, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);
    struct rig_client *bad = rig_client_new(rig, DISPLAY_CHANNEL_DISPLAY, RIG_TARGET);
    uint8_t garbage[100];

    memset(garbage, 0xee, sizeof(garbage));
    rig_primary(rig, W, H);
    rig_draw_all(rig, 7);
    rig_client_send(bad, SPICE_MSGC_MIGRATE_DATA, garbage, sizeof(garbage));
    rig_wait_closed(rig, bad);
    assert_true(rig_client_await_picture(client, rig));
    rig_client_free(bad);
    rig_client_free(client);
    rig_free(rig);
}

static void test_stopped_guest_is_left_alone(void **state)
{
    struct rig *rig = rig_new();
    struct rig_client *client = rig_client_new(rig, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);

    rig_primary(rig, W, H);
    rig_draw_all(rig, 7);
    assert_true(rig_client_await_picture(client, rig));
    rig_set_cursor(rig, 0, 1);
    rig_settle(rig);
    rig_stop(rig);
    rig_draw_all(rig, 8);
    rig_set_cursor(rig, 65536, 2);
    display_update_area_async(rig->display, 0, &(QXLRect){0, 0, H, W}, true, 77);
    rig_wait_completed(rig, 77);
    display_reset_cursor(rig->display); /* gives its shape back: not now */
    display_detach(rig->display, client);
    rig_wait_closed(rig, client);
    rig_settle(rig);
    assert_int_equal(rig->calls_while_stopped, 0);
    assert_int_equal(rig->released, 1);
    rig_start(rig);
    rig_wait_released(rig, 3);
    rig_settle(rig);
    assert_int_equal(rig->released, 3); /* the picture before, the first shape, the picture after */
    assert_int_equal(rig_client_present(rig), 0);
    rig_client_free(client);
    rig_free(rig);
}

static void test_asynchronous_calls_complete_once(void **state)
{
    struct rig *rig = rig_new();
    const struct display_done done[] = {{DISPLAY_ASYNC, 1}, {DISPLAY_ASYNC, 2}, {DISPLAY_ASYNC, 3},
                                        {DISPLAY_ASYNC, 4}, {DISPLAY_ASYNC, 5}, {DISPLAY_ASYNC, 6}};

    rig_primary(rig, W, H);
    rig_draw(rig, &(pixman_box32_t){1, 2, 11, 22}, 5);
    display_update_area_async(rig->display, 0, &(QXLRect){0, 0, H, W}, false, 7);
    display_update_area_async(rig->display, 99, &(QXLRect){0, 0, H, W}, false, 8);
    display_monitors_config(rig->display, rig_guest_addr(0), 1, 9);
    display_monitors_config(rig->display, 0x1234, -1, 10);
    display_flush_surfaces(rig->display, done[0]);
    display_add_memslot(rig->display, &(QXLDevMemSlot){.slot_group_id = 99}, done[1]);
    display_create_primary(rig->display, 0, &(QXLDevSurfaceCreate){.width = ~0u}, done[2]);
    display_destroy_surface(rig->display, 3, done[3]);
    display_destroy_primary(rig->display, ~0u, done[4]);
    display_destroy_surfaces(rig->display, done[5]);
    rig_wait_completed(rig, 6);
    assert_int_equal(rig->completed->len, 10);
    for (uint64_t cookie = 1; cookie <= 10; cookie++)
        assert_true(rig_completed(rig, cookie));
    assert_int_equal(rig->area_rects, 1);
    rig_free(rig);
}

static void test_update_area_tells_what_changed(void **state)
{
    struct rig *rig = rig_new();
    QXLRect dirty[4];
    const QXLRect all = {.bottom = H, .right = W}, part = {.bottom = 8, .right = 8};

    rig_primary(rig, W, H);
    rig_draw(rig, &(pixman_box32_t){4, 4, 20, 20}, 5);
    display_update_area(rig->display, 0, &part, dirty, 4, true);
    assert_int_equal(dirty[0].top, 4);
    assert_int_equal(dirty[0].left, 4);
    assert_int_equal(dirty[0].bottom, 8);
    assert_int_equal(dirty[0].right, 8);
    assert_int_equal(dirty[1].bottom, 0);
    display_update_area(rig->display, 0, &all, dirty, 1, true); /* an L of two, in one */
    assert_int_equal(dirty[0].top, 4);
    assert_int_equal(dirty[0].left, 4);
    assert_int_equal(dirty[0].bottom, 20);
    assert_int_equal(dirty[0].right, 20);
    display_update_area(rig->display, 0, &all, dirty, 4, true);
    assert_int_equal(dirty[0].bottom, 0);
    rig_free(rig);
}

static void test_what_a_guest_sends_wrong_is_dropped(void **state)
{
    struct rig *rig = rig_new();
    struct rig_client *client = rig_client_new(rig, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);
    GRand *rand = g_rand_new_with_seed(4);

    for (uint32_t i = 0; i < RIG_GUEST_SIZE / 64; i++)
        rig->guest[g_rand_int_range(rand, 0, RIG_GUEST_SIZE)] = (uint8_t)g_rand_int(rand);
    rig_primary(rig, W, H);
    for (unsigned i = 0; i < 2000; i++)
        rig_push(rig, (uint32_t)g_rand_int_range(rand, 0, 8), 1,
                 rig_guest_addr((uint32_t)g_rand_int_range(rand, 0, 1 << 20)));
    rig_push(rig, QXL_CMD_DRAW, 1, ~0ull);
    rig_push(rig, QXL_CMD_DRAW, 77, 0);
    display_loadvm(rig->display, &(QXLCommandExt){.cmd = {.type = QXL_CMD_SURFACE}, .group_id = 1},
                   1);
    rig_draw_all(rig, 9);
    assert_true(rig_client_await_picture(client, rig));
    g_rand_free(rand);
    rig_client_free(client);
    rig_free(rig);
}

static void test_sixteen_bit_primary_is_widened(void **state)
{
    struct rig *rig = rig_new();
    struct rig_client *client = rig_client_new(rig, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);
    uint16_t *pixels = (uint16_t *)(void *)(rig->guest + 4096);

    for (unsigned i = 0; i < 64 * 48; i++)
        pixels[i] = i < 64 * 24 ? 0xf81f : (uint16_t)(i * 40503u);
    display_create_primary(rig->display, 0,
                           &(QXLDevSurfaceCreate){.width = 64,
                                                  .height = 48,
                                                  .stride = 128,
                                                  .format = SPICE_SURFACE_FMT_16_565,
                                                  .flags = QXL_SURF_FLAG_KEEP_DATA,
                                                  .mem = rig_guest_addr(4096),
                                                  .group_id = 1},
                           DISPLAY_WAITS);
    assert_true(rig_client_await(client, SPICE_MSG_DISPLAY_MARK, 1));
    assert_int_equal(client->width, 64);
    assert_int_equal(client->picture[0], 0xff00ff);
    for (unsigned i = 0; i < 64 * 48; i++) {
        uint32_t r = pixels[i] >> 11, g = pixels[i] >> 5 & 63, b = pixels[i] & 31;

        assert_int_equal(client->picture[i],
                         (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | (b << 3 | b >> 2));
    }
    assert_sound(client);
    rig_client_free(client);
    rig_free(rig);
}

static void assert_heads(struct rig_client *client, const uint16_t *values, size_t n)
{
    const struct buf *last = &client->last[SPICE_MSG_DISPLAY_MONITORS_CONFIG];

    assert_int_equal(last->len, 4 + values[0] * 28u);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(last->data[2 * i] | last->data[2 * i + 1] << 8, values[i]);
}

static void test_monitors_lie_on_the_primary(void **state)
{
    struct rig *rig = rig_new();
    struct rig_client *client = rig_client_new(rig, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);
    QXLMonitorsConfig *config = (QXLMonitorsConfig *)rig->guest;

    rig_primary(rig, W, H);
    rig_draw_all(rig, 7);
    assert_true(rig_client_await(client, SPICE_MSG_DISPLAY_MONITORS_CONFIG, 1));
    assert_heads(client, (uint16_t[]){1, 1, 0, 0, 0, 0, W, 0, H, 0}, 10);
    *config = (QXLMonitorsConfig){.count = 4, .max_allowed = 9};
    config->heads[0] = (QXLHead){.id = 5, .width = 100, .height = 5000};
    config->heads[1] = (QXLHead){.width = 0, .height = 50};
    config->heads[2] = (QXLHead){.width = 7, .height = 7, .x = W};
    config->heads[3] = (QXLHead){.id = 6, .width = ~0u, .height = 1, .x = 100};
    display_set_max_monitors(rig->display, 4);
    display_monitors_config(rig->display, rig_guest_addr(0), 1, 1);
    assert_true(rig_client_await(client, SPICE_MSG_DISPLAY_MONITORS_CONFIG, 2));
    while (client->last[SPICE_MSG_DISPLAY_MONITORS_CONFIG].len != 4 + 2 * 28)
        assert_true(rig_client_read(client, RIG_WAIT_MS));
    assert_heads(client, (uint16_t[]){2, 4, 5, 0, 0, 0, 100, 0, H, 0}, 10);
    rig_client_free(client);
    rig_free(rig);
}

static void test_cursor_is_the_newest(void **state)
{
    struct rig *rig = rig_new();
    struct rig_client *client;
    struct buf *set;

    rig_set_cursor(rig, 0, 1);
    rig_settle(rig);
    client = rig_client_new(rig, DISPLAY_CHANNEL_CURSOR, RIG_FRESH);
    assert_true(rig_client_await(client, SPICE_MSG_CURSOR_INIT, 1));
    assert_int_equal(client->last[SPICE_MSG_CURSOR_INIT].data[9], 0); /* flags: it has a shape */
    rig_set_cursor(rig, 65536, 2);
    assert_true(rig_client_await(client, SPICE_MSG_CURSOR_SET, 1));
    set = &client->last[SPICE_MSG_CURSOR_SET];
    assert_int_equal(set->len, 5 + 2 + 17 + 16 * 16 * 4);
    assert_int_equal(set->data[set->len - 1], 2);
    rig_wait_released(rig, 1); /* the shape before; this one is kept */
    assert_int_equal(rig->released, 1);
    display_reset_cursor(rig->display);
    assert_true(rig_client_await(client, SPICE_MSG_CURSOR_RESET, 1));
    assert_true(rig_client_await(client, SPICE_MSG_CURSOR_INIT, 2));
    rig_wait_released(rig, 2);
    assert_sound(client);
    rig_client_free(client);
    rig_free(rig);
}

static void test_moved_cursor_is_never_begun_anew(void **state)
{
    struct rig *to = rig_new();
    struct rig_client *client;
    QXLCommandExt ext;

    rig_stop(to);
    client = rig_client_new(to, DISPLAY_CHANNEL_CURSOR, RIG_TARGET);
    display_reset_cursor(to->display);
    ext = rig_cursor_command(to, 0, 3);
    display_loadvm(to->display, &ext, 1);
    rig_start(to);
    assert_true(rig_client_await(client, SPICE_MSG_CURSOR_SET, 1));
    assert_int_equal(client->seen[SPICE_MSG_SET_ACK], 1);
    assert_int_equal(client->seen[SPICE_MSG_CURSOR_INIT], 0);
    assert_int_equal(client->seen[SPICE_MSG_CURSOR_RESET], 0);
    assert_int_equal(to->released, 0);
    rig_client_free(client);
    rig_free(to);
}

static void test_device_knows_whether_clients_are_there(void **state)
{
    struct rig *rig = rig_new();
    struct rig_client *client = rig_client_new(rig, DISPLAY_CHANNEL_DISPLAY, RIG_FRESH);

    rig_settle(rig);
    assert_int_equal(rig_client_present(rig), 1);
    close(client->fd);
    client->fd = -1;
    rig_wait_closed(rig, client);
    rig_settle(rig);
    assert_int_equal(rig_client_present(rig), 0);
    rig_client_free(client);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_shows_what_is_drawn),
        cmocka_unit_test(test_compressed_images_are_shared_by_clients),
        cmocka_unit_test(test_slow_client_gets_the_newest_only),
        cmocka_unit_test(test_blank_primary_is_not_shown),
        cmocka_unit_test(test_new_size_is_a_new_surface),
        cmocka_unit_test(test_move_sends_nothing_again),
        cmocka_unit_test(test_move_sends_what_was_owed),
        cmocka_unit_test(test_moved_client_waits_for_its_mode),
        cmocka_unit_test(test_moved_client_takes_another_mode_after_a_while),
        cmocka_unit_test(test_bad_migration_data_ends_the_link_only),
        cmocka_unit_test(test_stopped_guest_is_left_alone),
        cmocka_unit_test(test_asynchronous_calls_complete_once),
        cmocka_unit_test(test_update_area_tells_what_changed),
        cmocka_unit_test(test_what_a_guest_sends_wrong_is_dropped),
        cmocka_unit_test(test_sixteen_bit_primary_is_widened),
        cmocka_unit_test(test_monitors_lie_on_the_primary),
        cmocka_unit_test(test_cursor_is_the_newest),
        cmocka_unit_test(test_moved_cursor_is_never_begun_anew),
        cmocka_unit_test(test_device_knows_whether_clients_are_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
