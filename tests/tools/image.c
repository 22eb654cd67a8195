/* SPDX-License-Identifier: MIT */
/* Pictures of the caravan command: size limits, difference, PPM files whole and broken. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "image.h"

static char *temporary_file(const char *bytes, size_t size)
{
    char *path = NULL;
    int fd = g_file_open_tmp("caravan-image-XXXXXX", &path, NULL);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
    return path;
}

static struct image *load_text(const char *bytes, size_t size)
{
    char *path = temporary_file(bytes, size);
    struct image *image = image_load_ppm(path, NULL);

    g_unlink(path);
    g_free(path);
    return image;
}

static void test_sizes_are_bounded(void **state)
{
    (void)state;
    assert_null(image_new(0, 1));
    assert_null(image_new(1, -1));
    assert_null(image_new(16385, 1));
    struct image *image = image_new(16384, 1);

    assert_non_null(image);
    image_free(image);
}

static void test_difference_tells_count_and_box(void **state)
{
    struct image *a = image_new(8, 6), *b = image_new(8, 6), *other = image_new(8, 7);
    struct image_difference d;

    (void)state;
    assert_int_equal(image_compare(a, b).pixels, 0);
    b->rgb[(2 * 8 + 3) * 3 + 1] = 1;
    b->rgb[(4 * 8 + 5) * 3 + 2] = 255;
    d = image_compare(a, b);
    assert_int_equal(d.pixels, 2);
    assert_int_equal(d.x, 3);
    assert_int_equal(d.y, 2);
    assert_int_equal(d.width, 3);
    assert_int_equal(d.height, 3);
    assert_int_equal(image_compare(a, other).pixels, 48);
    image_free(a);
    image_free(b);
    image_free(other);
}

static void test_ppm_comes_back_as_written(void **state)
{
    char *path = temporary_file("", 0);
    char *name = g_strconcat(path, ".ppm", NULL);
    struct image *image = image_new(3, 2), *back;
    char *hash, *hash_back;

    (void)state;
    for (int i = 0; i < 18; i++)
        image->rgb[i] = i * 13;
    assert_true(image_save(image, name, NULL));
    back = image_load_ppm(name, NULL);
    assert_non_null(back);
    assert_int_equal(back->width, 3);
    assert_int_equal(back->height, 2);
    hash = image_sha256(image);
    hash_back = image_sha256(back);
    assert_string_equal(hash, hash_back);
    g_free(hash);
    g_free(hash_back);
    image_free(image);
    image_free(back);
    g_unlink(path);
    g_unlink(name);
    g_free(path);
    g_free(name);
}

static void test_ppm_header_may_have_comments(void **state)
{
    static const char text[] = "P6\n# by somebody\n1 1 # one\n255\nabc";
    struct image *image = load_text(text, sizeof text - 1);

    (void)state;
    assert_non_null(image);
    assert_memory_equal(image->rgb, "abc", 3);
    image_free(image);
}

static void test_broken_ppm_is_refused(void **state)
{
    static const char *const broken[] = {
        "",
        "P6",
        "P6\n",
        "P6\n1 1\n255",
        "P6\n1 1\n255\nab",
        "P5\n1 1\n255\nabc",
        "P6\n1 1\n65535\nabcdef",
        "P6\n99999 99999\n255\nabc",
        "P6\n-1 1\n255\nabc",
        "P6\n0 0\n255\n",
        "P6\n1 # never ends",
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(broken); i++)
        assert_null(load_text(broken[i], strlen(broken[i])));
    assert_null(image_load_ppm("/nonexistent/file", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_are_bounded),
        cmocka_unit_test(test_difference_tells_count_and_box),
        cmocka_unit_test(test_ppm_comes_back_as_written),
        cmocka_unit_test(test_ppm_header_may_have_comments),
        cmocka_unit_test(test_broken_ppm_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
