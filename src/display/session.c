/* SPDX-License-Identifier: MIT */
#include "display/session.h"

#include <glib.h>

struct display_session {
    gint refs;  /* the display, and each event on its way */
    bool ended; /* main loop's thread only */
    struct loop *main_loop;
    const struct display_events *events;
    void *opaque;
};

struct event {
    struct display_session *session;
    bool closed; /* else: the primary changed */
    void *token;
    char *reason;
    uint32_t width, height;
};

static void unref(struct display_session *self)
{
    if (g_atomic_int_dec_and_test(&self->refs))
        g_free(self);
}

struct display_session *display_session_new(struct loop *main_loop,
                                            const struct display_events *events, void *opaque)
{
    struct display_session *self = g_new0(struct display_session, 1);

    self->refs = 1;
    self->main_loop = main_loop;
    self->events = events;
    self->opaque = opaque;
    return self;
}

void display_session_end(struct display_session *self)
{
    self->ended = true;
    unref(self);
}

static void deliver(void *opaque)
{
    struct event *event = opaque;
    struct display_session *self = event->session;

    if (!self->ended && event->closed)
        self->events->closed(self->opaque, event->token, event->reason);
    else if (!self->ended)
        self->events->primary(self->opaque, event->width, event->height);
    unref(self);
    g_free(event->reason);
    g_free(event);
}

static void post(struct display_session *self, const struct event *event)
{
    struct event *copy = g_memdup2(event, sizeof(*event));

    g_atomic_int_inc(&self->refs);
    copy->session = self;
    loop_post(self->main_loop, deliver, copy);
}

void display_session_closed(struct display_session *self, void *token, const char *reason)
{
    post(self, &(struct event){.closed = true, .token = token, .reason = g_strdup(reason)});
}

void display_session_primary(struct display_session *self, uint32_t width, uint32_t height)
{
    post(self, &(struct event){.width = width, .height = height});
}
