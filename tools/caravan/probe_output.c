/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include <stdio.h>

#include "follow.h"

/* What the fields of an event are called; NULL ends values. Text is left out when absent. */
struct event_row {
    const char *text;
    const char *values[4];
};

static const struct event_row event_rows[VIEWER_EVENT_KINDS] = {
    [VIEWER_CHANNEL_MOVED] = {NULL, {"port", "reset"}},
    [VIEWER_CHANNEL_ERROR] = {"error", {NULL}},
    [VIEWER_MOUSE_MODE] = {"mode", {NULL}},
    [VIEWER_KEY_MODIFIERS] = {NULL, {"modifiers"}},
    [VIEWER_MIGRATION] = {"state", {NULL}},
    [VIEWER_DISCONNECTED] = {"reason", {NULL}},
    [VIEWER_PRIMARY] = {NULL, {"width", "height", "format"}},
    [VIEWER_MARK] = {NULL, {"on"}},
    [VIEWER_CURSOR] = {"op", {"w", "h", "x", "y"}},
    [VIEWER_MONITORS] = {NULL, {"n"}},
    [VIEWER_PICTURE] = {NULL, {"x", "y", "w", "h"}},
};

static void write_node(GString *out, JsonNode *node);

static void write_member(JsonObject *object, const gchar *name, JsonNode *node, gpointer data)
{
    GString *out = data;

    (void)object;
    g_string_append_printf(out, "%s\"%s\":", out->str[out->len - 1] == '{' ? "" : ",", name);
    write_node(out, node);
}

/* json-glib writes 17 digits; times need six behind the point and no more. */
static void write_node(GString *out, JsonNode *node)
{
    if (JSON_NODE_HOLDS_OBJECT(node)) {
        g_string_append_c(out, '{');
        json_object_foreach_member(json_node_get_object(node), write_member, out);
        g_string_append_c(out, '}');
    } else if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *list = json_node_get_array(node);

        g_string_append_c(out, '[');
        for (guint i = 0; i < json_array_get_length(list); i++) {
            if (i)
                g_string_append_c(out, ',');
            write_node(out, json_array_get_element(list, i));
        }
        g_string_append_c(out, ']');
    } else if (json_node_get_value_type(node) == G_TYPE_DOUBLE) {
        g_string_append_printf(out, "%.6f", json_node_get_double(node));
    } else {
        char *text = json_to_string(node, FALSE);

        g_string_append(out, text);
        g_free(text);
    }
}

static char *object_to_text(JsonObject *object)
{
    JsonNode *node = json_node_init_object(json_node_alloc(), object);
    GString *out = g_string_new(NULL);

    write_node(out, node);
    json_node_free(node);
    return g_string_free(out, FALSE);
}

static void print_text_member(JsonObject *object, const gchar *name, JsonNode *node, gpointer data)
{
    GString *value;

    (void)object;
    (void)data;
    if (!g_strcmp0(name, "t") || !g_strcmp0(name, "event"))
        return;
    value = g_string_new(NULL);
    write_node(value, node);
    printf("  %s=%s", name, value->str);
    g_string_free(value, TRUE);
}

static void print_as_text(JsonObject *object)
{
    printf("%14.6f  %-18s", json_object_get_double_member(object, "t"),
           json_object_get_string_member(object, "event"));
    json_object_foreach_member(object, print_text_member, NULL);
    putchar('\n');
}

void probe_print(const struct probe *probe, JsonObject *object)
{
    if (probe->text) {
        print_as_text(object);
    } else {
        char *line = object_to_text(object);

        puts(line);
        g_free(line);
    }
    json_object_unref(object);
    fflush(stdout);
}

JsonObject *probe_object(gint64 time, const char *event)
{
    JsonObject *object = json_object_new();

    json_object_set_double_member(object, "t", time / 1e6);
    json_object_set_string_member(object, "event", event);
    return object;
}

static void add_heads(JsonObject *object, const GArray *heads)
{
    JsonArray *list = json_array_new();

    for (guint i = 0; i < heads->len; i++) {
        const SpiceDisplayMonitorConfig *head =
            &((const SpiceDisplayMonitorConfig *)(const void *)heads->data)[i];
        JsonObject *one = json_object_new();

        json_object_set_int_member(one, "id", head->id);
        json_object_set_int_member(one, "x", head->x);
        json_object_set_int_member(one, "y", head->y);
        json_object_set_int_member(one, "width", head->width);
        json_object_set_int_member(one, "height", head->height);
        json_array_add_object_element(list, one);
    }
    json_object_set_array_member(object, "heads", list);
}

static void add_session(JsonObject *object, struct viewer *viewer)
{
    struct viewer_channel *channel = viewer_channel(viewer, SPICE_CHANNEL_MAIN, 0);
    const guint8 *uuid = NULL;
    char *name = NULL;
    gboolean agent = FALSE;
    int mode = 0;

    g_object_get(viewer_session(viewer), "name", &name, "uuid", &uuid, NULL);
    if (channel)
        g_object_get(channel->object, "agent-connected", &agent, "mouse-mode", &mode, NULL);
    json_object_set_string_member(object, "name", name ? name : "");
    if (uuid) {
        GString *text = g_string_new(NULL);

        for (int i = 0; i < 16; i++)
            g_string_append_printf(text, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
                                   uuid[i]);
        json_object_set_string_member(object, "uuid", text->str);
        g_string_free(text, TRUE);
    }
    json_object_set_boolean_member(object, "agent", agent);
    json_object_set_string_member(object, "mouse-mode",
                                  mode == SPICE_MOUSE_MODE_CLIENT ? "client" : "server");
    g_free(name);
}

static void add_channel(JsonObject *object, const struct viewer_channel *channel)
{
    json_object_set_string_member(object, "type", channel->type_name);
    json_object_set_int_member(object, "id", channel->id);
    json_object_set_int_member(object, "channel", channel->id);
    json_object_set_int_member(object, "serial", channel->serial);
}

static void count_event(struct probe *probe, const struct viewer_event *event)
{
    const struct viewer_pictures *pictures;

    probe->counts[event->kind]++;
    if (event->kind != VIEWER_PICTURE)
        return;
    pictures = viewer_pictures(probe->viewer);
    probe->rate_gap = MAX(probe->rate_gap, pictures->last_gap);
    probe->stats_gap = MAX(probe->stats_gap, pictures->last_gap);
}

/* spice-gtk notifies more often than something changes. */
static bool session_is_news(struct probe *probe)
{
    JsonObject *object = json_object_new();
    bool news;
    char *text;

    add_session(object, probe->viewer);
    text = object_to_text(object);
    news = g_strcmp0(text, probe->session) != 0;
    g_free(probe->session);
    probe->session = text;
    json_object_unref(object);
    return news;
}

void probe_on_event(void *data, const struct viewer_event *event)
{
    struct probe *probe = data;
    const struct event_row *row = &event_rows[event->kind];
    JsonObject *object;

    count_event(probe, event);
    if (probe->follow) {
        follow_event(probe->follow, event);
        return;
    }
    if (event->kind == VIEWER_CHANNEL_NEW && event->channel->type == SPICE_CHANNEL_MAIN)
        probe_agent_attach(probe->agent, event->channel->object);
    if (event->kind == VIEWER_CHANNEL_DESTROYED)
        probe_agent_detach(probe->agent, event->channel->object);
    if (event->kind == VIEWER_PICTURE && !probe->pictures)
        return;
    if (event->kind == VIEWER_SESSION && !session_is_news(probe))
        return;
    object = probe_object(event->time, viewer_event_name(event->kind));
    if (event->channel)
        add_channel(object, event->channel);
    if (row->text && event->text)
        json_object_set_string_member(object, row->text, event->text);
    if (event->detail)
        json_object_set_string_member(object, "detail", event->detail);
    for (size_t i = 0; i < G_N_ELEMENTS(row->values) && row->values[i]; i++)
        json_object_set_int_member(object, row->values[i], event->values[i]);
    if (event->heads)
        add_heads(object, event->heads);
    if (event->kind == VIEWER_SESSION)
        add_session(object, probe->viewer);
    probe_print(probe, object);
}

void probe_print_rate(struct probe *probe)
{
    const struct viewer_pictures *pictures = viewer_pictures(probe->viewer);
    guint64 bytes = viewer_bytes(probe->viewer);
    gint64 now = g_get_monotonic_time();
    gint64 open_gap = pictures->last ? now - pictures->last : 0;
    JsonObject *object = probe_object(now, "rate");

    json_object_set_int_member(object, "pictures", pictures->pictures - probe->rate_pictures);
    json_object_set_int_member(object, "bytes", bytes - probe->rate_bytes);
    json_object_set_double_member(object, "max_gap_ms", MAX(probe->rate_gap, open_gap) / 1e3);
    probe->rate_pictures = pictures->pictures;
    probe->rate_bytes = bytes;
    probe->rate_gap = 0;
    probe_print(probe, object);
}

JsonObject *probe_channel_object(const struct viewer_channel *channel)
{
    JsonObject *object = json_object_new();

    add_channel(object, channel);
    json_object_set_boolean_member(object, "open", channel->open);
    json_object_set_boolean_member(object, "destroyed", channel->object == NULL);
    json_object_set_int_member(object, "opened", channel->opened);
    json_object_set_int_member(object, "moves", channel->moves);
    json_object_set_int_member(object, "resets", channel->resets);
    json_object_set_int_member(object, "port", viewer_channel_port(channel));
    json_object_set_int_member(object, "bytes", channel->bytes);
    return object;
}
