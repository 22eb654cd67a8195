/* SPDX-License-Identifier: MIT */
/*
 * What moved up or down is copied by the client, and whatever moved, was redrawn or drawn over
 * meanwhile, the client ends with the server's picture.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "display/plan.h"

struct world {
    uint32_t width, height;
    uint32_t *frame, *client;
    struct pixels px;
    struct tile_hashes *hashes;
    struct shown *shown;
    uint64_t random;
    uint64_t copies, sent; /* sent: pixels of images and fills */
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
    w->client = malloc((size_t)width * height * 4);
    memset(w->client, 0x5a, (size_t)width * height * 4);
    w->px = (struct pixels){(const uint8_t *)w->frame, (ptrdiff_t)width * 4, width, height,
                            SPICE_SURFACE_FMT_32_xRGB};
    w->hashes = tile_hashes_new(width, height);
    w->shown = shown_new(width, height);
    return w;
}

static void world_free(struct world *w)
{
    shown_free(w->shown);
    tile_hashes_free(w->hashes);
    free(w->frame);
    free(w->client);
    free(w);
}

static void damage(struct world *w, pixman_box32_t box)
{
    tile_hashes_damage(w->hashes, &box);
    shown_damage(w->shown, &box);
}

static uint32_t *at(const struct world *w, uint32_t *frame, int32_t x, int32_t y)
{
    return &frame[(size_t)y * w->width + (size_t)x];
}

/* Text on paper: blank lines, and lines of 8 x 16 glyphs. */
static void paint_text(struct world *w, pixman_box32_t box)
{
    for (int32_t y = box.y1; y < box.y2; y++) {
        bool ink = (y - box.y1) % 16 > 2;

        for (int32_t x = box.x1; x < box.x2; x++) {
            *at(w, w->frame, x, y) = ink && dice(w, 4) == 0 ? 0xd0cfcc : 0x1e1e1e;
        }
    }
    damage(w, box);
}

static void paint_plain(struct world *w, pixman_box32_t box, uint32_t colour)
{
    for (int32_t y = box.y1; y < box.y2; y++) {
        for (int32_t x = box.x1; x < box.x2; x++) {
            *at(w, w->frame, x, y) = colour;
        }
    }
    damage(w, box);
}

static void move_pixels(const struct world *w, uint32_t *frame, pixman_box32_t to, int32_t src_x,
                        int32_t src_y)
{
    size_t width = (size_t)(to.x2 - to.x1);
    int32_t height = to.y2 - to.y1;
    uint32_t *copy = malloc(width * (size_t)height * 4);

    for (int32_t y = 0; y < height; y++) {
        memcpy(copy + (size_t)y * width, at(w, frame, src_x, src_y + y), width * 4);
    }
    for (int32_t y = 0; y < height; y++) {
        memcpy(at(w, frame, to.x1, to.y1 + y), copy + (size_t)y * width, width * 4);
    }
    free(copy);
}

/* Content of the box moves up by `lines`, down when negative; what comes in is text. */
static void scroll(struct world *w, pixman_box32_t box, int32_t lines)
{
    pixman_box32_t to = box, fresh = box;

    if (abs(lines) >= box.y2 - box.y1) {
        paint_text(w, box);
        return;
    }
    if (lines > 0) {
        to.y2 -= lines;
        fresh.y1 = to.y2;
    } else {
        to.y1 -= lines;
        fresh.y2 = to.y1;
    }
    move_pixels(w, w->frame, to, to.x1, to.y1 + lines);
    paint_text(w, fresh);
    damage(w, to);
}

static bool one_step(struct world *w, uint32_t max_pixels, struct plan_step *step)
{
    struct plan_limits limits = {.max_pixels = max_pixels};
    int32_t width, height;

    if (!plan_next(w->shown, w->hashes, &w->px, &limits, step)) {
        assert_false(shown_dirty(w->shown));
        return false;
    }
    width = step->box.x2 - step->box.x1;
    height = step->box.y2 - step->box.y1;
    assert_true(step->box.x1 >= 0 && width > 0 && step->box.x2 <= (int32_t)w->width);
    assert_true(step->box.y1 >= 0 && height > 0 && step->box.y2 <= (int32_t)w->height);
    switch (step->kind) {
    case PLAN_FILL:
        for (int32_t i = 0; i < width * height; i++) {
            *at(w, w->client, step->box.x1 + i % width, step->box.y1 + i / width) = step->colour;
        }
        break;
    case PLAN_IMAGE:
        for (int32_t y = step->box.y1; y < step->box.y2; y++) {
            memcpy(at(w, w->client, step->box.x1, y), at(w, w->frame, step->box.x1, y),
                   (size_t)width * 4);
        }
        break;
    case PLAN_CACHED:
        fail_msg("nothing is kept");
        break;
    case PLAN_COPY:
        assert_true(step->src_x >= 0 && step->src_x + width <= (int32_t)w->width);
        assert_true(step->src_y >= 0 && step->src_y + height <= (int32_t)w->height);
        move_pixels(w, w->client, step->box, step->src_x, step->src_y);
        w->copies++;
        return true;
    }
    w->sent += (uint64_t)width * (uint64_t)height;
    return true;
}

/* Counts from 0, until nothing is left; then the client shows the surface. */
static void send_all(struct world *w)
{
    struct plan_step step;

    w->copies = w->sent = 0;
    while (one_step(w, 0, &step)) {
    }
    for (size_t i = 0; i < (size_t)w->width * w->height; i++) {
        if ((w->frame[i] ^ w->client[i]) & 0xffffff) {
            fail_msg("pixel %zu,%zu differs", i % w->width, i / w->width);
        }
    }
}

static struct world *settled_world(uint32_t width, uint32_t height)
{
    struct world *w = world_new(width, height, 1);

    paint_text(w, (pixman_box32_t){0, 0, (int32_t)width, (int32_t)height});
    send_all(w);
    assert_int_equal(w->copies, 0);
    return w;
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

/* A move to another host: hashes only go with it. */
static void travel(struct world *w)
{
    size_t n = shown_block_count(w->shown);
    uint64_t *hashes = malloc(n * sizeof(*hashes));

    shown_export(w->shown, w->px.format, hashes);
    shown_free(w->shown);
    w->shown = shown_new(w->width, w->height);
    assert_true(shown_import(w->shown, w->hashes, &w->px, hashes, n));
    free(hashes);
}

static void random_event(struct world *w)
{
    struct plan_step step;

    switch (dice(w, 12)) {
    case 0:
    case 1:
    case 2:
        scroll(w, random_box(w, 500), (int32_t)dice(w, 81) - 40);
        break;
    case 3:
        paint_text(w, random_box(w, 150));
        break;
    case 4:
        paint_plain(w, random_box(w, 200), dice(w, 2) ? 0x1e1e1e : dice(w, 1 << 24));
        break;
    case 5:
        paint_text(w, random_box(w, 12));
        break;
    case 6:
        damage(w, random_box(w, 300));
        break;
    case 7:
        if (dice(w, 12) == 0) {
            travel(w);
        } else if (dice(w, 20) == 0) {
            memset(w->client, (int)dice(w, 256), (size_t)w->width * w->height * 4);
            shown_forget(w->shown);
        }
        break;
    default:
        for (uint32_t n = dice(w, 12); n > 0; n--) {
            one_step(w, dice(w, 2) ? 0 : 1 + dice(w, 20000), &step);
        }
    }
}

static void client_ends_with_the_picture(void **state)
{
    static const uint32_t sizes[][2] = {{640, 480}, {333, 250}, {500, 390}, {90, 700}};
    struct plan_step step;
    uint64_t copies = 0;

    for (uint64_t seed = 0; seed < 80; seed++) {
        struct world *w = world_new(sizes[seed % 4][0], sizes[seed % 4][1], seed);

        paint_text(w, (pixman_box32_t){0, 0, (int32_t)w->width, (int32_t)w->height});
        for (int round = 0; round < 10; round++) {
            w->copies = 0;
            for (int i = 0; i < 12; i++) {
                random_event(w);
            }
            one_step(w, 0, &step);
            copies += w->copies;
            send_all(w);
        }
        world_free(w);
    }
    assert_true(copies > 200); /* or all this was about nothing */
}

static void scrolling_sends_the_new_lines(void **state)
{
    static const int32_t lines[] = {16, 13, 1, -16, -13, 100, -200};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct world *w = settled_world(640, 480);
        pixman_box32_t box = {37, 21, 603, 461};
        uint64_t width = 566 + 2 * TILE_SIZE, fresh = (uint64_t)abs(lines[i]);

        scroll(w, box, lines[i]);
        send_all(w);
        assert_int_equal(w->copies, 1);
        /* The last columns of tiles hold what did not move, beside it. */
        assert_in_range(w->sent, fresh * 566, fresh * width + 2 * TILE_SIZE * 480);
        world_free(w);
    }
}

static void whole_screen_costs_the_new_line_alone(void **state)
{
    struct world *w = settled_world(640, 480);

    scroll(w, (pixman_box32_t){0, 0, 640, 480}, 16);
    send_all(w);
    assert_int_equal(w->copies, 1);
    assert_int_equal(w->sent, 16 * 640);
    world_free(w);
}

/* Damage told line by line, as by a device that compares frames. */
static void many_small_damages_are_one_look(void **state)
{
    struct world *w = settled_world(640, 480);
    pixman_box32_t all = {0, 0, 640, 480};

    move_pixels(w, w->frame, (pixman_box32_t){0, 0, 640, 464}, 0, 16);
    for (int32_t y = 0; y < 464; y += 16) {
        for (int32_t x = 0; x < 640; x += 32) {
            damage(w, (pixman_box32_t){x, y, x + 32, y + 16});
        }
    }
    paint_text(w, (pixman_box32_t){0, 464, all.x2, all.y2});
    send_all(w);
    assert_int_equal(w->copies, 1);
    assert_int_equal(w->sent, 16 * 640);
    world_free(w);
}

/* Something at rest lies over the text that scrolls below it. */
static void what_rests_above_is_sent_again(void **state)
{
    struct world *w = settled_world(640, 480);
    pixman_box32_t rests = {200, 200, 264, 264}, all = {0, 0, 640, 480};

    paint_plain(w, rests, 0xff0000);
    send_all(w);
    scroll(w, all, 16);
    paint_plain(w, rests, 0xff0000);
    send_all(w);
    assert_int_equal(w->copies, 1);
    assert_in_range(w->sent, 16 * 640, 16 * 640 + 96 * 112);
    world_free(w);
}

static void small_or_new_is_not_copied(void **state)
{
    struct world *w = settled_world(640, 480);

    scroll(w, (pixman_box32_t){0, 0, 64, 64}, 16);
    send_all(w);
    assert_int_equal(w->copies, 0);
    paint_text(w, (pixman_box32_t){0, 0, 640, 480});
    send_all(w);
    assert_int_equal(w->copies, 0);
    paint_plain(w, (pixman_box32_t){0, 0, 640, 480}, 0x123456);
    send_all(w);
    assert_int_equal(w->copies, 0);
    world_free(w);
}

/* After a video has had its looks in vain, a window beside it still has its own. */
static void video_does_not_hide_a_terminal(void **state)
{
    struct world *w = settled_world(640, 480);
    uint64_t copies = 0;

    for (int i = 0; i < 13; i++) {
        paint_text(w, (pixman_box32_t){0, 0, 320, 240});
        send_all(w);
        assert_int_equal(w->copies, 0);
    }
    scroll(w, (pixman_box32_t){320, 240, 640, 480}, 16);
    send_all(w);
    assert_int_equal(w->copies, 1);
    for (int i = 0; i < 9; i++) {
        paint_text(w, (pixman_box32_t){0, 0, 320, 240});
        send_all(w);
    }
    /* Where the video was, scrolling is found again a little later. */
    for (int i = 0; i < 8; i++) {
        scroll(w, (pixman_box32_t){0, 0, 320, 240}, 16);
        send_all(w);
        copies += w->copies;
    }
    assert_in_range(copies, 1, 7);
    scroll(w, (pixman_box32_t){0, 0, 320, 240}, 16);
    send_all(w);
    assert_int_equal(w->copies, 1);
    world_free(w);
}

/* What is the same at the target is known there as it was, so it can be copied at once. */
static void after_a_move_it_goes_on(void **state)
{
    struct world *w = settled_world(640, 480);
    pixman_box32_t all = {0, 0, 640, 480};

    travel(w);
    scroll(w, all, 16);
    send_all(w);
    assert_int_equal(w->copies, 1);
    travel(w);
    send_all(w);
    assert_int_equal(w->sent, 0);
    scroll(w, all, 16);
    send_all(w);
    assert_int_equal(w->copies, 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_ends_with_the_picture),
        cmocka_unit_test(scrolling_sends_the_new_lines),
        cmocka_unit_test(whole_screen_costs_the_new_line_alone),
        cmocka_unit_test(many_small_damages_are_one_look),
        cmocka_unit_test(what_rests_above_is_sent_again),
        cmocka_unit_test(small_or_new_is_not_copied),
        cmocka_unit_test(video_does_not_hide_a_terminal),
        cmocka_unit_test(after_a_move_it_goes_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
