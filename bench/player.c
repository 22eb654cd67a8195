/* SPDX-License-Identifier: MIT */
#include "player.h"
#include "usage.h"

#include <glib.h>
#include <time.h>

struct player {
    const struct workload *workload;
    struct guest *guest;
    struct scene *scene;
    SpiceReplay *replay;
    void (*done)(struct player *player);
    GThread *thread;
    double seconds, cpu_ms;
    GArray *pushed; /* double: when change i + 1 was pushed */
};

struct player *player_new(const struct workload *workload, struct guest *guest, uint64_t seed,
                          FILE *recording, void (*done)(struct player *player))
{
    struct player *player = g_new0(struct player, 1);

    player->workload = workload;
    player->guest = guest;
    player->done = done;
    player->pushed = g_array_new(FALSE, FALSE, sizeof(double));
    if (recording) {
        player->replay = spice_replay_new(recording, 1024);
        if (!player->replay)
            g_clear_pointer(&player, g_free);
        return player;
    }
    player->scene = scene_new(workload, guest, seed);
    guest_create_primary(guest, SCREEN_WIDTH, SCREEN_HEIGHT);
    scene_show(player->scene);
    return player;
}

static void free_replayed(void *opaque, QXLCommandExt *command)
{
    struct player *player = opaque;

    spice_replay_free_cmd(player->replay, command);
}

/* Returns false at the end of the recording. */
static gboolean make_change(struct player *player, uint32_t number)
{
    QXLCommandExt *command;

    if (player->scene) {
        scene_step(player->scene, number);
        return TRUE;
    }
    command = spice_replay_next_cmd(player->replay, guest_instance(player->guest));
    if (command)
        guest_push_foreign(player->guest, command, free_replayed, player);
    return command != NULL;
}

static void sleep_until(double time)
{
    struct timespec at = {(time_t)time, (long)((time - (double)(time_t)time) * 1e9)};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
        continue;
}

/* A guest that was held up goes on at its rate; it does not catch up. */
static gpointer play(gpointer opaque)
{
    struct player *player = opaque;
    double cpu_before = usage_thread_ms(), start = usage_now(), due = start;
    uint32_t number = 1;

    while (usage_now() - start < player->seconds && make_change(player, number)) {
        double now = usage_now();

        g_array_append_val(player->pushed, now);
        number++;
        due += 1 / player->workload->rate;
        if (due > now)
            sleep_until(due);
        else
            due = now;
    }
    player->cpu_ms = usage_thread_ms() - cpu_before;
    player->done(player);
    return NULL;
}

void player_start(struct player *player, double seconds)
{
    player->seconds = seconds;
    player->thread = g_thread_new("player", play, player);
}

uint32_t player_changes(const struct player *player)
{
    return player->pushed->len;
}

double player_cpu_ms(const struct player *player)
{
    return player->cpu_ms;
}

void player_write_log(const struct player *player, FILE *file)
{
    for (guint i = 0; i < player->pushed->len; i++)
        fprintf(file, "%u %.6f\n", i + 1, g_array_index(player->pushed, double, i));
}
