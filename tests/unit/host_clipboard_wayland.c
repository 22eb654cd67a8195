/* SPDX-License-Identifier: MIT */
/* Other clients of a Wayland display that are slow, silent, endless or greedy, and compositors with
 * other protocols. The compositor is played here, with libwayland-server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <wayland-server.h>

#include "data-control-server.h"
#include "wayland.h"
#include "wayland_impl.h"

enum {
    WAIT_US = 20 * 1000 * 1000,
    SHORT_MS = 300, /* what the link waits for others here */
    FORMS = 8,
};

struct scene {
    char *folder;
    struct wl_display *display;
    struct wl_interface manager_interface;
    struct wl_resource *device;
    struct wl_resource *source;  /* the link's, of the selection */
    struct wl_resource *created; /* it is about to be */
    char *forms[FORMS];          /* that the link's has */
    unsigned n_forms, claims, releases;
    int receiver; /* where the stranger is to write its text; -1 */
    struct wayland *link;
    /* As the link tells. */
    unsigned ready, asked, texts;
    bool has;
    size_t text_len;
    const char *why;
};

/* ---- What the link tells ---- */

static void on_ready(void *opaque)
{
    ((struct scene *)opaque)->ready++;
}

static void on_offered(void *opaque, bool has)
{
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
    ((struct scene *)opaque)->why = why;
}

static const struct host_clip_news news = {on_ready, on_offered, on_asked, on_text, on_ended};

/* ---- The compositor ---- */

static void destroy(struct wl_client *client, struct wl_resource *resource)
{
    wl_resource_destroy(resource);
}

static void offer_receive(struct wl_client *client, struct wl_resource *resource, const char *form,
                          int32_t fd)
{
    struct scene *self = wl_resource_get_user_data(resource);

    if (self->receiver >= 0)
        close(self->receiver);
    self->receiver = fd;
}

static const struct zwlr_data_control_offer_v1_interface offer_calls = {offer_receive, destroy};

/* The link hears of a selection that has these forms; of none with 0. */
static void select_forms(struct scene *self, const char *const *forms, unsigned n)
{
    struct wl_client *client = wl_resource_get_client(self->device);
    struct wl_resource *offer = NULL;

    if (n) {
        offer = wl_resource_create(client, &zwlr_data_control_offer_v1_interface, 1, 0);
        wl_resource_set_implementation(offer, &offer_calls, self, NULL);
        zwlr_data_control_device_v1_send_data_offer(self->device, offer);
    }
    for (unsigned i = 0; i < n; i++)
        zwlr_data_control_offer_v1_send_offer(offer, forms[i]);
    zwlr_data_control_device_v1_send_selection(self->device, offer);
}

static void source_offer(struct wl_client *client, struct wl_resource *resource, const char *form)
{
    struct scene *self = wl_resource_get_user_data(resource);

    if (resource != self->created) {
        for (unsigned i = 0; i < self->n_forms; i++)
            g_free(self->forms[i]);
        self->n_forms = 0;
        self->created = resource;
    }
    assert_true(self->n_forms < FORMS);
    self->forms[self->n_forms++] = g_strdup(form);
}

static const struct zwlr_data_control_source_v1_interface source_calls = {source_offer, destroy};

static void source_gone(struct wl_resource *resource)
{
    struct scene *self = wl_resource_get_user_data(resource);

    if (self->source == resource)
        self->source = NULL;
}

static void device_select(struct wl_client *client, struct wl_resource *resource,
                          struct wl_resource *source)
{
    struct scene *self = wl_resource_get_user_data(resource);

    *(source ? &self->claims : &self->releases) += 1;
    self->source = source;
    select_forms(self, (const char *const *)self->forms, source ? self->n_forms : 0);
}

static const struct zwlr_data_control_device_v1_interface device_calls = {device_select, destroy,
                                                                          NULL};

static void create_source(struct wl_client *client, struct wl_resource *manager, uint32_t id)
{
    struct wl_resource *resource =
        wl_resource_create(client, &zwlr_data_control_source_v1_interface, 1, id);

    wl_resource_set_implementation(resource, &source_calls, wl_resource_get_user_data(manager),
                                   source_gone);
}

static void get_device(struct wl_client *client, struct wl_resource *manager, uint32_t id,
                       struct wl_resource *seat)
{
    struct scene *self = wl_resource_get_user_data(manager);

    self->device = wl_resource_create(client, &zwlr_data_control_device_v1_interface, 1, id);
    wl_resource_set_implementation(self->device, &device_calls, self, NULL);
    select_forms(self, NULL, 0);
}

static const struct zwlr_data_control_manager_v1_interface manager_calls = {create_source,
                                                                            get_device, destroy};

static void bind_manager(struct wl_client *client, void *opaque, uint32_t version, uint32_t id)
{
    struct scene *self = opaque;

    wl_resource_set_implementation(
        wl_resource_create(client, &self->manager_interface, (int)version, id), &manager_calls,
        self, NULL);
}

static void bind_seat(struct wl_client *client, void *opaque, uint32_t version, uint32_t id)
{
    wl_resource_create(client, &wl_seat_interface, (int)version, id);
}

static void pass_time(struct scene *self)
{
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    wl_event_loop_dispatch(wl_display_get_event_loop(self->display), 1);
    wl_display_flush_clients(self->display);
}

#define wait_for(self, condition)                                                                  \
    do {                                                                                           \
        gint64 end_ = g_get_monotonic_time() + WAIT_US;                                            \
        while (!(condition)) {                                                                     \
            assert_true(g_get_monotonic_time() < end_);                                            \
            pass_time(self);                                                                       \
        }                                                                                          \
    } while (0)

/* manager: the name of what it has; NULL: nothing of the kind. */
static void begin(struct scene *self, const char *manager)
{
    g_autofree char *path = g_build_filename(self->folder, "display", NULL);

    self->display = wl_display_create();
    self->manager_interface = zwlr_data_control_manager_v1_interface;
    self->manager_interface.name = manager;
    assert_int_equal(wl_display_add_socket(self->display, "display"), 0);
    wl_global_create(self->display, &wl_seat_interface, 1, NULL, bind_seat);
    if (manager)
        wl_global_create(self->display, &self->manager_interface, 1, self, bind_manager);
    self->link = wayland_link_ops.connect(path, &news, self);
    self->link->text_ms = SHORT_MS;
    wait_for(self, self->ready || self->why);
}

static void begin_as_wlroots(struct scene *self)
{
    begin(self, "zwlr_data_control_manager_v1");
    wait_for(self, self->device);
}

static int set_up(void **state)
{
    struct scene *self = g_new0(struct scene, 1);

    *state = self;
    self->receiver = -1;
    self->folder = g_dir_make_tmp("host-clipboard-XXXXXX", NULL);
    assert_non_null(self->folder);
    g_setenv("XDG_RUNTIME_DIR", self->folder, TRUE);
    return 0;
}

static int tear_down(void **state)
{
    struct scene *self = *state;

    if (self->link)
        wayland_link_ops.free(self->link);
    wl_display_destroy_clients(self->display);
    wl_display_destroy(self->display);
    for (unsigned i = 0; i < self->n_forms; i++)
        g_free(self->forms[i]);
    if (self->receiver >= 0)
        close(self->receiver);
    g_rmdir(self->folder);
    g_free(self->folder);
    g_free(self);
    return 0;
}

/* The stranger copies text and the link wants it. */
static void copy_and_be_asked(struct scene *self)
{
    static const char *const forms[] = {"image/png", "TEXT", "text/plain;charset=UTF-8"};

    select_forms(self, forms, G_N_ELEMENTS(forms));
    wait_for(self, self->has);
    wayland_link_ops.ask(self->link);
    wait_for(self, self->receiver >= 0);
}

/* The link owns the selection and the stranger wants its text: where it comes from. */
static int paste(struct scene *self)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    zwlr_data_control_source_v1_send_send(self->source, "UTF8_STRING", ends[1]);
    close(ends[1]);
    return ends[0];
}

static void own(struct scene *self)
{
    wayland_link_ops.offer(self->link, true);
    wait_for(self, self->source);
}

/* Its other end was closed, and nothing is left to be read. */
static bool is_at_end(int fd)
{
    char byte;

    return read(fd, &byte, 1) == 0;
}

/* ---- The tests ---- */

static void goes_to_and_fro(struct scene *self)
{
    char text[8] = "";
    int fd;

    wait_for(self, self->device);
    copy_and_be_asked(self);
    assert_int_equal(write(self->receiver, "hello", 5), 5);
    close(self->receiver);
    self->receiver = -1;
    wait_for(self, self->texts);
    assert_int_equal(self->text_len, 5);
    own(self);
    fd = paste(self);
    wait_for(self, self->asked);
    wayland_link_ops.provide(self->link, "hi", 2);
    wait_for(self, read(fd, text, sizeof(text)) == 2);
    assert_string_equal(text, "hi");
    wait_for(self, is_at_end(fd));
    close(fd);
}

static void wlroots_compositors_are_known(void **state)
{
    begin_as_wlroots(*state);
    goes_to_and_fro(*state);
}

static void ext_compositors_are_known(void **state)
{
    begin(*state, "ext_data_control_manager_v1");
    goes_to_and_fro(*state);
}

static void others_are_refused_with_a_reason(void **state)
{
    struct scene *self = *state;

    begin(self, NULL);
    assert_int_equal(self->ready, 0);
    assert_non_null(strstr(self->why, "data-control"));
    wayland_link_ops.offer(self->link, true);
    wayland_link_ops.ask(self->link);
    wayland_link_ops.provide(self->link, "", 0);
}

/* What it offers comes back to it as an offer of somebody's. */
static void own_offers_are_no_news(void **state)
{
    struct scene *self = *state;

    begin_as_wlroots(self);
    own(self);
    wait_for(self, self->link->offer.ours);
    assert_false(self->has);
    wayland_link_ops.offer(self->link, false);
    wait_for(self, self->releases == 1);
    assert_false(self->has);
    assert_int_equal(self->claims, 1);
}

static void silent_source_gives_no_text(void **state)
{
    struct scene *self = *state;

    begin_as_wlroots(self);
    copy_and_be_asked(self);
    wayland_link_ops.ask(self->link);
    assert_int_equal(write(self->receiver, "hello", 5), 5);
    wait_for(self, self->texts);
    assert_int_equal(self->text_len, 0);
    assert_int_equal(self->texts, 1);
}

static void endless_source_gives_no_text(void **state)
{
    static const char bytes[4096] = {[0 ... 4095] = 'x'};
    struct scene *self = *state;
    size_t written = 0;

    begin_as_wlroots(self);
    self->link->text_ms = WAIT_US / 1000;
    copy_and_be_asked(self);
    g_unix_set_fd_nonblocking(self->receiver, TRUE, NULL);
    while (!self->texts) {
        ssize_t n = write(self->receiver, bytes, sizeof(bytes));

        written += n > 0 ? (size_t)n : 0;
        pass_time(self);
    }
    assert_int_equal(self->text_len, 0);
    assert_true(written > HOST_CLIP_TEXT_MAX && written < 2 * HOST_CLIP_TEXT_MAX);
    assert_int_equal(write(self->receiver, bytes, 1), -1);
    assert_int_equal(errno, EPIPE);
}

static void source_that_is_replaced_gives_no_text(void **state)
{
    struct scene *self = *state;

    begin_as_wlroots(self);
    self->link->text_ms = WAIT_US / 1000;
    copy_and_be_asked(self);
    select_forms(self, NULL, 0);
    wait_for(self, self->texts);
    assert_int_equal(self->text_len, 0);
    assert_false(self->has);
}

static void who_does_not_take_is_let_go(void **state)
{
    g_autofree char *text = g_strnfill(HOST_CLIP_TEXT_MAX, 'x');
    struct scene *self = *state;
    struct pollfd hung;

    begin_as_wlroots(self);
    own(self);
    hung = (struct pollfd){.fd = paste(self)};
    wait_for(self, self->asked);
    wayland_link_ops.provide(self->link, text, HOST_CLIP_TEXT_MAX);
    wait_for(self, poll(&hung, 1, 0) == 1 && hung.revents & POLLHUP);
    close(hung.fd);
}

static void many_who_ask_are_refused(void **state)
{
    struct scene *self = *state;
    int fds[WAYLAND_COPIES + 1];

    begin_as_wlroots(self);
    self->link->text_ms = WAIT_US / 1000;
    own(self);
    for (unsigned i = 0; i <= WAYLAND_COPIES; i++)
        fds[i] = paste(self);
    wait_for(self, is_at_end(fds[WAYLAND_COPIES]));
    assert_int_equal(self->asked, WAYLAND_COPIES);
    wayland_link_ops.offer(self->link, false); /* then none has a text any more */
    for (unsigned i = 0; i <= WAYLAND_COPIES; i++) {
        wait_for(self, is_at_end(fds[i]));
        close(fds[i]);
    }
}

static void compositor_that_ends_is_told(void **state)
{
    struct scene *self = *state;

    begin_as_wlroots(self);
    own(self);
    wl_display_destroy_clients(self->display);
    wait_for(self, self->why);
    assert_non_null(strstr(self->why, "closed"));
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(wlroots_compositors_are_known),
        SCENE(ext_compositors_are_known),
        SCENE(others_are_refused_with_a_reason),
        SCENE(own_offers_are_no_news),
        SCENE(silent_source_gives_no_text),
        SCENE(endless_source_gives_no_text),
        SCENE(source_that_is_replaced_gives_no_text),
        SCENE(who_does_not_take_is_let_go),
        SCENE(many_who_ask_are_refused),
        SCENE(compositor_that_ends_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
