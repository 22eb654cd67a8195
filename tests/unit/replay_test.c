/* SPDX-License-Identifier: MIT */
/* Recordings of a display worker: what is read, and that a false one only ends the replay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib.h>
#include <spice.h>
#include <spice/enums.h>

#define HEADER    "SPICE_REPLAY 1\n"
#define COMMAND   "event 7 0 1 99\n"
#define DEST      "surfaces_dest -1\nrect surfaces_rects 0 0 0 0\n"
#define BEFORE    "effect 1\nmm_time 5\nself_bitmap 0\nrect self_bitmap_area 0 0 0 0\n"
#define BODY(id)  BEFORE "surface_id " id "\n" DEST DEST DEST
#define DRAW(id)  "drawable\nrect bbox 1 2 3 4\ntype 0\n" BODY(id)
#define MASK      "flags 0\npoint 0 0\nimage 0\n"
#define SOLID     "type 1\nu.color -16777216\n"
#define IMAGE     "image 1\ndescriptor.id 18446744073709551615\n"
#define SIZES     "descriptor.flags 0\ndescriptor.width 2\ndescriptor.height 2\n"
#define BITMAP(s) IMAGE "descriptor.type 0\n" SIZES "bitmap.format 8\nbitmap.flags 4\n" s
#define GEOMETRY  "bitmap.x 2\nbitmap.y 2\nbitmap.stride 8\n"
#define PIXELS                                                                                     \
    "data_chunks 1 16\nbinary 0 bitmap.data 6:abcdef\nbinary 0 bitmap.data 10:ghijklmnop\n"
#define PICTURE BITMAP(GEOMETRY "has_palette 0\n" PIXELS)
#define AREA    "rect src_area 0 0 2 2\n"
#define MODES   "fore_mode 8\nback_mode 8\n"
#define COPY    PICTURE AREA "rop_descriptor 8\nscale_mode 0\n" MASK
#define SURFACE "event 1 0 5 1\nsurface_cmd\n"

static char calls[4096];
static bool check_pixels = true;

void spice_qxl_create_primary_surface(QXLInstance *instance, uint32_t id,
                                      QXLDevSurfaceCreate *surface)
{
    char *end = calls + strlen(calls);

    (void)instance;
    snprintf(end, (size_t)(calls + sizeof(calls) - end), "create %u %ux%u %d;", id, surface->width,
             surface->height, surface->stride);
    if (check_pixels)
        assert_memory_equal((void *)(uintptr_t)surface->mem, "01234567", 8);
}

void spice_qxl_destroy_primary_surface(QXLInstance *instance, uint32_t id)
{
    (void)instance;
    (void)id;
    strcat(calls, "destroy;");
}

void spice_qxl_destroy_surfaces(QXLInstance *instance)
{
    (void)instance;
    strcat(calls, "destroy-all;");
}

static SpiceReplay *open_text(const char *text, size_t size, int surfaces)
{
    FILE *file = tmpfile();

    calls[0] = '\0';
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    rewind(file);
    return spice_replay_new(file, surfaces);
}

static QXLCommandExt *next(SpiceReplay *replay)
{
    QXLInstance instance = {0};

    return spice_replay_next_cmd(replay, &instance);
}

static void *data_of(const QXLCommandExt *command)
{
    return (void *)(uintptr_t)command->cmd.data;
}

static void copy_is_read_whole(void **state)
{
    static const char text[] = HEADER COMMAND DRAW("0") "type 3\n" COPY;
    SpiceReplay *replay = open_text(text, sizeof(text) - 1, 4);
    QXLCommandExt *command = next(replay);
    const QXLDrawable *drawable;
    const QXLImage *image;
    const QXLDataChunk *chunk;

    (void)state;
    assert_non_null(command);
    drawable = data_of(command);
    assert_int_equal(command->group_id, 0);
    assert_int_equal(drawable->release_info.id, (uintptr_t)command);
    assert_int_equal(drawable->bbox.top, 1);
    assert_int_equal(drawable->bbox.left, 2);
    assert_int_equal(drawable->bbox.bottom, 3);
    assert_int_equal(drawable->bbox.right, 4);
    assert_int_equal(drawable->surfaces_dest[2], -1);
    assert_int_equal(drawable->u.copy.rop_descriptor, 8);
    image = (void *)(uintptr_t)drawable->u.copy.src_bitmap;
    assert_true(image->descriptor.id == UINT64_MAX);
    assert_int_equal(image->bitmap.stride, 8);
    chunk = (void *)(uintptr_t)image->bitmap.data;
    assert_int_equal(chunk->data_size, 6);
    assert_memory_equal(chunk->data, "abcdef", 6);
    chunk = (void *)(uintptr_t)chunk->next_chunk;
    assert_int_equal(chunk->data_size, 10);
    assert_int_equal(chunk->next_chunk, 0);
    spice_replay_free_cmd(replay, command);
    assert_null(next(replay));
    spice_replay_free(replay);
}

static const struct {
    uint8_t type;
    const char *body;
} kinds[] = {
    {QXL_DRAW_NOP, ""},
    {QXL_DRAW_FILL, SOLID "rop_descriptor 8\n" MASK},
    {QXL_DRAW_OPAQUE, PICTURE AREA SOLID "rop_descriptor 8\nscale_mode 0\n" MASK},
    {QXL_DRAW_COPY, COPY},
    {QXL_COPY_BITS, "point -1 5\n"},
    {QXL_DRAW_BLEND, COPY},
    {QXL_DRAW_BLACKNESS, MASK},
    {QXL_DRAW_WHITENESS, MASK},
    {QXL_DRAW_INVERS, "flags 1\npoint 0 0\n" PICTURE},
    {QXL_DRAW_ROP3, PICTURE AREA "type 2\n" PICTURE "point 1 1\nrop3 204\nscale_mode 1\n" MASK},
    {QXL_DRAW_STROKE, "data_chunks 0 3\nbinary 0 path 3:abc\nattr.flags 8\nattr.style_nseg 1\n"
                      "binary 0 style 4:abcd\n" SOLID MODES},
    {QXL_DRAW_TEXT, "data_size 2\nlength 1\nflags 0\ndata_chunks 0 2\nbinary 0 string 2:ab\n"
                    "rect back_area 0 0 0 0\n" SOLID "type 0\n" MODES},
    {QXL_DRAW_TRANSPARENT, PICTURE AREA "src_color 1\ntrue_color 4294967295\n"},
    {QXL_DRAW_ALPHA_BLEND, "alpha_flags 0\nalpha 255\n" PICTURE AREA},
    {QXL_DRAW_COMPOSITE,
     "flags 3\n" PICTURE
     "src_transform 1\nbinary 0 transform 24:aaaaaaaaaaaaaaaaaaaaaaaa\nmask 1\n" PICTURE
     "mask_transform 0\nsrc_origin -1 2\nmask_origin 0 0\n"},
};

static char *recording_of_all_kinds(void)
{
    GString *text = g_string_new(HEADER "event 0 1 20 1\n2 1 -8 32\n0 1 0 0\n"
                                        "binary 0 data 8:01234567\n");

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        g_string_append_printf(text, COMMAND DRAW("0") "type %u\n%s", kinds[i].type, kinds[i].body);
    g_string_append(text, "event 1 0 3 1\ncursor_cmd\ntype 0\npoint16 -1 2\nu.set.visible 1\n"
                          "header.unique 0\nheader.type 0\nheader.width 1\nheader.height 1\n"
                          "header.hot_spot_x 0\nheader.hot_spot_y 0\ndata_size 4\n"
                          "data_chunks 0 4\nbinary 0 cursor 4:abcd\n"
                          "event 1 0 3 1\ncursor_cmd\ntype 3\nu.trail.length 1\n"
                          "u.trail.frequency 2\n"
                          "event 1 0 2 1\nupdate\nrect area 0 0 1 1\nupdate_id 3\nsurface_id 0\n"
                          "event 1 0 4 1\nbinary 0 message 2:hi\n");
    return g_string_free(text, FALSE);
}

static void every_kind_of_drawable_is_read(void **state)
{
    char *text = recording_of_all_kinds();
    SpiceReplay *replay = open_text(text, strlen(text), 4);
    QXLCommandExt *command;

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        command = next(replay);
        if (!command)
            fail_msg("kind %u was refused", kinds[i].type);
        assert_int_equal(((QXLDrawable *)data_of(command))->type, kinds[i].type);
        spice_replay_free_cmd(replay, command);
    }
    for (size_t i = 0; i < 4; i++) {
        command = next(replay);
        assert_non_null(command);
        spice_replay_free_cmd(replay, command);
    }
    assert_null(next(replay));
    assert_string_equal(calls, "create 0 2x1 -8;");
    spice_replay_free(replay);
    g_free(text);
}

static void a_recording_cut_anywhere_ends(void **state)
{
    char *text = recording_of_all_kinds();
    size_t size = strlen(text);

    (void)state;
    for (size_t cut = sizeof(HEADER) - 1; cut < size; cut++) {
        SpiceReplay *replay = open_text(text, cut, 4);
        size_t commands = 0;

        for (QXLCommandExt *command; (command = next(replay)); commands++)
            spice_replay_free_cmd(replay, command);
        assert_true(commands <= G_N_ELEMENTS(kinds) + 4);
        assert_null(next(replay));
        spice_replay_free(replay);
    }
    g_free(text);
}

static const char *const false_recordings[] = {
    "event 1 0 77 1\n",
    "event 1 0 1\n",
    "event 1 0 1 1 1\n",
    COMMAND "drawablx\n",
    COMMAND DRAW("0") "type 15\n",
    COMMAND DRAW("0") "type 256\n",
    COMMAND DRAW("0") "type x\n",
    COMMAND "drawable\nrect bbox 1 2 3 4294967296\n",
    COMMAND "drawable\nrect bbox 1 2 3\n",
    COMMAND DRAW("0") "type 1\ntype 3\n",
    /* data that does not cover what the geometry says */
    COMMAND DRAW("0") "type 3\n" BITMAP("bitmap.x 2\nbitmap.y 3\nbitmap.stride 8\nhas_palette 0\n")
        PIXELS AREA "rop_descriptor 8\nscale_mode 0\n" MASK,
    COMMAND DRAW("0") "type 3\n" BITMAP("bitmap.x 2\nbitmap.y 536870914\nbitmap.stride 8\n"
                                        "has_palette 0\n") PIXELS AREA
    "rop_descriptor 8\nscale_mode 0\n" MASK,
    COMMAND DRAW("0") "type 3\n" BITMAP(GEOMETRY "has_palette 1\nqp.num_ents 257\n"),
    COMMAND DRAW("0") "type 3\n" IMAGE "descriptor.type 9\n" SIZES,
    COMMAND "drawable\nrect bbox 1 2 3 4\ntype 1\nnum_rects 2\ndata_chunks 0 16\n"
            "binary 0 clip_rects 16:0123456789abcdef\n" BODY("0") "type 0\n",
    /* chunks that do not add up, sizes past the limit, zlib */
    "event 1 0 4 1\nbinary 0 message 99999999999999:a\n",
    "event 1 0 4 1\nbinary 0 message 18446744073709551615:a\n",
    "event 1 0 4 1\nbinary 0 message -1:a\n",
    "event 1 0 4 1\nbinary 1 message 1:1:a\n",
    "event 1 0 4 1\nbinary 0 message 1:ab\n",
    "event 1 0 4 1\nbinary 0 massage 1:a\n",
    COMMAND DRAW("0") "type 10\ndata_chunks 4294967295 3\nbinary 0 path 3:abc\n",
    COMMAND DRAW("0") "type 10\ndata_chunks 0 4\nbinary 0 path 3:abc\nattr.flags 0\n" SOLID MODES,
    COMMAND DRAW("0") "type 10\ndata_chunks 0 3\nbinary 0 path 3:abc\nattr.flags 8\n"
                      "attr.style_nseg 2\nbinary 0 style 4:abcd\n" SOLID MODES,
    COMMAND DRAW("0") "type 11\ndata_size 3\nlength 1\nflags 0\ndata_chunks 0 2\n"
                      "binary 0 string 2:ab\nrect back_area 0 0 0 0\n" SOLID SOLID MODES,
    SURFACE "surface_id 1\ntype 0\nflags 0\nu.surface_create.format 32\nu.surface_create.width 1\n"
            "u.surface_create.height 4294967295\nu.surface_create.stride -2147483648\n",
    SURFACE "surface_id 1\ntype 0\nflags 1\nu.surface_create.format 32\nu.surface_create.width 1\n"
            "u.surface_create.height 1\nu.surface_create.stride 8\nbinary 0 data 4:abcd\n",
    SURFACE "surface_id 1\ntype 2\nflags 0\n",
    "event 1 1 20 1\n2 1 -8 32\n0 1 0 0\nbinary 0 data 7:0123456\n" COMMAND DRAW("0") "type 0\n",
    "event 1 0 3 1\ncursor_cmd\ntype 4\n",
};

static void a_false_recording_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(false_recordings); i++) {
        char *text = g_strconcat(HEADER, false_recordings[i], COMMAND DRAW("0") "type 0\n", NULL);
        SpiceReplay *replay = open_text(text, strlen(text), 4);

        if (next(replay))
            fail_msg("accepted: %s", false_recordings[i]);
        assert_null(next(replay));
        assert_string_equal(calls, "");
        spice_replay_free(replay);
        g_free(text);
    }
}

static void a_false_header_is_refused(void **state)
{
    static const char *const headers[] = {"", "SPICE_REPLAY\n", "SPICE_REPLAY 2\n", "PNG"};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(headers); i++) {
        FILE *file = tmpfile();

        fputs(headers[i], file);
        rewind(file);
        assert_null(spice_replay_new(file, 4));
        fclose(file);
    }
}

static void the_primary_surface_follows_the_messages(void **state)
{
#define CREATE(number) "event 1 1 " number " 1\n2 1 8 32\n0 1 0 0\nbinary 0 data 8:01234567\n"
    static const char text[] = HEADER CREATE("20") "event 2 1 21 1\n" CREATE("29")
        CREATE("20") "event 3 1 30 1\nevent 4 1 19 1\nevent 4 1 2 1\nevent 4 1 26 1\n" COMMAND DRAW(
            "0") "type 0\n";
    SpiceReplay *replay = open_text(text, sizeof(text) - 1, 4);
    QXLCommandExt *command = next(replay);

    (void)state;
    assert_non_null(command);
    assert_string_equal(calls, "create 0 2x1 8;destroy;create 0 2x1 8;destroy;create 0 2x1 8;"
                               "destroy;destroy-all;");
    spice_replay_free_cmd(replay, command);
    spice_replay_free(replay);
}

static void surface_numbers_are_given_out_again(void **state)
{
#define CREATE_SURFACE(id)                                                                         \
    SURFACE "surface_id " id "\ntype 0\nflags 0\nu.surface_create.format 32\n"                     \
            "u.surface_create.width 1\nu.surface_create.height 1\nu.surface_create.stride 4\n"
#define DESTROY_SURFACE(id) SURFACE "surface_id " id "\ntype 1\nflags 0\n"
    static const char text[] =
        HEADER CREATE_SURFACE("900") COMMAND DRAW("900") "type 0\n" DESTROY_SURFACE("900")
            CREATE_SURFACE("900") CREATE_SURFACE("901") COMMAND DRAW("900") "type 0\n";
    SpiceReplay *replay = open_text(text, sizeof(text) - 1, 3);
    QXLCommandExt *command[6] = {NULL};
    static const uint32_t expected[] = {1, 1, 1, 2, 1, 2};

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(command); i++) {
        /* a number is free again once the command that destroyed its surface is */
        if (i == 4)
            spice_replay_free_cmd(replay, command[2]);
        command[i] = next(replay);
        assert_non_null(command[i]);
        if (command[i]->cmd.type == QXL_CMD_SURFACE)
            assert_int_equal(((QXLSurfaceCmd *)data_of(command[i]))->surface_id, expected[i]);
        else
            assert_int_equal(((QXLDrawable *)data_of(command[i]))->surface_id, expected[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(command); i++) {
        if (i != 2)
            spice_replay_free_cmd(replay, command[i]);
    }
    spice_replay_free(replay);
}

/* Real recordings, where the surrounding tree has them; counts as the stock library gives them. */
static const struct {
    const char *name;
    unsigned draws, cursors, surfaces, copies;
    const char *calls;
} recordings[] = {
    {"scroll", 2686, 11, 1, 2302,
     "destroy-all;create 0 640x480 -2560;destroy;create 0 640x480 -2560;destroy;create 0 720x400 "
     "-2880;destroy-all;create 0 720x400 -2880;destroy;create 0 64x64 256;destroy;create 0 "
     "1024x768 4096;destroy;create 0 1024x768 4096;"},
    {"typing", 696, 8, 1, 222,
     "destroy-all;create 0 640x480 -2560;destroy;create 0 640x480 -2560;destroy;create 0 720x400 "
     "-2880;destroy-all;create 0 720x400 -2880;destroy;create 0 64x64 256;destroy;create 0 "
     "1024x768 4096;destroy;create 0 1024x768 4096;"},
};

static FILE *open_recording(const char *name)
{
    const char *root = g_getenv("MESON_SOURCE_ROOT");
    char *path = g_strdup_printf("%s/../shared/replay/%s.rec.zst", root ? root : ".", name);
    char *command = g_strdup_printf("zstd -dqc '%s'", path);
    FILE *file = g_file_test(path, G_FILE_TEST_EXISTS) ? popen(command, "r") : NULL;

    g_free(command);
    g_free(path);
    return file;
}

static void real_recordings_are_read_to_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(recordings); i++) {
        unsigned counts[QXL_CMD_SURFACE + 1] = {0}, copies = 0;
        FILE *file = open_recording(recordings[i].name);
        QXLCommandExt *command;
        SpiceReplay *replay;

        if (!file)
            skip();
        check_pixels = false;
        calls[0] = '\0';
        replay = spice_replay_new(file, 1024);
        assert_non_null(replay);
        while ((command = next(replay))) {
            counts[command->cmd.type]++;
            copies += command->cmd.type == QXL_CMD_DRAW &&
                      ((QXLDrawable *)data_of(command))->type == QXL_DRAW_COPY;
            spice_replay_free_cmd(replay, command);
        }
        spice_replay_free(replay);
        assert_int_equal(counts[QXL_CMD_DRAW], recordings[i].draws);
        assert_int_equal(counts[QXL_CMD_CURSOR], recordings[i].cursors);
        assert_int_equal(counts[QXL_CMD_SURFACE], recordings[i].surfaces);
        assert_int_equal(copies, recordings[i].copies);
        assert_string_equal(calls, recordings[i].calls);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(copy_is_read_whole),
        cmocka_unit_test(every_kind_of_drawable_is_read),
        cmocka_unit_test(a_recording_cut_anywhere_ends),
        cmocka_unit_test(a_false_recording_is_refused),
        cmocka_unit_test(a_false_header_is_refused),
        cmocka_unit_test(the_primary_surface_follows_the_messages),
        cmocka_unit_test(surface_numbers_are_given_out_again),
        cmocka_unit_test(real_recordings_are_read_to_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
