/* SPDX-License-Identifier: MIT */
/* One clipboard for the guest and two parties on the host, all played here: who copied last owns,
 * who asks is answered once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "host_clip.h"
#include "share.h"

/* Each writes down what it is told: "+" and "-" offers, "?" asked, "[text]" given. */
struct player {
    const struct host_clip_news *news;
    void *opaque;
    GString *told;
};

static struct player users, desktop; /* of the VNC server; a test has no other way to its rows */

static void *connect_player(struct player *self, const struct host_clip_news *news, void *opaque)
{
    self->news = news;
    self->opaque = opaque;
    return self;
}

static void *connect_users(const char *where, const struct host_clip_news *news, void *opaque)
{
    return connect_player(&users, news, opaque);
}

static void *connect_desktop(const char *where, const struct host_clip_news *news, void *opaque)
{
    return connect_player(&desktop, news, opaque);
}

static void part(void *self)
{
    ((struct player *)self)->news = NULL;
}

static void offer(void *self, bool has)
{
    g_string_append_c(((struct player *)self)->told, has ? '+' : '-');
}

static void ask(void *self)
{
    g_string_append_c(((struct player *)self)->told, '?');
}

static void provide(void *self, const char *text, size_t len)
{
    g_string_append_printf(((struct player *)self)->told, "[%.*s]", (int)len, text);
}

static const struct host_clip_ops users_ops = {"users", "their place", 250, connect_users,
                                               part,    offer,         ask, provide};
static const struct host_clip_ops desktop_ops = {"desktop", "its place", 250, connect_desktop,
                                                 part,      offer,       ask, provide};
static const struct share_ops guest_ops = {offer, ask, provide};

struct scene {
    struct player guest;
    struct share *share;
};

static void assert_told(struct player *self, const char *what)
{
    assert_string_equal(self->told->str, what);
    g_string_truncate(self->told, 0);
}

static int set_up(void **state)
{
    struct scene *self = g_new0(struct scene, 1);

    self->guest.told = g_string_new(NULL);
    users.told = g_string_new(NULL);
    desktop.told = g_string_new(NULL);
    self->share = share_new(&guest_ops, &self->guest);
    share_add(self->share, &users_ops, "users");
    share_add(self->share, &desktop_ops, "desktop");
    users.news->ready(users.opaque);
    desktop.news->ready(desktop.opaque);
    *state = self;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *self = *state;

    share_free(self->share);
    assert_null(users.news);
    g_string_free(self->guest.told, TRUE);
    g_string_free(users.told, TRUE);
    g_string_free(desktop.told, TRUE);
    g_free(self);
    return 0;
}

static void who_copied_last_owns(void **state)
{
    struct scene *self = *state;

    share_guest_offers(self->share, true);
    assert_told(&users, "+");
    assert_told(&desktop, "+");
    desktop.news->offered(desktop.opaque, true);
    assert_true(share_host_has(self->share));
    assert_told(&self->guest, "+");
    assert_told(&users, "+");
    assert_told(&desktop, "");
    users.news->asked(users.opaque);
    assert_told(&desktop, "?");
    desktop.news->text(desktop.opaque, "hi", 2);
    assert_told(&users, "[hi]");
    assert_told(&self->guest, "");
}

static void only_the_owner_can_leave(void **state)
{
    struct scene *self = *state;

    share_guest_offers(self->share, true);
    users.news->offered(users.opaque, false);
    assert_told(&desktop, "+");
    assert_told(&self->guest, "");
    share_guest_offers(self->share, false);
    assert_told(&desktop, "-");
    assert_told(&users, "+-");
}

static void all_who_ask_are_answered_once(void **state)
{
    struct scene *self = *state;

    share_guest_offers(self->share, true);
    users.news->asked(users.opaque);
    desktop.news->asked(desktop.opaque);
    assert_told(&self->guest, "??");
    share_guest_gives(self->share, "x", 1);
    assert_told(&users, "+[x]");
    assert_told(&desktop, "+[x]");
    share_guest_gives(self->share, "x", 1);
    assert_told(&users, "");
    assert_told(&desktop, "");
}

static void nobody_waits_for_one_who_left(void **state)
{
    struct scene *self = *state;

    users.news->asked(users.opaque);
    assert_told(&users, "[]");
    desktop.news->offered(desktop.opaque, true);
    share_guest_asks(self->share);
    users.news->asked(users.opaque);
    assert_told(&self->guest, "+");
    desktop.news->ended(desktop.opaque, "gone");
    assert_told(&self->guest, "[]-");
    assert_told(&users, "+[]-");
    assert_false(share_host_has(self->share));
}

/* The guest answers everything, also what was asked before another copied. */
static void late_answers_are_for_nobody(void **state)
{
    struct scene *self = *state;

    share_guest_offers(self->share, true);
    users.news->asked(users.opaque);
    desktop.news->offered(desktop.opaque, true);
    assert_told(&users, "+[]+");
    share_guest_offers(self->share, true);
    users.news->asked(users.opaque);
    share_guest_gives(self->share, "old", 3);
    assert_told(&users, "+");
    share_guest_gives(self->share, "new", 3);
    assert_told(&users, "[new]");
    desktop.news->text(desktop.opaque, "late", 4);
    assert_told(&users, "");
}

static void another_guest_owes_nothing(void **state)
{
    struct scene *self = *state;

    share_guest_offers(self->share, true);
    users.news->asked(users.opaque);
    share_guest_anew(self->share);
    assert_told(&users, "+[]-");
    share_guest_offers(self->share, true);
    users.news->asked(users.opaque);
    share_guest_gives(self->share, "new", 3);
    assert_told(&users, "+[new]");
}

static void who_comes_later_is_told(void **state)
{
    struct scene *self = *state;

    desktop.news->offered(desktop.opaque, true);
    assert_told(&users, "+");
    users.news->ready(users.opaque);
    desktop.news->ready(desktop.opaque);
    assert_told(&users, "+");
    assert_told(&desktop, "");
    assert_told(&self->guest, "+");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(who_copied_last_owns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_the_owner_can_leave, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_who_ask_are_answered_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_waits_for_one_who_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(late_answers_are_for_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_guest_owes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_comes_later_is_told, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
