/* SPDX-License-Identifier: MIT */
/* The links of a display's clients: view or cursor channel, and the pump of its bytes. */
#include "display/painter.h"
#include "display/session.h"
#include "display/view.h"
#include "display/worker.h"
#include "stream/pump.h"

struct link_end {
    struct worker *worker;
    enum display_channel channel;
    void *token;
    struct view *view;             /* DISPLAY */
    struct cursor_channel *cursor; /* CURSOR */
    struct pump *pump;
};

static struct conn *end_conn(struct link_end *end)
{
    return end->view ? view_conn(end->view) : cursor_channel_conn(end->cursor);
}

static void end_free(struct link_end *end)
{
    pump_free(end->pump);
    view_free(end->view);
    cursor_channel_free(end->cursor);
    g_free(end);
}

static unsigned count_views(const struct worker *self)
{
    unsigned n = 0;

    for (guint i = 0; i < self->links->len; i++) {
        struct link_end *end = self->links->pdata[i];

        n += end->view != NULL;
    }
    return n;
}

static void views_changed(struct worker *self)
{
    unsigned views = count_views(self);

    painter_share(self->scene.painter, views > 1);
    if (self->clients_told != (views > 0))
        links_tell_device(self);
}

static void end_close(struct link_end *end, const char *reason)
{
    struct worker *self = end->worker;

    g_ptr_array_remove(self->links, end);
    display_session_closed(self->session, end->token, reason);
    if (end->view)
        views_changed(self);
    end_free(end);
}

static void on_closed(void *opaque, const char *reason)
{
    end_close(opaque, reason);
}

void links_attach(struct worker *self, enum display_channel channel,
                  const struct display_link *link)
{
    struct link_end *end = g_new0(struct link_end, 1);

    end->worker = self;
    end->channel = channel;
    end->token = link->token;
    switch (channel) {
    case DISPLAY_CHANNEL_DISPLAY:
        end->view = view_new(&self->scene, &(struct view_link){
                                               .mini = link->mini,
                                               .caps = link->caps,
                                               .local = stream_is_local(link->stream),
                                               .target = link->target,
                                           });
        break;
    case DISPLAY_CHANNEL_CURSOR:
        end->cursor = cursor_channel_new(&self->pointer, link->mini, link->target);
        break;
    }
    end->pump = pump_new(self->loop, link->stream, end_conn(end), on_closed, end);
    g_ptr_array_add(self->links, end);
    if (end->view)
        views_changed(self);
    pump_kick(end->pump);
}

static struct link_end *find(const struct worker *self, const void *token)
{
    for (guint i = 0; i < self->links->len; i++) {
        struct link_end *end = self->links->pdata[i];

        if (end->token == token)
            return end;
    }
    return NULL;
}

void links_detach(struct worker *self, void *token)
{
    struct link_end *end = find(self, token);

    if (end)
        end_close(end, NULL);
}

void links_migrate(struct worker *self, void *token, bool speaks)
{
    struct link_end *end = find(self, token);

    if (end && end->view)
        view_migrate(end->view, speaks);
    else if (end)
        cursor_channel_migrate(end->cursor);
}

static void on_wake(void *opaque)
{
    struct worker *self = opaque;
    unsigned wake = self->wake;

    self->wake_posted = false;
    self->wake = 0;
    for (guint i = 0; i < self->links->len; i++) {
        struct link_end *end = self->links->pdata[i];

        if (wake & (1u << end->channel))
            pump_kick(end->pump);
    }
}

/* Posted, so that a call of the device does not wait until pictures are made. */
void links_wake(struct worker *self, enum display_channel channel)
{
    self->wake |= 1u << channel;
    if (self->wake_posted || self->links->len == 0)
        return;
    self->wake_posted = true;
    loop_post(self->loop, on_wake, self);
}

void links_damage(struct worker *self, const pixman_box32_t *box)
{
    for (guint i = 0; i < self->links->len; i++) {
        struct link_end *end = self->links->pdata[i];

        if (!end->view)
            continue;
        if (box)
            view_damage(end->view, box);
        else
            view_damage_all(end->view);
    }
}

void links_close(struct worker *self)
{
    for (guint i = 0; i < self->links->len; i++)
        end_free(self->links->pdata[i]);
    g_ptr_array_set_size(self->links, 0);
}

/* No capability is claimed: guests that know of them would draw on the client's side, and all
 * drawing is done here. */
void links_tell_device(struct worker *self)
{
    uint8_t caps[SPICE_CAPABILITIES_SIZE] = {0};

    if (!self->scene.running || self->device->base.major_version < 3 ||
        (self->device->base.major_version == 3 && self->device->base.minor_version < 2))
        return;
    self->clients_told = count_views(self) > 0;
    self->device->set_client_capabilities(self->qxl, self->clients_told, caps);
}
