/* SPDX-License-Identifier: MIT */
/* What `caravan agent` saves is taken up elsewhere: hub, clipboard and port together, the guest and
 * QEMU's socket played here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <spice/vd_agent.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "agent/hub.h"
#include "base/buf.h"
#include "base/reader.h"
#include "bus.h"
#include "clip.h"
#include "port.h"
#include "state.h"

enum {
    CLIENT = 1,
    HEADER = 20,
    LONG_TEXT = 500 * 1000,
    SAVE_MS = 50,
    WAIT_MS = 20 * 1000,
};

#define GUEST_CAPS                                                                                 \
    (1u << VD_AGENT_CAP_CLIPBOARD_BY_DEMAND | 1u << VD_AGENT_CAP_CLIPBOARD_SELECTION |             \
     1u << VD_AGENT_CAP_CLIPBOARD_NO_RELEASE_ON_REGRAB | 1u << VD_AGENT_CAP_CLIPBOARD_GRAB_SERIAL)

/* The guest's agent: it is the same wherever it runs. */
struct guest {
    struct buf chunks, messages;
    uint32_t serial;
};

struct host {
    char *folder, *path;
    int listener, qemu; /* QEMU's ends */
    struct hub *hub;
    struct clip *clip;
    struct port *port;
    bool deaf;
    bool guest_has; /* as told last */
    unsigned asked;
    GString *text;
    const char *garbage;
};

/* ---- A host ---- */

static size_t room(void *opaque)
{
    return hub_guest_room(((struct host *)opaque)->hub);
}

static void bytes(void *opaque, const uint8_t *data, size_t len)
{
    hub_guest_feed(((struct host *)opaque)->hub, data, len);
}

static const uint8_t *output(void *opaque, size_t *len)
{
    return hub_guest_output(((struct host *)opaque)->hub, len);
}

static void taken(void *opaque, size_t len)
{
    hub_guest_taken(((struct host *)opaque)->hub, len);
}

static void ended(void *opaque)
{
}

static const struct port_ops port_ops = {room, bytes, output, taken, ended};

static void wake_guest(void *opaque)
{
    struct host *self = opaque;

    if (self->port && !self->deaf)
        port_kick(self->port);
}

static void wake_client(void *owner)
{
    struct host *self = owner;

    if (self->clip && !self->deaf)
        clip_wake(self->clip);
}

static void garbage(void *opaque, const char *reason)
{
    ((struct host *)opaque)->garbage = reason;
}

static void changed(void *opaque)
{
}

static bool monitors(void *opaque, const uint8_t *config, size_t len)
{
    return false;
}

static void device_info(void *opaque, struct buf *out)
{
}

static const struct hub_ops hub_ops = {wake_guest, wake_client, garbage,    garbage,
                                       changed,    monitors,    device_info};

static void guest_offers(void *opaque, bool has)
{
    ((struct host *)opaque)->guest_has = has;
}

static void guest_asks(void *opaque)
{
    ((struct host *)opaque)->asked++;
}

static void guest_gives(void *opaque, const char *text, size_t len)
{
    g_string_append_len(((struct host *)opaque)->text, text, (gssize)len);
}

static const struct clip_ops clip_ops = {guest_offers, guest_asks, guest_gives};

static struct host *host_new(void)
{
    struct host *self = g_new0(struct host, 1);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    self->folder = g_dir_make_tmp("host-agent-XXXXXX", NULL);
    assert_non_null(self->folder);
    self->path = g_build_filename(self->folder, "port", NULL);
    self->text = g_string_new(NULL);
    g_strlcpy(address.sun_path, self->path, sizeof(address.sun_path));
    self->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(self->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(self->listener, 1), 0);
    self->hub = hub_new(&hub_ops, self);
    self->port = port_new(self->path, &port_ops, self);
    assert_non_null(self->port);
    self->qemu = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(self->qemu >= 0);
    hub_guest_open(self->hub);
    return self;
}

static void host_free(struct host *self)
{
    self->deaf = true;
    clip_free(self->clip);
    port_free(self->port);
    hub_free(self->hub);
    close(self->qemu);
    close(self->listener);
    g_unlink(self->path);
    g_rmdir(self->folder);
    g_free(self->path);
    g_free(self->folder);
    g_string_free(self->text, TRUE);
    g_free(self);
}

static void host_begin(struct host *self)
{
    self->clip = clip_new(self->hub, CLIENT, &clip_ops, self, self);
    clip_wake(self->clip);
    port_kick(self->port);
}

static GBytes *host_save(struct host *self)
{
    GBytes *state;

    self->deaf = true;
    state = state_save(self->hub, self->clip, self->port);
    self->deaf = false;
    clip_wake(self->clip);
    port_kick(self->port);
    return state;
}

static bool host_load(struct host *self, const uint8_t *state_bytes, size_t len)
{
    struct state state;

    if (!state_load(state_bytes, len, &state))
        return false;
    assert_true(port_restore(self->port, state.blob.in, state.blob.in_len));
    self->clip = clip_arrive(self->hub, state.client ? state.client : CLIENT, &clip_ops, self, self,
                             &state.main, &state.words);
    state_clear(&state);
    clip_wake(self->clip);
    port_kick(self->port);
    return true;
}

/* A host where the state of this one is taken up. */
static struct host *move(struct host *from)
{
    struct host *to = host_new();
    GBytes *state = host_save(from);
    gsize len;
    const uint8_t *data = g_bytes_get_data(state, &len);

    assert_true(len >= 1 && len <= BUS_STATE_MAX);
    assert_true(host_load(to, data, len));
    g_bytes_unref(state);
    return to;
}

/* ---- The guest ---- */

static void split(struct guest *self)
{
    for (;;) {
        struct reader in = reader_make(self->chunks.data, self->chunks.len);
        uint32_t port = reader_u32(&in);
        uint32_t size = reader_u32(&in);
        const uint8_t *data = reader_bytes(&in, size);

        if (!reader_ok(&in))
            return;
        assert_int_equal(port, VDP_CLIENT_PORT);
        assert_true(size <= VD_AGENT_MAX_DATA_SIZE);
        buf_append(&self->messages, data, size);
        buf_consume(&self->chunks, in.pos);
    }
}

/* QEMU hands the guest what there is, at most `most` bytes. */
static size_t guest_reads(struct guest *self, struct host *host, size_t most)
{
    uint8_t data[4096];
    ssize_t n = recv(host->qemu, data, MIN(sizeof(data), most), 0);

    if (n <= 0)
        return 0;
    buf_append(&self->chunks, data, (size_t)n);
    split(self);
    return (size_t)n;
}

static bool has_message(const struct guest *self)
{
    struct reader in = reader_make(self->messages.data, self->messages.len);
    uint32_t size;

    reader_skip(&in, 16);
    size = reader_u32(&in);
    return reader_ok(&in) && reader_left(&in) >= size;
}

static void pass_time(struct host *host)
{
    while (g_main_context_iteration(NULL, FALSE))
        continue;
}

/* The body of the next message, which must be of that type; valid until the next one. */
static struct buf guest_hears(struct guest *self, struct host *host, uint32_t type)
{
    gint64 end = g_get_monotonic_time() + WAIT_MS * G_GINT64_CONSTANT(1000);
    struct buf body = BUF_INIT;
    struct reader in;
    uint32_t size;

    while (!has_message(self)) {
        assert_true(g_get_monotonic_time() < end);
        pass_time(host);
        guest_reads(self, host, SIZE_MAX);
    }
    in = reader_make(self->messages.data, self->messages.len);
    assert_int_equal(reader_u32(&in), VD_AGENT_PROTOCOL);
    assert_int_equal(reader_u32(&in), type);
    reader_skip(&in, 8);
    size = reader_u32(&in);
    buf_append(&body, reader_bytes(&in, size), size);
    buf_consume(&self->messages, in.pos);
    return body;
}

static void guest_hears_any(struct guest *self, struct host *host, uint32_t type)
{
    struct buf body = guest_hears(self, host, type);

    buf_free(&body);
}

/* As bytes: a message in one chunk. */
static struct buf message(uint32_t type, const void *body, size_t len)
{
    struct buf out = BUF_INIT;

    buf_u32(&out, VDP_CLIENT_PORT);
    buf_u32(&out, (uint32_t)(HEADER + len));
    buf_u32(&out, VD_AGENT_PROTOCOL);
    buf_u32(&out, type);
    buf_u64(&out, 0);
    buf_u32(&out, (uint32_t)len);
    buf_append(&out, body, len);
    return out;
}

static void guest_writes(struct host *host, const uint8_t *data, size_t len)
{
    gint64 end = g_get_monotonic_time() + WAIT_MS * G_GINT64_CONSTANT(1000);

    while (len) {
        ssize_t n = send(host->qemu, data, len, MSG_NOSIGNAL);

        assert_true(g_get_monotonic_time() < end);
        pass_time(host);
        data += MAX(n, 0);
        len -= (size_t)MAX(n, 0);
    }
    pass_time(host);
}

static void guest_says(struct host *host, uint32_t type, const void *body, size_t len)
{
    struct buf out = message(type, body, len);

    guest_writes(host, out.data, out.len);
    buf_free(&out);
}

static void guest_grabs(struct guest *self, struct host *host)
{
    const uint32_t grab[] = {0, self->serial++, VD_AGENT_CLIPBOARD_UTF8_TEXT};

    guest_says(host, VD_AGENT_CLIPBOARD_GRAB, grab, sizeof(grab));
}

static void guest_asks_for_text(struct host *host)
{
    const uint32_t request[] = {0, VD_AGENT_CLIPBOARD_UTF8_TEXT};

    guest_says(host, VD_AGENT_CLIPBOARD_REQUEST, request, sizeof(request));
}

/* A host where the guest's agent and the clipboard know each other. */
static struct host *meet_with(struct guest *guest, uint32_t more)
{
    const uint32_t caps[] = {0, GUEST_CAPS | more};
    struct host *host = host_new();

    memset(guest, 0, sizeof(*guest));
    host_begin(host);
    guest_hears_any(guest, host, VD_AGENT_ANNOUNCE_CAPABILITIES);
    guest_says(host, VD_AGENT_ANNOUNCE_CAPABILITIES, caps, sizeof(caps));
    return host;
}

static struct host *meet(struct guest *guest)
{
    return meet_with(guest, 0);
}

static void guest_free(struct guest *self)
{
    buf_free(&self->chunks);
    buf_free(&self->messages);
}

static char *numbers(size_t len)
{
    GString *text = g_string_sized_new(len + 16);

    for (unsigned i = 0; text->len < len; i++)
        g_string_append_printf(text, "%u ", i);
    g_string_truncate(text, len);
    return g_string_free(text, FALSE);
}

/* The host has text and the guest has asked for it. */
static void host_is_asked(struct guest *guest, struct host *host)
{
    clip_offer(host->clip, true);
    guest_hears_any(guest, host, VD_AGENT_CLIPBOARD_GRAB);
    guest->serial++;
    guest_asks_for_text(host);
    assert_int_equal(host->asked, 1);
}

static void works_both_ways(struct guest *guest, struct host *host)
{
    const uint8_t data[] = {0, 0, 0, 0, VD_AGENT_CLIPBOARD_UTF8_TEXT, 0, 0, 0, 'h', 'i'};
    struct buf body;

    guest_grabs(guest, host);
    assert_true(host->guest_has);
    g_string_truncate(host->text, 0);
    clip_ask(host->clip);
    guest_hears_any(guest, host, VD_AGENT_CLIPBOARD_REQUEST);
    guest_says(host, VD_AGENT_CLIPBOARD, data, sizeof(data));
    assert_string_equal(host->text->str, "hi");
    host->asked = 0;
    host_is_asked(guest, host);
    clip_give(host->clip, "ho", 2);
    body = guest_hears(guest, host, VD_AGENT_CLIPBOARD);
    assert_int_equal(body.len, 10);
    assert_memory_equal(body.data + 8, "ho", 2);
    buf_free(&body);
    assert_null(host->garbage);
}

/* ---- The tests ---- */

static void line_ends_are_the_guests_own(void **state)
{
    const uint8_t data[] = {0,    0,    0,    0,  VD_AGENT_CLIPBOARD_UTF8_TEXT, 0, 0, 0, 'a',
                            '\r', '\n', '\r', 'b'};
    struct guest guest;
    struct host *host = meet_with(&guest, 1u << VD_AGENT_CAP_GUEST_LINEEND_CRLF);
    struct buf body;

    guest_grabs(&guest, host);
    clip_ask(host->clip);
    guest_hears_any(&guest, host, VD_AGENT_CLIPBOARD_REQUEST);
    guest_says(host, VD_AGENT_CLIPBOARD, data, sizeof(data));
    assert_string_equal(host->text->str, "a\n\rb");
    host_is_asked(&guest, host);
    clip_give(host->clip, "a\nb\r\n", 5);
    body = guest_hears(&guest, host, VD_AGENT_CLIPBOARD);
    assert_int_equal(body.len, 8 + 6);
    assert_memory_equal(body.data + 8, "a\r\nb\r\n", 6);
    buf_free(&body);
    host_free(host);
    guest_free(&guest);
}

static void text_under_way_arrives_whole(void **state)
{
    static const size_t read_before[] = {0, 1, 100, 2000, 30000};
    g_autofree char *text = numbers(LONG_TEXT);

    for (unsigned i = 0; i < G_N_ELEMENTS(read_before); i++) {
        struct guest guest;
        struct host *source = meet(&guest), *target;
        struct buf body;

        host_is_asked(&guest, source);
        clip_give(source->clip, text, LONG_TEXT);
        for (size_t left = read_before[i], n; left; left -= n) {
            pass_time(source);
            n = guest_reads(&guest, source, left);
            assert_true(n > 0);
        }
        target = move(source);
        body = guest_hears(&guest, target, VD_AGENT_CLIPBOARD);
        assert_int_equal(body.len, 8 + LONG_TEXT);
        assert_memory_equal(body.data + 8, text, LONG_TEXT);
        buf_free(&body);
        guest_hears_any(&guest, target, VD_AGENT_CLIPBOARD_RELEASE);
        works_both_ways(&guest, target);
        host_free(source);
        host_free(target);
        guest_free(&guest);
    }
}

/* A message of the guest is cut anywhere by a move. */
static void message_of_the_guest_is_cut_anywhere(void **state)
{
    const uint32_t grab[] = {0, 0, VD_AGENT_CLIPBOARD_UTF8_TEXT};
    struct buf whole = message(VD_AGENT_CLIPBOARD_GRAB, grab, sizeof(grab));

    for (size_t cut = 0; cut <= whole.len; cut++) {
        struct guest guest;
        struct host *source = meet(&guest), *target;

        source->deaf = cut % 2; /* it reads what there is, or what there is waits in the socket */
        if (source->deaf)
            assert_int_equal(send(source->qemu, whole.data, cut, MSG_NOSIGNAL), cut);
        else
            guest_writes(source, whole.data, cut);
        target = move(source);
        guest_writes(target, whole.data + cut, whole.len - cut);
        pass_time(target);
        assert_true(target->guest_has);
        guest.serial = 1;
        works_both_ways(&guest, target);
        host_free(source);
        host_free(target);
        guest_free(&guest);
    }
    buf_free(&whole);
}

static void what_nobody_can_answer_is_answered(void **state)
{
    struct guest guest;
    struct host *source = meet(&guest), *target;
    struct buf body;

    host_is_asked(&guest, source);
    target = move(source);
    body = guest_hears(&guest, target, VD_AGENT_CLIPBOARD);
    assert_int_equal(body.len, 8);
    buf_free(&body);
    guest_hears_any(&guest, target, VD_AGENT_CLIPBOARD_RELEASE);
    works_both_ways(&guest, target);
    host_free(source);
    host_free(target);
    guest_free(&guest);
}

static void guests_text_is_offered_again(void **state)
{
    struct guest guest;
    struct host *source = meet(&guest), *target;

    guest_grabs(&guest, source);
    target = move(source);
    pass_time(target);
    assert_true(target->guest_has);
    works_both_ways(&guest, target);
    host_free(source);
    host_free(target);
    guest_free(&guest);
}

/* A migration that fails after it has saved. */
static void source_goes_on(void **state)
{
    g_autofree char *text = numbers(LONG_TEXT);
    struct guest guest;
    struct host *source = meet(&guest);
    struct buf body;

    host_is_asked(&guest, source);
    clip_give(source->clip, text, LONG_TEXT);
    for (unsigned i = 0; i < 3; i++)
        g_bytes_unref(host_save(source));
    body = guest_hears(&guest, source, VD_AGENT_CLIPBOARD);
    assert_int_equal(body.len, 8 + LONG_TEXT);
    assert_memory_equal(body.data + 8, text, LONG_TEXT);
    buf_free(&body);
    works_both_ways(&guest, source);
    host_free(source);
    guest_free(&guest);
}

static double cpu_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Both of the socket's queues are full and a text waits that is longer than what can be carried. */
static void save_is_quick_and_bounded(void **state)
{
    g_autofree char *text = numbers(1 << 20);
    struct guest guest;
    struct host *source = meet(&guest), *target;
    GBytes *saved;
    double began;
    gsize len;

    host_is_asked(&guest, source);
    source->deaf = true;
    while (send(source->qemu, text, 4096, MSG_NOSIGNAL) > 0)
        continue;
    clip_give(source->clip, text, 1 << 20);
    source->deaf = true;
    began = cpu_ms();
    saved = state_save(source->hub, source->clip, source->port);
    assert_true(cpu_ms() - began < SAVE_MS);
    len = g_bytes_get_size(saved);
    assert_true(len > 64 * 1024 && len <= BUS_STATE_MAX);
    target = host_new();
    assert_true(host_load(target, g_bytes_get_data(saved, NULL), len));
    g_bytes_unref(saved);
    host_free(source);
    host_free(target);
    guest_free(&guest);
}

/* Half a text is none: where it cannot be carried both ends begin anew, in step. */
static void text_too_long_to_carry_begins_anew(void **state)
{
    const uint32_t caps[] = {0, GUEST_CAPS};
    g_autofree char *text = numbers((1 << 20) - 64);
    struct guest guest;
    struct host *source = meet(&guest), *target;
    gint64 end = g_get_monotonic_time() + WAIT_MS * G_GINT64_CONSTANT(1000);

    host_is_asked(&guest, source);
    clip_give(source->clip, text, (1 << 20) - 64);
    target = move(source);
    /* The half is taken back on the other port, which the guest here knows nothing of. */
    while (guest.chunks.len < 8 || guest.chunks.data[0] != VDP_SERVER_PORT) {
        uint8_t chunk[8];
        uint32_t size;

        assert_true(g_get_monotonic_time() < end);
        pass_time(target);
        if (recv(target->qemu, chunk, 8, MSG_PEEK) < 8)
            continue;
        memcpy(&size, chunk + 4, 4);
        if (chunk[0] == VDP_SERVER_PORT)
            break;
        while (recv(target->qemu, chunk, 8, MSG_PEEK) == 8 &&
               guest_reads(&guest, target, 8 + size) < 8)
            continue;
    }
    buf_reset(&guest.messages);
    assert_int_equal(recv(target->qemu, text, 8 + HEADER, 0), 8 + HEADER);
    guest_hears_any(&guest, target, VD_AGENT_ANNOUNCE_CAPABILITIES);
    guest_says(target, VD_AGENT_ANNOUNCE_CAPABILITIES, caps, sizeof(caps));
    guest.serial = 0;
    works_both_ways(&guest, target);
    host_free(source);
    host_free(target);
    guest_free(&guest);
}

/* Anything may come. What is loaded all the same must be something to go on with. */
static void hostile_states_do_no_harm(void **state)
{
    g_autofree char *text = numbers(3000);
    struct guest guest;
    struct host *source = meet(&guest);
    GRand *rand = g_rand_new_with_seed(5);
    gsize len;
    GBytes *saved;
    uint8_t *data;
    unsigned loaded = 0;

    host_is_asked(&guest, source);
    clip_give(source->clip, text, 3000);
    saved = host_save(source);
    data = g_bytes_unref_to_data(saved, &len);
    for (gsize cut = 0; cut < len; cut += 7) {
        struct state parts;

        assert_false(state_load(data, cut, &parts));
    }
    for (unsigned i = 0; i < 400; i++) {
        struct host *target = host_new();
        uint8_t *changed_bytes = g_memdup2(data, len);

        for (unsigned n = g_rand_int_range(rand, 1, 4); n--;)
            changed_bytes[g_rand_int_range(rand, 0, (gint32)len)] = (uint8_t)g_rand_int(rand);
        loaded += host_load(target, changed_bytes, len);
        pass_time(target);
        guest_grabs(&guest, target);
        hub_tick(target->hub, g_get_monotonic_time());
        pass_time(target);
        g_free(changed_bytes);
        host_free(target);
    }
    assert_true(loaded > 0);
    g_rand_free(rand);
    g_free(data);
    host_free(source);
    guest_free(&guest);
}

static GLogWriterOutput say_nothing(GLogLevelFlags level, const GLogField *fields, gsize n,
                                    gpointer opaque)
{
    return G_LOG_WRITER_HANDLED;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_ends_are_the_guests_own),
        cmocka_unit_test(text_under_way_arrives_whole),
        cmocka_unit_test(message_of_the_guest_is_cut_anywhere),
        cmocka_unit_test(what_nobody_can_answer_is_answered),
        cmocka_unit_test(guests_text_is_offered_again),
        cmocka_unit_test(source_goes_on),
        cmocka_unit_test(save_is_quick_and_bounded),
        cmocka_unit_test(text_too_long_to_carry_begins_anew),
        cmocka_unit_test(hostile_states_do_no_harm),
    };

    g_log_set_writer_func(say_nothing, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
