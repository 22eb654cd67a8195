/* SPDX-License-Identifier: MIT */
#include "mailbox.h"

void mailbox_init(struct mailbox *self, GMainContext *reader,
                  void (*handle)(void *opaque, const struct mail *mail),
                  void (*hold)(void *opaque, bool hold), void *opaque)
{
    g_mutex_init(&self->lock);
    self->reader = reader ? g_main_context_ref(reader) : NULL;
    self->handle = handle;
    self->hold = hold;
    self->opaque = opaque;
}

void mailbox_clear(struct mailbox *self)
{
    if (self->mail.text)
        g_bytes_unref(self->mail.text);
    if (self->reader)
        g_main_context_unref(self->reader);
    g_mutex_clear(&self->lock);
}

static gboolean deliver(gpointer opaque)
{
    struct mailbox *self = opaque;
    struct mail mail;

    g_mutex_lock(&self->lock);
    mail = self->mail;
    self->mail = (struct mail){0};
    self->waits = false;
    g_mutex_unlock(&self->lock);
    self->handle(self->opaque, &mail);
    if (mail.text)
        g_bytes_unref(mail.text);
    return G_SOURCE_REMOVE;
}

static void let_go(gpointer opaque)
{
    struct mailbox *self = opaque;

    self->hold(self->opaque, false);
}

static void add(struct mail *to, const struct mail *from)
{
    to->ready |= from->ready;
    to->asked |= from->asked;
    to->quit |= from->quit;
    if (from->ended)
        to->ended = from->ended;
    if (from->text) {
        if (to->text)
            g_bytes_unref(to->text);
        to->text = from->text;
    }
    if (from->offered) {
        to->offered = true;
        to->has = from->has;
        to->seen = from->seen;
    }
}

void mailbox_post(struct mailbox *self, struct mail mail)
{
    GSource *source;

    g_mutex_lock(&self->lock);
    add(&self->mail, &mail);
    if (!self->waits) {
        self->waits = true;
        self->hold(self->opaque, true);
        source = g_idle_source_new();
        g_source_set_priority(source, G_PRIORITY_DEFAULT);
        g_source_set_callback(source, deliver, self, let_go);
        g_source_attach(source, self->reader);
        g_source_unref(source);
    }
    g_mutex_unlock(&self->lock);
}
