/* SPDX-License-Identifier: MIT */
#include "check_options.h"

#include <json-glib/json-glib.h>
#include <string.h>

struct option {
    char *name;
    char *value; /* NULL: a bare word */
};

struct check_options {
    GArray *list; /* struct option */
};

static void clear_option(gpointer data)
{
    struct option *option = data;

    g_free(option->name);
    g_free(option->value);
}

static struct check_options *options_new(void)
{
    struct check_options *self = g_new0(struct check_options, 1);

    self->list = g_array_new(FALSE, FALSE, sizeof(struct option));
    g_array_set_clear_func(self->list, clear_option);
    return self;
}

static void add(struct check_options *self, char *name, char *value)
{
    struct option option = {name, value};

    g_array_append_val(self->list, option);
}

/* A value up to the next single comma; two stand for one. */
static char *take_value(const char **text)
{
    GString *value = g_string_new(NULL);
    const char *p = *text;

    for (; *p; p++) {
        if (*p == ',' && p[1] != ',')
            break;
        if (*p == ',')
            p++;
        g_string_append_c(value, *p);
    }
    *text = *p ? p + 1 : p;
    return g_string_free(value, FALSE);
}

static void parse_short(struct check_options *self, const char *text, const char *implied)
{
    while (*text) {
        size_t n = strcspn(text, "=,");

        if (text[n] == '=') {
            char *name = g_strndup(text, n);

            text += n + 1;
            add(self, name, take_value(&text));
        } else if (implied) {
            add(self, g_strdup(implied), take_value(&text));
        } else {
            add(self, take_value(&text), NULL);
        }
        implied = NULL;
    }
}

static void add_member(struct check_options *self, const char *path, JsonNode *node);

static void parse_object(struct check_options *self, const char *stem, JsonObject *object)
{
    GList *names = json_object_get_members(object);

    for (GList *at = names; at; at = at->next) {
        char *path =
            stem ? g_strdup_printf("%s.%s", stem, (const char *)at->data) : g_strdup(at->data);

        add_member(self, path, json_object_get_member(object, at->data));
        g_free(path);
    }
    g_list_free(names);
}

static void add_member(struct check_options *self, const char *path, JsonNode *node)
{
    if (JSON_NODE_HOLDS_OBJECT(node)) {
        parse_object(self, path, json_node_get_object(node));
    } else if (JSON_NODE_HOLDS_VALUE(node)) {
        switch (json_node_get_value_type(node)) {
        case G_TYPE_STRING:
            add(self, g_strdup(path), g_strdup(json_node_get_string(node)));
            break;
        case G_TYPE_BOOLEAN:
            add(self, g_strdup(path), g_strdup(json_node_get_boolean(node) ? "on" : "off"));
            break;
        case G_TYPE_INT64:
            add(self, g_strdup(path),
                g_strdup_printf("%" G_GINT64_FORMAT, json_node_get_int(node)));
            break;
        default:
            break;
        }
    }
}

struct check_options *check_options_parse(const char *text, const char *implied)
{
    struct check_options *self = options_new();
    JsonNode *node;

    if (*text != '{') {
        parse_short(self, text, implied);
        return self;
    }
    node = json_from_string(text, NULL);
    if (node && JSON_NODE_HOLDS_OBJECT(node)) {
        parse_object(self, NULL, json_node_get_object(node));
    } else {
        check_options_free(self);
        self = NULL;
    }
    if (node)
        json_node_unref(node);
    return self;
}

void check_options_free(struct check_options *self)
{
    if (!self)
        return;
    g_array_unref(self->list);
    g_free(self);
}

const char *check_options_get(const struct check_options *self, const char *name)
{
    for (guint i = 0; i < self->list->len; i++) {
        const struct option *option = &g_array_index(self->list, struct option, i);

        if (!strcmp(option->name, name))
            return option->value ? option->value : "on";
    }
    return NULL;
}

void check_options_set(struct check_options *self, const char *name, const char *value)
{
    check_options_drop(self, (const char *const[]){name, NULL});
    add(self, g_strdup(name), g_strdup(value));
}

static bool is_in(const char *name, const char *const *names)
{
    for (; *names; names++) {
        size_t n = strlen(*names);

        if (!strcmp(name, *names))
            return true;
        if (n > 1 && (*names)[n - 1] == '*' && !strncmp(name, *names, n - 1))
            return true;
    }
    return false;
}

static void filter(struct check_options *self, const char *const *names, bool keep)
{
    for (guint i = self->list->len; i-- > 0;)
        if (is_in(g_array_index(self->list, struct option, i).name, names) != keep)
            g_array_remove_index(self->list, i);
}

void check_options_keep(struct check_options *self, const char *const *names)
{
    filter(self, names, true);
}

void check_options_drop(struct check_options *self, const char *const *names)
{
    filter(self, names, false);
}

char *check_options_text(const struct check_options *self)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < self->list->len; i++) {
        const struct option *option = &g_array_index(self->list, struct option, i);

        if (i)
            g_string_append_c(text, ',');
        g_string_append(text, option->name);
        if (!option->value)
            continue;
        g_string_append_c(text, '=');
        for (const char *p = option->value; *p; p++) {
            if (*p == ',')
                g_string_append_c(text, ',');
            g_string_append_c(text, *p);
        }
    }
    return g_string_free(text, FALSE);
}
