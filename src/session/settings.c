/* SPDX-License-Identifier: MIT */
#include "session/settings.h"

#include <glib.h>
#include <spice/enums.h>

#include "base/log.h"
#include "session/config.h"

static bool set_policy(struct settings *self, const char *value)
{
    static const char *const names[] = {
        [CLIENTS_SHARE] = "share",
        [CLIENTS_REPLACE] = "replace",
        [CLIENTS_REFUSE] = "refuse",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(names[i], value)) {
            self->policy = (enum client_policy)i;
            return true;
        }
    }
    return false;
}

static bool set_move_log(struct settings *self, const char *value)
{
    g_free(self->move_log);
    self->move_log = *value ? g_strdup(value) : NULL;
    return true;
}

static const struct {
    const char *name, *variable;
    bool (*set)(struct settings *self, const char *value);
} configurable[] = {
    {"clients", "CARAVAN_CLIENTS", set_policy},
    {"move-log", "CARAVAN_MOVE_LOG", set_move_log},
};

bool settings_configure(struct settings *self, const char *name, const char *value)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(configurable); i++) {
        if (g_str_equal(configurable[i].name, name))
            return configurable[i].set(self, value);
    }
    return false;
}

static void read_environment(struct settings *self)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(configurable); i++) {
        const char *value = g_getenv(configurable[i].variable);
        if (value && !configurable[i].set(self, value))
            log_warn("%s=%s is not known and left out", configurable[i].variable, value);
    }
}

void settings_init(struct settings *self)
{
    *self = (struct settings){
        .family = LISTEN_ANY,
        .port = -1,
        .listen_fd = -1,
        .tls_port = -1,
        .ticket = {.required = true},
        .image_compression = SPICE_IMAGE_COMPRESSION_AUTO_GLZ,
        .policy = CLIENTS_SHARE,
        .agent = {true, true, true},
    };
    config_read(self);
    read_environment(self);
}

void settings_clear(struct settings *self)
{
    g_free(self->addr);
    g_free(self->name);
    g_free(self->sasl_appname);
    g_free(self->move_log);
    tls_context_unref(self->tls);
    *self = (struct settings){.port = -1, .listen_fd = -1, .tls_port = -1};
}

static const struct {
    const char *name;
    uint8_t type;
} channels[] = {
    {"main", SPICE_CHANNEL_MAIN},           {"display", SPICE_CHANNEL_DISPLAY},
    {"inputs", SPICE_CHANNEL_INPUTS},       {"cursor", SPICE_CHANNEL_CURSOR},
    {"playback", SPICE_CHANNEL_PLAYBACK},   {"record", SPICE_CHANNEL_RECORD},
    {"smartcard", SPICE_CHANNEL_SMARTCARD}, {"usbredir", SPICE_CHANNEL_USBREDIR},
    {"port", SPICE_CHANNEL_PORT},           {"webdav", SPICE_CHANNEL_WEBDAV},
};

static void secure_type(struct settings *self, uint8_t type, bool tls_only)
{
    if (tls_only)
        self->tls_only |= UINT64_C(1) << type;
    else
        self->tls_only &= ~(UINT64_C(1) << type);
}

bool settings_secure(struct settings *self, const char *channel, bool tls_only)
{
    bool all = !channel || g_str_equal(channel, "default");
    bool found = all;

    for (unsigned i = 0; i < G_N_ELEMENTS(channels); i++) {
        if (!all && !g_str_equal(channels[i].name, channel))
            continue;
        secure_type(self, channels[i].type, tls_only);
        found = true;
    }
    return found;
}

bool settings_set_tls(struct settings *self, int port, const struct tls_files *files)
{
    g_autofree char *error = NULL;

    tls_context_unref(self->tls);
    self->tls_port = -1;
    if (port > 0 && port <= 0xffff)
        self->tls = tls_context_new(files, &error);
    else
        self->tls = NULL;
    if (!self->tls) {
        log_warn("TLS port %d is not opened: %s", port, error ? error : "there is no such port");
        return false;
    }
    self->tls_port = port;
    return true;
}

bool settings_needs_tls(const struct settings *self, uint8_t channel_type)
{
    return channel_type < 64 && (self->tls_only >> channel_type & 1);
}
