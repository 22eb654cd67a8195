/* SPDX-License-Identifier: MIT */
#include "monitor.h"

#include <errno.h>
#include <glib-unix.h>
#include <json-glib/json-glib.h>
#include <poll.h>
#include <stdarg.h>
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
    /* QEMU makes its sockets one after the other, and libvirt makes the port's before QEMU is
       there. */
    TRIES = 200,
    TRY_MS = 50,
};

struct monitor {
    const struct monitor_ops *ops;
    void *opaque;
    char *path, *id, *bus;
    int fd; /* -1: not connected, or given up */
    GString *rest;
    GThread *thread;
    gint finished, leave; /* the thread has; it shall */
    enum monitor_vm vm;
    bool runs;           /* it does */
    bool ended;          /* QEMU has */
    bool wrong;          /* something is */
    char *object, *addr; /* QEMU's dbus-vmstate object; NULL: it has none, or one that is wrong */
    unsigned source;     /* GLib's: for the thread, then for the descriptor */
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
    self->ended = self->ended || n == 0 || (n < 0 && errno == ECONNRESET);
    return (n > 0 && self->rest->len <= REPLY_MAX && !memchr(bytes, 0, (size_t)n)) ||
           (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* False: nothing has come in time, or nobody waits for it any more. */
static bool wait_some(struct monitor *self)
{
    struct pollfd wait = {.fd = self->fd, .events = POLLIN};

    for (unsigned ms = 0; ms < ANSWER_MS && !g_atomic_int_get(&self->leave); ms += LOOK_MS) {
        if (poll(&wait, 1, LOOK_MS) > 0)
            return true;
    }
    return false;
}

/* The next line; NULL when none comes in time. */
static char *read_line(struct monitor *self)
{
    char *line;

    while (!(line = take_line(self))) {
        if (!wait_some(self) || !read_some(self))
            return NULL;
    }
    return line;
}

/* An event that comes before the answer. Only one matters so early. */
static void note_event(struct monitor *self, JsonObject *object)
{
    JsonNode *event = object ? json_object_get_member(object, "event") : NULL;

    if (event && JSON_NODE_HOLDS_VALUE(event) && !g_strcmp0(json_node_get_string(event), "RESUME"))
        self->runs = true;
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
        note_event(self, object);
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

G_GNUC_PRINTF(2, 3)
static void complain(struct monitor *self, const char *format, ...)
{
    va_list arguments;

    self->wrong = true;
    va_start(arguments, format);
    g_logv(CARAVAN_LOG_DOMAIN, G_LOG_LEVEL_WARNING, format, arguments);
    va_end(arguments);
}

static void check_return_path(struct monitor *self)
{
    g_autoptr(JsonNode) answer = ask(self, "{\"execute\": \"query-migrate-capabilities\"}\n");
    JsonArray *capabilities = array_of(answer);

    if (capabilities && !return_path_is_on(capabilities))
        complain(self, "migration capability return-path is off: if the target of a live migration "
                       "fails, this VM may be lost. Set it at both ends: {\"execute\": "
                       "\"migrate-set-capabilities\", \"arguments\": {\"capabilities\": "
                       "[{\"capability\": \"return-path\", \"state\": true}]}}");
}

static char *quoted(const char *text)
{
    g_autoptr(JsonNode) node = json_node_init_string(json_node_alloc(), text);

    return json_to_string(node, FALSE);
}

/* A property of QEMU's object; "" when there is none. */
static char *property(struct monitor *self, const char *object, const char *name)
{
    g_autofree char *where = g_strconcat("/objects/", object, NULL);
    g_autofree char *path = quoted(where);
    g_autofree char *command =
        g_strdup_printf("{\"execute\": \"qom-get\", \"arguments\": {\"path\": %s, \"property\": "
                        "\"%s\"}}\n",
                        path, name);
    g_autoptr(JsonNode) answer = ask(self, command);
    const char *value =
        answer && JSON_NODE_HOLDS_VALUE(answer) ? json_node_get_string(answer) : NULL;

    return g_strdup(value ? value : "");
}

static void check_id_list(struct monitor *self, const char *object)
{
    g_autofree char *list = property(self, object, "id-list");
    g_autofree char *with_us = g_strconcat(list, *list ? "," : "", self->id, NULL);
    g_autofree char *value = quoted(with_us);
    g_autofree char *where = g_strconcat("/objects/", object, NULL);
    g_autofree char *path = quoted(where);
    g_auto(GStrv) ids = g_strsplit(list, ",", -1);

    if (!g_strv_contains((const char *const *)ids, self->id))
        complain(self,
                 "dbus-vmstate object %s does not name %s in its id-list (%s): the clipboard's "
                 "state may not be migrated, and nobody notices. Give it id-list=%s, at both ends, "
                 "now: {\"execute\": \"qom-set\", \"arguments\": {\"path\": %s, \"property\": "
                 "\"id-list\", \"value\": %s}}",
                 object, self->id, *list ? list : "it is empty", with_us, path, value);
}

static const char *name_of_object(JsonArray *objects)
{
    for (guint i = 0; objects && i < json_array_get_length(objects); i++) {
        JsonObject *row = element(objects, i);
        const char *name = string_of(row, "name");
        if (name && !g_strcmp0(string_of(row, "type"), "child<dbus-vmstate>"))
            return name;
    }
    return NULL;
}

static void check_object(struct monitor *self)
{
    g_autoptr(JsonNode) answer =
        ask(self, "{\"execute\": \"qom-list\", \"arguments\": {\"path\": \"/objects\"}}\n");
    const char *name = name_of_object(array_of(answer));

    if (!name)
        return;
    self->object = g_strdup(name);
    self->addr = property(self, name, "addr");
    check_id_list(self, name);
}

/* At the side it came to, QEMU tells of a migration that has ended no more than that. */
static bool has_come(struct monitor *self)
{
    g_autoptr(JsonNode) answer = ask(self, "{\"execute\": \"query-migrate\"}\n");
    JsonObject *object =
        answer && JSON_NODE_HOLDS_OBJECT(answer) ? json_node_get_object(answer) : NULL;

    return !g_strcmp0(string_of(object, "status"), "completed") &&
           !json_object_has_member(object, "total-time");
}

static enum monitor_vm where_from(struct monitor *self)
{
    g_autoptr(JsonNode) answer = ask(self, "{\"execute\": \"query-status\"}\n");
    JsonObject *object =
        answer && JSON_NODE_HOLDS_OBJECT(answer) ? json_node_get_object(answer) : NULL;
    const char *status = string_of(object, "status");

    if (!status)
        return MONITOR_UNKNOWN;
    self->runs = self->runs || g_str_equal(status, "running");
    return g_str_equal(status, "inmigrate") || has_come(self) ? MONITOR_COMES : MONITOR_THERE;
}

static int connect_soon(struct monitor *self)
{
    int fd = connect_unix(self->path);

    for (unsigned i = 0; fd < 0 && i < TRIES && (errno == ENOENT || errno == ECONNREFUSED); i++) {
        if (g_atomic_int_get(&self->leave))
            break;
        g_usleep(TRY_MS * 1000);
        fd = connect_unix(self->path);
    }
    return fd;
}

static void check_all(struct monitor *self)
{
    g_autoptr(JsonNode) answer = NULL;

    self->fd = connect_soon(self);
    if (g_atomic_int_get(&self->leave))
        return;
    if (self->fd < 0) {
        complain(self,
                 "nothing was checked: the monitor at %s: %s. Give QEMU "
                 "-qmp unix:%s,server=on,wait=off",
                 self->path, g_strerror(errno), self->path);
        return;
    }
    answer = ask(self, "{\"execute\": \"qmp_capabilities\"}\n");
    if (!answer && !self->ended)
        complain(self,
                 "nothing was checked: the monitor at %s does not answer. Give QEMU one for the "
                 "agent alone: one more -qmp unix:PATH,server=on,wait=off",
                 self->path);
    if (!answer) {
        close(self->fd);
        self->fd = -1;
        return;
    }
    self->vm = where_from(self);
    check_return_path(self);
    check_object(self);
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
    else if (!g_strcmp0(string_of(object, "event"), "RESUME"))
        self->ops->runs(self->opaque);
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

/* The command that makes the object, in the place of one that is there. */
static char *object_add(struct monitor *self)
{
    g_autofree char *address = g_strconcat("unix:path=", self->bus, NULL);
    g_autofree char *name = quoted(self->object ? self->object : "agent");
    g_autofree char *addr = quoted(address);
    g_autofree char *id = quoted(self->id);

    return g_strdup_printf("{\"execute\": \"object-add\", \"arguments\": {\"qom-type\": "
                           "\"dbus-vmstate\", \"id\": %s, \"addr\": %s, \"id-list\": %s}}",
                           name, addr, id);
}

/* QEMU connects to the bus when its object is made, and never again. */
static void check_bus(struct monitor *self)
{
    g_autofree char *add = self->bus ? object_add(self) : NULL;
    g_autofree char *ours = g_strconcat("unix:path=", self->bus, NULL);

    if (!self->bus && self->object)
        complain(self,
                 "QEMU's dbus-vmstate object %s looks for this agent at %s: a migration will fail. "
                 "Start the agent with --bus",
                 self->object, self->addr);
    else if (!self->bus)
        complain(self, "no --bus was given: the clipboard's state will not be migrated");
    else if (!self->object)
        complain(
            self,
            "QEMU has no dbus-vmstate object: the clipboard's state will not be migrated. Give "
            "it -object dbus-vmstate,id=agent,addr=%s,id-list=%s, also at the target, or now: "
            "%s",
            ours, self->id, add);
    else if (!self->ops->on_bus(self->opaque))
        complain(
            self,
            "QEMU's dbus-vmstate object %s (addr=%s) is not connected to this agent's bus%s: a "
            "migration will fail or leave the clipboard's state behind. Make it anew: "
            "{\"execute\": \"object-del\", \"arguments\": {\"id\": \"%s\"}}, then %s",
            self->object, self->addr, g_str_equal(self->addr, ours) ? ", which is younger" : "",
            self->object, add);
}

static gboolean look(gpointer opaque)
{
    struct monitor *self = opaque;

    if (!g_atomic_int_get(&self->finished))
        return G_SOURCE_CONTINUE;
    self->source = self->fd < 0 ? 0 : g_unix_fd_add(self->fd, G_IO_IN | G_IO_HUP, on_fd, self);
    if (self->fd >= 0 && !self->ended)
        check_bus(self);
    if (self->fd >= 0 && !self->ended && !self->wrong)
        log_note("migrations are set up well: return-path, id-list, bus");
    self->ops->checked(self->opaque, self->vm);
    if (self->runs)
        self->ops->runs(self->opaque);
    return G_SOURCE_REMOVE;
}

struct monitor *monitor_new(const struct monitor_setup *setup, const struct monitor_ops *ops,
                            void *opaque)
{
    struct monitor *self = g_new0(struct monitor, 1);

    *self = (struct monitor){.ops = ops, .opaque = opaque, .fd = -1};
    self->path = g_canonicalize_filename(setup->path, NULL);
    self->bus = setup->bus ? g_canonicalize_filename(setup->bus, NULL) : NULL;
    self->id = g_strdup(setup->id);
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
    g_atomic_int_set(&self->leave, 1);
    g_thread_join(self->thread);
    if (self->fd >= 0)
        close(self->fd);
    g_string_free(self->rest, TRUE);
    g_free(self->path);
    g_free(self->id);
    g_free(self->bus);
    g_free(self->object);
    g_free(self->addr);
    g_free(self);
}
