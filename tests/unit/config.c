/* SPDX-License-Identifier: MIT */
/* The configuration: files, then the environment; what is wrong is left out and named by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "session/config.h"
#include "session/settings.h"

static GString *warned;

static void on_log(const char *domain, GLogLevelFlags level, const char *text, void *opaque)
{
    g_string_append_printf(warned, "%s\n", text);
}

/* Reads a file of that text into new settings. */
static struct settings read_text(const char *text, size_t len)
{
    g_autofree char *folder = g_dir_make_tmp("caravan-config-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "server.conf", NULL);
    struct settings settings = {.policy = CLIENTS_SHARE};

    g_string_truncate(warned, 0);
    assert_true(g_file_set_contents(path, text, (gssize)len, NULL));
    config_read_file(&settings, path);
    g_unlink(path);
    g_rmdir(folder);
    return settings;
}

static void good_lines_count(void **state)
{
    static const char text[] = "# ours\r\n\n [server]\nclients = refuse\n  move-log=/tmp/a b=c  \n";
    struct settings settings = read_text(text, strlen(text));

    assert_int_equal(settings.policy, CLIENTS_REFUSE);
    assert_string_equal(settings.move_log, "/tmp/a b=c");
    assert_string_equal(warned->str, "");
    settings_clear(&settings);
}

static void wrong_lines_are_named(void **state)
{
    static const char text[] = "clients=refuse\n[server]\nclients=many\ncolour=red\nword\n"
                               "clients=replace\n[other]\nclients=refuse\n";
    struct settings settings = read_text(text, strlen(text));

    assert_int_equal(settings.policy, CLIENTS_REPLACE);
    assert_non_null(strstr(warned->str, "line 1:"));
    assert_null(strstr(warned->str, "line 2:"));
    assert_non_null(strstr(warned->str, "line 3: clients=many"));
    assert_non_null(strstr(warned->str, "line 4: colour=red"));
    assert_non_null(strstr(warned->str, "line 5:"));
    assert_non_null(strstr(warned->str, "line 7:"));
    assert_null(strstr(warned->str, "line 8:"));
    settings_clear(&settings);
}

static void garbage_is_left_out(void **state)
{
    static const char text[] = "[server]\nclients=refuse\n\0x";
    struct settings settings = read_text(text, sizeof(text));

    assert_int_equal(settings.policy, CLIENTS_SHARE);
    assert_true(warned->len > 0);
    config_read_file(&settings, "/nonexistent");
    settings_clear(&settings);
}

static void environment_wins(void **state)
{
    struct settings settings;

    g_setenv("CARAVAN_CLIENTS", "refuse", TRUE);
    g_setenv("CARAVAN_MOVE_LOG", "/tmp/log", TRUE);
    settings_init(&settings);
    assert_int_equal(settings.policy, CLIENTS_REFUSE);
    assert_string_equal(settings.move_log, "/tmp/log");
    settings_clear(&settings);
    g_unsetenv("CARAVAN_CLIENTS");
    g_unsetenv("CARAVAN_MOVE_LOG");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_lines_count),
        cmocka_unit_test(wrong_lines_are_named),
        cmocka_unit_test(garbage_is_left_out),
        cmocka_unit_test(environment_wins),
    };
    int failed;

    warned = g_string_new(NULL);
    g_log_set_handler("Spice", G_LOG_LEVEL_MASK, on_log, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    g_string_free(warned, TRUE);
    return failed;
}
