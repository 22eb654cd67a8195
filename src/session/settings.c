/* SPDX-License-Identifier: MIT */
#include "session/settings.h"

#include <glib.h>
#include <spice/enums.h>

#include "base/log.h"

static enum client_policy policy_from_environment(void)
{
    const char *value = g_getenv("CARAVAN_CLIENTS");

    if (!value || g_str_equal(value, "share"))
        return CLIENTS_SHARE;
    if (g_str_equal(value, "replace"))
        return CLIENTS_REPLACE;
    if (g_str_equal(value, "refuse"))
        return CLIENTS_REFUSE;
    log_warn("CARAVAN_CLIENTS=%s is not known (share, replace or refuse); clients share", value);
    return CLIENTS_SHARE;
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
        .policy = policy_from_environment(),
    };
}

void settings_clear(struct settings *self)
{
    g_free(self->addr);
    g_free(self->name);
    tls_context_unref(self->tls);
    *self = (struct settings){.port = -1, .listen_fd = -1, .tls_port = -1};
}

static const struct {
    const char *name;
    uint8_t type;
} channels[] = {
    {"main", SPICE_CHANNEL_MAIN},         {"display", SPICE_CHANNEL_DISPLAY},
    {"inputs", SPICE_CHANNEL_INPUTS},     {"cursor", SPICE_CHANNEL_CURSOR},
    {"playback", SPICE_CHANNEL_PLAYBACK}, {"record", SPICE_CHANNEL_RECORD},
    {"smartcard", SPICE_CHANNEL_SMARTCARD}, {"usbredir", SPICE_CHANNEL_USBREDIR},
    {"port", SPICE_CHANNEL_PORT},         {"webdav", SPICE_CHANNEL_WEBDAV},
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
