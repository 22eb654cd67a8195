/* SPDX-License-Identifier: MIT */
/* The moves' story: each line one JSON object, the last moves only, in the file what was told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "migrate/story.h"

static void lines_are_escaped(void **state)
{
    struct story *story = story_new(NULL);
    const struct story_field fields[] = {
        {"peer", "a\"b\\c\n\x01\xff", 0},
        {"port", NULL, -5},
    };
    g_autofree char *text = NULL;

    story_begin(story);
    story_tell(story, "announced", fields, 2);
    text = story_text(story);
    assert_true(g_str_has_prefix(text, "{\"wall\": \"2"));
    assert_non_null(strstr(text, "\"move\": 1, \"what\": \"announced\", "
                                 "\"peer\": \"a\\\"b\\\\c\\u000a\\u0001\xef\xbf\xbd\", "
                                 "\"port\": -5}\n"));
    assert_int_equal(strchr(text, '\n') - text, strlen(text) - 1);
    story_free(story);
}

static void the_last_moves_are_kept(void **state)
{
    struct story *story = story_new(NULL);
    g_autofree char *text = NULL;

    for (int i = 0; i < STORY_MOVES + 3; i++) {
        story_begin(story);
        story_tell(story, "announced", NULL, 0);
    }
    text = story_text(story);
    assert_null(strstr(text, "\"move\": 3,"));
    assert_true(strstr(text, "\"move\": 4,") < strstr(text, "\"move\": 11,"));
    assert_non_null(strstr(text, "\"move\": 4,"));
    story_free(story);
}

static void one_move_is_bounded_in_memory(void **state)
{
    struct story *story = story_new(NULL);
    g_autofree char *text = NULL;

    story_begin(story);
    for (int i = 0; i < 5000; i++)
        story_tell(story, "left", NULL, 0);
    text = story_text(story);
    assert_in_range(strlen(text), STORY_MAX_BYTES - 200, STORY_MAX_BYTES);
    story_free(story);
}

static void the_file_has_every_line(void **state)
{
    g_autofree char *folder = g_dir_make_tmp("caravan-story-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "log", NULL);
    g_autofree char *kept = NULL, *written = NULL;

    for (int i = 0; i < 2; i++) { /* the second server appends */
        struct story *story = story_new(path);
        story_begin(story);
        story_tell(story, "announced", NULL, 0);
        story_tell(story, "end complete", NULL, 0);
        g_free(kept);
        kept = story_text(story);
        story_free(story);
    }
    assert_true(g_file_get_contents(path, &written, NULL, NULL));
    assert_true(g_str_has_suffix(written, kept));
    assert_int_equal(strlen(written), 2 * strlen(kept));
    g_unlink(path);
    g_rmdir(folder);
}

static void a_file_that_cannot_be_does_no_harm(void **state)
{
    struct story *story = story_new("/nonexistent/folder/log");

    story_begin(story);
    story_tell(story, "announced", NULL, 0);
    story_free(story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_escaped),
        cmocka_unit_test(the_last_moves_are_kept),
        cmocka_unit_test(one_move_is_bounded_in_memory),
        cmocka_unit_test(the_file_has_every_line),
        cmocka_unit_test(a_file_that_cannot_be_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
