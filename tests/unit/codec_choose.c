/* SPDX-License-Identifier: MIT */
/* Which codec an image gets: a client never gets what it cannot decode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <spice/enums.h>

#include "codec/codec.h"

static const struct codec_image page = {NULL, 640, 480, 2560, false};

static void lz4_only_for_clients_that_have_it(void **state)
{
    for (unsigned setting = 0; setting < 256; setting++) {
        struct codec_wish wish = {.setting = (uint8_t)setting};

        assert_ptr_equal(codec_choose(&wish, &page),
                         setting == SPICE_IMAGE_COMPRESSION_OFF ? &codec_raw : &codec_lz);
    }
}

static void settings_are_followed(void **state)
{
    struct codec_wish wish = {.client_lz4 = true};

    wish.setting = SPICE_IMAGE_COMPRESSION_LZ4;
    assert_ptr_equal(codec_choose(&wish, &page), &codec_lz4);
    wish.setting = SPICE_IMAGE_COMPRESSION_LZ;
    assert_ptr_equal(codec_choose(&wish, &page), &codec_lz);
    wish.setting = SPICE_IMAGE_COMPRESSION_OFF;
    assert_ptr_equal(codec_choose(&wish, &page), &codec_raw);
    wish.setting = SPICE_IMAGE_COMPRESSION_AUTO_GLZ;
    assert_ptr_equal(codec_choose(&wish, &page), &codec_lz);
}

static void raw_where_encoding_is_in_vain(void **state)
{
    struct codec_wish wish = {.setting = SPICE_IMAGE_COMPRESSION_AUTO_GLZ};
    struct codec_image tiny = {NULL, 13, 1, 52, false}, small = {NULL, 7, 2, 28, false};

    assert_ptr_equal(codec_choose(&wish, &tiny), &codec_raw);
    assert_ptr_equal(codec_choose(&wish, &small), &codec_lz);
    wish.local = true;
    assert_ptr_equal(codec_choose(&wish, &page), &codec_raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lz4_only_for_clients_that_have_it),
        cmocka_unit_test(settings_are_followed),
        cmocka_unit_test(raw_where_encoding_is_in_vain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
