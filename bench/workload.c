/* SPDX-License-Identifier: MIT */
#include "workload.h"
#include "stamp.h"

#include <glib.h>
#include <math.h>
#include <string.h>

#define WINDOWS        4
#define WORK_HEIGHT    736 /* a task bar stays below */
#define TEXT_COLUMNS   100
#define TEXT_ROWS      40
#define TEXT_WIDTH     (TEXT_COLUMNS * GLYPH_WIDTH)
#define TEXT_HEIGHT    (TEXT_ROWS * GLYPH_HEIGHT)
#define VIDEO_X        192
#define VIDEO_Y        200
#define VIDEO_WIDTH    640
#define VIDEO_HEIGHT   360
#define PHOTO_WIDTH    1600
#define PHOTO_HEIGHT   1200
#define TYPING_X       16
#define TYPING_Y       600
#define TYPING_COLUMNS 90
#define TASK_BAR       0x241f31u
#define TERMINAL       0x1e1e1eu
#define TERMINAL_INK   0xd0cfccu
#define SMALL_CELL     2
#define LARGE_CELL     8
/* Where a stamp lies that ends at the right lower corner of an area. */
#define CORNER(right, bottom, cell)                                                                \
    {                                                                                              \
        (right) - STAMP_COLUMNS *(cell), (bottom)-STAMP_ROWS *(cell), 0, 0                         \
    }

struct scene {
    const struct workload *workload;
    struct guest *guest;
    struct random random;
    struct picture *screen;
    struct picture *sources[WINDOWS]; /* what the workload composes from */
    int column;
};

/* Draws the number in every stamp place of the frame buffer. */
static void stamp_all(struct scene *scene, uint32_t number)
{
    const struct workload *workload = scene->workload;

    for (int i = 0; i < workload->stamp_count; i++)
        stamp_draw(
            &scene->screen->pixels[workload->stamps[i].y * SCREEN_WIDTH + workload->stamps[i].x],
            SCREEN_WIDTH * sizeof(uint32_t), workload->stamp_cell, number);
}

static struct area stamp_area(const struct workload *workload, int i)
{
    return (struct area){workload->stamps[i].x, workload->stamps[i].y,
                         STAMP_COLUMNS * workload->stamp_cell, STAMP_ROWS * workload->stamp_cell};
}

/* --- typing --- */

static void typing_prepare(struct scene *scene)
{
    struct area page = {0, 0, SCREEN_WIDTH, WORK_HEIGHT};

    paint_window(scene->screen, page, &scene->random);
    paint_fill(scene->screen, (struct area){0, TYPING_Y - 8, SCREEN_WIDTH, 32}, 0xffffff);
}

/* A glyph, the caret behind it, and the stamp: three small areas, in that order. */
static void typing_step(struct scene *scene, uint32_t number)
{
    int x = TYPING_X + scene->column * GLYPH_WIDTH;
    unsigned code = 33 + (unsigned)random_below(&scene->random, 64);
    struct area glyph = {x, TYPING_Y, GLYPH_WIDTH, GLYPH_HEIGHT};
    struct area caret = {x + GLYPH_WIDTH, TYPING_Y, GLYPH_WIDTH, GLYPH_HEIGHT};

    paint_glyph(scene->screen, x, TYPING_Y, code, 0, 0xffffff);
    paint_fill(scene->screen, caret, 0xffffff);
    paint_fill(scene->screen, (struct area){caret.x, caret.y, 2, caret.height}, 0);
    guest_copy(scene->guest, scene->screen, glyph);
    guest_copy(scene->guest, scene->screen, caret);
    stamp_all(scene, number);
    guest_copy(scene->guest, scene->screen, stamp_area(scene->workload, 0));
    scene->column = (scene->column + 1) % TYPING_COLUMNS;
}

/* --- scrolling --- */

static const struct area text_area = {0, 0, TEXT_WIDTH, TEXT_HEIGHT};

static void scrolling_prepare(struct scene *scene)
{
    struct picture *text = picture_new(TEXT_WIDTH, TEXT_HEIGHT);

    for (int row = 0; row < TEXT_ROWS; row++)
        paint_text_line(text, 0, row * GLYPH_HEIGHT, TEXT_COLUMNS, &scene->random, TERMINAL_INK,
                        TERMINAL);
    scene->sources[0] = text;
    paint_copy(scene->screen, 0, 0, text, text_area);
}

static void scrolling_compose(struct scene *scene)
{
    struct picture *text = scene->sources[0];
    size_t line = (size_t)TEXT_WIDTH * GLYPH_HEIGHT;

    memmove(text->pixels, text->pixels + line, (TEXT_ROWS - 1) * line * sizeof(uint32_t));
    paint_text_line(text, 0, TEXT_HEIGHT - GLYPH_HEIGHT, TEXT_COLUMNS, &scene->random, TERMINAL_INK,
                    TERMINAL);
    paint_copy(scene->screen, 0, 0, text, text_area);
}

/* --- video --- */

static void photo_prepare(struct scene *scene)
{
    scene->sources[0] = picture_new(PHOTO_WIDTH, PHOTO_HEIGHT);
    paint_photo(scene->sources[0], &scene->random);
    paint_window(scene->screen, (struct area){0, 0, SCREEN_WIDTH, WORK_HEIGHT}, &scene->random);
}

/* A camera that pans in a wide curve, and a ball that crosses the picture. */
static void video_compose(struct scene *scene, uint32_t number)
{
    double turn = number * 0.02;
    int x = (int)((PHOTO_WIDTH - VIDEO_WIDTH) * (0.5 + 0.5 * sin(turn)));
    int y = (int)((PHOTO_HEIGHT - VIDEO_HEIGHT) * (0.5 + 0.5 * cos(turn * 0.7)));
    int ball = (int)(number * 7 % (VIDEO_WIDTH - 60));

    paint_copy(scene->screen, VIDEO_X, VIDEO_Y, scene->sources[0],
               (struct area){x, y, VIDEO_WIDTH, VIDEO_HEIGHT});
    paint_fill(scene->screen, (struct area){VIDEO_X + ball, VIDEO_Y + 150, 60, 60}, 0xe01b24);
}

/* --- page-flips --- */

static const struct area work_area = {0, 0, SCREEN_WIDTH, WORK_HEIGHT};

/* A new part of the photograph, under a gradient of a new colour. */
static void page_compose(struct scene *scene)
{
    int x = random_below(&scene->random, PHOTO_WIDTH - SCREEN_WIDTH);
    int y = random_below(&scene->random, PHOTO_HEIGHT - WORK_HEIGHT);
    uint32_t color = random_next(&scene->random) & 0x7f7f7f;

    paint_copy(scene->screen, 0, 0, scene->sources[0],
               (struct area){x, y, SCREEN_WIDTH, WORK_HEIGHT});
    for (int row = 0; row < WORK_HEIGHT; row++) {
        uint32_t *line = &scene->screen->pixels[row * SCREEN_WIDTH];
        uint32_t shade = (uint32_t)(row * 127 / WORK_HEIGHT) * 0x010101;

        for (int column = 0; column < SCREEN_WIDTH; column++)
            line[column] = (line[column] >> 1 & 0x7f7f7f) + (row & 64 ? color : shade);
    }
}

/* --- window-switches --- */

static void windows_prepare(struct scene *scene)
{
    for (int i = 0; i < WINDOWS; i++) {
        scene->sources[i] = picture_new(SCREEN_WIDTH, WORK_HEIGHT);
        paint_window(scene->sources[i], work_area, &scene->random);
    }
    paint_copy(scene->screen, 0, 0, scene->sources[0], work_area);
}

/* Any window but the one on top. */
static void windows_compose(struct scene *scene)
{
    scene->column = (scene->column + 1 + random_below(&scene->random, WINDOWS - 1)) % WINDOWS;
    paint_copy(scene->screen, 0, 0, scene->sources[scene->column], work_area);
}

/* --- steps that are one whole area --- */

static void scrolling_step(struct scene *scene, uint32_t number)
{
    scrolling_compose(scene);
    stamp_all(scene, number);
    guest_copy(scene->guest, scene->screen, text_area);
}

/* The same as a driver that knows the device's 2D commands does it. */
static void scrolling_2d_step(struct scene *scene, uint32_t number)
{
    struct area upper = {0, 0, TEXT_WIDTH, TEXT_HEIGHT - GLYPH_HEIGHT};
    struct area last = {0, upper.height, TEXT_WIDTH, GLYPH_HEIGHT};

    scrolling_compose(scene);
    guest_copy_bits(scene->guest, upper, 0, GLYPH_HEIGHT);
    guest_fill(scene->guest, last, TERMINAL);
    guest_copy(scene->guest, scene->screen, last);
    stamp_all(scene, number);
    for (int i = 0; i < scene->workload->stamp_count; i++)
        guest_copy(scene->guest, scene->screen, stamp_area(scene->workload, i));
}

static void video_step(struct scene *scene, uint32_t number)
{
    video_compose(scene, number);
    stamp_all(scene, number);
    guest_copy(scene->guest, scene->screen,
               (struct area){VIDEO_X, VIDEO_Y, VIDEO_WIDTH, VIDEO_HEIGHT});
}

/* Someone types while a video plays; it is the typing that is stamped. */
static void busy_typing_step(struct scene *scene, uint32_t number)
{
    video_compose(scene, number);
    guest_copy(scene->guest, scene->screen,
               (struct area){VIDEO_X, VIDEO_Y, VIDEO_WIDTH, VIDEO_HEIGHT});
    typing_step(scene, number);
}

static void page_step(struct scene *scene, uint32_t number)
{
    page_compose(scene);
    stamp_all(scene, number);
    guest_copy(scene->guest, scene->screen, work_area);
}

static void windows_step(struct scene *scene, uint32_t number)
{
    windows_compose(scene);
    stamp_all(scene, number);
    guest_copy(scene->guest, scene->screen, work_area);
}

/* --- the table --- */

static const struct workload workloads[] = {
    {.name = "typing",
     .summary = "a glyph and the caret, 15 times a second",
     .prepare = typing_prepare,
     .step = typing_step,
     .rate = 15,
     .seconds = 10,
     .stamp_cell = SMALL_CELL,
     .stamp_count = 1,
     .stamps = {{16, 748, 0, 0}},
     .streaming = SPICE_STREAM_VIDEO_OFF},
    {.name = "scrolling",
     .summary = "a terminal of 100 x 40 characters scrolls, 15 lines a second",
     .prepare = scrolling_prepare,
     .step = scrolling_step,
     .rate = 15,
     .seconds = 10,
     .stamp_cell = SMALL_CELL,
     .stamp_count = 2,
     .stamps = {{0, 0, 0, 0}, CORNER(TEXT_WIDTH, TEXT_HEIGHT, SMALL_CELL)},
     .streaming = SPICE_STREAM_VIDEO_OFF},
    {.name = "scrolling-2d",
     .summary = "the same with the device's 2D commands (COPY_BITS, FILL, COPY)",
     .prepare = scrolling_prepare,
     .step = scrolling_2d_step,
     .rate = 15,
     .seconds = 10,
     .stamp_cell = SMALL_CELL,
     .stamp_count = 2,
     .stamps = {{0, 0, 0, 0}, CORNER(TEXT_WIDTH, TEXT_HEIGHT, SMALL_CELL)},
     .streaming = SPICE_STREAM_VIDEO_OFF},
    {.name = "video",
     .summary = "640 x 360 moving pictures, 25 a second, streaming-video=filter",
     .prepare = photo_prepare,
     .step = video_step,
     .rate = 25,
     .seconds = 10,
     .stamp_cell = LARGE_CELL,
     .stamp_count = 2,
     .stamps = {{VIDEO_X, VIDEO_Y, 0, 0},
                CORNER(VIDEO_X + VIDEO_WIDTH, VIDEO_Y + VIDEO_HEIGHT, LARGE_CELL)},
     .streaming = SPICE_STREAM_VIDEO_FILTER},
    {.name = "typing-at-video",
     .summary = "a glyph and the caret with every picture of the video; latency is the typing's",
     .prepare = photo_prepare,
     .step = busy_typing_step,
     .rate = 25,
     .seconds = 10,
     .stamp_cell = SMALL_CELL,
     .stamp_count = 1,
     .stamps = {{16, 748, 0, 0}},
     .streaming = SPICE_STREAM_VIDEO_FILTER},
    {.name = "page-flips",
     .summary = "full-screen photographs with gradients, 2 a second",
     .prepare = photo_prepare,
     .step = page_step,
     .rate = 2,
     .seconds = 10,
     .stamp_cell = LARGE_CELL,
     .stamp_count = 2,
     .stamps = {{0, 0, 0, 0}, CORNER(SCREEN_WIDTH, WORK_HEIGHT, LARGE_CELL)},
     .streaming = SPICE_STREAM_VIDEO_OFF},
    {.name = "window-switches",
     .summary = "four windows with text, each in front again and again, 2 switches a second",
     .prepare = windows_prepare,
     .step = windows_step,
     .rate = 2,
     .seconds = 10,
     .stamp_cell = SMALL_CELL,
     .stamp_count = 2,
     .stamps = {{0, 0, 0, 0}, CORNER(SCREEN_WIDTH, WORK_HEIGHT, SMALL_CELL)},
     .streaming = SPICE_STREAM_VIDEO_OFF},
    {.name = "replay-scroll",
     .summary = "recorded: a Linux guest boots and scrolls text, 100 commands a second",
     .rate = 100,
     .seconds = 30,
     .streaming = SPICE_STREAM_VIDEO_OFF,
     .recording = "scroll"},
    {.name = "replay-typing",
     .summary = "recorded: a Linux guest boots and someone types, 50 commands a second",
     .rate = 50,
     .seconds = 20,
     .streaming = SPICE_STREAM_VIDEO_OFF,
     .recording = "typing"},
};

const struct workload *workload_at(size_t index)
{
    return index < G_N_ELEMENTS(workloads) ? &workloads[index] : NULL;
}

const struct workload *workload_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(workloads); i++) {
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    }
    return NULL;
}

struct scene *scene_new(const struct workload *workload, struct guest *guest, uint64_t seed)
{
    struct scene *scene = g_new0(struct scene, 1);

    scene->workload = workload;
    scene->guest = guest;
    scene->random.state = seed;
    scene->screen = picture_new(SCREEN_WIDTH, SCREEN_HEIGHT);
    paint_fill(scene->screen, (struct area){0, 0, SCREEN_WIDTH, SCREEN_HEIGHT}, TASK_BAR);
    workload->prepare(scene);
    stamp_all(scene, 0);
    return scene;
}

void scene_free(struct scene *scene)
{
    if (!scene)
        return;
    picture_free(scene->screen);
    for (int i = 0; i < WINDOWS; i++)
        picture_free(scene->sources[i]);
    g_free(scene);
}

void scene_step(struct scene *scene, uint32_t number)
{
    scene->workload->step(scene, number);
}

void scene_show(struct scene *scene)
{
    struct picture *cursor = picture_new(32, 32);

    paint_fill(cursor, (struct area){0, 0, 12, 18}, 0xff202020);
    guest_copy(scene->guest, scene->screen, (struct area){0, 0, SCREEN_WIDTH, SCREEN_HEIGHT});
    guest_set_cursor(scene->guest, cursor, 500, 300);
    picture_free(cursor);
}
