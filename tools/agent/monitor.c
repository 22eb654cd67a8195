/* SPDX-License-Identifier: MIT */
#include "monitor.h"

#include <errno.h>
#include <glib-unix.h>
#include <json-glib/json-glib.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "connect.h"

enum {
    ANSWER_MS = 5000, /* a QEMU that has only just begun may need that long */
    REPLY_MAX = 256 * 1024,
    LOOK_MS = 20,
};

struct monitor {
    const struct monitor_ops *ops;
    void *opaque;
    char *path, *id;
    int fd; /* -1: not connected, or given up */
    GString *rest;
    GThread *thread;
    gint finished; /* it has */
    bool incoming;
    unsigned source; /* GLib's: for the thread, then for the descriptor */
};

/* The next line there is; NULL: none is whole. */
static char *take_line(struct monitor *self)
{
    char *end = strchr(self->rest->str, '\n');
    char *line = end ? g_strndup(self->rest->str, (gsize)(end - self->rest->str)) : NULL;

    if (end)
        g_string_erase(self->rest, 0, end - self->rest->str + 1);
    return line;
}

/* False: there is no more to come. A NUL would end a line; there is none in JSON. */
static bool read_some(struct monitor *self)
{
    char bytes[4096];
    ssize_t n = recv(self->fd, bytes, sizeof(bytes), 0);

    if (n > 0)
        g_string_append_len(self->rest, bytes, n);
    return (n > 0 && self->rest->len <= REPLY_MAX && !memchr(bytes, 0, (size_t)n)) ||
           (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* The next line; NULL when none comes in time. */
static char *read_line(struct monitor *self)
{
    char *line;

    while (!(line = take_line(self))) {
        struct pollfd wait = {.fd = self->fd, .events = POLLIN};

        if (poll(&wait, 1, ANSWER_MS) <= 0 || !read_some(self))
            return NULL;
    }
    return line;
}

/* What a command returned; NULL if nothing did. */
static JsonNode *ask(struct monitor *self, const char *command)
{
    char *line;

    if (send(self->fd, command, strlen(command), MSG_NOSIGNAL) != (ssize_t)strlen(command))
        return NULL;
    while ((line = read_line(self))) {
        g_autofree char *text = line;
        g_autoptr(JsonNode) node = json_from_string(text, NULL);
        JsonObject *object =
            node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
        if (object && json_object_has_member(object, "return"))
            return json_node_copy(json_object_get_member(object, "return"));
        if (object && json_object_has_member(object, "error"))
            return NULL;
    }
    return NULL;
}

static JsonArray *array_of(JsonNode *node)
{
    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static JsonObject *element(JsonArray *array, guint i)
{
    JsonNode *node = json_array_get_element(array, i);

    return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static const char *string_of(JsonObject *object, const char *member)
{
    JsonNode *node = object ? json_object_get_member(object, member) : NULL;

    return node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;
}

static bool return_path_is_on(JsonArray *capabilities)
{
    for (guint i = 0; i < json_array_get_length(capabilities); i++) {
        JsonObject *row = element(capabilities, i);
        JsonNode *state = row ? json_object_get_member(row, "state") : NULL;
        if (!g_strcmp0(string_of(row, "capability"), "return-path"))
            return state && json_node_get_boolean(state);
    }
    return false;
}

static void check_return_path(struct monitor *self)
{
    g_autoptr(JsonNode) answer = ask(self, "{\"execute\": \"query-migrate-capabilities\"}\n");
    JsonArray *capabilities = array_of(answer);

    if (capabilities && !return_path_is_on(capabilities))
        log_warn("migration capability return-path is off: if the target fails, this VM may be "
                 "lost. Set it at both ends: migrate-set-capabilities "
                 "{\"capabilities\": [{\"capability\": \"return-path\", \"state\": true}]}");
}

static void check_id_list(struct monitor *self, const char *object, const char *id)
{
    g_autofree char *command = g_strdup_printf(
        "{\"execute\": \"qom-get\", \"arguments\": {\"path\": \"/objects/%s\", \"property\": "
        "\"id-list\"}}\n",
        object);
    g_autoptr(JsonNode) answer = ask(self, command);
    const char *list =
        answer && JSON_NODE_HOLDS_VALUE(answer) ? json_node_get_string(answer) : NULL;
    g_auto(GStrv) ids = g_strsplit(list ? list : "", ",", -1);

    if (!g_strv_contains((const char *const *)ids, id))
        log_warn("dbus-vmstate object %s does not name %s in its id-list: a migration would not "
                 "notice that this agent is missing. Give it id-list=%s",
                 object, id, id);
}

static void check_object(struct monitor *self, const char *id)
{
    g_autoptr(JsonNode) answer =
        ask(self, "{\"execute\": \"qom-list\", \"arguments\": {\"path\": \"/objects\"}}\n");
    JsonArray *objects = array_of(answer);

    for (guint i = 0; objects && i < json_array_get_length(objects); i++) {
        JsonObject *row = element(objects, i);
        const char *name = string_of(row, "name");
        if (name && !strchr(name, '"') &&
            !g_strcmp0(string_of(row, "type"), "child<dbus-vmstate>")) {
            check_id_list(self, name, id);
            return;
        }
    }
    log_warn("QEMU has no dbus-vmstate object: the clipboard's state would not be migrated. Add "
             "-object dbus-vmstate,id=agent,addr=unix:path=BUS,id-list=%s (BUS as in --bus), also "
             "at the target",
             id);
}

static bool is_incoming(struct monitor *self)
{
    g_autoptr(JsonNode) answer = ask(self, "{\"execute\": \"query-status\"}\n");
    JsonObject *object =
        answer && JSON_NODE_HOLDS_OBJECT(answer) ? json_node_get_object(answer) : NULL;

    return !g_strcmp0(string_of(object, "status"), "inmigrate");
}

static void check_all(struct monitor *self)
{
    g_autoptr(JsonNode) answer = NULL;

    self->fd = connect_unix(self->path);
    if (self->fd < 0) {
        log_warn("nothing was checked: the monitor at %s: %s", self->path, g_strerror(errno));
        return;
    }
    answer = ask(self, "{\"execute\": \"qmp_capabilities\"}\n");
    if (!answer) {
        log_warn("nothing was checked: the monitor at %s does not answer", self->path);
        close(self->fd);
        self->fd = -1;
        return;
    }
    self->incoming = is_incoming(self);
    check_return_path(self);
    check_object(self, self->id);
}

static gpointer run(gpointer opaque)
{
    struct monitor *self = opaque;

    check_all(self);
    g_atomic_int_set(&self->finished, 1);
    return NULL;
}

/* ---- In the main loop ---- */

static void hear(struct monitor *self, const char *line)
{
    g_autoptr(JsonNode) node = json_from_string(line, NULL);
    JsonObject *object = node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;

    if (!g_strcmp0(string_of(object, "event"), "VNC_INITIALIZED"))
        self->ops->vnc_user(self->opaque);
}

static gboolean on_fd(gint fd, GIOCondition condition, gpointer opaque)
{
    struct monitor *self = opaque;
    bool more = read_some(self);
    char *line;

    while ((line = take_line(self))) {
        hear(self, line);
        g_free(line);
    }
    if (!more)
        self->source = 0;
    return more ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static gboolean look(gpointer opaque)
{
    struct monitor *self = opaque;

    if (!g_atomic_int_get(&self->finished))
        return G_SOURCE_CONTINUE;
    self->source = self->fd < 0 ? 0 : g_unix_fd_add(self->fd, G_IO_IN | G_IO_HUP, on_fd, self);
    self->ops->checked(self->opaque, self->incoming);
    return G_SOURCE_REMOVE;
}

struct monitor *monitor_new(const char *path, const char *id, const struct monitor_ops *ops,
                            void *opaque)
{
    struct monitor *self = g_new0(struct monitor, 1);

    *self = (struct monitor){.ops = ops, .opaque = opaque, .fd = -1};
    self->path = g_strdup(path);
    self->id = g_strdup(id);
    self->rest = g_string_new(NULL);
    self->thread = g_thread_new("monitor", run, self);
    self->source = g_timeout_add(LOOK_MS, look, self);
    return self;
}

void monitor_free(struct monitor *self)
{
    if (!self)
        return;
    if (self->source)
        g_source_remove(self->source);
    g_thread_join(self->thread);
    if (self->fd >= 0)
        close(self->fd);
    g_string_free(self->rest, TRUE);
    g_free(self->path);
    g_free(self->id);
    g_free(self);
}
