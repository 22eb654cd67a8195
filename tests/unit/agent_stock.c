/* SPDX-License-Identifier: MIT */
/*
 * The agent through moves to and from other servers, which pass messages between one client and
 * the guest as they are. One of those is played here, by what is known of how they read the port.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glib.h>
#include <string.h>

#include "agent_rig.h"
#include "base/reader.h"
#include "migrate/blob.h"

#define TEXT VD_AGENT_CLIPBOARD_UTF8_TEXT

enum {
    CHUNK = 8,
    HEADER = 20,
};

struct stock {
    struct buf chunk_header;
    uint32_t chunk_left;
    struct buf header; /* of the message, so far */
    bool header_done;
    uint32_t left; /* bytes of the message's body */
    struct buf heard;
};

static void stock_free(struct stock *self)
{
    buf_free(&self->chunk_header);
    buf_free(&self->header);
    buf_free(&self->heard);
}

static uint32_t u32_at(const struct buf *buf, size_t at)
{
    struct reader r = reader_make(buf->data, buf->len);

    reader_skip(&r, at);
    return reader_u32(&r);
}

static void stock_reads_data(struct stock *self, uint8_t byte)
{
    self->chunk_left--;
    if (self->left) {
        buf_u8(&self->heard, byte);
        self->left--;
    } else {
        buf_u8(&self->header, byte);
        if (self->header.len == HEADER) {
            self->left = u32_at(&self->header, 16);
            buf_append(&self->heard, self->header.data, HEADER);
            buf_reset(&self->header);
        }
    }
    if (!self->chunk_left)
        buf_reset(&self->chunk_header);
}

static void stock_reads(struct stock *self, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (self->chunk_left) {
            stock_reads_data(self, bytes[i]);
            continue;
        }
        buf_u8(&self->chunk_header, bytes[i]);
        if (self->chunk_header.len == CHUNK)
            self->chunk_left = u32_at(&self->chunk_header, 4);
    }
}

static void stock_restores(struct stock *self, const struct saved_agent_read *a2c)
{
    *self = (struct stock){.left = a2c->msg_remaining};
    buf_u32(&self->chunk_header, a2c->chunk_port);
    buf_u32(&self->chunk_header, a2c->chunk_size);
    buf_truncate(&self->chunk_header, a2c->chunk_header_size);
    if (a2c->chunk_header_size == CHUNK)
        self->chunk_left = a2c->chunk_size;
    buf_append(&self->header, a2c->msg_header, a2c->msg_header_len);
    assert_true(!a2c->msg_header_done || a2c->msg_header_len == 0);
    assert_true(!a2c->msg_header_len || !a2c->msg_remaining);
}

static void stock_saves(const struct stock *self, struct saved_agent_read *a2c)
{
    a2c->msg_remaining = self->left;
    a2c->chunk_header_size = (uint32_t)self->chunk_header.len;
    if (self->chunk_left) {
        a2c->chunk_port = VDP_CLIENT_PORT;
        a2c->chunk_size = self->chunk_left;
        a2c->msg_header_done = self->left > 0;
        a2c->msg_header_len = (uint32_t)self->header.len;
        a2c->msg_header = self->header.len ? g_memdup2(self->header.data, self->header.len) : NULL;
    } else {
        uint32_t header[2] = {0};
        if (self->chunk_header.len)
            memcpy(header, self->chunk_header.data, self->chunk_header.len);
        a2c->chunk_port = header[0];
        a2c->chunk_size = header[1];
    }
}

/* ---- What is said ---- */

static const uint32_t grab[] = {0, 0, TEXT};
static const uint32_t data[] = {1, TEXT, 11, 22, 33};

/* The second message in two chunks, the first of which ends in its head. */
static struct buf guests_words(void)
{
    struct buf one = BUF_INIT, two = BUF_INIT, out = BUF_INIT;

    agent_put_message(&one, VD_AGENT_CLIPBOARD_GRAB, grab, sizeof(grab));
    agent_put_message(&two, VD_AGENT_CLIPBOARD, data, sizeof(data));
    agent_put_chunk(&out, one.data, one.len);
    agent_put_chunk(&out, two.data, 25);
    agent_put_chunk(&out, two.data + 25, two.len - 25);
    buf_free(&one);
    buf_free(&two);
    return out;
}

static struct buf clients_words(void)
{
    struct buf out = BUF_INIT;

    agent_put_message(&out, VD_AGENT_CLIPBOARD, data, sizeof(data));
    return out;
}

static struct agent_rig *with_client(void)
{
    struct agent_rig *rig = agent_rig_new();

    agent_rig_open(rig, LINUX_CAPS);
    agent_rig_join(rig, GTK_CAPS);
    agent_rig_forget(rig);
    return rig;
}

static void load_saved(struct agent_rig *rig, unsigned who, struct main_state *state)
{
    struct buf bytes = BUF_INIT;

    agent_rig_freeze(rig);
    agent_rig_save(rig, who, &bytes);
    assert_true(blob_main_load(bytes.data, bytes.len, state, NULL));
    buf_free(&bytes);
}

/* ---- To other servers ---- */

/* A message that is understood as a whole, or its front, is passed on when that is there; others
 * pass on what comes behind the header. The guest's agent writes such messages at once. */
static bool is_in_a_head(size_t cut)
{
    size_t grab_at = CHUNK, data_at = CHUNK + HEADER + sizeof(grab) + CHUNK;

    return (cut >= grab_at + HEADER && cut < grab_at + HEADER + sizeof(grab)) ||
           (cut >= data_at + HEADER && cut < data_at + HEADER + 8 + CHUNK);
}

static void to_stock_in_the_guests_words(const struct buf *words, size_t cut)
{
    struct agent_rig *rig = with_client();
    struct main_state state;
    struct stock stock;

    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_GRAB, 1, 0, TEXT, END);
    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_REQUEST, 1, TEXT, END);
    agent_rig_forget(rig);
    agent_raw(rig, 0, words->data, cut);
    load_saved(rig, 1, &state);
    assert_int_equal(state.agent.connected, state.client_agent_started);
    assert_int_equal(state.agent.connected, !is_in_a_head(cut));
    assert_int_equal(state.a2c.msg_filter, SAVED_FILTER_OK);
    if (!state.agent.connected) {
        blob_main_free(&state);
        agent_rig_free(rig);
        return;
    }
    stock_restores(&stock, &state.a2c);
    stock_reads(&stock, words->data + cut, words->len - cut);
    buf_append(&rig->peers[1].stream[0], stock.heard.data, stock.heard.len);
    agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD, 1, TEXT, 11, 22, 33, END);
    agent_hears_nothing(rig, 1);
    stock_free(&stock);
    blob_main_free(&state);
    agent_rig_free(rig);
}

static void others_go_on_in_the_guests_words(void **state)
{
    struct buf words = guests_words();

    for (size_t cut = 0; cut <= words.len; cut++)
        to_stock_in_the_guests_words(&words, cut);
    buf_free(&words);
}

static struct agent_rig *that_pastes(void)
{
    struct agent_rig *rig = with_client();

    agent_say_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 1, 0, TEXT, END);
    agent_say_u32(rig, 0, VD_AGENT_CLIPBOARD_REQUEST, 1, TEXT, END);
    agent_rig_forget(rig);
    return rig;
}

static void to_stock_in_the_clients_words(const struct buf *words, size_t cut, size_t read)
{
    struct agent_rig *rig = that_pastes();
    struct rig_peer *guest = &rig->peers[0];
    struct buf rest = BUF_INIT;
    struct main_state state;

    guest->stuck = true;
    guest->queue_max = 40;
    agent_raw(rig, 1, words->data, cut);
    agent_guest_reads(rig, MIN(read, guest->queue.len));
    load_saved(rig, 1, &state);
    assert_true(state.agent.connected);
    assert_int_equal(state.c2a.msg_remaining, words->len - cut);
    assert_int_equal(state.c2a.msg_filter, SAVED_FILTER_OK);
    assert_in_range(state.agent.num_client_tokens + state.agent.write_num_client_tokens, 0,
                    HUB_WINDOW);
    agent_put_chunk(&rest, words->data + cut, words->len - cut);
    buf_reset(&guest->queue);
    buf_append(&guest->queue, state.agent.write_data, state.agent.write_size);
    buf_append(&guest->queue, rest.data, rest.len);
    agent_guest_reads(rig, guest->queue.len);
    guest->queue_max = 0;
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 1, TEXT, 11, 22, 33, END);
    agent_hears_nothing(rig, 0);
    assert_int_equal(guest->chunks.len, 0);
    buf_free(&rest);
    blob_main_free(&state);
    agent_rig_free(rig);
}

/* Clients do not cut a message's header. */
static void others_go_on_in_the_clients_words(void **state)
{
    struct buf words = clients_words();

    for (size_t cut = HEADER; cut < words.len; cut++) {
        for (size_t read = 0; read <= 40; read++)
            to_stock_in_the_clients_words(&words, cut, read);
    }
    buf_free(&words);
}

/* What they cannot be told: that there are several clients. They give each an agent anew. */
static void of_several_clients_others_hear_nothing(void **state)
{
    struct agent_rig *rig = with_client();
    struct main_state saved;

    agent_rig_join(rig, GTK_CAPS);
    for (unsigned i = 1; i <= 2; i++) {
        load_saved(rig, i, &saved);
        assert_false(saved.agent.connected);
        assert_false(saved.client_agent_started);
        blob_main_free(&saved);
    }
    agent_rig_free(rig);
}

/* ---- From other servers ---- */

static struct agent_rig *from_stock(struct main_state *state, const struct buf *heard,
                                    bool port_first)
{
    struct agent_rig *rig = agent_rig_new();
    struct buf bytes = BUF_INIT;

    state->agent.version = SAVED_VERSION;
    state->agent.connected = state->client_agent_started = true;
    state->agent.num_client_tokens = HUB_WINDOW - state->agent.write_num_client_tokens;
    state->agent.num_send_tokens = UINT32_MAX;
    assert_true(blob_main_save(state, &bytes, NULL));
    buf_append(&rig->peers[0].chunks, heard->data, heard->len);
    if (port_first) {
        hub_hold(rig->hub, true);
        hub_guest_open(rig->hub);
    }
    agent_rig_arrive(rig, 1, &bytes);
    assert_int_equal(hub_guest_is_open(rig->hub), port_first);
    if (!port_first)
        hub_guest_open(rig->hub);
    agent_rig_settle(rig);
    buf_free(&bytes);
    return rig;
}

static void from_stock_in_the_guests_words(const struct buf *words, size_t cut, bool port_first)
{
    struct main_state state = {0};
    struct stock stock = {0};
    struct agent_rig *rig;
    struct buf later = BUF_INIT;

    stock_reads(&stock, words->data, cut);
    stock_saves(&stock, &state.a2c);
    rig = from_stock(&state, &(struct buf)BUF_INIT, port_first);
    agent_raw(rig, 0, words->data + cut, words->len - cut);
    buf_append(&later, rig->peers[1].stream[0].data, rig->peers[1].stream[0].len);
    buf_reset(&rig->peers[1].stream[0]);
    buf_append(&rig->peers[1].stream[0], stock.heard.data, stock.heard.len);
    buf_append(&rig->peers[1].stream[0], later.data, later.len);
    agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD, 1, TEXT, 11, 22, 33, END);
    agent_hears_nothing(rig, 1);
    agent_hears_nothing(rig, 0);
    assert_int_equal(rig->peers[1].disconnects + rig->peers[1].connects, 0);
    assert_null(rig->guest_garbage);
    buf_free(&later);
    stock_free(&stock);
    blob_main_free(&state);
    agent_rig_free(rig);
}

static void it_goes_on_in_the_guests_words(void **state)
{
    struct buf words = guests_words();

    for (size_t cut = 0; cut <= words.len; cut++) {
        from_stock_in_the_guests_words(&words, cut, false);
        from_stock_in_the_guests_words(&words, cut, true);
    }
    buf_free(&words);
}

static struct main_state with_clients_words(const struct buf *words, size_t cut, size_t read)
{
    struct main_state state = {.c2a.msg_remaining = (uint32_t)(words->len - cut)};
    struct buf written = BUF_INIT;

    agent_put_chunk(&written, words->data, cut);
    state.agent.write_size = (uint32_t)(written.len - read);
    state.agent.write_num_client_tokens = state.agent.write_size ? 1 : 0;
    if (state.agent.write_size)
        state.agent.write_data = g_memdup2(written.data + read, written.len - read);
    buf_free(&written);
    return state;
}

static void from_stock_in_the_clients_words(const struct buf *words, size_t cut, size_t read)
{
    struct main_state state = with_clients_words(words, cut, read);
    struct buf heard = BUF_INIT;
    struct agent_rig *rig;

    agent_put_chunk(&heard, words->data, cut);
    buf_truncate(&heard, read); /* what the guest had read at the source */
    rig = from_stock(&state, &heard, read & 1);
    agent_raw(rig, 1, words->data + cut, words->len - cut);
    assert_null(rig->peers[1].garbage);
    agent_hears_u32(rig, 0, VD_AGENT_CLIPBOARD, 1, TEXT, 11, 22, 33, END);
    agent_hears_nothing(rig, 0);
    assert_int_equal(rig->peers[0].chunks.len, 0);
    buf_free(&heard);
    blob_main_free(&state);
    agent_rig_free(rig);
}

static void it_goes_on_in_the_clients_words(void **state)
{
    struct buf words = clients_words();

    for (size_t cut = HEADER; cut < words.len; cut++) {
        for (size_t read = 0; read <= CHUNK + cut; read++)
            from_stock_in_the_clients_words(&words, cut, read);
    }
    buf_free(&words);
}

/* The rest of what was filtered out there is filtered out here. */
static void what_others_dropped_stays_dropped(void **state)
{
    struct main_state saved = {.a2c = {.msg_remaining = 8, .msg_filter = SAVED_FILTER_DISCARD}};
    struct agent_rig *rig = from_stock(&saved, &(struct buf)BUF_INIT, true);
    struct buf words = BUF_INIT;

    agent_put_chunk(&words, "12345678", 8);
    agent_raw(rig, 0, words.data, words.len);
    agent_hears_nothing(rig, 1);
    agent_say(rig, 0, VD_AGENT_CLIPBOARD_GRAB, grab, sizeof(grab));
    agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
    buf_free(&words);
    agent_rig_free(rig);
}

/* Other servers lose a resize after a move: it goes to the agent there. */
static void monitors_go_to_the_device(void **state)
{
    struct main_state saved = {0};
    struct agent_rig *rig = from_stock(&saved, &(struct buf)BUF_INIT, true);

    rig->device_takes_monitors = true;
    agent_say_u32(rig, 1, VD_AGENT_MONITORS_CONFIG, 1, 1, 600, 800, 32, 0, 0, END);
    assert_int_equal(rig->monitors.len, 28);
    agent_hears_nothing(rig, 0);
    agent_rig_free(rig);
}

static void switches_hold(void **state)
{
    struct main_state saved = {0};
    struct agent_rig *rig = from_stock(&saved, &(struct buf)BUF_INIT, true);

    hub_set_switches(rig->hub, (struct hub_switches){true, true, true});
    assert_int_equal(rig->peers[1].disconnects, 0);
    hub_set_switches(rig->hub, (struct hub_switches){true, false, true});
    agent_rig_settle(rig);
    assert_int_equal(rig->peers[1].disconnects, 1); /* to hear what there is now */
    assert_int_equal(rig->peers[1].connects, 1);
    agent_rig_free(rig);
}

/* With a second client the hub must know what was agreed on: both sides say it anew. */
static void another_client_begins_it_anew(void **state)
{
    struct main_state saved = {0};
    struct agent_rig *rig = from_stock(&saved, &(struct buf)BUF_INIT, true);

    agent_rig_join(rig, GTK_CAPS);
    assert_int_equal(rig->peers[1].disconnects, 1);
    assert_int_equal(rig->peers[2].disconnects, 0);
    agent_guest_hears_server(rig, VD_AGENT_CLIENT_DISCONNECTED, NULL);
    agent_hears(rig, 0, VD_AGENT_ANNOUNCE_CAPABILITIES, NULL);
    agent_rig_free(rig);
}

/* Stock, ours, stock: in the middle of a message, still. */
static void through_us_and_on(void **state)
{
    struct buf words = guests_words();

    for (size_t cut = 0; cut < words.len; cut++) {
        struct main_state saved = {0};
        struct stock stock = {0}, next;
        struct agent_rig *rig;

        stock_reads(&stock, words.data, cut);
        stock_saves(&stock, &saved.a2c);
        rig = from_stock(&saved, &(struct buf)BUF_INIT, true);
        blob_main_free(&saved);
        agent_raw(rig, 0, words.data + cut, 1);
        load_saved(rig, 1, &saved);
        assert_true(saved.agent.connected);
        stock_restores(&next, &saved.a2c);
        stock_reads(&next, words.data + cut + 1, words.len - cut - 1);
        buf_append(&stock.heard, rig->peers[1].stream[0].data, rig->peers[1].stream[0].len);
        buf_append(&stock.heard, next.heard.data, next.heard.len);
        buf_reset(&rig->peers[1].stream[0]);
        buf_append(&rig->peers[1].stream[0], stock.heard.data, stock.heard.len);
        agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD_GRAB, 0, 0, TEXT, END);
        agent_hears_u32(rig, 1, VD_AGENT_CLIPBOARD, 1, TEXT, 11, 22, 33, END);
        stock_free(&stock);
        stock_free(&next);
        blob_main_free(&saved);
        agent_rig_free(rig);
    }
    buf_free(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_go_on_in_the_guests_words),
        cmocka_unit_test(others_go_on_in_the_clients_words),
        cmocka_unit_test(of_several_clients_others_hear_nothing),
        cmocka_unit_test(it_goes_on_in_the_guests_words),
        cmocka_unit_test(it_goes_on_in_the_clients_words),
        cmocka_unit_test(what_others_dropped_stays_dropped),
        cmocka_unit_test(monitors_go_to_the_device),
        cmocka_unit_test(switches_hold),
        cmocka_unit_test(another_client_begins_it_anew),
        cmocka_unit_test(through_us_and_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
