/* SPDX-License-Identifier: MIT */
/* What the main channel puts on the wire in a move, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <spice/enums.h>
#include <string.h>

#include "agent/hub.h"
#include "channel/main.h"

struct seen {
    enum main_answer answer;
    unsigned answers, attaches, seamless, ends, restored, marks;
    uint32_t mode;
    uint32_t tokens;
    size_t agent_bytes;
    unsigned words; /* asked for; the first is `word` */
    struct hub_word word;
};

static void on_attach(void *owner)
{
    ((struct seen *)owner)->attaches++;
}

static void on_mode(void *owner, uint32_t mode)
{
    ((struct seen *)owner)->mode = mode;
}

static void on_answer(void *owner, enum main_answer answer)
{
    struct seen *seen = owner;

    seen->answer = answer;
    seen->answers++;
}

static void on_mark(void *owner)
{
    ((struct seen *)owner)->marks++;
}

static void on_seamless(void *owner, uint32_t version)
{
    ((struct seen *)owner)->seamless++;
}

static void on_end(void *owner)
{
    ((struct seen *)owner)->ends++;
}

static void on_restored(void *owner, const struct main_state *state)
{
    ((struct seen *)owner)->restored++;
}

static void on_round_trip(void *owner, uint64_t time)
{
}

static void on_agent(void *owner, uint32_t tokens)
{
    ((struct seen *)owner)->tokens += tokens;
}

static void on_agent_data(void *owner, const uint8_t *bytes, size_t len)
{
    ((struct seen *)owner)->agent_bytes += len;
}

static bool agent_next(void *owner, struct hub_word *word)
{
    struct seen *seen = owner;

    *word = seen->word;
    seen->words++;
    return seen->words == 1;
}

static const struct main_link_ops ops = {
    .agent_start = on_agent,
    .agent_tokens = on_agent,
    .agent_data = on_agent_data,
    .agent_next = agent_next,
    .attach_channels = on_attach,
    .mouse_mode_request = on_mode,
    .migrate_answer = on_answer,
    .flush_mark = on_mark,
    .dst_do_seamless = on_seamless,
    .dst_migrate_end = on_end,
    .restored = on_restored,
    .round_trip = on_round_trip,
};

/* Header and body of the next message; drops it from the output. */
static struct reader take(struct main_link *link, uint16_t type, uint8_t *copy)
{
    struct buf *out = conn_output(main_link_conn(link));
    struct reader r = reader_make(out->data, out->len);
    uint32_t size;

    assert_int_equal(reader_u16(&r), type);
    size = reader_u32(&r);
    assert_true(size <= reader_left(&r));
    memcpy(copy, out->data + 6, size);
    buf_consume(out, 6 + size);
    return reader_make(copy, size);
}

static void feed(struct main_link *link, uint16_t type, const void *body, uint32_t size)
{
    struct buf b = BUF_INIT;

    buf_u16(&b, type);
    buf_u32(&b, size);
    buf_append(&b, body, size);
    conn_feed(main_link_conn(link), b.data, b.len);
    buf_free(&b);
}

static void check_destination(struct reader *r, uint32_t fixed, bool version)
{
    assert_int_equal(reader_u16(r), 5900);
    assert_int_equal(reader_u16(r), 0); /* no TLS port: 0, never 65535 */
    assert_int_equal(reader_u32(r), 5);
    assert_int_equal(reader_u32(r), fixed);
    assert_int_equal(reader_u32(r), 3);
    assert_int_equal(reader_u32(r), fixed + 5);
    if (version)
        assert_int_equal(reader_u32(r), 1);
    assert_memory_equal(reader_bytes(r, 5), "host", 5);
    assert_memory_equal(reader_bytes(r, 3), "CN", 3);
    assert_int_equal(reader_left(r), 0);
    assert_true(reader_ok(r));
}

static void destination_is_laid_out_right(void **state)
{
    struct seen seen = {0};
    struct main_link *link = main_link_new(&ops, &seen, true, false);
    struct main_destination dst = {.host = "host", .cert_subject = "CN", .port = 5900};
    uint8_t copy[256];
    struct reader r;

    main_send_migrate_begin(link, &dst, true);
    r = take(link, SPICE_MSG_MAIN_MIGRATE_BEGIN_SEAMLESS, copy);
    check_destination(&r, 24, true);
    main_send_migrate_begin(link, &dst, false);
    r = take(link, SPICE_MSG_MAIN_MIGRATE_BEGIN, copy);
    check_destination(&r, 20, false);
    main_send_switch_host(link, &dst);
    r = take(link, SPICE_MSG_MAIN_MIGRATE_SWITCH_HOST, copy);
    check_destination(&r, 20, false);
    main_link_free(link);
}

static void answers_are_told(void **state)
{
    struct seen seen = {0};
    struct main_link *link = main_link_new(&ops, &seen, true, false);

    feed(link, SPICE_MSGC_MAIN_MIGRATE_CONNECTED, NULL, 0);
    assert_int_equal(seen.answer, MAIN_ANSWER_SEMI);
    feed(link, SPICE_MSGC_MAIN_MIGRATE_CONNECTED_SEAMLESS, NULL, 0);
    assert_int_equal(seen.answer, MAIN_ANSWER_SEAMLESS);
    feed(link, SPICE_MSGC_MAIN_MIGRATE_CONNECT_ERROR, NULL, 0);
    assert_int_equal(seen.answer, MAIN_ANSWER_ERROR);
    assert_int_equal(seen.answers, 3);
    feed(link, SPICE_MSGC_MAIN_MIGRATE_DST_DO_SEAMLESS, "\1\0\0\0", 4); /* no target link */
    feed(link, SPICE_MSGC_MAIN_MIGRATE_END, NULL, 0);
    assert_int_equal(seen.seamless + seen.ends, 0);
    main_link_free(link);
}

static void state_goes_from_source_to_target(void **state)
{
    struct seen seen = {0}, there = {0};
    struct main_link *source = main_link_new(&ops, &seen, true, false);
    struct main_link *target = main_link_new(&ops, &there, true, true);
    struct main_state saved = {.agent = {.version = 1}, .has_mouse_mode = true};
    uint8_t copy[1024];
    struct reader r;

    saved.mouse_mode.mode = SPICE_MOUSE_MODE_CLIENT;
    feed(target, SPICE_MSGC_MAIN_ATTACH_CHANNELS, NULL, 0);
    assert_int_equal(there.attaches, 0);
    main_send_migrate(source);
    r = take(source, SPICE_MSG_MIGRATE, copy);
    assert_int_equal(reader_u32(&r), 3);
    feed(source, SPICE_MSGC_MIGRATE_FLUSH_MARK, NULL, 0);
    assert_int_equal(seen.marks, 1);
    main_send_migrate_data(source, &saved);
    r = take(source, SPICE_MSG_MIGRATE_DATA, copy);
    feed(target, SPICE_MSGC_MIGRATE_DATA, r.base, (uint32_t)r.len);
    assert_int_equal(there.restored, 1);
    assert_null(conn_error(main_link_conn(target)));
    feed(target, SPICE_MSGC_MAIN_MOUSE_MODE_REQUEST, "\2\0", 2);
    assert_int_equal(there.mode, SPICE_MOUSE_MODE_CLIENT);
    main_link_free(source);
    main_link_free(target);
}

static void broken_state_ends_only_that_link(void **state)
{
    struct seen there = {0};
    struct main_link *target = main_link_new(&ops, &there, true, true);

    feed(target, SPICE_MSGC_MIGRATE_DATA, "MNMD\1\0\0\0short", 13);
    assert_int_equal(there.restored, 0);
    assert_non_null(conn_error(main_link_conn(target)));
    main_link_free(target);
}

static void agent_messages_go_both_ways(void **state)
{
    struct seen seen = {.word = {.kind = HUB_SAY_DATA, .len = 3, .bytes = "abc"}};
    struct main_link *link = main_link_new(&ops, &seen, true, false);
    uint8_t copy[256];
    struct reader r;

    feed(link, SPICE_MSGC_MAIN_AGENT_START, "\7\0\0\0", 4);
    feed(link, SPICE_MSGC_MAIN_AGENT_TOKEN, "\1\0\0\0", 4);
    assert_int_equal(seen.tokens, 8);
    feed(link, SPICE_MSGC_MAIN_AGENT_DATA, "12345", 5);
    assert_int_equal(seen.agent_bytes, 5);
    assert_true(conn_fill(main_link_conn(link)));
    r = take(link, SPICE_MSG_MAIN_AGENT_DATA, copy);
    assert_int_equal(r.len, 3);
    assert_memory_equal(r.base, "abc", 3);
    main_link_free(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(destination_is_laid_out_right),
        cmocka_unit_test(agent_messages_go_both_ways),
        cmocka_unit_test(answers_are_told),
        cmocka_unit_test(state_goes_from_source_to_target),
        cmocka_unit_test(broken_state_ends_only_that_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
