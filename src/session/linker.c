/* SPDX-License-Identifier: MIT */
#include "session/linker.h"

#include <errno.h>
#include <netdb.h>
#include <spice/enums.h>
#include <spice/protocol.h>
#include <string.h>
#include <unistd.h>

#include "auth/sasl.h"
#include "base/buf.h"
#include "base/log.h"
#include "proto/main_caps.h"
#include "session/server_impl.h"

enum {
    LINK_MS = 10 * 1000,
    REFUSED_MS = 1000,       /* for a refused peer to read why, and close */
    REFUSED_MAX = 64 * 1024, /* bytes it may still send */
    READ_MAX = 4096,
    /* spice-gtk decodes what it gets with the result of a link through a layer, and looks at the
     * rest only when more comes: so nothing should come with it. */
    LAYER_REST_MS = 50,
    MAX_ARRIVING_LINKS = 64, /* of one client, beyond which no link is taken for what is not here */
};

struct linker {
    struct server *server;
    struct listener *listener;
    struct listener *tls_listener;
    struct listener *from_fd;
    struct ticket_keys *keys;
    struct auth_sasl *sasl; /* NULL: clients show a ticket */
    GPtrArray *waiting;     /* struct pending; owned */
};

struct pending {
    struct linker *linker;
    struct stream *stream;
    struct stream_addr peer;
    struct link *link;
    struct loop_watch *watch;
    struct loop_timer *timer;
    struct ticket_key *key;
    struct auth_sasl_login *login; /* by SASL, from the reply on */
    SpiceChannelEventInfo *info;
    bool skip_auth;
    bool layered;   /* by a login's layer */
    bool rests;     /* LAYER_REST_MS */
    bool shaken;    /* hands: the stream is ready for the link stage */
    size_t refused; /* bytes thrown away since the refusal */
};

static void pending_free(struct pending *self)
{
    g_ptr_array_remove_fast(self->linker->waiting, self);
    loop_watch_remove(self->watch);
    loop_timer_remove(self->timer);
    link_free(self->link);
    ticket_key_release(self->key);
    auth_sasl_login_free(self->login);
    if (self->info) {
        self->linker->server->core->channel_event(SPICE_CHANNEL_EVENT_DISCONNECTED, self->info);
        g_free(self->info);
    }
    stream_free(self->stream);
    g_free(self);
}

static SpiceChannelEventInfo *event_info(const struct stream *stream,
                                         const struct stream_addr *peer)
{
    SpiceChannelEventInfo *info = g_new0(SpiceChannelEventInfo, 1);
    struct stream_addr local;

    stream_local_addr(stream, &local);
    info->flags = SPICE_CHANNEL_EVENT_FLAG_ADDR_EXT;
    if (stream_is_secure(stream))
        info->flags |= SPICE_CHANNEL_EVENT_FLAG_TLS;
    info->laddr_ext = local.addr;
    info->llen_ext = local.len;
    info->paddr_ext = peer->addr;
    info->plen_ext = peer->len;
    G_GNUC_BEGIN_IGNORE_DEPRECATIONS
    memcpy(&info->laddr, &local.addr, sizeof(info->laddr));
    memcpy(&info->paddr, &peer->addr, sizeof(info->paddr));
    info->llen = MIN(local.len, sizeof(info->laddr));
    info->plen = MIN(peer->len, sizeof(info->paddr));
    G_GNUC_END_IGNORE_DEPRECATIONS
    return info;
}

static void channel_caps(uint8_t type, struct link_caps *out)
{
    switch (type) {
    case SPICE_CHANNEL_MAIN:
        link_caps_set(out, SPICE_MAIN_CAP_SEMI_SEAMLESS_MIGRATE);
        link_caps_set(out, SPICE_MAIN_CAP_NAME_AND_UUID);
        link_caps_set(out, SPICE_MAIN_CAP_AGENT_CONNECTED_TOKENS);
        link_caps_set(out, SPICE_MAIN_CAP_SEAMLESS_MIGRATE);
        link_caps_set(out, MAIN_CAP_CARAVAN_LATE_LINKS);
        break;
    case SPICE_CHANNEL_INPUTS:
        link_caps_set(out, SPICE_INPUTS_CAP_KEY_SCANCODE);
        break;
    case SPICE_CHANNEL_DISPLAY:
        display_caps(DISPLAY_CHANNEL_DISPLAY, out);
        break;
    case SPICE_CHANNEL_CURSOR:
        display_caps(DISPLAY_CHANNEL_CURSOR, out);
        break;
    case SPICE_CHANNEL_USBREDIR:
    case SPICE_CHANNEL_PORT:
    case SPICE_CHANNEL_WEBDAV:
        link_caps_set(out, SPICE_SPICEVMC_CAP_DATA_COMPRESS_LZ4);
        break;
    default:
        break;
    }
}

static uint32_t on_admit(void *opaque, const struct link_request *request, struct link_caps *caps)
{
    struct pending *self = opaque;
    struct server *server = self->linker->server;

    if (settings_needs_tls(&server->settings, request->channel_type) &&
        !stream_is_secure(self->stream))
        return SPICE_LINK_ERR_NEED_SECURED;
    if (request->channel_type == SPICE_CHANNEL_MAIN && request->connection_id == 0 &&
        server->settings.policy == CLIENTS_REFUSE && server->clients->len) {
        log_note("client %s is refused: another one is here (CARAVAN_CLIENTS=refuse)",
                 stream_peer_name(self->stream));
        return SPICE_LINK_ERR_ERROR;
    }
    channel_caps(request->channel_type, caps);
    return SPICE_LINK_ERR_OK;
}

static bool on_public_key(void *opaque, uint8_t out[LINK_KEY_BYTES])
{
    struct pending *self = opaque;

    self->key = ticket_keys_acquire(self->linker->keys, (uint64_t)(loop_now_us() / 1000));
    if (!self->key)
        return false;
    memcpy(out, ticket_key_public(self->key), LINK_KEY_BYTES);
    return true;
}

static const char *verdict_text(enum ticket_verdict verdict)
{
    switch (verdict) {
    case TICKET_OK:
        return "the password is right";
    case TICKET_WRONG:
        return "wrong password";
    case TICKET_EXPIRED:
        return "the password has expired (set_password, expire_password)";
    case TICKET_NO_PASSWORD:
        return "a password is required but none is set (set_password, or disable-ticketing=on)";
    }
    return "?";
}

static bool on_check_ticket(void *opaque, const uint8_t cipher[LINK_TICKET_BYTES])
{
    struct pending *self = opaque;
    const struct ticket *ticket = &self->linker->server->settings.ticket;
    enum ticket_verdict verdict;

    if (self->skip_auth)
        return true;
    verdict = ticket_check_cipher(ticket, self->key, cipher, loop_now_us() / G_USEC_PER_SEC);
    if (verdict != TICKET_OK)
        log_note("client %s is refused: %s", stream_peer_name(self->stream), verdict_text(verdict));
    return verdict == TICKET_OK;
}

/* By SASL ------------------------------------------------------------------------------------- */

static bool on_wants_sasl(void *opaque)
{
    const struct pending *self = opaque;

    return self->linker->sasl && !self->skip_auth;
}

/* As SASL has it; NULL for what is no IP address. Owned by the caller. */
static char *sasl_address(const struct stream_addr *addr)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (addr->len == 0 || addr->addr.ss_family == AF_UNIX ||
        getnameinfo((const struct sockaddr *)&addr->addr, addr->len, host, sizeof(host), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
        return NULL;
    return g_strdup_printf("%s;%s", host, port);
}

static const char *on_sasl_mechanisms(void *opaque)
{
    struct pending *self = opaque;
    struct stream_addr local;
    g_autofree char *local_name = NULL, *peer_name = NULL;

    stream_local_addr(self->stream, &local);
    local_name = sasl_address(&local);
    peer_name = sasl_address(&self->peer);
    self->login = auth_sasl_login_new(
        self->linker->sasl,
        &(struct auth_sasl_link){.cipher_bits = stream_cipher_bits(self->stream),
                                 .local = local_name,
                                 .remote = peer_name});
    return self->login ? auth_sasl_mechanisms(self->login) : NULL;
}

static enum link_sasl on_sasl_step(void *opaque, const char *mechanism, const void *data,
                                   size_t len, struct buf *out)
{
    struct pending *self = opaque;

    switch (auth_sasl_step(self->login, mechanism, data, len, out)) {
    case AUTH_SASL_MORE:
        return LINK_SASL_MORE;
    case AUTH_SASL_DONE:
        log_info("client %s has logged in as %s", stream_peer_name(self->stream),
                 auth_sasl_user(self->login));
        return LINK_SASL_DONE;
    case AUTH_SASL_FAILED:
        break;
    }
    log_note("client %s is refused: its SASL login failed", stream_peer_name(self->stream));
    return LINK_SASL_FAILED;
}

static bool layer_encode(void *opaque, const void *bytes, size_t len, const void **out,
                         size_t *out_len)
{
    return auth_sasl_encode(opaque, bytes, len, out, out_len);
}

static bool layer_decode(void *opaque, const void *bytes, size_t len, const void **out,
                         size_t *out_len)
{
    return auth_sasl_decode(opaque, bytes, len, out, out_len);
}

static void layer_free(void *opaque)
{
    auth_sasl_login_free(opaque);
}

static const struct stream_layer sasl_layer = {layer_encode, layer_decode, layer_free};

/* What follows goes through the layer that the login brought, if it did. */
static void put_layer(struct pending *self)
{
    size_t most = auth_sasl_layer(self->login);

    if (!most)
        return;
    self->stream = stream_with_layer(self->stream, &sasl_layer, self->login, most);
    self->login = NULL;
    self->layered = true;
}

/* --------------------------------------------------------------------------------------------- */

/* For one client more. */
static uint32_t find_place(const struct pending *self, const struct link_request *request)
{
    const struct server *server = self->linker->server;
    bool replaces = request->connection_id == 0 && server->settings.policy == CLIENTS_REPLACE;

    if (server->clients->len < CLIENTS_MOST || replaces)
        return SPICE_LINK_ERR_OK;
    log_note("client %s is refused: %d are here already", stream_peer_name(self->stream),
             CLIENTS_MOST);
    return SPICE_LINK_ERR_ERROR;
}

static uint32_t accept_main(struct pending *self, const struct link_request *request)
{
    struct server *server = self->linker->server;
    struct client *same;

    if (request->connection_id == 0)
        return find_place(self, request);
    same = client_find(server, request->connection_id);
    /* It links anew when the move is announced again, maybe before we heard that its former links
     * are closed. */
    if (same && server_takes_arrivals(server) && client_is_arriving(same)) {
        client_disconnect(same, "it links this target anew");
    } else if (same) {
        log_note("client %s is refused: a session with its connection id %08x is here",
                 stream_peer_name(self->stream), request->connection_id);
        return SPICE_LINK_ERR_BAD_CONNECTION_ID;
    }
    if (!server_takes_arrivals(server)) {
        log_note("client %s is refused: it comes by a move, but this VM runs for long already",
                 stream_peer_name(self->stream));
        return SPICE_LINK_ERR_BAD_CONNECTION_ID;
    }
    return same ? SPICE_LINK_ERR_OK : find_place(self, request);
}

/* The kind of the channel; one that is not here is taken nevertheless ahead of a move. */
static const struct endpoint_ops *find_ops(const struct server *server,
                                           const struct link_request *request)
{
    const struct endpoint_ops *ops = endpoint_ops_find(server, request);
    const struct client *client = client_find(server, request->connection_id);

    if (!ops && request->channel_type != SPICE_CHANNEL_MAIN && client &&
        client_is_arriving(client) && client->endpoints->len < MAX_ARRIVING_LINKS)
        return &endpoint_missing_ops;
    return ops;
}

static uint32_t on_accept(void *opaque, const struct link_request *request)
{
    struct pending *self = opaque;
    const struct server *server = self->linker->server;
    struct client *client;

    if (!find_ops(server, request))
        return SPICE_LINK_ERR_CHANNEL_NOT_AVAILABLE;
    if (request->channel_type == SPICE_CHANNEL_MAIN)
        return accept_main(self, request);
    client = client_find(server, request->connection_id);
    if (!client || !client->main || client->main->closing)
        return SPICE_LINK_ERR_BAD_CONNECTION_ID;
    if (client_endpoint(client, request->channel_type, request->channel_id))
        return SPICE_LINK_ERR_CHANNEL_NOT_AVAILABLE;
    return SPICE_LINK_ERR_OK;
}

static const struct link_ops link_ops = {
    .admit = on_admit,
    .public_key = on_public_key,
    .check_ticket = on_check_ticket,
    .accept = on_accept,
    .wants_sasl = on_wants_sasl,
    .sasl_mechanisms = on_sasl_mechanisms,
    .sasl_step = on_sasl_step,
};

static struct client *arriving_client(struct pending *self, const struct link_request *request)
{
    struct server *server = self->linker->server;
    struct client *client;

    if (request->channel_type != SPICE_CHANNEL_MAIN)
        return client_find(server, request->connection_id);
    if (request->connection_id == 0 && server->settings.policy == CLIENTS_REPLACE)
        clients_disconnect_all(server, "another client came (CARAVAN_CLIENTS=replace)");
    client = client_new(server, request->connection_id, stream_peer_name(self->stream));
    client->move.target = request->connection_id ? MOVE_TARGET_LINKED : MOVE_TARGET_NONE;
    log_info("client %08x (%s) has come%s", client->id, client->peer,
             request->connection_id ? ", ahead of a move" : "");
    return client;
}

static void let_in(struct pending *self)
{
    struct link_request request = *link_request(self->link);
    struct server *server = self->linker->server;
    const struct endpoint_ops *ops = find_ops(server, &request);
    struct client *client = arriving_client(self, &request);
    struct stream *stream = self->stream;
    SpiceChannelEventInfo *info = self->info;

    if (!client || !ops) {
        pending_free(self);
        return;
    }
    info->type = request.channel_type;
    info->id = request.channel_id;
    self->stream = NULL;
    self->info = NULL;
    pending_free(self);
    client_add_endpoint(client, ops, &request, stream, info);
}

/* True when all is sent; false with *lost when the peer is gone. */
static bool send_output(struct pending *self, bool *lost)
{
    struct buf *out = link_output(self->link);
    ssize_t n;

    while (out->len) {
        n = stream_write(self->stream, out->data, out->len);
        if (n < 0) {
            *lost = errno != EAGAIN && errno != EINTR;
            return false;
        }
        buf_consume(out, (size_t)n);
    }
    return true;
}

/* Peeks, so that what follows the link stage is left to the channel. */
static bool feed_once(struct pending *self)
{
    uint8_t bytes[READ_MAX];
    ssize_t n = stream_peek(self->stream, bytes, sizeof(bytes));
    size_t used;

    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    used = n ? link_feed(self->link, bytes, (size_t)n) : 0;
    while (used) {
        n = stream_read(self->stream, bytes, MIN(used, sizeof(bytes)));
        if (n <= 0)
            return false;
        used -= (size_t)n;
    }
    return n > 0;
}

/* A stream may hold bytes that no watch tells of. */
static bool feed(struct pending *self)
{
    do {
        if (!feed_once(self))
            return false;
    } while (link_state(self->link) == LINK_NEED_MORE && stream_pending(self->stream));
    return true;
}

static void wait_for(struct pending *self, unsigned wanted)
{
    loop_watch_set(self->watch, stream_wait_for(self->stream, wanted));
}

/* Closing with unread bytes would reset the connection, and the refusal be lost with it. */
static void refuse(struct pending *self)
{
    log_info("link of %s refused: %s", stream_peer_name(self->stream), link_reason(self->link));
    stream_shut_output(self->stream);
    loop_timer_start(self->timer, REFUSED_MS);
    wait_for(self, LOOP_READ);
    self->refused = 1;
}

static void discard(struct pending *self)
{
    uint8_t bytes[READ_MAX];
    ssize_t n = stream_read(self->stream, bytes, sizeof(bytes));

    if (n > 0)
        self->refused += (size_t)n;
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || self->refused > REFUSED_MAX)
        pending_free(self);
}

/* True when the link stage may go on; else waits, or has freed the link. */
static bool shake_hands(struct pending *self)
{
    switch (stream_handshake(self->stream)) {
    case STREAM_READY:
        self->shaken = true;
        return true;
    case STREAM_WAITS:
        wait_for(self, LOOP_READ);
        return false;
    case STREAM_FAILED:
        break;
    }
    log_info("TLS with %s failed: %s", stream_peer_name(self->stream), stream_error(self->stream));
    pending_free(self);
    return false;
}

/* Not who comes by a move: its channels link at once, and nothing is said to them yet. */
static bool needs_rest(const struct pending *self)
{
    const struct link_request *request = link_request(self->link);
    const struct client *client = client_find(self->linker->server, request->connection_id);
    bool arrives = request->channel_type == SPICE_CHANNEL_MAIN
                       ? request->connection_id != 0
                       : client && client_is_arriving(client);

    return self->layered && !arrives;
}

static void rest(struct pending *self)
{
    self->rests = true;
    wait_for(self, 0);
    loop_timer_start(self->timer, LAYER_REST_MS);
}

/* It was accepted, but meanwhile another one may have come or gone. */
static void let_in_late(struct pending *self)
{
    if (on_accept(self, link_request(self->link)) == SPICE_LINK_ERR_OK)
        let_in(self);
    else
        pending_free(self);
}

/* Sends what the link says, and does what it says is next. */
static void send_on(struct pending *self)
{
    bool lost = false;

    if (!send_output(self, &lost)) {
        if (lost)
            pending_free(self);
        else
            wait_for(self, LOOP_WRITE);
        return;
    }
    switch (link_state(self->link)) {
    case LINK_NEED_MORE:
        wait_for(self, LOOP_READ);
        break;
    case LINK_LOGGED_IN:
        put_layer(self);
        link_go_on(self->link);
        send_on(self);
        break;
    case LINK_DONE:
        if (needs_rest(self))
            rest(self);
        else
            let_in(self);
        break;
    case LINK_FAILED:
        refuse(self);
        break;
    }
}

static void on_ready(void *opaque, unsigned events)
{
    struct pending *self = opaque;

    if (self->refused) {
        discard(self);
        return;
    }
    if (!self->shaken && !shake_hands(self))
        return;
    if (link_state(self->link) == LINK_NEED_MORE && !feed(self)) {
        pending_free(self);
        return;
    }
    send_on(self);
}

static void on_timeout(void *opaque)
{
    struct pending *self = opaque;

    if (self->rests) {
        let_in_late(self);
        return;
    }
    if (!self->refused)
        log_info("%s of %s was not completed within %d s", self->shaken ? "link" : "TLS handshake",
                 stream_peer_name(self->stream), LINK_MS / 1000);
    pending_free(self);
}

static struct stream *open_stream(struct linker *self, int fd, bool tls)
{
    struct tls_context *context = self->server->settings.tls;

    if (!tls)
        return stream_from_fd(fd);
    if (context)
        return stream_from_fd_tls(fd, context);
    log_note("a link with TLS is turned away: TLS is not set up");
    return NULL;
}

/* Whether the link stage takes one more; *peer is filled. */
static bool has_room(const struct linker *self, int fd, struct stream_addr *peer)
{
    unsigned of_host = 0;

    *peer = (struct stream_addr){.len = sizeof(peer->addr)};
    if (getpeername(fd, (struct sockaddr *)&peer->addr, &peer->len) < 0)
        peer->len = 0;
    for (guint i = 0; i < self->waiting->len; i++) {
        const struct pending *other = self->waiting->pdata[i];

        of_host += !other->refused && stream_addr_same_host(&other->peer, peer);
    }
    if (self->waiting->len < LINKER_WAITING_MOST && of_host < LINKER_OF_HOST_MOST)
        return true;
    log_info("a link is turned away: %u are waiting already, %u of its host", self->waiting->len,
             of_host);
    return false;
}

bool linker_add(struct linker *self, int fd, bool tls, bool skip_auth)
{
    struct loop *loop = self->server->loop;
    struct pending *pending;
    struct stream_addr peer;
    struct stream *stream;

    if (!has_room(self, fd, &peer))
        return false;
    stream = open_stream(self, fd, tls);
    if (!stream)
        return false;
    pending = g_new0(struct pending, 1);
    pending->linker = self;
    pending->stream = stream;
    pending->peer = peer;
    pending->skip_auth = skip_auth;
    pending->info = event_info(stream, &peer);
    pending->link = link_new(&link_ops, pending);
    pending->watch = loop_watch_add(loop, stream_fd(stream), LOOP_READ, on_ready, pending);
    pending->timer = loop_timer_add(loop, on_timeout, pending);
    loop_timer_start(pending->timer, LINK_MS);
    g_ptr_array_add(self->waiting, pending);
    self->server->core->channel_event(SPICE_CHANNEL_EVENT_CONNECTED, pending->info);
    return true;
}

static void on_accepted(void *opaque, int fd)
{
    if (!linker_add(opaque, fd, false, false))
        close(fd);
}

static void on_accepted_tls(void *opaque, int fd)
{
    if (!linker_add(opaque, fd, true, false))
        close(fd);
}

static bool set_up_sasl(struct linker *self)
{
    const struct settings *settings = &self->server->settings;

    if (!settings->sasl)
        return true;
    self->sasl = auth_sasl_new(settings->sasl_appname ? settings->sasl_appname : "spice");
    return self->sasl != NULL;
}

static bool listen_as_set(struct linker *self)
{
    const struct settings *settings = &self->server->settings;
    bool local = settings->family == LISTEN_UNIX;

    if (settings->port > 0 || local) {
        self->listener = listener_new(self->server->loop, settings->addr, settings->port,
                                      settings->family, on_accepted, self);
        if (!self->listener)
            return false;
    }
    if (settings->tls_port > 0 && local) {
        log_warn("TLS port %d is not opened: the server listens on a unix socket",
                 settings->tls_port);
    } else if (settings->tls_port > 0) {
        self->tls_listener = listener_new(self->server->loop, settings->addr, settings->tls_port,
                                          settings->family, on_accepted_tls, self);
        if (!self->tls_listener)
            return false;
    }
    if (settings->listen_fd >= 0)
        self->from_fd =
            listener_from_fd(self->server->loop, settings->listen_fd, on_accepted, self);
    return true;
}

struct linker *linker_new(struct server *server)
{
    struct linker *self = g_new0(struct linker, 1);

    self->server = server;
    self->waiting = g_ptr_array_new();
    self->keys = ticket_keys_new(&ticket_keys_default_limits);
    if (!set_up_sasl(self) || !listen_as_set(self)) {
        linker_free(self);
        return NULL;
    }
    return self;
}

void linker_free(struct linker *self)
{
    if (!self)
        return;
    while (self->waiting->len)
        pending_free(g_ptr_array_index(self->waiting, 0));
    g_ptr_array_free(self->waiting, TRUE);
    listener_free(self->listener);
    listener_free(self->tls_listener);
    listener_free(self->from_fd);
    ticket_keys_free(self->keys);
    auth_sasl_free(self->sasl);
    g_free(self);
}
