/* SPDX-License-Identifier: MIT */
/* Other clients of an X11 display that are slow, silent, endless or greedy. The display is an Xvfb;
 * without one the tests are skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glib.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xcb/xcb.h>

#include "x11.h"
#include "x11_impl.h"

enum {
    WAIT_US = 20 * 1000 * 1000,
    SHORT_MS = 300, /* what the link waits for others here */
    PIECE = 64 * 1024,
};

struct scene {
    pid_t xvfb;
    char *display;
    struct x11 *link;
    /* As the link tells. */
    unsigned ready, offered, asked, texts, ended;
    bool has;
    size_t text_len;
    /* The stranger. */
    xcb_connection_t *server;
    xcb_window_t window;
    xcb_atom_t atoms[X11_ATOMS];
    unsigned refused, given; /* words to it on what it asked for */
    unsigned pieces;         /* that were taken of it */
    xcb_selection_request_event_t wanted;
    bool silent, endless;
};

/* ---- What the link tells ---- */

static void on_ready(void *opaque)
{
    ((struct scene *)opaque)->ready++;
}

static void on_offered(void *opaque, bool has)
{
    ((struct scene *)opaque)->offered++;
    ((struct scene *)opaque)->has = has;
}

static void on_asked(void *opaque)
{
    ((struct scene *)opaque)->asked++;
}

static void on_text(void *opaque, const char *text, size_t len)
{
    ((struct scene *)opaque)->texts++;
    ((struct scene *)opaque)->text_len = len;
}

static void on_ended(void *opaque, const char *why)
{
    ((struct scene *)opaque)->ended++;
}

static const struct host_clip_news news = {on_ready, on_offered, on_asked, on_text, on_ended};

/* ---- The stranger ---- */

static void notify(struct scene *self, xcb_atom_t property)
{
    xcb_selection_notify_event_t event = {
        .response_type = XCB_SELECTION_NOTIFY,
        .time = self->wanted.time,
        .requestor = self->wanted.requestor,
        .selection = self->wanted.selection,
        .target = self->wanted.target,
        .property = property,
    };

    xcb_send_event(self->server, 0, event.requestor, 0, (const char *)&event);
}

static void put(struct scene *self, xcb_atom_t type, uint8_t format, uint32_t n, const void *bytes)
{
    xcb_change_property(self->server, XCB_PROP_MODE_REPLACE, self->wanted.requestor,
                        self->wanted.property, type, format, n, bytes);
}

static void put_piece(struct scene *self)
{
    static const uint8_t piece[PIECE] = {[0 ... PIECE - 1] = 'x'};

    put(self, self->atoms[X11_UTF8], 8, PIECE, piece);
}

/* Lists text, then begins to give it in pieces. */
static void on_request(struct scene *self, const xcb_selection_request_event_t *event)
{
    static const uint32_t events[] = {XCB_EVENT_MASK_PROPERTY_CHANGE};
    const uint32_t size = PIECE;

    self->wanted = *event;
    if (self->silent)
        return;
    if (event->target == self->atoms[X11_TARGETS]) {
        put(self, XCB_ATOM_ATOM, 32, 1, &self->atoms[X11_UTF8]);
    } else {
        xcb_change_window_attributes(self->server, event->requestor, XCB_CW_EVENT_MASK, events);
        put(self, self->atoms[X11_INCR], 32, 1, &size);
    }
    notify(self, event->property);
}

/* The link has taken a piece. */
static void on_taken(struct scene *self)
{
    if (!self->pieces++ || self->endless)
        put_piece(self);
}

static void handle(struct scene *self, const xcb_generic_event_t *event)
{
    const xcb_property_notify_event_t *property = (const void *)event;
    const xcb_selection_notify_event_t *given = (const void *)event;

    switch (event->response_type & 0x7f) {
    case XCB_SELECTION_REQUEST:
        on_request(self, (const void *)event);
        break;
    case XCB_PROPERTY_NOTIFY:
        if (property->state == XCB_PROPERTY_DELETE && property->window == self->wanted.requestor)
            on_taken(self);
        break;
    case XCB_SELECTION_NOTIFY:
        *(given->property ? &self->given : &self->refused) += 1;
        break;
    }
}

static void pass_time(struct scene *self)
{
    xcb_generic_event_t *event;

    while (g_main_context_iteration(NULL, FALSE))
        continue;
    while ((event = xcb_poll_for_event(self->server))) {
        handle(self, event);
        g_free(event);
    }
    xcb_flush(self->server);
    g_usleep(500);
}

#define wait_for(self, condition)                                                                  \
    do {                                                                                           \
        gint64 end_ = g_get_monotonic_time() + WAIT_US;                                            \
        while (!(condition)) {                                                                     \
            assert_true(g_get_monotonic_time() < end_);                                            \
            pass_time(self);                                                                       \
        }                                                                                          \
    } while (0)

static void claim(struct scene *self)
{
    xcb_set_selection_owner(self->server, self->window, self->atoms[X11_CLIPBOARD],
                            XCB_CURRENT_TIME);
    xcb_flush(self->server);
}

static void ask_as(struct scene *self, xcb_window_t requestor, xcb_atom_t property,
                   xcb_timestamp_t time)
{
    xcb_convert_selection(self->server, requestor, self->atoms[X11_CLIPBOARD],
                          self->atoms[X11_UTF8], property, time);
}

/* The link owns the selection. */
static void own(struct scene *self)
{
    x11_link_ops.offer(self->link, true);
    wait_for(self, self->link->owns);
}

/* ---- The display ---- */

static xcb_window_t make_window(struct scene *self)
{
    xcb_screen_t *screen = xcb_setup_roots_iterator(xcb_get_setup(self->server)).data;
    xcb_window_t window = xcb_generate_id(self->server);

    xcb_create_window(self->server, 0, window, screen->root, 0, 0, 1, 1, 0,
                      XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT, 0, NULL);
    return window;
}

static char *start_xvfb(pid_t *pid)
{
    char number[16] = "", to[16];
    int ends[2];
    size_t n = 0;

    assert_true(g_unix_open_pipe(ends, 0, NULL));
    g_snprintf(to, sizeof(to), "%d", ends[1]);
    *pid = fork();
    assert_true(*pid >= 0);
    if (!*pid) {
        close(ends[0]);
        execlp("Xvfb", "Xvfb", "-displayfd", to, "-screen", "0", "320x240x24", "-nolisten", "tcp",
               "-noreset", NULL);
        _exit(127);
    }
    close(ends[1]);
    while (n < sizeof(number) - 1 && !strchr(number, '\n') && read(ends[0], number + n, 1) == 1)
        n++;
    close(ends[0]);
    return n ? g_strdup_printf(":%s", g_strchomp(number)) : NULL;
}

static int set_up(void **state)
{
    struct scene *self = g_new0(struct scene, 1);

    *state = self;
    self->display = start_xvfb(&self->xvfb);
    if (!self->display)
        return 0;
    self->link = x11_link_ops.connect(self->display, &news, self);
    self->link->targets_ms = self->link->text_ms = SHORT_MS;
    assert_int_equal(self->ready, 1);
    self->server = xcb_connect(self->display, NULL);
    assert_false(xcb_connection_has_error(self->server));
    memcpy(self->atoms, self->link->atoms, sizeof(self->atoms));
    self->window = make_window(self);
    return 0;
}

static int tear_down(void **state)
{
    struct scene *self = *state;

    if (self->link)
        x11_link_ops.free(self->link);
    if (self->server)
        xcb_disconnect(self->server);
    kill(self->xvfb, SIGTERM);
    waitpid(self->xvfb, NULL, 0);
    g_free(self->display);
    g_free(self);
    return 0;
}

static void need_display(const struct scene *self)
{
    if (!self->display)
        skip(); /* no Xvfb */
}

/* ---- The tests ---- */

static void silent_owner_has_no_text(void **state)
{
    struct scene *self = *state;

    need_display(self);
    claim(self);
    wait_for(self, self->has);
    self->silent = true;
    claim(self);
    wait_for(self, self->offered == 2);
    assert_false(self->has);
    x11_link_ops.ask(self->link);
    assert_int_equal(self->texts, 1);
    assert_int_equal(self->text_len, 0);
}

static void owner_that_stops_gives_no_text(void **state)
{
    struct scene *self = *state;

    need_display(self);
    claim(self);
    wait_for(self, self->has);
    x11_link_ops.ask(self->link);
    x11_link_ops.ask(self->link);
    wait_for(self, self->texts);
    assert_true(self->pieces >= 1);
    assert_int_equal(self->text_len, 0);
    assert_int_equal(self->texts, 1);
    own(self);
}

/* What comes is thrown away beyond the limit. */
static void endless_owner_gives_no_text(void **state)
{
    struct scene *self = *state;

    need_display(self);
    self->endless = true;
    claim(self);
    wait_for(self, self->has);
    self->link->text_ms = 2000;
    x11_link_ops.ask(self->link);
    while (!self->texts) {
        assert_true(self->link->paste.text.len <= HOST_CLIP_TEXT_MAX);
        pass_time(self);
    }
    assert_int_equal(self->text_len, 0);
    assert_true(self->pieces > HOST_CLIP_TEXT_MAX / PIECE);
}

static void many_who_ask_are_refused(void **state)
{
    struct scene *self = *state;

    need_display(self);
    own(self);
    for (unsigned i = 0; i < 3 * X11_COPIES; i++)
        ask_as(self, make_window(self), self->atoms[X11_PASTE], XCB_CURRENT_TIME);
    wait_for(self, self->refused == 2 * X11_COPIES);
    assert_true(self->asked >= 1);
    wait_for(self, self->refused == 3 * X11_COPIES); /* no text comes */
    ask_as(self, self->window, self->atoms[X11_PASTE], XCB_CURRENT_TIME);
    self->asked = 0;
    wait_for(self, self->asked);
    x11_link_ops.provide(self->link, "hi", 2);
    wait_for(self, self->given == 1);
}

static unsigned busy(const struct scene *self)
{
    unsigned n = 0;

    for (unsigned i = 0; i < X11_COPIES; i++)
        n += self->link->copies[i].to != XCB_NONE;
    return n;
}

/* One takes no piece, the other is gone. */
static void who_does_not_take_is_let_go(void **state)
{
    struct scene *self = *state;
    g_autofree char *text = g_strnfill(HOST_CLIP_TEXT_MAX, 'x');
    xcb_window_t other;

    need_display(self);
    own(self);
    other = make_window(self);
    ask_as(self, self->window, self->atoms[X11_PASTE], XCB_CURRENT_TIME);
    ask_as(self, other, self->atoms[X11_PASTE], XCB_CURRENT_TIME);
    wait_for(self, busy(self) == 2);
    x11_link_ops.provide(self->link, text, HOST_CLIP_TEXT_MAX);
    wait_for(self, self->given == 2);
    xcb_destroy_window(self->server, other);
    wait_for(self, busy(self) == 0);
    assert_int_equal(self->ended, 0);
    own(self);
}

static void wrong_requests_are_refused(void **state)
{
    struct scene *self = *state;

    need_display(self);
    own(self);
    ask_as(self, self->window, self->atoms[X11_PASTE], self->link->since - 1000);
    wait_for(self, self->refused == 1);
    for (unsigned i = 0; i < X11_PASTERS; i++)
        ask_as(self, self->link->pasters[i], self->atoms[X11_PASTE], XCB_CURRENT_TIME);
    ask_as(self, self->link->window, self->atoms[X11_STAMP], XCB_CURRENT_TIME);
    claim(self);
    wait_for(self, self->has); /* the events are still its own */
    assert_int_equal(self->asked, 0);
    assert_int_equal(busy(self), 0);
}

static void server_that_ends_is_told_once(void **state)
{
    struct scene *self = *state;

    need_display(self);
    own(self);
    kill(self->xvfb, SIGKILL);
    wait_for(self, self->ended);
    x11_link_ops.offer(self->link, true);
    x11_link_ops.ask(self->link);
    x11_link_ops.provide(self->link, "hi", 2);
    assert_int_equal(self->ended, 1);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(silent_owner_has_no_text),      SCENE(owner_that_stops_gives_no_text),
        SCENE(endless_owner_gives_no_text),   SCENE(many_who_ask_are_refused),
        SCENE(who_does_not_take_is_let_go),   SCENE(wrong_requests_are_refused),
        SCENE(server_that_ends_is_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
