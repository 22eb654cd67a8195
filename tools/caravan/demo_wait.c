/* SPDX-License-Identifier: MIT */
#include "demo.h"

#define KEY_PAUSE_S 0.05

/* Waiting for what the story needs, and giving up when that can't come any more. */

struct demo_wait {
    struct demo *demo;
    bool (*met)(struct demo *demo);
};

bool demo_broken(struct demo *demo, GError **error)
{
    const struct {
        struct vm *vm;
        const char *name;
    } vms[] = {{demo->source_left ? NULL : demo->source, "source"}, {demo->target, "target"}};

    for (size_t i = 0; i < G_N_ELEMENTS(vms); i++) {
        if (!vms[i].vm || vm_running(vms[i].vm))
            continue;
        if (error) {
            char *words = vm_last_words(vms[i].vm);

            g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the %s QEMU died (%s): %s",
                        vms[i].name, vm_death(vms[i].vm), words);
            g_free(words);
        }
        return true;
    }
    for (guint i = 0; i < demo->clients->len; i++) {
        const struct demo_client *client = demo->clients->pdata[i];
        const char *why = viewer_reason(client->viewer);

        if (viewer_status(client->viewer) < VIEWER_QUIT)
            continue;
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "client %u lost its session: %s",
                    client->number, why ? why : "closed");
        return true;
    }
    if (demo->trouble) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s", demo->trouble);
        return true;
    }
    if (demo->window && window_closed(demo->window)) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "the window was closed");
        return true;
    }
    return false;
}

static bool demo_wait_met(void *data)
{
    struct demo_wait *wait = data;

    return (wait->met && wait->met(wait->demo)) || demo_broken(wait->demo, NULL);
}

bool demo_wait(struct demo *demo, bool (*met)(struct demo *demo), double timeout_s,
               const char *what, GError **error)
{
    struct demo_wait wait = {demo, met};
    enum loop_result result = loop_wait(demo->loop, demo_wait_met, &wait, timeout_s);

    if (result == LOOP_INTERRUPTED) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "interrupted");
        return false;
    }
    if (met && met(demo))
        return true;
    if (demo_broken(demo, error))
        return false;
    if (met)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "%s: not within %.0f s", what,
                    timeout_s);
    return !met;
}

bool demo_run_on(struct demo *demo, double seconds, GError **error)
{
    return demo_wait(demo, NULL, seconds, "", error);
}

struct vm *demo_vm(struct demo *demo)
{
    return demo->source_left ? demo->target : demo->source;
}

bool demo_press_key(struct demo *demo, unsigned scancode, GError **error)
{
    struct viewer_channel *inputs = viewer_channel(demo->viewer, SPICE_CHANNEL_INPUTS, 0);

    if (!inputs || !inputs->open) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "the inputs channel is gone");
        return false;
    }
    spice_inputs_channel_key_press_and_release(SPICE_INPUTS_CHANNEL(inputs->object), scancode);
    return demo_run_on(demo, KEY_PAUSE_S, error);
}
