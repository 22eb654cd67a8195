/* SPDX-License-Identifier: MIT */
/* Which images a client keeps: the least used go first, bounds hold, each one is told once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "display/image_cache.h"

#define SALT ((uint64_t)0xabcdef12 << 32)

/* Of one block, `side` pixels wide and high. */
static uint64_t add(struct image_cache *cache, uint32_t side, uint64_t content)
{
    struct cached_image image = {
        .width = side, .height = side, .cols = 1, .rows = 1, .blocks = &content};

    return image_cache_add(cache, &image);
}

static uint64_t id_of(const struct image_cache *cache, uint64_t content)
{
    uint32_t col, row;
    const struct cached_image *image = image_cache_find(cache, content, &col, &row);

    return image ? image->id : 0;
}

static void the_least_used_goes_first(void **state)
{
    struct image_cache *cache = image_cache_new(300, SALT);
    uint64_t a = add(cache, 10, 1), b = add(cache, 10, 2), c = add(cache, 10, 3), id;
    uint32_t col, row;

    assert_false(image_cache_next_evicted(cache, &id));
    image_cache_use(cache, image_cache_find(cache, 1, &col, &row));
    assert_int_not_equal(add(cache, 10, 4), 0);
    assert_true(image_cache_next_evicted(cache, &id));
    assert_int_equal(id, b);
    assert_false(image_cache_next_evicted(cache, &id));
    assert_int_equal(id_of(cache, 1), a);
    assert_int_equal(id_of(cache, 2), 0);
    assert_int_equal(id_of(cache, 3), c);
    assert_int_equal(image_cache_pixels(cache), 300);
    image_cache_free(cache);
}

static void ids_are_salted_and_never_repeat(void **state)
{
    struct image_cache *cache = image_cache_new(100, SALT | 0xffffffff);
    uint64_t first = add(cache, 10, 7), id;

    assert_int_equal(first >> 32, SALT >> 32);
    assert_int_not_equal((uint32_t)first, 0);
    image_cache_forget(cache);
    assert_true(image_cache_next_evicted(cache, &id));
    assert_int_equal(id, first);
    assert_int_not_equal(add(cache, 10, 7), first);
    image_cache_free(cache);
}

static void what_does_not_fit_changes_nothing(void **state)
{
    struct image_cache *cache = image_cache_new(100, SALT);
    uint64_t id, kept = add(cache, 10, 1);

    assert_int_equal(add(cache, 11, 2), 0);
    assert_int_equal(add(cache, 0, 2), 0);
    assert_int_equal(id_of(cache, 1), kept);
    assert_false(image_cache_next_evicted(cache, &id));
    image_cache_free(cache);
}

static void any_block_finds_its_image(void **state)
{
    struct image_cache *cache = image_cache_new(UINT64_MAX, SALT);
    uint64_t blocks[6] = {11, 12, 13, 14, 15, 11};
    struct cached_image image = {
        .width = 192, .height = 100, .cols = 3, .rows = 2, .blocks = blocks};
    uint64_t id = image_cache_add(cache, &image);
    const struct cached_image *found;
    uint32_t col, row;

    memset(blocks, 0, sizeof(blocks)); /* were copied */
    found = image_cache_find(cache, 14, &col, &row);
    assert_int_equal(found->id, id);
    assert_int_equal(col, 0);
    assert_int_equal(row, 1);
    assert_int_equal(found->blocks[2], 13);
    assert_null(image_cache_find(cache, 16, &col, &row));
    image_cache_free(cache);
}

/* Two images have the same block: it is found in the newer one, also when the older one has gone.
 */
static void the_newest_place_counts(void **state)
{
    struct image_cache *cache = image_cache_new(300, SALT);
    uint64_t newer;

    add(cache, 10, 5);
    newer = add(cache, 10, 5);
    assert_int_equal(id_of(cache, 5), newer);
    add(cache, 10, 6);
    add(cache, 10, 7); /* the first goes */
    assert_int_equal(id_of(cache, 5), newer);
    add(cache, 10, 8);
    assert_int_equal(id_of(cache, 5), 0);
    image_cache_free(cache);
}

static void bounds_hold(void **state)
{
    struct image_cache *cache = image_cache_new(UINT64_MAX, SALT);
    uint64_t evicted = 0, id;
    const unsigned n = 3 * IMAGE_CACHE_MAX_IMAGES;

    for (unsigned i = 0; i < n; i++) {
        assert_int_not_equal(add(cache, 1 + i % 400, 1000 + i), 0);
        assert_true(image_cache_pixels(cache) <= IMAGE_CACHE_MAX_PIXELS);
        assert_true(image_cache_count(cache) <= IMAGE_CACHE_MAX_IMAGES);
        while (image_cache_next_evicted(cache, &id)) {
            evicted++;
        }
    }
    assert_int_equal(evicted + image_cache_count(cache), n);
    image_cache_forget(cache);
    assert_int_equal(image_cache_count(cache), 0);
    assert_int_equal(image_cache_pixels(cache), 0);
    while (image_cache_next_evicted(cache, &id)) {
        evicted++;
    }
    assert_int_equal(evicted, n);
    image_cache_free(cache);
}

/* As a move does it: from the one used last. */
static struct image_cache *carried(const struct image_cache *from, uint64_t pixels)
{
    struct image_cache *to = image_cache_new(pixels, 0);
    const struct cached_image *image = NULL;

    image_cache_go_on(to, image_cache_newest(from));
    while ((image = image_cache_before(from, image)))
        image_cache_restore(to, image);
    return to;
}

static void books_go_on_elsewhere(void **state)
{
    struct image_cache *cache = image_cache_new(300, SALT), *other;
    uint64_t a = add(cache, 10, 1), b = add(cache, 10, 2), c = add(cache, 10, 1), id;
    uint32_t col, row;

    image_cache_use(cache, image_cache_find(cache, 2, &col, &row));
    other = carried(cache, 300);
    image_cache_free(cache);
    assert_int_equal(image_cache_count(other), 3);
    assert_int_equal(image_cache_pixels(other), 300);
    assert_int_equal(id_of(other, 1), c); /* the newer of two */
    assert_int_equal(id_of(other, 2), b);
    assert_int_equal(add(other, 10, 4), c + 1);
    assert_true(image_cache_next_evicted(other, &id));
    assert_int_equal(id, a);
    assert_false(image_cache_next_evicted(other, &id));
    image_cache_free(other);
}

static void what_has_no_room_elsewhere_is_told(void **state)
{
    struct image_cache *cache = image_cache_new(300, SALT), *other;
    uint64_t a = add(cache, 10, 1), b = add(cache, 10, 2), c = add(cache, 10, 3), id;

    other = carried(cache, 150);
    assert_int_equal(id_of(other, 3), c);
    assert_int_equal(image_cache_count(other), 1);
    assert_true(image_cache_next_evicted(other, &id));
    assert_int_equal(id, a);
    assert_true(image_cache_next_evicted(other, &id));
    assert_int_equal(id, b);
    image_cache_trim(cache, 3 * (8 + IMAGE_CACHE_CARRIED) - 1);
    assert_int_equal(image_cache_count(cache), 2);
    assert_int_equal(id_of(cache, 1), 0);
    image_cache_free(cache);
    image_cache_free(other);
}

static void ids_run_out(void **state)
{
    struct image_cache *cache = image_cache_new(300, 0);

    image_cache_go_on(cache, UINT32_MAX - 1);
    assert_int_equal(add(cache, 10, 1), UINT32_MAX);
    assert_int_equal(add(cache, 10, 2), 0);
    assert_int_equal(image_cache_count(cache), 1);
    image_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_used_goes_first),
        cmocka_unit_test(ids_are_salted_and_never_repeat),
        cmocka_unit_test(what_does_not_fit_changes_nothing),
        cmocka_unit_test(any_block_finds_its_image),
        cmocka_unit_test(the_newest_place_counts),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(books_go_on_elsewhere),
        cmocka_unit_test(what_has_no_room_elsewhere_is_told),
        cmocka_unit_test(ids_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
