/* SPDX-License-Identifier: MIT */
/*
 * A link ahead of a move on a channel that this host does not have. To refuse it would make the
 * client give up the whole move (spice-gtk up to 0.42 even crashes then). So it is taken, and ends
 * when the client has moved: all its other channels go on.
 */
#include <spice/enums.h>

#include "base/log.h"
#include "channel/conn.h"
#include "session/server_impl.h"
#include "stream/pump.h"

enum {
    MISSING_DATA_MAX = 64 * 1024,
};

struct missing_endpoint {
    struct conn *conn;
    struct pump *pump;
};

/* Not before: an end ahead of its state is an error to the client. */
static void on_data(void *owner, struct reader *body)
{
    struct endpoint *self = owner;
    struct missing_endpoint *impl = self->impl;

    conn_fail(impl->conn, "this host has no channel %u of type %u", self->request.channel_id,
              self->request.channel_type);
}

static const struct conn_kind missing_kind = {
    .name = "missing",
    .migrate_data = on_data,
    .max_migrate_data = MISSING_DATA_MAX,
};

static void on_closed(void *opaque, const char *reason)
{
    endpoint_gone(opaque, reason);
}

static void missing_attach(struct endpoint *self)
{
    struct missing_endpoint *impl = g_new0(struct missing_endpoint, 1);
    struct stream *stream = g_steal_pointer(&self->stream);

    self->impl = impl;
    log_info(
        "client %08x (%s): this host has no channel %u of type %u; its link ends with the move",
        self->client->id, self->client->peer, self->request.channel_id, self->request.channel_type);
    impl->conn = conn_new(&missing_kind, self, self->request.mini_header, CONN_TARGET);
    impl->pump = pump_new(self->client->server->loop, stream, impl->conn, on_closed, self);
    if (self->target)
        pump_kick(impl->pump);
    else
        pump_close(impl->pump, "this host does not have the channel");
}

static void missing_close(struct endpoint *self)
{
    struct missing_endpoint *impl = self->impl;

    pump_close(impl->pump, NULL);
}

static void missing_destroy(struct endpoint *self)
{
    struct missing_endpoint *impl = self->impl;

    if (!impl)
        return;
    pump_free(impl->pump);
    conn_free(impl->conn);
    g_free(impl);
    self->impl = NULL;
}

const struct endpoint_ops endpoint_missing_ops = {
    .name = "missing",
    .attach = missing_attach,
    .migrate = missing_close, /* it has no state to take along */
    .close = missing_close,
    .destroy = missing_destroy,
};
