/* SPDX-License-Identifier: MIT */
/* Only addresses inside a slot of the right generation become pointers, whatever the arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "display/qxl/memslots.h"

static const struct memslot_desc desc = {
    .group = 1,
    .slot = 3,
    .generation = 9,
    .virt_start = 0x10000,
    .virt_end = 0x20000,
    .addr_delta = 0x10000,
};

static QXLPHYSICAL at(uint64_t slot, uint64_t generation, uint64_t low)
{
    return slot << 56 | generation << 48 | low;
}

static struct memslots *with_one(void)
{
    struct memslots *slots = memslots_new(2, 8, 8, 8);

    assert_true(memslots_add(slots, &desc));
    return slots;
}

static void maps_inside(void **state)
{
    struct memslots *slots = with_one();

    assert_ptr_equal(memslots_map(slots, 1, at(3, 9, 0), 1), (void *)0x10000);
    assert_ptr_equal(memslots_map(slots, 1, at(3, 9, 0x1234), 16), (void *)0x11234);
    assert_ptr_equal(memslots_map(slots, 1, at(3, 9, 0), 0x10000), (void *)0x10000);
    assert_ptr_equal(memslots_map(slots, 1, at(3, 9, 0xffff), 1), (void *)0x1ffff);
    assert_int_equal(memslots_room(slots, 1, at(3, 9, 0xfff0)), 16);
    memslots_free(slots);
}

static void refuses_outside(void **state)
{
    struct memslots *slots = with_one();

    assert_null(memslots_map(slots, 1, at(3, 9, 0), 0x10001));
    assert_null(memslots_map(slots, 1, at(3, 9, 0xffff), 2));
    assert_null(memslots_map(slots, 1, at(3, 9, 0x10000), 1));
    assert_null(memslots_map(slots, 1, at(3, 9, 0xfffffffffff), 1));
    assert_null(memslots_map(slots, 1, at(3, 9, 0), SIZE_MAX));
    assert_null(memslots_map(slots, 1, at(3, 9, 0x8000), SIZE_MAX - 0x8000));
    assert_int_equal(memslots_room(slots, 1, at(3, 9, 0x10000)), 0);
    memslots_free(slots);
}

static void refuses_wrong_names(void **state)
{
    struct memslots *slots = with_one();

    assert_null(memslots_map(slots, 0, at(3, 9, 0), 1));
    assert_null(memslots_map(slots, 2, at(3, 9, 0), 1));
    assert_null(memslots_map(slots, UINT32_MAX, at(3, 9, 0), 1));
    assert_null(memslots_map(slots, 1, at(2, 9, 0), 1));
    assert_null(memslots_map(slots, 1, at(8, 9, 0), 1));
    assert_null(memslots_map(slots, 1, at(255, 9, 0), 1));
    assert_null(memslots_map(slots, 1, at(3, 8, 0), 1));
    memslots_free(slots);
}

static void delta_may_wrap(void **state)
{
    struct memslots *slots = memslots_new(1, 1, 8, 8);
    struct memslot_desc d = {.virt_start = 0x1000, .virt_end = 0x2000, .addr_delta = -0x4000ull};

    assert_true(memslots_add(slots, &d));
    assert_ptr_equal(memslots_map(slots, 0, 0x5000, 0x1000), (void *)0x1000);
    assert_null(memslots_map(slots, 0, 0x4fff, 1));
    assert_null(memslots_map(slots, 0, 0x3fff, 1)); /* lands near 2^64 */
    memslots_free(slots);
}

static void host_group_covers_everything(void **state)
{
    struct memslots *slots = memslots_new(2, 8, 8, 8);
    int here = 5;

    assert_true(memslots_add(slots, &(struct memslot_desc){.virt_end = UINT64_MAX}));
    assert_ptr_equal(memslots_map(slots, 0, (uintptr_t)&here, sizeof(here)), &here);
    assert_null(memslots_map(slots, 0, 0, 1)); /* a null pointer stays one */
    memslots_free(slots);
}

static void slots_come_and_go(void **state)
{
    struct memslots *slots = with_one();
    struct memslot_desc other = desc;

    other.generation = 10;
    assert_true(memslots_add(slots, &other));
    assert_null(memslots_map(slots, 1, at(3, 9, 0), 1));
    assert_non_null(memslots_map(slots, 1, at(3, 10, 0), 1));
    memslots_del(slots, 1, 3);
    assert_null(memslots_map(slots, 1, at(3, 10, 0), 1));
    memslots_del(slots, 7, 300);

    other.group = 0;
    assert_true(memslots_add(slots, &desc) && memslots_add(slots, &other));
    memslots_reset(slots);
    assert_null(memslots_map(slots, 1, at(3, 9, 0), 1));
    assert_null(memslots_map(slots, 0, at(3, 10, 0), 1));
    memslots_free(slots);
}

static void refuses_nonsense(void **state)
{
    struct memslots *slots = memslots_new(2, 8, 8, 8);
    struct memslot_desc d = desc;

    assert_null(memslots_new(0, 8, 8, 8));
    assert_null(memslots_new(2, 0, 8, 8));
    assert_null(memslots_new(2, 8, 30, 30));
    d.slot = 8;
    assert_false(memslots_add(slots, &d));
    d = desc;
    d.group = 2;
    assert_false(memslots_add(slots, &d));
    d = desc;
    d.virt_end = d.virt_start - 1;
    assert_false(memslots_add(slots, &d));
    memslots_free(slots);
}

static void bits_may_be_none(void **state)
{
    struct memslots *slots = memslots_new(1, 1, 0, 0);

    assert_true(memslots_add(slots, &(struct memslot_desc){.virt_start = 8, .virt_end = 16}));
    assert_ptr_equal(memslots_map(slots, 0, 8, 8), (void *)8);
    assert_null(memslots_map(slots, 0, UINT64_MAX, 1));
    memslots_free(slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_inside),
        cmocka_unit_test(refuses_outside),
        cmocka_unit_test(refuses_wrong_names),
        cmocka_unit_test(delta_may_wrap),
        cmocka_unit_test(host_group_covers_everything),
        cmocka_unit_test(slots_come_and_go),
        cmocka_unit_test(refuses_nonsense),
        cmocka_unit_test(bits_may_be_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
