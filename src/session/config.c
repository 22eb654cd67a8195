/* SPDX-License-Identifier: MIT */
#include "session/config.h"

#include <glib.h>
#include <string.h>

#include "base/log.h"
#include "session/settings.h"

enum {
    FILE_MAX_BYTES = 64 * 1024,
};

enum group {
    GROUP_NONE,
    GROUP_SERVER,
    GROUP_OTHER, /* warned of already */
};

/* One line; *group is where it stands. */
static void read_line(struct settings *self, char *line, const char *path, unsigned number,
                      enum group *group)
{
    char *equals;

    g_strstrip(line);
    if (!*line || *line == '#')
        return;
    if (*line == '[') {
        *group = g_str_equal(line, "[server]") ? GROUP_SERVER : GROUP_OTHER;
        if (*group == GROUP_OTHER)
            log_warn("%s, line %u: the group %s is not known and left out", path, number, line);
        return;
    }
    equals = strchr(line, '=');
    if (!equals || *group == GROUP_NONE) {
        log_warn("%s, line %u: not NAME=VALUE below [server]; it is left out", path, number);
        return;
    }
    *equals = '\0';
    g_strchomp(line);
    if (*group == GROUP_SERVER && !settings_configure(self, line, g_strchug(equals + 1)))
        log_warn("%s, line %u: %s=%s is not known and left out", path, number, line, equals + 1);
}

void config_read_file(struct settings *self, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    enum group group = GROUP_NONE;
    size_t len;

    if (!g_file_test(path, G_FILE_TEST_IS_REGULAR))
        return;
    if (!g_file_get_contents(path, &text, &len, &error)) {
        log_warn("%s", error->message);
        return;
    }
    if (len > FILE_MAX_BYTES || strlen(text) != len || !g_utf8_validate(text, -1, NULL)) {
        log_warn("%s is no text of at most %d bytes; it is left out", path, FILE_MAX_BYTES);
        return;
    }
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i]; i++)
        read_line(self, lines[i], path, i + 1, &group);
}

void config_read(struct settings *self)
{
    g_autofree char *own =
        g_build_filename(g_get_user_config_dir(), "caravan", "server.conf", NULL);

    config_read_file(self, "/etc/caravan/server.conf");
    config_read_file(self, own);
}
