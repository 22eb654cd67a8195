/* SPDX-License-Identifier: MIT */
#include "desk.h"

#include <glib.h>

#include "mailbox.h"

struct desk {
    gatomicrefcount refs; /* the owner, the thread, mail on its way */
    const struct host_clip_ops *kind;
    char *where;
    GMainContext *context; /* the thread's */
    struct mailbox to_thread, to_owner;
    /* The owner's thread. */
    const struct host_clip_news *news; /* NULL: it wants to hear no more */
    void *opaque;
    uint32_t seen; /* offers of the desktop's */
    /* The desktop's thread. */
    GMainLoop *loop;
    void *link;
    uint32_t told;     /* offers of the desktop's */
    bool told_of_text; /* the last one */
};

static void hold(void *opaque, bool more)
{
    struct desk *self = opaque;

    if (more) {
        g_atomic_ref_count_inc(&self->refs);
    } else if (g_atomic_ref_count_dec(&self->refs)) {
        mailbox_clear(&self->to_thread);
        mailbox_clear(&self->to_owner);
        g_main_context_unref(self->context);
        g_free(self->where);
        g_free(self);
    }
}

/* ---- On the desktop's thread ---- */

static void on_ready(void *opaque)
{
    struct desk *self = opaque;

    mailbox_post(&self->to_owner, (struct mail){.ready = true});
}

static void on_offered(void *opaque, bool has)
{
    struct desk *self = opaque;

    self->told++;
    self->told_of_text = has;
    mailbox_post(&self->to_owner, (struct mail){.offered = true, .has = has, .seen = self->told});
}

static void on_asked(void *opaque)
{
    struct desk *self = opaque;

    mailbox_post(&self->to_owner, (struct mail){.asked = true});
}

static void on_text(void *opaque, const char *text, size_t len)
{
    struct desk *self = opaque;

    mailbox_post(&self->to_owner, (struct mail){.text = g_bytes_new(text, len)});
}

static void on_ended(void *opaque, const char *why)
{
    struct desk *self = opaque;

    mailbox_post(&self->to_owner, (struct mail){.ended = why});
}

static const struct host_clip_news thread_news = {on_ready, on_offered, on_asked, on_text,
                                                  on_ended};

/* An offer that crosses one of the desktop's comes too late: that one is the newer. */
static bool crosses(const struct desk *self, const struct mail *mail)
{
    return self->told_of_text && mail->seen != self->told;
}

static void on_thread(void *opaque, const struct mail *mail)
{
    struct desk *self = opaque;
    gsize len = 0;
    const char *text = mail->text ? g_bytes_get_data(mail->text, &len) : NULL;

    if (mail->quit) {
        g_main_loop_quit(self->loop);
        return;
    }
    if (mail->text)
        self->kind->provide(self->link, text, len);
    if (mail->offered && !crosses(self, mail))
        self->kind->offer(self->link, mail->has);
    if (mail->asked)
        self->kind->ask(self->link);
}

static gpointer run(gpointer opaque)
{
    struct desk *self = opaque;

    g_main_context_push_thread_default(self->context);
    self->loop = g_main_loop_new(self->context, FALSE);
    self->link = self->kind->connect(self->where, &thread_news, self);
    g_main_loop_run(self->loop);
    self->kind->free(self->link);
    g_main_loop_unref(self->loop);
    g_main_context_pop_thread_default(self->context);
    hold(self, false);
    return NULL;
}

/* ---- On the owner's thread ---- */

static void on_owner(void *opaque, const struct mail *mail)
{
    struct desk *self = opaque;
    gsize len = 0;
    const char *text = mail->text ? g_bytes_get_data(mail->text, &len) : NULL;

    if (mail->ready && self->news)
        self->news->ready(self->opaque);
    if (mail->text && self->news)
        self->news->text(self->opaque, text ? text : "", len);
    if (mail->offered && self->news) {
        self->seen = mail->seen;
        self->news->offered(self->opaque, mail->has);
    }
    if (mail->asked && self->news)
        self->news->asked(self->opaque);
    if (mail->ended && self->news)
        self->news->ended(self->opaque, mail->ended);
}

struct desk *desk_new(const struct host_clip_ops *kind, const char *where,
                      const struct host_clip_news *news, void *opaque)
{
    struct desk *self = g_new0(struct desk, 1);
    GThread *thread;

    g_atomic_ref_count_init(&self->refs);
    self->kind = kind;
    self->where = g_strdup(where);
    self->news = news;
    self->opaque = opaque;
    self->context = g_main_context_new();
    mailbox_init(&self->to_thread, self->context, on_thread, hold, self);
    mailbox_init(&self->to_owner, NULL, on_owner, hold, self);
    hold(self, true);
    thread = g_thread_try_new("desktop", run, self, NULL);
    if (thread) {
        g_thread_unref(thread);
    } else {
        mailbox_post(&self->to_owner, (struct mail){.ended = "no thread can be made for it"});
        hold(self, false);
    }
    return self;
}

void desk_free(void *opaque)
{
    struct desk *self = opaque;

    self->news = NULL;
    mailbox_post(&self->to_thread, (struct mail){.quit = true});
    hold(self, false);
}

void desk_offer(void *opaque, bool has)
{
    struct desk *self = opaque;

    mailbox_post(&self->to_thread, (struct mail){.offered = true, .has = has, .seen = self->seen});
}

void desk_ask(void *opaque)
{
    struct desk *self = opaque;

    mailbox_post(&self->to_thread, (struct mail){.asked = true});
}

void desk_provide(void *opaque, const char *text, size_t len)
{
    struct desk *self = opaque;

    mailbox_post(&self->to_thread, (struct mail){.text = g_bytes_new(text, len)});
}
