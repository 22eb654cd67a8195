/* SPDX-License-Identifier: MIT */
#include "check_schema.h"

#include <glib.h>
#include <json-glib/json-glib.h>

#define DEPTH_MOST 32

struct check_schema {
    char *machine;
    GHashTable *rows;        /* name -> struct check_schema_row */
    GHashTable *subsections; /* names */
    GHashTable *writes;      /* type of device -> name of its section */
};

static JsonObject *object_of(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static uint32_t version_of(JsonObject *object, const char *name)
{
    gint64 number = json_object_get_int_member_with_default(object, name, 0);

    return number < 0 || number > UINT32_MAX ? 0 : (uint32_t)number;
}

static void read_subsections(struct check_schema *self, JsonObject *description, unsigned depth);

static void read_list(struct check_schema *self, JsonObject *description, const char *member,
                      bool subsections, unsigned depth)
{
    JsonNode *node = json_object_get_member(description, member);
    JsonArray *list = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;

    for (guint i = 0; list && i < json_array_get_length(list); i++) {
        JsonNode *element = json_array_get_element(list, i);
        JsonObject *object = JSON_NODE_HOLDS_OBJECT(element) ? json_node_get_object(element) : NULL;
        const char *name;

        if (!object)
            continue;
        name = json_object_get_string_member_with_default(object, "name", NULL);
        if (subsections && name)
            g_hash_table_add(self->subsections, g_strdup(name));
        read_subsections(self, subsections ? object : object_of(object, "Description"), depth + 1);
    }
}

static void read_subsections(struct check_schema *self, JsonObject *description, unsigned depth)
{
    if (!description || depth > DEPTH_MOST)
        return;
    read_list(self, description, "Fields", false, depth);
    read_list(self, description, "Subsections", true, depth);
}

static void read_device(struct check_schema *self, const char *type, JsonObject *device)
{
    JsonObject *description = object_of(device, "Description");
    const char *name =
        description ? json_object_get_string_member_with_default(description, "name", NULL) : NULL;
    struct check_schema_row *row, *known;

    if (!name)
        return;
    row = g_new(struct check_schema_row, 1);
    row->version = version_of(description, "version_id");
    row->minimum_version = version_of(description, "minimum_version_id");
    known = g_hash_table_lookup(self->rows, name);
    if (known) {
        row->version = MAX(row->version, known->version);
        row->minimum_version = MIN(row->minimum_version, known->minimum_version);
    }
    g_hash_table_insert(self->rows, g_strdup(name), row);
    g_hash_table_insert(self->writes, g_strdup(type), g_strdup(name));
    read_subsections(self, description, 0);
}

static void read_devices(struct check_schema *self, JsonObject *root)
{
    GList *names = json_object_get_members(root);
    JsonObject *machine = object_of(root, "vmschkmachine");

    if (machine)
        self->machine = g_strdup(json_object_get_string_member_with_default(machine, "Name", NULL));
    for (GList *at = names; at; at = at->next) {
        JsonObject *device = object_of(root, at->data);

        if (device)
            read_device(self, at->data, device);
    }
    g_list_free(names);
}

struct check_schema *check_schema_read(const char *path, char **reason)
{
    JsonParser *parser = json_parser_new();
    struct check_schema *self = NULL;
    GError *error = NULL;
    JsonNode *root;

    if (!json_parser_load_from_file(parser, path, &error)) {
        *reason = g_strdup(error->message);
        g_error_free(error);
        g_object_unref(parser);
        return NULL;
    }
    root = json_parser_get_root(parser);
    if (root && JSON_NODE_HOLDS_OBJECT(root)) {
        self = g_new0(struct check_schema, 1);
        self->rows = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        self->subsections = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        self->writes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        read_devices(self, json_node_get_object(root));
    }
    if (!self || g_hash_table_size(self->rows) == 0) {
        *reason = g_strdup("not what -dump-vmstate writes");
        g_clear_pointer(&self, check_schema_free);
    }
    g_object_unref(parser);
    return self;
}

void check_schema_free(struct check_schema *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->rows);
    g_hash_table_unref(self->subsections);
    g_hash_table_unref(self->writes);
    g_free(self->machine);
    g_free(self);
}

const char *check_schema_machine(const struct check_schema *self)
{
    return self->machine;
}

const struct check_schema_row *check_schema_find(const struct check_schema *self, const char *leaf)
{
    return g_hash_table_lookup(self->rows, leaf);
}

bool check_schema_has_subsection(const struct check_schema *self, const char *name)
{
    return g_hash_table_contains(self->subsections, name);
}

bool check_schema_writes(const struct check_schema *self, const char *type, const char *leaf)
{
    return !g_strcmp0(g_hash_table_lookup(self->writes, type), leaf);
}
