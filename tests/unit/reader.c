/* SPDX-License-Identifier: MIT */
/* The cursor's error is sticky, and nothing is read past the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/reader.h"

static void reads_back_what_was_written(void **state)
{
    struct buf b = BUF_INIT;
    buf_u8(&b, 0x12);
    buf_u16(&b, 0x3456);
    buf_u32(&b, 0x789abcde);
    buf_u64(&b, 0x1122334455667788);
    buf_i32(&b, -5);

    struct reader r = reader_make(b.data, b.len);
    assert_int_equal(reader_u8(&r), 0x12);
    assert_int_equal(reader_u16(&r), 0x3456);
    assert_int_equal(reader_u32(&r), 0x789abcde);
    assert_int_equal(reader_u64(&r), 0x1122334455667788);
    assert_int_equal(reader_i32(&r), -5);
    assert_int_equal(reader_left(&r), 0);
    assert_true(reader_ok(&r));
    buf_free(&b);
}

static void error_is_sticky(void **state)
{
    uint8_t bytes[3] = {1, 2, 3};
    struct reader r = reader_make(bytes, sizeof(bytes));

    assert_int_equal(reader_u32(&r), 0);
    assert_false(reader_ok(&r));
    assert_int_equal(reader_u8(&r), 0);
    assert_null(reader_bytes(&r, 1));
    assert_int_equal(reader_left(&r), 0);
}

static void huge_sizes_do_not_wrap(void **state)
{
    uint8_t bytes[8] = {0};
    struct reader r = reader_make(bytes, sizeof(bytes));

    reader_u32(&r);
    assert_null(reader_bytes(&r, SIZE_MAX - 1));
    assert_false(reader_ok(&r));

    r = reader_make(bytes, sizeof(bytes));
    reader_seek(&r, 9);
    assert_false(reader_ok(&r));
}

static void consume_keeps_the_rest(void **state)
{
    struct buf b = BUF_INIT;
    for (unsigned i = 0; i < 1000; i++)
        buf_u8(&b, (uint8_t)i);
    buf_consume(&b, 990);
    assert_int_equal(b.len, 10);
    assert_int_equal(b.data[0], 990 & 255);
    buf_free(&b);
    assert_null(b.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(error_is_sticky),
        cmocka_unit_test(huge_sizes_do_not_wrap),
        cmocka_unit_test(consume_keeps_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
