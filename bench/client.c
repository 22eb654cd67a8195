/* SPDX-License-Identifier: MIT */
/*
 * bench-client: a headless viewer (spice-client-glib). Reads the stamps of stamp.h whenever its
 * picture changes and notes when it first showed each number. Says what happens as JSON lines;
 * obeys lines on stdin:
 *   stamps CELL X Y [X Y]   where to look; clears what was noted
 *   mark                    counts bytes from here on; "marked" follows
 *   quiet MS LIMIT          says "quiet" once MS milliseconds brought no byte, or "busy" after
 *                           LIMIT milliseconds
 *   report FILE             writes the numbers seen and when; says the bytes of each channel
 *   quit
 */
#include "stamp.h"
#include "usage.h"

#include <glib-unix.h>
#include <spice-client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACES_MAX    2
#define QUIET_STEP_MS 10

struct sighting {
    uint32_t number;
    double when;
};

struct place {
    int x, y;
};

struct client {
    GMainLoop *loop;
    SpiceSession *session;
    SpiceChannel *display;
    int cell, place_count;
    struct place places[PLACES_MAX];
    GArray *sightings;
    GHashTable *marks; /* SpiceChannel -> bytes read at "mark" */
    unsigned pictures;
    double last_picture;
    /* the wait for quiet */
    gulong quiet_bytes;
    double quiet_since, quiet_limit, quiet_needed;
};

static void say_error(const char *what)
{
    printf("{\"event\": \"error\", \"what\": \"%s\"}\n", what);
}

/* --- the picture --- */

/* The number that all places show. */
static gboolean shown_number(const struct client *client, uint32_t *number)
{
    SpiceDisplayPrimary primary;

    if (!client->place_count || !spice_display_channel_get_primary(client->display, 0, &primary) ||
        primary.format != SPICE_SURFACE_FMT_32_xRGB)
        return FALSE;
    for (int i = 0; i < client->place_count; i++) {
        const struct place *place = &client->places[i];
        const uint8_t *row = primary.data + (ptrdiff_t)place->y * primary.stride;
        uint32_t at_place;

        if (place->x + STAMP_COLUMNS * client->cell > primary.width ||
            place->y + STAMP_ROWS * client->cell > primary.height ||
            !stamp_read((const uint32_t *)(const void *)row + place->x, (size_t)primary.stride,
                        client->cell, &at_place))
            return FALSE;
        *number = i ? MIN(*number, at_place) : at_place;
    }
    return TRUE;
}

static void display_invalidate(SpiceChannel *channel, gint x, gint y, gint width, gint height,
                               gpointer opaque)
{
    struct client *client = opaque;
    struct sighting sighting = {.when = usage_now()};
    const struct sighting *last = NULL;

    (void)channel;
    (void)x;
    (void)y;
    (void)width;
    (void)height;
    client->pictures++;
    client->last_picture = sighting.when;
    if (client->sightings->len)
        last = &g_array_index(client->sightings, struct sighting, client->sightings->len - 1);
    if (shown_number(client, &sighting.number) && (!last || sighting.number > last->number))
        g_array_append_val(client->sightings, sighting);
}

/* --- channels --- */

static void channel_event(SpiceChannel *channel, SpiceChannelEvent event, gpointer opaque)
{
    struct client *client = opaque;

    (void)channel;
    if (event == SPICE_CHANNEL_OPENED)
        return;
    say_error("a channel closed");
    g_main_loop_quit(client->loop);
}

static void channel_new(SpiceSession *session, SpiceChannel *channel, gpointer opaque)
{
    struct client *client = opaque;

    (void)session;
    g_signal_connect(channel, "channel-event", G_CALLBACK(channel_event), client);
    if (SPICE_IS_DISPLAY_CHANNEL(channel) && !client->display) {
        client->display = channel;
        g_signal_connect(channel, "display-invalidate", G_CALLBACK(display_invalidate), client);
    }
    if (!SPICE_IS_MAIN_CHANNEL(channel))
        spice_channel_connect(channel);
}

static gulong channel_bytes(SpiceChannel *channel)
{
    gulong bytes = 0;

    g_object_get(channel, "total-read-bytes", &bytes, NULL);
    return bytes;
}

typedef void channel_fn(struct client *client, SpiceChannel *channel, void *opaque);

static void each_channel(struct client *client, channel_fn *act, void *opaque)
{
    GList *channels = spice_session_get_channels(client->session);

    for (GList *link = channels; link; link = link->next)
        act(client, link->data, opaque);
    g_list_free(channels);
}

static void mark_channel(struct client *client, SpiceChannel *channel, void *opaque)
{
    (void)opaque;
    g_hash_table_insert(client->marks, channel, GSIZE_TO_POINTER(channel_bytes(channel)));
}

static void sum_channel(struct client *client, SpiceChannel *channel, void *opaque)
{
    (void)client;
    *(gulong *)opaque += channel_bytes(channel);
}

static void print_channel(struct client *client, SpiceChannel *channel, void *opaque)
{
    gsize before = GPOINTER_TO_SIZE(g_hash_table_lookup(client->marks, channel));
    gint type = 0;

    (void)opaque;
    g_object_get(channel, "channel-type", &type, NULL);
    printf(", \"%s\": %lu", spice_channel_type_to_string(type), channel_bytes(channel) - before);
}

/* --- commands --- */

static gboolean check_quiet(gpointer opaque)
{
    struct client *client = opaque;
    double now = usage_now();
    gulong bytes = 0;

    each_channel(client, sum_channel, &bytes);
    if (bytes != client->quiet_bytes) {
        client->quiet_bytes = bytes;
        client->quiet_since = now;
    }
    if (client->display && now - client->quiet_since >= client->quiet_needed)
        printf("{\"event\": \"quiet\", \"last_picture\": %.6f, \"version\": \"%s\"}\n",
               client->last_picture, spice_util_get_version_string());
    else if (now >= client->quiet_limit)
        printf("{\"event\": \"busy\"}\n");
    else
        return G_SOURCE_CONTINUE;
    return G_SOURCE_REMOVE;
}

static void wait_quiet(struct client *client, double ms, double limit_ms)
{
    client->quiet_bytes = 0;
    client->quiet_since = usage_now();
    client->quiet_needed = ms / 1000;
    client->quiet_limit = client->quiet_since + limit_ms / 1000;
    g_timeout_add(QUIET_STEP_MS, check_quiet, client);
}

static void report(struct client *client, const char *path)
{
    FILE *file = fopen(path, "w");

    for (guint i = 0; file && i < client->sightings->len; i++) {
        const struct sighting *at = &g_array_index(client->sightings, struct sighting, i);

        fprintf(file, "%u %.6f\n", at->number, at->when);
    }
    if (!file || fclose(file))
        say_error("cannot write the report");
    printf("{\"event\": \"report\", \"pictures\": %u, \"cpu_ms\": %.3f", client->pictures,
           usage_process_ms());
    each_channel(client, print_channel, NULL);
    printf("}\n");
}

static gboolean command(GIOChannel *channel, GIOCondition condition, gpointer opaque)
{
    struct client *client = opaque;
    struct place *at = client->places;
    char *line = NULL, path[4096];
    double ms, limit;
    int n;

    (void)condition;
    if (g_io_channel_read_line(channel, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL ||
        g_str_has_prefix(line, "quit")) {
        g_main_loop_quit(client->loop);
    } else if ((n = sscanf(line, "stamps %d %d %d %d %d", &client->cell, &at[0].x, &at[0].y,
                           &at[1].x, &at[1].y)) >= 3) {
        client->place_count = (n - 1) / 2;
        g_array_set_size(client->sightings, 0);
    } else if (g_str_has_prefix(line, "mark")) {
        each_channel(client, mark_channel, NULL);
        client->pictures = 0;
        printf("{\"event\": \"marked\", \"t\": %.6f}\n", usage_now());
    } else if (sscanf(line, "quiet %lf %lf", &ms, &limit) == 2) {
        wait_quiet(client, ms, limit);
    } else if (sscanf(line, "report %4095s", path) == 1) {
        report(client, path);
    }
    g_free(line);
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv)
{
    struct client client = {0};

    if (argc != 2) {
        fprintf(stderr, "usage: bench-client URI\n");
        return 1;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    client.loop = g_main_loop_new(NULL, FALSE);
    client.sightings = g_array_new(FALSE, FALSE, sizeof(struct sighting));
    client.marks = g_hash_table_new(NULL, NULL);
    client.session = spice_session_new();
    g_object_set(client.session, "uri", argv[1], "enable-audio", FALSE, "enable-usbredir", FALSE,
                 "enable-smartcard", FALSE, NULL);
    g_signal_connect(client.session, "channel-new", G_CALLBACK(channel_new), &client);
    if (!spice_session_connect(client.session)) {
        say_error("cannot connect");
        return 2;
    }
    g_io_add_watch(g_io_channel_unix_new(STDIN_FILENO), G_IO_IN | G_IO_HUP, command, &client);
    g_main_loop_run(client.loop);
    fflush(stdout);
    _exit(0);
}
