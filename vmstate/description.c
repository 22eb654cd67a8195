/* SPDX-License-Identifier: MIT */
#include "vmstate/description_private.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define JSON_MAX_DEPTH 128
#define SIZE_MOST      (UINT64_C(1) << 40) /* of a section */
#define WORD_MOST      1024                /* of a name or type */

struct vmstate_description {
    struct vmstate_device *devices;
    size_t n_devices;
};

static void layout_free(struct vmstate_layout *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < self->n_fields; i++) {
        g_free(self->fields[i].name);
        g_free(self->fields[i].type);
        layout_free(self->fields[i].nested);
    }
    for (size_t i = 0; i < self->n_subsections; i++)
        layout_free(self->subsections[i]);
    g_free(self->fields);
    g_free(self->subsections);
    g_free(self->name);
    g_free(self);
}

/* The parser below recurses: text that is nested too deep never gets there. */
static bool depth_is_fine(const char *text, size_t len)
{
    bool quoted = false;
    size_t depth = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '[') && ++depth > JSON_MAX_DEPTH)
            return false;
        else if (!quoted && (c == '}' || c == ']') && depth)
            depth--;
    }
    return true;
}

static const char *get_text(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    const char *text;

    if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
        return NULL;
    text = json_node_get_string(node);
    return text && strlen(text) <= WORD_MOST ? text : NULL;
}

static bool get_number(JsonObject *object, const char *name, uint64_t most, uint64_t *value)
{
    JsonNode *node = json_object_get_member(object, name);
    gint64 number;

    if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
        return false;
    number = json_node_get_int(node);
    *value = (uint64_t)number;
    return number >= 0 && (uint64_t)number <= most;
}

static JsonArray *get_list(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static JsonObject *get_element(JsonArray *list, guint i)
{
    JsonNode *node = json_array_get_element(list, i);

    return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static struct vmstate_layout *read_layout(JsonObject *object, unsigned depth, const char **reason);

/* What a field holds that is made of fields itself; none when it is a value, or when the fields do
 * not add up to its size (QEMU describes some lists by their last element only). */
static bool read_nested(JsonObject *object, struct layout_field *field, unsigned depth,
                        const char **reason)
{
    JsonNode *node = json_object_get_member(object, "struct");
    JsonObject *inner = NULL;

    if (!strcmp(field->type, "struct") && node && JSON_NODE_HOLDS_OBJECT(node))
        inner = json_node_get_object(node);
    else if (!strcmp(field->type, "tmp") && get_list(object, "fields"))
        inner = object;
    if (!inner)
        return true;
    field->nested = read_layout(inner, depth + 1, reason);
    if (!field->nested)
        return false;
    if (field->nested->size != field->size) {
        layout_free(field->nested);
        field->nested = NULL;
    }
    return true;
}

static bool read_field(JsonObject *object, struct vmstate_layout *layout, unsigned depth,
                       const char **reason)
{
    const char *name = object ? get_text(object, "name") : NULL;
    const char *type = object ? get_text(object, "type") : NULL;
    struct layout_field *field;
    uint64_t count = 1, size, index, bytes;

    if (!name || !type || !get_number(object, "size", SIZE_MOST, &size)) {
        *reason = "a field without name, type or size";
        return false;
    }
    if (json_object_has_member(object, "array_len") &&
        (!get_number(object, "array_len", UINT32_MAX, &count) || count == 0)) {
        *reason = "a field with a wrong array_len";
        return false;
    }
    if (size == 0)
        return true;
    if (__builtin_mul_overflow(size, count, &bytes) || bytes > SIZE_MOST ||
        layout->size + bytes > SIZE_MOST) {
        *reason = "a section that is too large";
        return false;
    }
    layout->size += bytes;
    field = &layout->fields[layout->n_fields++];
    *field = (struct layout_field){g_strdup(name), g_strdup(type), size, (uint32_t)count, -1, NULL};
    if (get_number(object, "index", UINT32_MAX, &index))
        field->index = (int64_t)index;
    return read_nested(object, field, depth, reason);
}

static bool read_fields(JsonObject *object, struct vmstate_layout *layout, unsigned depth,
                        const char **reason)
{
    JsonArray *list = get_list(object, "fields");
    guint n = list ? json_array_get_length(list) : 0;

    layout->fields = g_new0(struct layout_field, n);
    for (guint i = 0; i < n; i++)
        if (!read_field(get_element(list, i), layout, depth, reason))
            return false;
    return true;
}

static bool read_subsections(JsonObject *object, struct vmstate_layout *layout, unsigned depth,
                             const char **reason)
{
    JsonArray *list = get_list(object, "subsections");
    guint n = list ? json_array_get_length(list) : 0;

    layout->subsections = g_new0(struct vmstate_layout *, n);
    for (guint i = 0; i < n; i++) {
        JsonObject *inner = get_element(list, i);
        struct vmstate_layout *sub = inner ? read_layout(inner, depth + 1, reason) : NULL;

        if (!sub) {
            *reason = inner ? *reason : "a subsection that is no object";
            return false;
        }
        layout->subsections[layout->n_subsections++] = sub;
        if (!sub->name || strlen(sub->name) > 255) {
            *reason = "a subsection without a name";
            return false;
        }
        layout->size += SUBSECTION_FIXED + strlen(sub->name) + sub->size;
        if (layout->size > SIZE_MOST) {
            *reason = "a section that is too large";
            return false;
        }
    }
    return true;
}

static struct vmstate_layout *read_layout(JsonObject *object, unsigned depth, const char **reason)
{
    struct vmstate_layout *layout;
    uint64_t version = 0;

    if (depth > LAYOUT_MAX_DEPTH) {
        *reason = "fields nested too deep";
        return NULL;
    }
    layout = g_new0(struct vmstate_layout, 1);
    layout->name = g_strdup(get_text(object, "vmsd_name"));
    get_number(object, "version", UINT32_MAX, &version);
    layout->version = (uint32_t)version;
    if (read_fields(object, layout, depth, reason) &&
        read_subsections(object, layout, depth, reason))
        return layout;
    layout_free(layout);
    return NULL;
}

static bool read_device(JsonObject *object, struct vmstate_description *self, const char **reason)
{
    const char *name = object ? get_text(object, "name") : NULL;
    uint64_t instance, version = 0;
    struct vmstate_device *device;
    struct vmstate_layout *layout;

    if (!name || !get_number(object, "instance_id", UINT32_MAX, &instance)) {
        *reason = "a device without name or instance";
        return false;
    }
    layout = read_layout(object, 0, reason);
    if (!layout)
        return false;
    device = &self->devices[self->n_devices++];
    device->name = g_strdup(name);
    device->instance = (uint32_t)instance;
    device->has_version = get_number(object, "version", UINT32_MAX, &version);
    device->version = (uint32_t)version;
    device->size = layout->size;
    device->layout = layout;
    return true;
}

static struct vmstate_description *read_root(JsonNode *root, const char **reason)
{
    JsonObject *object = root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
    JsonArray *list = object ? get_list(object, "devices") : NULL;
    struct vmstate_description *self;

    *reason = "no list of devices";
    if (!list)
        return NULL;
    self = g_new0(struct vmstate_description, 1);
    self->devices = g_new0(struct vmstate_device, json_array_get_length(list));
    for (guint i = 0; i < json_array_get_length(list); i++) {
        if (!read_device(get_element(list, i), self, reason)) {
            vmstate_description_free(self);
            return NULL;
        }
    }
    return self;
}

struct vmstate_description *vmstate_description_parse(const char *text, size_t len,
                                                      const char **reason)
{
    struct vmstate_description *self = NULL;
    JsonParser *parser;

    *reason = "no JSON text";
    if (len == 0 || len > VMSTATE_DESCRIPTION_MOST || !depth_is_fine(text, len) ||
        !g_utf8_validate(text, (gssize)len, NULL))
        return NULL;
    parser = json_parser_new();
    if (json_parser_load_from_data(parser, text, (gssize)len, NULL))
        self = read_root(json_parser_get_root(parser), reason);
    g_object_unref(parser);
    return self;
}

void vmstate_description_free(struct vmstate_description *self)
{
    if (!self)
        return;
    for (size_t i = 0; i < self->n_devices; i++) {
        g_free(self->devices[i].name);
        layout_free(self->devices[i].layout);
    }
    g_free(self->devices);
    g_free(self);
}

bool vmstate_description_find(const uint8_t *bytes, size_t len, size_t *at, size_t *size)
{
    static const size_t head = 6; /* end of state, mark of the description, be32 length */

    /* from the end: what a guest put into its devices cannot come after the true one */
    for (size_t i = len; i-- > 0;) {
        const uint8_t *p = bytes + i;
        size_t n;

        if (*p != '{' || i < head || p[-6] != 0 || p[-5] != 6)
            continue;
        n = (size_t)p[-4] << 24 | (size_t)p[-3] << 16 | (size_t)p[-2] << 8 | p[-1];
        if (n <= len - i && n <= VMSTATE_DESCRIPTION_MOST) {
            *at = i;
            *size = n;
            return true;
        }
    }
    return false;
}

size_t vmstate_description_count(const struct vmstate_description *self)
{
    return self->n_devices;
}

const struct vmstate_device *vmstate_description_device(const struct vmstate_description *self,
                                                        size_t i)
{
    return &self->devices[i];
}

const struct vmstate_device *vmstate_description_lookup(const struct vmstate_description *self,
                                                        const char *name, uint32_t instance)
{
    for (size_t i = 0; i < self->n_devices; i++)
        if (self->devices[i].instance == instance && !strcmp(self->devices[i].name, name))
            return &self->devices[i];
    return NULL;
}
