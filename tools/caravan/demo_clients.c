/* SPDX-License-Identifier: MIT */
#include "demo.h"

#include <stdio.h>

/* The clients of the demo: connecting, what they tell, and whether they moved. */

#define CONNECT_TIMEOUT_S 15.0

const struct viewer_channel *demo_display(const struct demo_client *client)
{
    static const struct viewer_channel none;
    const struct viewer_channel *display = viewer_channel(client->viewer, SPICE_CHANNEL_DISPLAY, 0);

    return display ? display : &none;
}

static bool is_watched(const struct demo_client *client)
{
    return client->number == 1;
}

/*
 * The picture continues with the first one from the target. But when the
 * target throws the screen away and gives it anew, all before was for nothing:
 * then it continues when the new one is all there.
 */
static void watch_continuation(struct demo_client *client, gint64 picture)
{
    struct demo *demo = client->demo;
    const struct viewer_channel *display = demo_display(client);
    bool rebuilt = display->primaries > demo->primaries, lacks;

    if (!demo->moving || !demo->resumed_at || demo->whole ||
        viewer_channel_port(display) != vm_spice_port(demo->target))
        return;
    lacks = rebuilt && viewer_lacks(display, demo->reference);
    if (rebuilt && (!demo->rebuilt || !lacks)) {
        demo->rebuilt = true;
        demo->whole = !lacks;
    } else if (rebuilt || demo->continued_at) {
        return;
    }
    demo->continued_at = rebuilt ? g_get_monotonic_time() : picture;
    demo->bytes_at_picture = viewer_bytes(client->viewer);
}

static void on_picture(struct demo_client *client)
{
    const struct viewer_pictures *pictures = viewer_pictures(client->viewer);

    if (pictures->pictures != client->pictures_told)
        timeline_picture(client->demo->timeline, pictures->last);
    client->pictures_told = pictures->pictures;
    watch_continuation(client, pictures->last);
}

/* While the VM moves, a client may leave a server and come again at the other. */
static void on_channel_end(struct demo_client *client, const struct viewer_event *event)
{
    struct demo *demo = client->demo;
    const char *why = event->text ? event->text : "closed by the server";

    timeline_tell(demo->timeline, event->time, viewer_event_name(event->kind),
                  "%s of client %u: %s", event->channel->type_name, client->number, why);
    if (!demo->moving && !demo->trouble)
        demo->trouble = g_strdup_printf("the %s channel of client %u ended (%s)",
                                        event->channel->type_name, client->number, why);
}

static void on_viewer_event(void *data, const struct viewer_event *event)
{
    struct demo_client *client = data;

    if (event->kind == VIEWER_PICTURE && is_watched(client))
        on_picture(client);
    else if (event->kind == VIEWER_CHANNEL_ERROR || event->kind == VIEWER_CHANNEL_CLOSED)
        on_channel_end(client, event);
}

static bool met_connected(struct demo *demo)
{
    static const int types[] = {SPICE_CHANNEL_MAIN, SPICE_CHANNEL_DISPLAY, SPICE_CHANNEL_INPUTS,
                                SPICE_CHANNEL_CURSOR};
    const struct demo_client *newest = demo->clients->pdata[demo->clients->len - 1];

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (!viewer_has(newest->viewer, types[i]))
            return false;
    return viewer_pictures(newest->viewer)->pictures > 0;
}

static char *channel_names(const struct demo_client *client)
{
    const GPtrArray *channels = viewer_channels(client->viewer);
    GString *names = g_string_new(NULL);

    for (guint i = 0; i < channels->len; i++) {
        const struct viewer_channel *channel = channels->pdata[i];

        if (channel->open)
            g_string_append_printf(names, "%s%s", names->len ? " " : "", channel->type_name);
    }
    return g_string_free(names, FALSE);
}

bool demo_connect(struct demo *demo, GError **error)
{
    static const char *const settings[] = {"enable-usbredir=false", NULL};
    char *uri = g_strdup_printf("spice://127.0.0.1:%d", vm_spice_port(demo->source));
    struct demo_client *client = g_new0(struct demo_client, 1);
    char *names;

    client->demo = demo;
    client->number = demo->clients->len + 1;
    client->channels = g_array_new(FALSE, FALSE, sizeof(struct demo_channel));
    client->viewer = viewer_new(uri, settings, NULL, on_viewer_event, client, error);
    g_free(uri);
    if (!client->viewer) {
        demo_client_free(client);
        return false;
    }
    g_ptr_array_add(demo->clients, client);
    if (is_watched(client))
        demo->viewer = client->viewer;
    if (demo->options.window && is_watched(client)) {
        demo->window = window_new(viewer_session(client->viewer), "caravan demo", error);
        if (!demo->window)
            return false;
    }
    viewer_connect(client->viewer);
    if (!demo_wait(demo, met_connected, CONNECT_TIMEOUT_S, "all channels and a picture", error))
        return false;
    names = channel_names(client);
    timeline_tell(demo->timeline, g_get_monotonic_time(), "connected", "client %u: %s",
                  client->number, names);
    g_free(names);
    return true;
}

void demo_client_free(void *data)
{
    struct demo_client *client = data;

    viewer_free(client->viewer);
    g_array_unref(client->channels);
    g_free(client);
}

void demo_remember_channels(struct demo_client *client)
{
    const GPtrArray *channels = viewer_channels(client->viewer);

    for (guint i = 0; i < channels->len; i++) {
        const struct viewer_channel *channel = channels->pdata[i];
        struct demo_channel row = {.name = channel->type_name,
                                   .type = channel->type,
                                   .id = channel->id,
                                   .serial = channel->serial,
                                   .opened = channel->opened,
                                   .resets = channel->resets};

        if (channel->open)
            g_array_append_val(client->channels, row);
    }
}

bool demo_client_moved(const struct demo_client *client)
{
    const GPtrArray *channels = viewer_channels(client->viewer);
    SpiceSessionMigration state;
    bool all = viewer_has(client->viewer, SPICE_CHANNEL_MAIN) &&
               viewer_has(client->viewer, SPICE_CHANNEL_DISPLAY);

    g_object_get(viewer_session(client->viewer), "migration-state", &state, NULL);
    for (guint i = 0; all && i < channels->len; i++) {
        const struct viewer_channel *channel = channels->pdata[i];

        all = !channel->open || viewer_channel_port(channel) == vm_spice_port(client->demo->target);
    }
    return all && state == SPICE_SESSION_MIGRATION_NONE;
}

bool demo_check_channels(struct demo_client *client)
{
    bool all = client->channels->len > 0;

    for (guint i = 0; i < client->channels->len; i++) {
        struct demo_channel *row = &g_array_index(client->channels, struct demo_channel, i);
        const struct viewer_channel *now = viewer_channel(client->viewer, row->type, row->id);

        row->kept = now && now->serial == row->serial && now->opened == row->opened &&
                    now->resets == row->resets && now->open &&
                    viewer_channel_port(now) == vm_spice_port(client->demo->target);
        all = all && row->kept;
    }
    return all;
}
