/* SPDX-License-Identifier: MIT */
/* The agent hub through moves between servers of ours: nobody notices, wherever bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "agent_rig.h"
#include "migrate/blob.h"

#define TEXT VD_AGENT_CLIPBOARD_UTF8_TEXT
#define PNG  VD_AGENT_CLIPBOARD_IMAGE_PNG

static struct agent_rig *with_clients(unsigned n)
{
    struct agent_rig *rig = agent_rig_new();

    agent_rig_open(rig, LINUX_CAPS);
    for (unsigned i = 0; i < n; i++)
        agent_rig_join(rig, GTK_CAPS);
    agent_rig_forget(rig);
    return rig;
}

static void nobody_was_told(const struct agent_rig *rig)
{
    assert_null(rig->guest_garbage);
    for (unsigned i = 1; i < RIG_PEERS; i++) {
        assert_int_equal(rig->peers[i].disconnects, 0);
        assert_null(rig->peers[i].garbage);
    }
}

/* ---- Bytes ---- */

static const uint32_t guests_grab[] = {0, 0, TEXT};
static const uint32_t guests_data[] = {0, TEXT, 0x64636261, 0x68676665};

/* A grab, and an answer that is streamed, in chunks that end anywhere. */
static void put_guests_words(struct buf *out)
{
    struct buf grab = BUF_INIT, data = BUF_INIT;

    agent_put_message(&grab, VD_AGENT_CLIPBOARD_GRAB, guests_grab, sizeof(guests_grab));
    agent_put_message(&data, VD_AGENT_CLIPBOARD, guests_data, sizeof(guests_data));
    agent_put_chunk(out, grab.data, 13);
    agent_put_chunk(out, grab.data + 13, grab.len - 13);
    agent_put_chunk(out, data.data, 31);
    agent_put_chunk(out, data.data + 31, data.len - 31);
    buf_free(&grab);
    buf_free(&data);
}

static void guests_words_cut_at(size_t cut, const struct buf *words, bool port_first)
{
    struct agent_rig *rig = with_clients(3);

    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 1, 0, TEXT, END);
    agent_say_u32(rig, 3, VD_AGENT_CLIPBOARD_REQUEST, 1, TEXT, END);
    agent_rig_forget(rig);
    agent_raw(rig, 0, words->data, cut);
    rig = agent_rig_move(rig, port_first);
    agent_raw(rig, 0, words->data + cut, words->len - cut);
    for (unsigned i = 1; i <= 3; i++)
        agent_hears_u32(rig, i, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_hears_u32(rig, 3, VD_AGENT_CLIPBOARD, 1, TEXT, 0x64636261, 0x68676665, END);
    for (unsigned i = 0; i <= 3; i++)
        agent_hears_nothing(rig, i);
    nobody_was_told(rig);
    agent_rig_free(rig);
}

static void what_the_guest_says_may_be_cut_anywhere(void **state)
{
    struct buf words = BUF_INIT;

    put_guests_words(&words);
    words.data[8 + 13 + 8 + (32 - 13) + 8 + 20] = 1; /* the data is of the selection asked for */
    for (size_t cut = 0; cut <= words.len; cut++)
        guests_words_cut_at(cut, &words, cut & 1);
    buf_free(&words);
}

/* Three clients talk at once: a paste to the guest, a file, a grab. */
struct talk {
    struct buf words[4]; /* of clients 1 to 3 */
};

static void make_talk(struct talk *talk)
{
    static const uint32_t data[] = {0, TEXT, 1, 2, 3, 4};
    static const uint32_t start[] = {7, 0x656c6966};
    static const uint32_t piece[] = {7, 8, 0, 0x11111111, 0x22222222};
    static const uint32_t grab[] = {1, 0, PNG};

    *talk = (struct talk){0};
    agent_put_message(&talk->words[1], VD_AGENT_CLIPBOARD, data, sizeof(data));
    agent_put_message(&talk->words[2], VD_AGENT_FILE_XFER_START, start, sizeof(start));
    agent_put_message(&talk->words[2], VD_AGENT_FILE_XFER_DATA, piece, sizeof(piece));
    agent_put_message(&talk->words[3], VD_AGENT_CLIPBOARD_GRAB, grab, sizeof(grab));
}

static void free_talk(struct talk *talk)
{
    for (unsigned i = 1; i <= 3; i++)
        buf_free(&talk->words[i]);
}

static void say_part(struct agent_rig *rig, const struct talk *talk, size_t from, size_t to)
{
    for (unsigned i = 1; i <= 3; i++) {
        size_t end = MIN(to, talk->words[i].len);
        if (from < end)
            agent_raw(rig, i, talk->words[i].data + from, end - from);
    }
}

/* The guest's port gives all messages once; which client's comes first does not matter. */
static void guest_has_heard_the_talk(struct agent_rig *rig)
{
    struct buf *stream = &rig->peers[0].stream[0];
    unsigned heard[4] = {0};

    agent_rig_settle(rig);
    while (stream->len) {
        switch (stream->data[4]) {
        case VD_AGENT_CLIPBOARD:
            agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 0, TEXT, 1, 2, 3, 4, END);
            heard[0]++;
            break;
        case VD_AGENT_FILE_XFER_START:
            agent_hears_u32(rig, 0, VD_AGENT_FILE_XFER_START, 7, 0x656c6966, END);
            heard[1]++;
            break;
        case VD_AGENT_FILE_XFER_DATA:
            assert_int_equal(heard[1], 1);
            agent_hears_u32(rig, 0, VD_AGENT_FILE_XFER_DATA, 7, 8, 0, 0x11111111, 0x22222222, END);
            heard[2]++;
            break;
        default:
            agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 1, 0, PNG, END);
            heard[3]++;
        }
    }
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(heard[i], 1);
    assert_int_equal(rig->peers[0].chunks.len, 0);
}

static struct agent_rig *that_pastes(void)
{
    struct agent_rig *rig = with_clients(3);

    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_forget(rig);
    return rig;
}

static void what_clients_say_may_be_cut_anywhere(void **state)
{
    struct talk talk;

    make_talk(&talk);
    for (size_t cut = 0; cut <= talk.words[2].len; cut++) {
        struct agent_rig *rig = that_pastes();

        say_part(rig, &talk, 0, cut);
        rig = agent_rig_move(rig, cut & 1);
        say_part(rig, &talk, cut, SIZE_MAX);
        guest_has_heard_the_talk(rig);
        nobody_was_told(rig);
        agent_rig_free(rig);
    }
    free_talk(&talk);
}

/* The guest reads slowly; some is in the device's queue, some in the hub, some on its way. */
static void what_the_guest_reads_may_be_cut_anywhere(void **state)
{
    struct talk talk;

    make_talk(&talk);
    for (size_t read = 0; read < 200; read++) {
        struct agent_rig *rig = that_pastes();

        rig->peers[0].stuck = true;
        rig->peers[0].queue_max = 50 + read;
        say_part(rig, &talk, 0, 40);
        agent_guest_reads(rig, MIN(read, rig->peers[0].queue.len));
        agent_rig_freeze(rig);
        say_part(rig, &talk, 40, 55); /* between MIGRATE and the mark */
        rig = agent_rig_move(rig, read & 1);
        rig->peers[0].stuck = false;
        say_part(rig, &talk, 55, SIZE_MAX);
        guest_has_heard_the_talk(rig);
        nobody_was_told(rig);
        agent_rig_free(rig);
    }
    free_talk(&talk);
}

/* From one to the next and on, at every place, a byte or two each time. */
static void many_moves_in_a_row(void **state)
{
    struct agent_rig *rig = that_pastes();
    struct talk talk;

    make_talk(&talk);
    for (size_t at = 0; at < talk.words[2].len; at += 7) {
        say_part(rig, &talk, at, at + 7);
        rig = agent_rig_move(rig, at & 1);
    }
    guest_has_heard_the_talk(rig);
    nobody_was_told(rig);
    free_talk(&talk);
    agent_rig_free(rig);
}

/* More than what others' buffers hold goes on in our record. */
static void much_may_be_under_way(void **state)
{
    static uint8_t body[8 + 40000];
    struct agent_rig *rig = that_pastes();
    struct buf words = BUF_INIT;
    const uint8_t *heard;
    size_t len, sent = 16000;

    body[4] = TEXT;
    for (size_t i = 8; i < sizeof(body); i++)
        body[i] = (uint8_t)(i * 7 >> 3);
    agent_put_message(&words, VD_AGENT_CLIPBOARD, body, sizeof(body));
    rig->peers[0].stuck = true;
    rig->peers[0].queue_max = 2048;
    agent_raw(rig, 1, words.data, sent);
    for (unsigned i = 0; i < HUB_WINDOW; i++)
        agent_say_u32(rig, 3, VD_AGENT_CLIPBOARD_GRAB, 1, i, PNG, END);
    rig = agent_rig_move(rig, true);
    rig->peers[0].stuck = false;
    agent_rig_settle(rig);
    while (sent < words.len) {
        size_t n = MIN(words.len - sent, 2048);
        agent_raw(rig, 1, words.data + sent, n);
        sent += n;
    }
    nobody_was_told(rig);
    heard = agent_hears(rig, 0, VD_AGENT_CLIPBOARD, &len);
    assert_int_equal(len, sizeof(body));
    assert_memory_equal(heard, body, sizeof(body));
    nobody_was_told(rig);
    buf_free(&words);
    agent_rig_free(rig);
}

/* ---- Tokens ---- */

static uint32_t may_send(const struct agent_rig *rig, unsigned who)
{
    return HUB_WINDOW - (rig->peers[who].sent - rig->peers[who].tokens);
}

static void tokens_are_counted_on(void **state)
{
    static const uint8_t nothing[100];

    for (unsigned n = 0; n <= HUB_WINDOW; n++) {
        struct agent_rig *rig = that_pastes();
        struct buf words = BUF_INIT;
        unsigned before;

        agent_put_message(&words, VD_AGENT_CLIPBOARD, guests_data, 8);
        buf_set_u32(&words, 16, 1 << 16);
        words.data[24] = TEXT;
        rig->peers[0].stuck = true;
        agent_raw(rig, 1, words.data, words.len);
        for (unsigned i = 0; i < n && may_send(rig, 1); i++)
            agent_raw(rig, 1, nothing, sizeof(nothing));
        rig = agent_rig_move(rig, true);
        before = may_send(rig, 1);
        while (may_send(rig, 1))
            agent_raw(rig, 1, nothing, sizeof(nothing));
        assert_null(rig->peers[1].garbage);
        rig->peers[0].stuck = false;
        agent_rig_settle(rig);
        assert_true(may_send(rig, 1) >= HUB_WINDOW / 2 && may_send(rig, 1) >= before);
        assert_int_equal(may_send(rig, 2) + rig->peers[2].sent - rig->peers[2].tokens, HUB_WINDOW);
        while (rig->peers[1].sent < rig->peers[1].tokens + 2 * HUB_WINDOW && !rig->peers[1].garbage)
            hub_client_data(rig->peers[1].client, nothing, HUB_DATA_MAX + 1);
        assert_non_null(rig->peers[1].garbage);
        buf_free(&words);
        agent_rig_free(rig);
    }
}

/* What a client may be sent: it gave so many tokens, it has so many. */
static void a_client_without_tokens_is_sent_nothing(void **state)
{
    struct agent_rig *rig = agent_rig_new();
    struct hub_client *client;

    agent_rig_open(rig, LINUX_CAPS);
    rig->peers[1].client = client = hub_client_new(rig->hub, 1001, true, &rig->peers[1]);
    agent_rig_settle(rig);
    hub_client_start(client, 2);
    agent_say_u32(rig, 1, VD_AGENT_ANNOUNCE_CAPABILITIES, 1, GTK_CAPS, END);
    agent_say_u32(rig, 0, VD_AGENT_ANNOUNCE_CAPABILITIES, 0, LINUX_CAPS, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_rig_forget(rig);
    rig = agent_rig_move(rig, true);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 1, 0, TEXT, END);
    agent_hears_nothing(rig, 1);
    hub_client_tokens(rig->peers[1].client, 1);
    agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 1, 0, TEXT, END);
    agent_rig_free(rig);
}

/* ---- The clipboard ---- */

static void owners_and_serials_stay(void **state)
{
    struct agent_rig *rig = with_clients(3);

    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_say_u32(rig, 2, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, PNG, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 1, 0, TEXT, END);
    agent_rig_forget(rig);
    rig = agent_rig_move(rig, true);
    for (unsigned i = 0; i <= 3; i++)
        agent_hears_nothing(rig, i);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, PNG, END);
    agent_hears_u32(rig, 2, VD_AGENT_CLIPBOARD_REQUEST, 0, PNG, END);
    agent_say_u32(rig, 3, VD_AGENT_CLIPBOARD_REQUEST, 1, TEXT, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 1, TEXT, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 2, TEXT, END); /* the third */
    for (unsigned i = 1; i <= 3; i++)
        agent_hears_u32(rig, i, VD_AGENT_CLIPBOARD_GRAB, 0, 2, TEXT, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 0, VD_AGENT_CLIPBOARD_NONE, END); /* the PNG */
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 3, PNG, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 3, PNG, END);
    nobody_was_told(rig);
    agent_rig_free(rig);
}

static void requests_are_answered_at_the_target(void **state)
{
    struct agent_rig *rig = that_pastes();

    agent_say_u32(rig, 2, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_forget(rig);
    rig = agent_rig_move(rig, true);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD, 0, TEXT, 1, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 0, TEXT, 1, END);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD, 0, TEXT, 2, END);
    agent_hears_u32(rig, 2, VD_AGENT_CLIPBOARD, 0, TEXT, 2, END);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD, 0, TEXT, 3, END); /* nobody asked */
    for (unsigned i = 0; i <= 3; i++)
        agent_hears_nothing(rig, i);
    agent_rig_free(rig);
}

static struct agent_rig *move_without(struct agent_rig *source, unsigned who)
{
    struct agent_rig *target;

    agent_rig_freeze(source);
    target = agent_rig_target(source);
    hub_guest_open(target->hub);
    for (unsigned i = 1; i < RIG_PEERS; i++) {
        struct buf state = BUF_INIT;

        if (!source->peers[i].client || i == who)
            continue;
        agent_rig_save(source, i, &state);
        agent_rig_arrive(target, i, &state);
        buf_free(&state);
    }
    agent_rig_free(source);
    return target;
}

static void an_owner_that_does_not_arrive_has_left(void **state)
{
    struct agent_rig *rig = that_pastes();

    agent_say_u32(rig, 3, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_forget(rig);
    rig = move_without(rig, 1);
    assert_true(hub_awaits_clients(rig->hub));
    agent_hears_nothing(rig, 0); /* it may still come */
    agent_rig_pass(rig, 11);
    assert_false(hub_awaits_clients(rig->hub));
    agent_hears_u32(rig, 3, VD_AGENT_CLIPBOARD, 0, VD_AGENT_CLIPBOARD_NONE, END);
    agent_hears_u32(rig, 3, VD_AGENT_CLIPBOARD_RELEASE, 0, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 0, VD_AGENT_CLIPBOARD_NONE, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_RELEASE, 0, END);
    nobody_was_told(rig);
    agent_rig_free(rig);
}

static void who_asked_and_does_not_arrive_gets_nothing(void **state)
{
    struct agent_rig *rig = that_pastes();

    agent_say_u32(rig, 3, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_forget(rig);
    rig = move_without(rig, 3);
    agent_rig_pass(rig, 11);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD, 0, TEXT, 1, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 0, TEXT, 1, END);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD, 0, TEXT, 2, END);
    for (unsigned i = 0; i <= 2; i++)
        agent_hears_nothing(rig, i);
    agent_rig_free(rig);
}

static void an_owner_that_does_not_answer_is_answered_for(void **state)
{
    struct agent_rig *rig = that_pastes();

    rig = agent_rig_move(rig, true);
    agent_rig_pass(rig, 31);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 0, VD_AGENT_CLIPBOARD_NONE, END);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD, 0, TEXT, 1, END);
    agent_hears_nothing(rig, 0);
    agent_rig_free(rig);
}

/* A port that does not open: there is no agent here. */
static void a_port_that_stays_closed_ends_the_sessions(void **state)
{
    struct agent_rig *rig = with_clients(2);
    struct agent_rig *target;

    agent_rig_freeze(rig);
    target = agent_rig_target(rig);
    for (unsigned i = 1; i <= 2; i++) {
        struct buf bytes = BUF_INIT;
        agent_rig_save(rig, i, &bytes);
        agent_rig_arrive(target, i, &bytes);
        buf_free(&bytes);
    }
    nobody_was_told(target);
    agent_rig_pass(target, 11);
    for (unsigned i = 1; i <= 2; i++)
        assert_int_equal(target->peers[i].disconnects, 1);
    assert_false(hub_guest_is_open(target->hub));
    agent_rig_free(rig);
    agent_rig_free(target);
}

static void each_keeps_its_capabilities(void **state)
{
    struct agent_rig *rig = with_clients(1);

    agent_rig_join(rig, GTK_CAPS & ~(CAP(CLIPBOARD_GRAB_SERIAL) | CAP(CLIPBOARD_SELECTION)));
    agent_rig_join(rig, GTK_CAPS & ~CAP(CLIPBOARD_NO_RELEASE_ON_REGRAB));
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_rig_forget(rig);
    rig = agent_rig_move(rig, true);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, END);
    agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, END);
    agent_hears_u32(rig, 2, VD_AGENT_CLIPBOARD_GRAB, TEXT, END);
    agent_hears_u32(rig, 3, VD_AGENT_CLIPBOARD_RELEASE, 0, END);
    agent_hears_u32(rig, 3, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, END);
    agent_rig_free(rig);
}

/* ---- The rest ---- */

static void files_go_on_under_their_numbers(void **state)
{
    struct agent_rig *rig = with_clients(2);
    const uint8_t *heard;
    uint32_t second;

    agent_say(rig, 1, VD_AGENT_FILE_XFER_START, "\1\0\0\0[file]", 10);
    agent_rig_forget(rig);
    agent_say(rig, 2, VD_AGENT_FILE_XFER_START, "\1\0\0\0[other]", 11);
    heard = agent_hears(rig, 0, VD_AGENT_FILE_XFER_START, NULL);
    second = heard[0] | (uint32_t)heard[2] << 16;
    rig = agent_rig_move(rig, true);
    agent_say_u32(rig, 0, VD_AGENT_FILE_XFER_STATUS, second, 0, END);
    agent_hears_u32(rig, 2, VD_AGENT_FILE_XFER_STATUS, 1, 0, END);
    agent_say_u32(rig, 2, VD_AGENT_FILE_XFER_DATA, 1, 4, 0, 5, END);
    agent_hears_u32(rig, 0, VD_AGENT_FILE_XFER_DATA, second, 4, 0, 5, END);
    agent_say_u32(rig, 0, VD_AGENT_FILE_XFER_STATUS, 1, VD_AGENT_FILE_XFER_STATUS_SUCCESS, END);
    agent_hears_u32(rig, 1, VD_AGENT_FILE_XFER_STATUS, 1, VD_AGENT_FILE_XFER_STATUS_SUCCESS, END);
    agent_rig_free(rig);
}

static void say_monitors(struct agent_rig *rig, unsigned who, uint32_t width)
{
    agent_say_u32(rig, who, VD_AGENT_MONITORS_CONFIG, 1, 1, 600, width, 32, 0, 0, END);
}

static void device_has_width(const struct agent_rig *rig, uint32_t width)
{
    assert_int_equal(rig->monitors.len, 28);
    assert_int_equal(rig->monitors.data[12] | rig->monitors.data[13] << 8, width);
}

/* The device may be there only after the client; it is asked each time. */
static void monitors_go_to_the_device_at_once(void **state)
{
    struct agent_rig *rig = with_clients(2);

    hub_client_input(rig->peers[2].client);
    say_monitors(rig, 1, 700);
    rig = agent_rig_move(rig, true);
    rig->device_takes_monitors = true;
    say_monitors(rig, 2, 900);
    device_has_width(rig, 900);
    hub_client_input(rig->peers[1].client);
    device_has_width(rig, 700);
    agent_hears_nothing(rig, 0);
    agent_rig_free(rig);
}

static void a_click_is_where_the_pointer_was(void **state)
{
    static const uint32_t pressed[] = {10, 20, VD_AGENT_LBUTTON_MASK};
    struct agent_rig *rig = with_clients(1);

    hub_mouse_to(rig->hub, 10, 20, 0, 0);
    agent_rig_forget(rig);
    rig = agent_rig_move(rig, true);
    assert_true(hub_takes_mouse(rig->hub));
    hub_mouse_buttons(rig->hub, 1, 0);
    assert_memory_equal(agent_guest_hears_server(rig, VD_AGENT_MOUSE_STATE, NULL), pressed,
                        sizeof(pressed));
    agent_rig_free(rig);
}

#define NO_CLIPBOARD_CAPS                                                                          \
    (LINUX_CAPS & ~(CAP(CLIPBOARD_BY_DEMAND) | CAP(CLIPBOARD_SELECTION) | CAP(MAX_CLIPBOARD) |     \
                    CAP(CLIPBOARD_NO_RELEASE_ON_REGRAB) | CAP(CLIPBOARD_GRAB_SERIAL)))

static struct agent_rig *move_to_switches(struct agent_rig *source, struct hub_switches switches)
{
    struct agent_rig *target;
    struct buf state = BUF_INIT;

    agent_rig_freeze(source);
    target = agent_rig_target(source);
    hub_set_switches(target->hub, switches);
    hub_guest_open(target->hub);
    agent_rig_save(source, 1, &state);
    agent_rig_arrive(target, 1, &state);
    buf_free(&state);
    agent_rig_free(source);
    return target;
}

/* The target's own switches hold, and everybody is told. */
static void copy_paste_may_be_off_at_the_target(void **state)
{
    struct agent_rig *rig = with_clients(1);
    size_t len;

    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 0, TEXT, END);
    agent_rig_forget(rig);
    rig = move_to_switches(rig, (struct hub_switches){true, false, true});
    agent_hears_u32(rig, 1, VD_AGENT_ANNOUNCE_CAPABILITIES, 0, NO_CLIPBOARD_CAPS, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 0, VD_AGENT_CLIPBOARD_NONE, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_RELEASE, 0, END);
    assert_memory_equal(agent_hears(rig, 0, VD_AGENT_ANNOUNCE_CAPABILITIES, &len), "\0\0\0", 4);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 1, 0, TEXT, END);
    agent_hears_nothing(rig, 0);
    agent_hears_nothing(rig, 1);
    hub_set_switches(rig->hub, (struct hub_switches){true, true, true});
    agent_hears_u32(rig, 1, VD_AGENT_ANNOUNCE_CAPABILITIES, 0, LINUX_CAPS, END);
    agent_hears(rig, 0, VD_AGENT_ANNOUNCE_CAPABILITIES, NULL);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, END);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, END);
    agent_rig_free(rig);
}

static void files_may_be_off_at_the_target(void **state)
{
    struct agent_rig *rig = with_clients(1);

    agent_say_u32(rig, 1, VD_AGENT_FILE_XFER_START, 5, 0, END);
    agent_rig_forget(rig);
    rig = move_to_switches(rig, (struct hub_switches){true, true, false});
    agent_hears_u32(rig, 0, VD_AGENT_FILE_XFER_STATUS, 5, VD_AGENT_FILE_XFER_STATUS_CANCELLED, END);
    agent_hears_u32(rig, 1, VD_AGENT_FILE_XFER_STATUS, 5, VD_AGENT_FILE_XFER_STATUS_DISABLED, END);
    agent_hears_u32(rig, 1, VD_AGENT_ANNOUNCE_CAPABILITIES, 0, LINUX_CAPS | CAP(FILE_XFER_DISABLED),
                    END);
    agent_say_u32(rig, 1, VD_AGENT_FILE_XFER_DATA, 5, 4, 0, 5, END);
    agent_hears_nothing(rig, 0);
    agent_rig_free(rig);
}

/* ---- Hostile states ---- */

/* Half a configuration must not reach the device. */
static void monitors_that_make_no_sense_are_dropped(void **state)
{
    struct agent_rig *rig = with_clients(2);
    struct agent_rig *target;
    struct main_state saved = {0};

    say_monitors(rig, 2, 700);
    agent_rig_freeze(rig);
    hub_save(rig->peers[2].client, NULL, &saved);
    assert_int_equal(saved.hub.members[1].monitors_len, 28);
    saved.hub.members[1].monitors[0] = 60;
    target = agent_rig_target(rig);
    target->device_takes_monitors = true;
    target->peers[2].client = hub_client_arrive(target->hub, 1002, true, &target->peers[2], &saved);
    hub_client_input(target->peers[2].client);
    assert_int_equal(target->monitors.len, 0);
    blob_main_free(&saved);
    agent_rig_free(rig);
    agent_rig_free(target);
}

/* A client that sends what is not its own, or comes without its state, begins anew, alone. */
static void a_state_without_sense_ends_only_its_session(void **state)
{
    struct agent_rig *rig = with_clients(3);
    struct agent_rig *target;
    struct buf bytes = BUF_INIT;
    struct main_state nothing = {0};

    agent_rig_freeze(rig);
    target = agent_rig_target(rig);
    hub_guest_open(target->hub);
    agent_rig_save(rig, 1, &bytes);
    agent_rig_arrive(target, 1, &bytes);
    target->peers[2].client =
        hub_client_arrive(target->hub, 1002, true, &target->peers[2], &nothing);
    target->peers[3].client = hub_client_new(target->hub, 1003, true, &target->peers[3]);
    agent_rig_settle(target);
    assert_int_equal(target->peers[1].disconnects, 0);
    assert_int_equal(target->peers[2].disconnects, 1);
    assert_int_equal(target->peers[2].connects, 1);
    assert_false(hub_awaits_clients(target->hub));
    agent_say_u32(target, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_hears_u32(target, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    buf_free(&bytes);
    agent_rig_free(rig);
    agent_rig_free(target);
}

/* The one without a state may be the first; the record of the next speaks of it still. */
static void who_comes_first_may_have_no_state(void **state)
{
    struct agent_rig *rig = that_pastes();
    struct agent_rig *target;
    struct buf bytes = BUF_INIT;
    struct main_state nothing = {0};

    agent_rig_freeze(rig);
    target = agent_rig_target(rig);
    hub_hold(target->hub, true);
    hub_guest_open(target->hub);
    target->peers[1].client =
        hub_client_arrive(target->hub, 1001, true, &target->peers[1], &nothing);
    agent_rig_save(rig, 2, &bytes);
    agent_rig_arrive(target, 2, &bytes);
    agent_hears_u32(target, 0, VD_AGENT_CLIPBOARD, 0, VD_AGENT_CLIPBOARD_NONE, END);
    agent_hears_u32(target, 0, VD_AGENT_CLIPBOARD_RELEASE, 0, END);
    agent_hears_u32(target, 2, VD_AGENT_CLIPBOARD_RELEASE, 0, END);
    hub_client_start(target->peers[1].client, UINT32_MAX);
    agent_say_u32(target, 1, VD_AGENT_ANNOUNCE_CAPABILITIES, 1, GTK_CAPS, END);
    agent_rig_forget(target);
    target = agent_rig_move(target, true);
    agent_say_u32(target, 0, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, END);
    agent_hears_u32(target, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_hears_u32(target, 2, VD_AGENT_CLIPBOARD_GRAB, 0, 1, TEXT, END);
    buf_free(&bytes);
    agent_rig_free(rig);
    agent_rig_free(target);
}

/* A move that fails: the source goes on, with what was said meanwhile. */
static void the_source_may_go_on(void **state)
{
    struct agent_rig *rig = that_pastes();

    agent_rig_freeze(rig);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD, 0, TEXT, 1, END);
    agent_hears_nothing(rig, 0);
    agent_rig_leave(rig, 2);
    hub_thaw(rig->hub);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 0, TEXT, 1, END);
    nobody_was_told(rig);
    agent_rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_guest_says_may_be_cut_anywhere),
        cmocka_unit_test(what_clients_say_may_be_cut_anywhere),
        cmocka_unit_test(what_the_guest_reads_may_be_cut_anywhere),
        cmocka_unit_test(many_moves_in_a_row),
        cmocka_unit_test(much_may_be_under_way),
        cmocka_unit_test(tokens_are_counted_on),
        cmocka_unit_test(a_client_without_tokens_is_sent_nothing),
        cmocka_unit_test(owners_and_serials_stay),
        cmocka_unit_test(requests_are_answered_at_the_target),
        cmocka_unit_test(an_owner_that_does_not_arrive_has_left),
        cmocka_unit_test(who_asked_and_does_not_arrive_gets_nothing),
        cmocka_unit_test(an_owner_that_does_not_answer_is_answered_for),
        cmocka_unit_test(a_port_that_stays_closed_ends_the_sessions),
        cmocka_unit_test(each_keeps_its_capabilities),
        cmocka_unit_test(files_go_on_under_their_numbers),
        cmocka_unit_test(monitors_go_to_the_device_at_once),
        cmocka_unit_test(a_click_is_where_the_pointer_was),
        cmocka_unit_test(copy_paste_may_be_off_at_the_target),
        cmocka_unit_test(files_may_be_off_at_the_target),
        cmocka_unit_test(monitors_that_make_no_sense_are_dropped),
        cmocka_unit_test(a_state_without_sense_ends_only_its_session),
        cmocka_unit_test(who_comes_first_may_have_no_state),
        cmocka_unit_test(the_source_may_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
