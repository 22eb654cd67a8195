/* SPDX-License-Identifier: MIT */
/* Scancodes of the caravan command: what is one, and which key types a character. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <glib.h>

#include "keys.h"

static void test_scancodes(void **state)
{
    static const struct {
        const char *text;
        bool good;
        unsigned scancode;
    } rows[] = {
        {"1e", true, 0x1e},     {"1E", true, 0x1e}, {"e048", true, 0x148}, {"7f", true, 0x7f},
        {"0", false, 0},        {"80", false, 0},   {"e0", false, 0},      {"e0c8", false, 0},
        {"e148", false, 0},     {"1e ", false, 0},  {"", false, 0},        {"xyz", false, 0},
        {"ffffffff", false, 0}, {"-1", false, 0},   {"e000", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        unsigned scancode = 0;

        assert_int_equal(keys_parse(rows[i].text, &scancode), rows[i].good);
        if (rows[i].good)
            assert_int_equal(scancode, rows[i].scancode);
    }
}

static void test_characters(void **state)
{
    static const struct {
        char c;
        unsigned scancode;
        bool shift;
    } rows[] = {
        {'a', 0x1e, false}, {'A', 0x1e, true},   {'1', 0x02, false},  {'!', 0x02, true},
        {'z', 0x2c, false}, {'?', 0x35, true},   {' ', 0x39, false},  {'\n', 0x1c, false},
        {'`', 0x29, false}, {'\\', 0x2b, false}, {'\b', 0x0e, false}, {'\t', 0x0f, false},
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        unsigned scancode = 0;
        bool shift = !rows[i].shift;

        assert_true(keys_from_ascii(rows[i].c, &scancode, &shift));
        assert_int_equal(scancode, rows[i].scancode);
        assert_int_equal(shift, rows[i].shift);
    }
}

static void test_every_printable_character_has_a_key(void **state)
{
    unsigned scancode;
    bool shift;

    (void)state;
    for (int c = ' '; c < 127; c++)
        assert_true(keys_from_ascii(c, &scancode, &shift));
    assert_false(keys_from_ascii(0, &scancode, &shift));
    assert_false(keys_from_ascii('\x80', &scancode, &shift));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scancodes),
        cmocka_unit_test(test_characters),
        cmocka_unit_test(test_every_printable_character_has_a_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
