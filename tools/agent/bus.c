/* SPDX-License-Identifier: MIT */
#include "bus.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <sys/stat.h>

#include "base/log.h"

#define SERVICE      "org.qemu.VMState1"
#define SERVICE_PATH "/org/qemu/VMState1"
#define BUS_NAME     "org.freedesktop.DBus"
#define BUS_PATH     "/org/freedesktop/DBus"
#define ITS_NAME     ":1.1" /* QEMU's */
#define OUR_NAME     ":1.0"

static const char interfaces[] =
    "<node>"
    "<interface name='" BUS_NAME "'>"
    "<method name='Hello'><arg type='s' direction='out'/></method>"
    "<method name='AddMatch'><arg type='s' direction='in'/></method>"
    "<method name='RemoveMatch'><arg type='s' direction='in'/></method>"
    "<method name='StartServiceByName'><arg type='s' direction='in'/>"
    "<arg type='u' direction='in'/><arg type='u' direction='out'/></method>"
    "<method name='GetNameOwner'><arg type='s' direction='in'/><arg type='s' direction='out'/>"
    "</method>"
    "<method name='NameHasOwner'><arg type='s' direction='in'/><arg type='b' direction='out'/>"
    "</method>"
    "<method name='ListQueuedOwners'><arg type='s' direction='in'/>"
    "<arg type='as' direction='out'/></method>"
    "</interface>"
    "<interface name='" SERVICE "'>"
    "<method name='Save'><arg type='ay' direction='out'/></method>"
    "<method name='Load'><arg type='ay' direction='in'/></method>"
    "<property name='Id' type='s' access='read'/>"
    "</interface>"
    "</node>";

struct bus {
    const struct bus_ops *ops;
    void *opaque;
    char *path;
    char *id;
    GDBusServer *server;
    GDBusNodeInfo *info;
    GPtrArray *connections;
};

/* ---- The bus ---- */

static GVariant *no_answer(const char *name)
{
    return NULL;
}

static GVariant *on_hello(const char *name)
{
    return g_variant_new("(s)", ITS_NAME);
}

static GVariant *on_start_service(const char *name)
{
    return g_variant_new("(u)", 2); /* it runs already */
}

static GVariant *on_has_owner(const char *name)
{
    return g_variant_new("(b)", !g_strcmp0(name, SERVICE) || !g_strcmp0(name, BUS_NAME));
}

static GVariant *on_owner(const char *name)
{
    return g_variant_new("(s)", g_strcmp0(name, BUS_NAME) ? OUR_NAME : BUS_NAME);
}

static GVariant *on_owners(const char *name)
{
    const char *const ours[] = {OUR_NAME, NULL};

    return g_variant_new("(^as)", ours);
}

static const struct {
    const char *name;
    GVariant *(*answer)(const char *name);
} bus_methods[] = {
    {"Hello", on_hello},
    {"AddMatch", no_answer},
    {"RemoveMatch", no_answer},
    {"StartServiceByName", on_start_service},
    {"NameHasOwner", on_has_owner},
    {"GetNameOwner", on_owner},
    {"ListQueuedOwners", on_owners},
};

static void on_bus_call(GDBusConnection *connection, const char *sender, const char *path,
                        const char *interface, const char *method, GVariant *arguments,
                        GDBusMethodInvocation *call, gpointer opaque)
{
    const char *name = NULL;

    if (g_variant_n_children(arguments) > 0)
        g_variant_get_child(arguments, 0, "&s", &name);
    for (size_t i = 0; i < G_N_ELEMENTS(bus_methods); i++) {
        if (g_str_equal(bus_methods[i].name, method)) {
            g_dbus_method_invocation_return_value(call, bus_methods[i].answer(name));
            return;
        }
    }
    g_dbus_method_invocation_return_dbus_error(call, "org.freedesktop.DBus.Error.UnknownMethod",
                                               method);
}

/* ---- The service ---- */

static void answer_save(struct bus *self, GDBusMethodInvocation *call)
{
    gint64 began = g_get_monotonic_time();
    g_autoptr(GBytes) state = self->ops->save(self->opaque);
    GVariant *bytes = g_variant_new_from_bytes(G_VARIANT_TYPE_BYTESTRING, state, TRUE);

    log_note("state saved: %" G_GSIZE_FORMAT " bytes in %.1f ms", g_bytes_get_size(state),
             (double)(g_get_monotonic_time() - began) / 1000);
    g_dbus_method_invocation_return_value(call, g_variant_new_tuple(&bytes, 1));
}

static void answer_load(struct bus *self, GDBusMethodInvocation *call, GVariant *arguments)
{
    g_autoptr(GVariant) state = g_variant_get_child_value(arguments, 0);
    gsize len;
    const guint8 *bytes = g_variant_get_fixed_array(state, &len, 1);

    self->ops->load(self->opaque, bytes, len);
    g_dbus_method_invocation_return_value(call, NULL);
}

static void on_call(GDBusConnection *connection, const char *sender, const char *path,
                    const char *interface, const char *method, GVariant *arguments,
                    GDBusMethodInvocation *call, gpointer opaque)
{
    struct bus *self = opaque;

    if (g_str_equal(method, "Save"))
        answer_save(self, call);
    else
        answer_load(self, call, arguments);
}

static GVariant *on_get(GDBusConnection *connection, const char *sender, const char *path,
                        const char *interface, const char *property, GError **error,
                        gpointer opaque)
{
    struct bus *self = opaque;

    self->ops->looked_for(self->opaque);
    return g_variant_new_string(self->id);
}

/* ---- Connections ---- */

static void on_closed(GDBusConnection *connection, gboolean vanished, GError *error,
                      gpointer opaque)
{
    struct bus *self = opaque;

    g_signal_handlers_disconnect_by_data(connection, self);
    g_ptr_array_remove(self->connections, connection);
}

static bool serve(struct bus *self, GDBusConnection *connection)
{
    static const GDBusInterfaceVTable bus_table = {.method_call = on_bus_call};
    static const GDBusInterfaceVTable table = {.method_call = on_call, .get_property = on_get};

    return g_dbus_connection_register_object(
               connection, BUS_PATH, g_dbus_node_info_lookup_interface(self->info, BUS_NAME),
               &bus_table, self, NULL, NULL) &&
           g_dbus_connection_register_object(connection, SERVICE_PATH,
                                             g_dbus_node_info_lookup_interface(self->info, SERVICE),
                                             &table, self, NULL, NULL);
}

static gboolean on_connection(GDBusServer *server, GDBusConnection *connection, gpointer opaque)
{
    struct bus *self = opaque;

    if (!serve(self, connection))
        return FALSE;
    g_signal_connect(connection, "closed", G_CALLBACK(on_closed), self);
    g_ptr_array_add(self->connections, g_object_ref(connection));
    log_info("QEMU has connected to %s", self->path);
    return TRUE;
}

static void remove_socket(const char *path)
{
    struct stat stat;

    if (lstat(path, &stat) == 0 && S_ISSOCK(stat.st_mode))
        g_unlink(path);
}

struct bus *bus_new(const char *path, const char *id, const struct bus_ops *ops, void *opaque,
                    GError **error)
{
    g_autofree char *address = g_strconcat("unix:path=", path, NULL);
    g_autofree char *guid = g_dbus_generate_guid();
    GDBusServer *server;
    struct bus *self;

    remove_socket(path);
    server = g_dbus_server_new_sync(address, G_DBUS_SERVER_FLAGS_NONE, guid, NULL, NULL, error);
    if (!server)
        return NULL;
    self = g_new0(struct bus, 1);
    *self = (struct bus){.ops = ops, .opaque = opaque, .server = server};
    self->path = g_strdup(path);
    self->id = g_strdup(id);
    self->info = g_dbus_node_info_new_for_xml(interfaces, NULL);
    self->connections = g_ptr_array_new_with_free_func(g_object_unref);
    g_signal_connect(server, "new-connection", G_CALLBACK(on_connection), self);
    g_dbus_server_start(server);
    return self;
}

bool bus_in_use(const struct bus *self)
{
    return self->connections->len > 0;
}

void bus_free(struct bus *self)
{
    if (!self)
        return;
    g_dbus_server_stop(self->server);
    for (guint i = 0; i < self->connections->len; i++)
        g_signal_handlers_disconnect_by_data(g_ptr_array_index(self->connections, i), self);
    g_ptr_array_unref(self->connections);
    g_object_unref(self->server);
    g_dbus_node_info_unref(self->info);
    remove_socket(self->path);
    g_free(self->path);
    g_free(self->id);
    g_free(self);
}
