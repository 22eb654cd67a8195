/* SPDX-License-Identifier: MIT */
/* spice_server_*: life, settings, clients. Arguments are checked here; logic is src/session's. */
#include <spice.h>

#include "abi/later.h"
#include "base/log.h"
#include "session/server.h"

static struct server *from_abi(SpiceServer *s)
{
    return (struct server *)(void *)s;
}

SpiceServer *spice_server_new(void)
{
    return (SpiceServer *)(void *)server_new();
}

int spice_server_init(SpiceServer *s, SpiceCoreInterface *core)
{
    if (!s || !core || core->base.major_version != SPICE_INTERFACE_CORE_MAJOR)
        return -1;
    return server_init(from_abi(s), core) ? 0 : -1;
}

void spice_server_destroy(SpiceServer *s)
{
    server_free(from_abi(s));
}

int spice_server_set_port(SpiceServer *s, int port)
{
    if (port < 0 || port > 0xffff)
        return -1;
    server_settings(from_abi(s))->port = port;
    return 0;
}

void spice_server_set_addr(SpiceServer *s, const char *addr, int flags)
{
    struct settings *settings = server_settings(from_abi(s));

    g_free(settings->addr);
    settings->addr = g_strdup(addr);
    settings->family = LISTEN_ANY;
    if (flags & SPICE_ADDR_FLAG_IPV4_ONLY)
        settings->family = LISTEN_IPV4;
    else if (flags & SPICE_ADDR_FLAG_IPV6_ONLY)
        settings->family = LISTEN_IPV6;
    else if (flags & SPICE_ADDR_FLAG_UNIX_ONLY)
        settings->family = LISTEN_UNIX;
}

int spice_server_set_listen_socket_fd(SpiceServer *s, int listen_fd)
{
    server_settings(from_abi(s))->listen_fd = listen_fd;
    return 0;
}

int spice_server_set_noauth(SpiceServer *s)
{
    ticket_disable(&server_settings(from_abi(s))->ticket);
    return 0;
}

int spice_server_set_sasl(SpiceServer *s, int enabled)
{
    if (!s)
        return -1;
    server_settings(from_abi(s))->sasl = enabled != 0;
    return 0;
}

int spice_server_set_sasl_appname(SpiceServer *s, const char *appname)
{
    struct settings *settings;

    if (!s)
        return -1;
    settings = server_settings(from_abi(s));
    g_free(settings->sasl_appname);
    settings->sasl_appname = g_strdup(appname);
    return 0;
}

int spice_server_set_ticket(SpiceServer *s, const char *passwd, int lifetime, int fail_if_connected,
                            int disconnect_if_connected)
{
    uint32_t seconds = lifetime > 0 ? (uint32_t)lifetime : 0;

    return server_set_ticket(from_abi(s), passwd, seconds, fail_if_connected,
                             disconnect_if_connected)
               ? 0
               : -1;
}

int spice_server_add_client(SpiceServer *s, int socket, int skip_auth)
{
    return server_add_client(from_abi(s), socket, false, skip_auth) ? 0 : -1;
}

int spice_server_add_ssl_client(SpiceServer *s, int socket, int skip_auth)
{
    return server_add_client(from_abi(s), socket, true, skip_auth) ? 0 : -1;
}

int spice_server_set_tls(SpiceServer *s, int port, const char *ca_cert_file, const char *certs_file,
                         const char *private_key_file, const char *key_passwd,
                         const char *dh_key_file, const char *ciphersuite)
{
    const struct tls_files files = {
        .ca = ca_cert_file,
        .cert = certs_file,
        .key = private_key_file,
        .key_password = key_passwd,
        .dh = dh_key_file,
        .ciphers = ciphersuite,
    };

    return settings_set_tls(server_settings(from_abi(s)), port, &files) ? 0 : -1;
}

int spice_server_set_image_compression(SpiceServer *s, SpiceImageCompression comp)
{
    if (comp <= SPICE_IMAGE_COMPRESSION_INVALID || comp >= SPICE_IMAGE_COMPRESSION_ENUM_END)
        return -1;
    server_set_compression(from_abi(s), (uint8_t)comp);
    return 0;
}

SpiceImageCompression spice_server_get_image_compression(SpiceServer *s)
{
    return (SpiceImageCompression)server_settings(from_abi(s))->image_compression;
}

int spice_server_set_channel_security(SpiceServer *s, const char *channel, int security)
{
    bool tls_only = security == SPICE_CHANNEL_SECURITY_SSL;

    return settings_secure(server_settings(from_abi(s)), channel, tls_only) ? 0 : -1;
}

int spice_server_get_sock_info(SpiceServer *s, struct sockaddr *sa, socklen_t *salen)
{
    return server_main_addr(from_abi(s), false, sa, salen) ? 0 : -1;
}

int spice_server_get_peer_info(SpiceServer *s, struct sockaddr *sa, socklen_t *salen)
{
    return server_main_addr(from_abi(s), true, sa, salen) ? 0 : -1;
}

int spice_server_get_num_clients(SpiceServer *s)
{
    return s ? (int)server_num_clients(from_abi(s)) : 0;
}

int spice_server_is_server_mouse(SpiceServer *s)
{
    return server_is_server_mouse(from_abi(s));
}

void spice_server_set_name(SpiceServer *s, const char *name)
{
    struct settings *settings = server_settings(from_abi(s));

    g_free(settings->name);
    settings->name = g_strdup(name);
}

void spice_server_set_uuid(SpiceServer *s, const uint8_t uuid[16])
{
    struct settings *settings = server_settings(from_abi(s));

    memcpy(settings->uuid, uuid, sizeof(settings->uuid));
    settings->has_uuid = true;
}

void spice_server_vm_start(SpiceServer *s)
{
    server_vm_start(from_abi(s));
}

void spice_server_vm_stop(SpiceServer *s)
{
    server_vm_stop(from_abi(s));
}

void spice_server_set_seamless_migration(SpiceServer *s, int enable)
{
    server_settings(from_abi(s))->seamless_migration = enable;
}

int spice_server_migrate_info(SpiceServer *s, const char *dest, int port, int secure_port,
                              const char *cert_subject)
{
    return server_migrate_info(from_abi(s), dest, port, secure_port, cert_subject) ? 0 : -1;
}

int spice_server_migrate_switch(SpiceServer *s)
{
    return server_migrate_switch(from_abi(s)) ? 0 : -1;
}

int spice_server_migrate_connect(SpiceServer *s, const char *dest, int port, int secure_port,
                                 const char *cert_subject)
{
    return server_migrate_connect(from_abi(s), dest, port, secure_port, cert_subject) ? 0 : -1;
}

int spice_server_migrate_start(SpiceServer *s)
{
    return server_migrate_start(from_abi(s)) ? 0 : -1;
}

int spice_server_migrate_end(SpiceServer *s, int completed)
{
    return server_migrate_end(from_abi(s), completed) ? 0 : -1;
}

static int set_agent(SpiceServer *s, enum agent_use use, int enable)
{
    if (!s)
        return -1;
    server_set_agent((struct server *)(void *)s, use, enable != 0);
    return 0;
}

int spice_server_set_agent_mouse(SpiceServer *s, int enable)
{
    return set_agent(s, AGENT_MOUSE, enable);
}

int spice_server_set_agent_copypaste(SpiceServer *s, int enable)
{
    return set_agent(s, AGENT_COPY_PASTE, enable);
}

int spice_server_set_agent_file_xfer(SpiceServer *s, int enable)
{
    return set_agent(s, AGENT_FILE_XFER, enable);
}
