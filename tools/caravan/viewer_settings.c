/* SPDX-License-Identifier: MIT */
#include "viewer_settings.h"

#include <string.h>

static bool set_number(SpiceSession *session, GParamSpec *spec, const char *value)
{
    GValue number = G_VALUE_INIT, typed = G_VALUE_INIT;
    gint64 parsed;
    bool ok = true;

    if (!g_ascii_string_to_signed(value, 10, G_MININT, G_MAXINT, &parsed, NULL))
        return false;
    g_value_init(&number, G_TYPE_INT);
    g_value_set_int(&number, parsed);
    g_value_init(&typed, spec->value_type);
    if (G_TYPE_IS_ENUM(spec->value_type))
        g_value_set_enum(&typed, parsed);
    else if (G_TYPE_IS_FLAGS(spec->value_type))
        g_value_set_flags(&typed, parsed);
    else
        ok = g_value_transform(&number, &typed);
    if (ok)
        g_object_set_property(G_OBJECT(session), spec->name, &typed);
    g_value_unset(&typed);
    return ok;
}

static bool set_property(SpiceSession *session, GParamSpec *spec, const char *value)
{
    if (spec->value_type == G_TYPE_STRING) {
        g_object_set(session, spec->name, value, NULL);
        return true;
    }
    if (spec->value_type == G_TYPE_STRV) {
        GStrv list = g_strsplit(value, ",", -1);

        g_object_set(session, spec->name, list, NULL);
        g_strfreev(list);
        return true;
    }
    if (spec->value_type == G_TYPE_BOOLEAN) {
        bool on = !strcmp(value, "true") || !strcmp(value, "1");

        if (!on && strcmp(value, "false") && strcmp(value, "0"))
            return false;
        g_object_set(session, spec->name, on, NULL);
        return true;
    }
    return set_number(session, spec, value);
}

bool viewer_settings_apply(SpiceSession *session, const char *setting, GError **error)
{
    const char *equals = strchr(setting, '=');
    char *name = equals ? g_strndup(setting, equals - setting) : g_strdup(setting);
    GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(session), name);
    bool ok = spec && equals && (spec->flags & G_PARAM_WRITABLE) &&
              set_property(session, spec, equals + 1);

    if (!ok)
        g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                    "'%s' is no setting of a spice-gtk session", setting);
    g_free(name);
    return ok;
}
