/* SPDX-License-Identifier: MIT */
#include "demo.h"

#include <glib/gstdio.h>

#include "keys.h"

#define FREEZE_TIMEOUT_S  5.0
#define FREEZE_IDLE_US    150000
#define COMPARE_TIMEOUT_S 5.0
#define COMPARE_STEP_S    0.1

static bool met_still(struct demo *demo)
{
    gint64 newest = demo->frozen_at;

    for (guint i = 0; i < demo->clients->len; i++) {
        const struct demo_client *client = demo->clients->pdata[i];

        newest = MAX(newest, viewer_pictures(client->viewer)->touched);
    }
    return g_get_monotonic_time() - newest > FREEZE_IDLE_US;
}

static bool met_frozen(struct demo *demo)
{
    return vm_serial_lines(demo_vm(demo), "freeze 1") > demo->freezes;
}

/* Makes the picture stand still: the guest by a key, any other by stopping the VM. */
static bool freeze(struct demo *demo, bool on, GError **error)
{
    demo->freezes = vm_serial_lines(demo_vm(demo), "freeze 1");
    demo->frozen_at = g_get_monotonic_time();
    if (!demo->talking)
        return qmp_run(vm_qmp(demo_vm(demo)), on ? "stop" : "cont", NULL, error);
    return demo_press_key(demo, KEY_F4, error) &&
           (!on || demo_wait(demo, met_frozen, FREEZE_TIMEOUT_S, "the guest's freeze", error));
}

static char *picture_path(const struct demo_client *client, const char *name, const char *suffix)
{
    char number[16] = "";

    if (client->number > 1)
        g_snprintf(number, sizeof number, "-%u", client->number);
    return g_strdup_printf("%s/%s%s%s.png", client->demo->options.out, name, number, suffix);
}

/* image may be NULL: then an old file of that name is taken away. */
static bool save_picture(const struct image *image, char *path, GError **error)
{
    bool ok = true;

    if (image)
        ok = image_save(image, path, error);
    else
        g_unlink(path);
    g_free(path);
    return ok;
}

static bool compare_client(const struct demo_client *client, const struct image *truth,
                           const char *name, struct demo_comparison *comparison, GError **error)
{
    struct image *seen = viewer_grab(client->viewer, 0, error);
    struct image_difference difference;
    bool ok;

    if (!seen)
        return false;
    difference = image_compare(truth, seen);
    if (difference.pixels > comparison->difference.pixels)
        comparison->difference = difference;
    ok = save_picture(seen, picture_path(client, name, ""), error) &&
         save_picture(difference.pixels ? truth : NULL, picture_path(client, name, "-vm"), error);
    image_free(seen);
    return ok;
}

/* One look at all pictures. The newest damage may still be on its way: look again then. */
static bool compare_once(struct demo *demo, struct demo_comparison *comparison, const char *name,
                         GError **error)
{
    struct image *truth = vm_screendump(demo_vm(demo), error);
    bool ok = truth != NULL;

    comparison->difference = (struct image_difference){0};
    for (guint i = 0; ok && i < demo->clients->len; i++)
        ok = compare_client(demo->clients->pdata[i], truth, name, comparison, error);
    if (ok) {
        comparison->done = true;
        comparison->width = truth->width;
        comparison->height = truth->height;
    }
    image_free(truth);
    return ok;
}

bool demo_compare(struct demo *demo, struct demo_comparison *comparison, const char *name,
                  GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)(COMPARE_TIMEOUT_S * G_USEC_PER_SEC);

    if (!freeze(demo, true, error))
        return false;
    demo_wait(demo, met_still, COMPARE_TIMEOUT_S, "", NULL);
    do {
        if (!demo_run_on(demo, COMPARE_STEP_S, error) ||
            !compare_once(demo, comparison, name, error))
            return false;
    } while (comparison->difference.pixels && g_get_monotonic_time() < deadline);
    if (comparison->difference.pixels)
        timeline_note(demo->timeline, g_get_monotonic_time(), "picture differs",
                      "%zu pixels are not the VM's own", comparison->difference.pixels);
    else
        timeline_note(demo->timeline, g_get_monotonic_time(), "picture compared",
                      "all %d pixels are the VM's own", comparison->width * comparison->height);
    return freeze(demo, false, error);
}
