/* SPDX-License-Identifier: MIT */
/*
 * A client of a display channel: anything it says, before, during and after a move, while pictures
 * are made for it.
 * Input: one byte of how the link begins, one byte of run length, then what the client sends.
 */
#include <glib.h>
#include <spice/enums.h>

#include "display/painter.h"
#include "display/view.h"
#include "fuzz/fuzz.h"
#include "loop/loop.h"

enum {
    WIDTH = 100,
    HEIGHT = 70,
};

static uint32_t pixels[WIDTH * HEIGHT];
static struct loop *loop;
static struct surfaces *surfaces;

static void make_surface(void)
{
    const char *reason;

    for (uint32_t i = 0; i < WIDTH * HEIGHT; i++)
        pixels[i] = i * 2654435761u >> (i / 1000);
    loop = loop_new_thread("fuzz");
    surfaces = surfaces_new(1);
    FUZZ_CHECK(surfaces_create(surfaces, 0, SPICE_SURFACE_FMT_32_xRGB, WIDTH, HEIGHT, WIDTH * 4,
                               pixels, sizeof(pixels), &reason));
}

static void feed(struct view *view, const uint8_t *bytes, size_t len, size_t step)
{
    struct conn *conn = view_conn(view);

    for (size_t at = 0; at < len && !conn_error(conn); at += step) {
        conn_feed(conn, bytes + at, MIN(step, len - at));
        for (unsigned i = 0; i < 4 && conn_fill(conn); i++)
            buf_reset(conn_output(conn));
        view_damage(view, &(pixman_box32_t){0, 0, 20, 20});
    }
}

struct input {
    const uint8_t *bytes;
    size_t len;
};

/* On the loop's thread: it owns the view's timer. */
static void run(void *opaque)
{
    const struct input *input = opaque;
    uint8_t how = input->bytes[0];
    struct view_link link = {.mini = !(how & 1), .target = how & 2};
    struct scene scene = {0};
    struct view *view;

    scene_init(&scene, loop);
    scene.running = how & 4;
    FUZZ_CHECK(scene_set_primary(&scene, surfaces_get(surfaces, 0), how & 8));
    link_caps_set(&link.caps, how & 15);
    view = view_new(&scene, &link);
    if (how & 16)
        view_migrate(view, true);
    feed(view, input->bytes + 2, input->len - 2, input->bytes[1] + 1u);
    view_migrate(view, true);
    view_free(view);
    scene_clear(&scene);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct input input = {bytes, len};

    if (len < 2)
        return 0;
    if (!loop)
        make_surface();
    loop_call(loop, run, &input);
    return 0;
}
