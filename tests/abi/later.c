/* SPDX-License-Identifier: MIT */
/* What is not offered yet: callable, harmless, honest, and said once. */
#include <fcntl.h>
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "abi/later.h"

#define ANY_SERVER ((SpiceServer *)fake_server)

static char fake_server[1];
static int messages; /* lines logged in domain Spice, whatever the level */

static GLogWriterOutput count_messages(GLogLevelFlags level, const GLogField *fields,
                                       gsize n_fields, gpointer data)
{
    messages++;
    return G_LOG_WRITER_HANDLED;
}

/* ---- sound ---- */

static void versions_are_checked(void **state)
{
    static const struct {
        const char *type;
        uint32_t major, minor;
        int expected;
    } rows[] = {
        {"playback", 1, 3, 0},  {"playback", 1, 0, 0}, {"playback", 1, 4, -1},
        {"playback", 2, 3, -1}, {"record", 2, 3, 0},   {"record", 2, 4, -1},
        {"record", 1, 3, -1},   {"nosuch", 1, 0, -1},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        SpicePlaybackInterface sif = {.base = {rows[i].type, "test", rows[i].major, rows[i].minor}};
        SpicePlaybackInstance sin = {.base = {&sif.base}};

        assert_int_equal(later_add_interface(&sin.base), rows[i].expected);
        assert_int_equal(sin.st != NULL, rows[i].expected == 0);
        assert_int_equal(later_remove_interface(&sin.base), rows[i].expected);
        assert_null(sin.st);
    }
    assert_int_equal(later_add_interface(NULL), -1);
    assert_int_equal(later_remove_interface(NULL), -1);
}

static void nobody_listens_or_speaks(void **state)
{
    SpicePlaybackInstance playback = {0};
    SpiceRecordInstance record = {0};
    uint32_t storage[4] = {0}, *samples = storage, count = 4;
    uint16_t volume[2] = {1, 2};

    spice_server_playback_start(&playback);
    spice_server_playback_get_buffer(&playback, &samples, &count);
    assert_null(samples);
    assert_int_equal(count, 0);
    spice_server_playback_put_samples(&playback, samples);
    spice_server_playback_set_volume(&playback, 2, volume);
    spice_server_playback_set_mute(&playback, 1);
    spice_server_playback_stop(&playback);
    spice_server_set_playback_rate(&playback, 44100);
    assert_int_equal(spice_server_get_best_playback_rate(&playback), 48000);

    spice_server_record_start(&record);
    assert_int_equal(spice_server_record_get_samples(&record, storage, 4), 0);
    spice_server_record_set_volume(&record, 2, volume);
    spice_server_record_set_mute(&record, 0);
    spice_server_record_stop(&record);
    spice_server_set_record_rate(&record, 44100);
    assert_int_equal(spice_server_get_best_record_rate(NULL), 48000);
}

/* ---- GL ---- */

static uint64_t completed;
static int completions;

static void note_completion(QXLInstance *qin, uint64_t cookie)
{
    completed = cookie;
    completions++;
}

static void gl_closes_and_completes(void **state)
{
    QXLInterface sif = {.base = {"qxl", "test", 3, 3}, .async_complete = note_completion};
    QXLInstance qxl = {.base = {&sif.base}};
    int pipe_ends[2];

    assert_int_equal(pipe(pipe_ends), 0);
    spice_qxl_gl_scanout(&qxl, pipe_ends[0], 1, 1, 4, 0, 0);
    assert_int_equal(fcntl(pipe_ends[0], F_GETFD), -1);
    assert_int_not_equal(fcntl(pipe_ends[1], F_GETFD), -1);
    close(pipe_ends[1]);
    spice_qxl_gl_scanout(&qxl, -1, 0, 0, 0, 0, 0);
    spice_qxl_gl_draw_async(&qxl, 0, 0, 1, 1, UINT64_C(0x123456789abcdef0));
    assert_int_equal(completions, 1);
    assert_true(completed == UINT64_C(0x123456789abcdef0));
    spice_qxl_driver_unload(&qxl);
}

/* ---- settings ---- */

static void settings_are_checked(void **state)
{
    for (int i = 0; i < 5; i++) {
        int valid = i >= 1 && i <= 3 ? 0 : -1;

        assert_int_equal(spice_server_set_jpeg_compression(ANY_SERVER, i), valid);
        assert_int_equal(spice_server_set_zlib_glz_compression(ANY_SERVER, i), valid);
        assert_int_equal(spice_server_set_streaming_video(ANY_SERVER, i), valid);
        assert_int_equal(spice_server_set_compat_version(ANY_SERVER, i), i == 1 ? 0 : -1);
    }
    assert_int_equal(spice_get_current_compat_version(), SPICE_COMPAT_VERSION_CURRENT);
    assert_int_equal(spice_server_add_renderer(ANY_SERVER, "sw"), 0);
    assert_int_equal(spice_server_add_renderer(ANY_SERVER, "oglpixmap"), -1);
    assert_int_equal(spice_server_add_renderer(ANY_SERVER, NULL), -1);
    assert_int_equal(spice_server_set_exit_on_disconnect(ANY_SERVER, 1), 0);
    assert_int_equal(spice_server_set_playback_compression(ANY_SERVER, 1), 0);
}

/* Expected values are those that 0.15.1 gives. */
static void codec_lists_are_checked(void **state)
{
    static const char *const good[] = {
        "auto",         "spice:mjpeg", "gstreamer:vp8;spice:mjpeg", "spice:mjpeg;",
        ";spice:mjpeg", "spice:vp8",   "spice:mjpeg;bad:bad",       "auto;spice:mjpeg",
    };
    static const char *const bad[] = {
        "", "none:mjpeg", "spice:none", "nonsense", "none:none", "spice:mjpeg spice:mjpeg",
    };
    const char *now;

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        assert_int_equal(spice_server_set_video_codecs(ANY_SERVER, good[i]), 0);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        assert_int_equal(spice_server_set_video_codecs(ANY_SERVER, bad[i]), -1);
    }
    assert_int_equal(spice_server_set_video_codecs(ANY_SERVER, NULL), -1);
    now = spice_server_get_video_codecs(ANY_SERVER);
    assert_string_equal(now, "");
    spice_server_free_video_codecs(ANY_SERVER, now);
    spice_server_free_video_codecs(ANY_SERVER, NULL);
}

/* ---- the log; runs first, as a feature is mentioned once in the life of the process ---- */

static void features_are_said_once(void **state)
{
    int before;

    for (int i = 0; i < LATER_COUNT; i++) {
        before = messages;
        later_say(i);
        assert_int_equal(messages, before + 1);
        later_say(i);
        assert_int_equal(messages, before + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_are_said_once),   cmocka_unit_test(versions_are_checked),
        cmocka_unit_test(nobody_listens_or_speaks), cmocka_unit_test(gl_closes_and_completes),
        cmocka_unit_test(settings_are_checked),     cmocka_unit_test(codec_lists_are_checked),
    };

    g_log_set_writer_func(count_messages, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
