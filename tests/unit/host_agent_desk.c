/* SPDX-License-Identifier: MIT */
/* A desktop on its thread, played here: it may hang, and its words may cross the agent's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "desk.h"

enum {
    WAIT_US = 20 * 1000 * 1000,
    MANY = 10000,
};

/* What the desktop and the agent hear: "+" and "-" offers, "?" asked, "[text]" given. */
struct scene {
    GMutex lock; /* of all that the thread has, too */
    GCond changed;
    bool hangs, gone;
    const struct host_clip_news *news;
    void *opaque;
    GString *desktop;
    struct desk *desk;
    GString *agent;
};

static struct scene *the_scene; /* a display's name leads to it: there is one at a time */

static void hear(struct scene *self, const char *what)
{
    g_mutex_lock(&self->lock);
    g_string_append(self->desktop, what);
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
}

static void *desktop_connect(const char *where, const struct host_clip_news *news, void *opaque)
{
    struct scene *self = the_scene;

    g_mutex_lock(&self->lock);
    while (self->hangs)
        g_cond_wait(&self->changed, &self->lock);
    self->news = news;
    self->opaque = opaque;
    g_mutex_unlock(&self->lock);
    hear(self, where);
    return self;
}

static void desktop_free(void *opaque)
{
    struct scene *self = opaque;

    g_mutex_lock(&self->lock);
    self->gone = true;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
}

static void desktop_offer(void *self, bool has)
{
    hear(self, has ? "+" : "-");
}

static void desktop_ask(void *self)
{
    hear(self, "?");
}

static void desktop_provide(void *self, const char *text, size_t len)
{
    g_autofree char *what = g_strdup_printf("[%.*s]", (int)len, text);

    hear(self, what);
}

static const struct host_clip_ops kind = {
    .connect = desktop_connect,
    .free = desktop_free,
    .offer = desktop_offer,
    .ask = desktop_ask,
    .provide = desktop_provide,
};

static void on_ready(void *opaque)
{
    g_string_append_c(((struct scene *)opaque)->agent, '!');
}

static void on_offered(void *opaque, bool has)
{
    g_string_append_c(((struct scene *)opaque)->agent, has ? '+' : '-');
}

static void on_asked(void *opaque)
{
    g_string_append_c(((struct scene *)opaque)->agent, '?');
}

static void on_text(void *opaque, const char *text, size_t len)
{
    g_string_append_printf(((struct scene *)opaque)->agent, "[%.*s]", (int)len, text);
}

static void on_ended(void *opaque, const char *why)
{
    g_string_append(((struct scene *)opaque)->agent, why);
}

static const struct host_clip_news news = {on_ready, on_offered, on_asked, on_text, on_ended};

static void desktop_hears(struct scene *self, const char *all)
{
    gint64 end = g_get_monotonic_time() + WAIT_US;

    g_mutex_lock(&self->lock);
    while (strcmp(self->desktop->str, all) && g_cond_wait_until(&self->changed, &self->lock, end))
        continue;
    assert_string_equal(self->desktop->str, all);
    g_string_truncate(self->desktop, 0);
    g_mutex_unlock(&self->lock);
}

static void agent_hears(struct scene *self, const char *all)
{
    gint64 end = g_get_monotonic_time() + WAIT_US;

    while (strcmp(self->agent->str, all) && g_get_monotonic_time() < end)
        g_main_context_iteration(NULL, FALSE);
    assert_string_equal(self->agent->str, all);
    g_string_truncate(self->agent, 0);
}

static int set_up(void **state)
{
    struct scene *self = g_new0(struct scene, 1);

    *state = the_scene = self;
    g_mutex_init(&self->lock);
    g_cond_init(&self->changed);
    self->desktop = g_string_new(NULL);
    self->agent = g_string_new(NULL);
    return 0;
}

static void end(struct scene *self)
{
    g_mutex_lock(&self->lock);
    while (!self->gone)
        g_cond_wait(&self->changed, &self->lock);
    g_mutex_unlock(&self->lock);
}

static int tear_down(void **state)
{
    struct scene *self = *state;

    while (g_main_context_iteration(NULL, FALSE))
        continue;
    g_string_free(self->desktop, TRUE);
    g_string_free(self->agent, TRUE);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->changed);
    g_free(self);
    return 0;
}

static void begin(struct scene *self)
{
    self->desk = desk_new(&kind, "here", &news, self);
    desktop_hears(self, "here");
}

static void words_pass_both_ways(void **state)
{
    struct scene *self = *state;

    begin(self);
    self->news->ready(self->opaque);
    self->news->offered(self->opaque, true);
    agent_hears(self, "!+");
    desk_ask(self->desk);
    desktop_hears(self, "?");
    self->news->text(self->opaque, "hi", 2);
    agent_hears(self, "[hi]");
    desk_offer(self->desk, true);
    desktop_hears(self, "+");
    self->news->asked(self->opaque);
    agent_hears(self, "?");
    desk_provide(self->desk, "ho", 2);
    desktop_hears(self, "[ho]");
    self->news->ended(self->opaque, "gone");
    agent_hears(self, "gone");
    desk_free(self->desk);
    end(self);
}

static void one_that_hangs_holds_up_nobody(void **state)
{
    struct scene *self = *state;

    self->hangs = true;
    self->desk = desk_new(&kind, "here", &news, self);
    for (unsigned i = 0; i < MANY; i++) {
        desk_offer(self->desk, true);
        desk_provide(self->desk, "not this", 8);
        desk_ask(self->desk);
    }
    desk_provide(self->desk, "ho", 2);
    desk_offer(self->desk, false);
    g_mutex_lock(&self->lock);
    self->hangs = false;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
    desktop_hears(self, "here[ho]-?");
    desk_free(self->desk);
    end(self);
}

static void one_that_is_freed_says_no_more(void **state)
{
    struct scene *self = *state;

    self->hangs = true;
    self->desk = desk_new(&kind, "here", &news, self);
    desk_ask(self->desk);
    desk_free(self->desk);
    g_mutex_lock(&self->lock);
    self->hangs = false;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
    end(self);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    assert_string_equal(self->agent->str, "");
}

/* The desktop has copied when the agent's offer comes: the agent has yet to hear of it. */
static void newer_text_of_the_desktop_stays(void **state)
{
    struct scene *self = *state;

    begin(self);
    self->news->offered(self->opaque, true);
    desk_offer(self->desk, true);
    desk_ask(self->desk);
    desktop_hears(self, "?");
    agent_hears(self, "+");
    desk_offer(self->desk, true);
    desktop_hears(self, "+");
    self->news->offered(self->opaque, false);
    desk_offer(self->desk, true); /* it has none any more */
    desktop_hears(self, "+");
    agent_hears(self, "-");
    desk_free(self->desk);
    end(self);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(words_pass_both_ways),
        SCENE(one_that_hangs_holds_up_nobody),
        SCENE(one_that_is_freed_says_no_more),
        SCENE(newer_text_of_the_desktop_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
