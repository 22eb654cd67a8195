/* SPDX-License-Identifier: MIT */
/* A client's display and cursor endpoints: handed to the display's worker. */
#include <spice/enums.h>

#include "session/server_impl.h"

static struct display *display_of(const struct endpoint *self)
{
    const struct screen *screen = server_screen(self->client->server, self->request.channel_id);

    return screen ? screen->display : NULL;
}

static void attach(struct endpoint *self, enum display_channel channel)
{
    struct display_link link = {
        .stream = g_steal_pointer(&self->stream),
        .mini = self->request.mini_header,
        .caps = self->request.channel_caps,
        .target = self->target,
        .token = self,
    };

    display_attach(display_of(self), channel, &link);
}

static void display_channel_attach(struct endpoint *self)
{
    attach(self, DISPLAY_CHANNEL_DISPLAY);
}

static void cursor_channel_attach(struct endpoint *self)
{
    attach(self, DISPLAY_CHANNEL_CURSOR);
}

/* The first of the client's displays says what they share. */
static bool speaks(const struct endpoint *self)
{
    const GPtrArray *all = self->client->endpoints;

    for (guint i = 0; i < all->len; i++) {
        const struct link_request *other =
            &((const struct endpoint *)g_ptr_array_index(all, i))->request;
        if (other->channel_type == SPICE_CHANNEL_DISPLAY &&
            other->channel_id < self->request.channel_id)
            return false;
    }
    return true;
}

static void channel_migrate(struct endpoint *self)
{
    display_migrate(display_of(self), self, speaks(self));
}

static void channel_close(struct endpoint *self)
{
    display_detach(display_of(self), self);
}

/* The worker owns all there is. */
static void channel_destroy(struct endpoint *self)
{
}

const struct endpoint_ops endpoint_display_ops = {
    .name = "display",
    .attach = display_channel_attach,
    .migrate = channel_migrate,
    .close = channel_close,
    .destroy = channel_destroy,
};

const struct endpoint_ops endpoint_cursor_ops = {
    .name = "cursor",
    .attach = cursor_channel_attach,
    .migrate = channel_migrate,
    .close = channel_close,
    .destroy = channel_destroy,
};
