/* SPDX-License-Identifier: MIT */
/* The link stage: what it says to good and bad peers, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <spice/protocol.h>
#include <string.h>

#include "base/buf.h"
#include "base/reader.h"
#include "wire/link.h"

#define REPLY_HEAD (sizeof(SpiceLinkHeader) + sizeof(SpiceLinkReply))

/* The owner's side: what it answers, and what it was asked. */
struct owner {
    uint32_t admit, accept;
    bool key, ticket;
    unsigned admits, keys, tickets, accepts;
    uint8_t cipher[LINK_TICKET_BYTES];
};

static uint32_t on_admit(void *opaque, const struct link_request *request, struct link_caps *caps)
{
    struct owner *o = opaque;

    assert_int_equal(o->admits++ + o->keys + o->tickets + o->accepts, 0);
    link_caps_set(caps, SPICE_MAIN_CAP_SEAMLESS_MIGRATE);
    return o->admit;
}

static bool on_key(void *opaque, uint8_t out[LINK_KEY_BYTES])
{
    struct owner *o = opaque;

    o->keys++;
    for (unsigned i = 0; i < LINK_KEY_BYTES; i++)
        out[i] = (uint8_t)(i + 1);
    return o->key;
}

static bool on_ticket(void *opaque, const uint8_t cipher[LINK_TICKET_BYTES])
{
    struct owner *o = opaque;

    o->tickets++;
    memcpy(o->cipher, cipher, LINK_TICKET_BYTES);
    return o->ticket;
}

static uint32_t on_accept(void *opaque, const struct link_request *request)
{
    struct owner *o = opaque;

    assert_int_equal(o->tickets, 1);
    o->accepts++;
    return o->accept;
}

static const struct link_ops ops = {on_admit, on_key, on_ticket, on_accept};
static const struct owner friendly = {.key = true, .ticket = true};

static void put_header(struct buf *b, uint32_t magic, uint32_t major, uint32_t size)
{
    buf_u32(b, magic);
    buf_u32(b, major);
    buf_u32(b, 2);
    buf_u32(b, size);
}

static void put_message(struct buf *b, uint32_t n_common, uint32_t n_channel, uint32_t offset)
{
    buf_u32(b, 0x01020304);
    buf_u8(b, SPICE_CHANNEL_DISPLAY);
    buf_u8(b, 3);
    buf_u32(b, n_common);
    buf_u32(b, n_channel);
    buf_u32(b, offset);
}

static void put_ticket(struct buf *b)
{
    for (unsigned i = 0; i < LINK_TICKET_BYTES; i++)
        buf_u8(b, (uint8_t)(i * 7));
}

/* All a modern client says, then two bytes of its channel. */
static struct buf good_client(uint32_t mechanism)
{
    struct buf b = BUF_INIT;

    put_header(&b, SPICE_MAGIC, 2, 18 + 8);
    put_message(&b, 1, 1, 18);
    buf_u32(&b,
            1u << SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION | 1u << SPICE_COMMON_CAP_MINI_HEADER);
    buf_u32(&b, 1u << SPICE_DISPLAY_CAP_MULTI_CODEC);
    buf_u32(&b, mechanism);
    put_ticket(&b);
    buf_u8(&b, 0xca);
    buf_u8(&b, 0xfe);
    return b;
}

/* Feeds b in runs of `step` bytes and frees it; returns how many bytes were used. */
static size_t feed(struct link *l, struct buf *b, size_t step)
{
    size_t used = 0;

    while (used < b->len) {
        size_t n = b->len - used < step ? b->len - used : step;
        size_t took = link_feed(l, b->data + used, n);

        used += took;
        if (took < n)
            break;
    }
    buf_free(b);
    return used;
}

static void check_good_output(struct link *l)
{
    struct buf *out = link_output(l);
    struct reader r = reader_make(out->data, out->len);
    const uint8_t *key;

    assert_int_equal(out->len, REPLY_HEAD + 8 + 4);
    assert_int_equal(reader_u32(&r), 0x51444552);
    assert_int_equal(reader_u32(&r), 2);
    assert_int_equal(reader_u32(&r), 2);
    assert_int_equal(reader_u32(&r), 178 + 8);
    assert_int_equal(reader_u32(&r), SPICE_LINK_ERR_OK);
    key = reader_bytes(&r, LINK_KEY_BYTES);
    assert_int_equal(key[0], 1);
    assert_int_equal(key[161], 162);
    assert_int_equal(reader_u32(&r), 1);
    assert_int_equal(reader_u32(&r), 1);
    assert_int_equal(reader_u32(&r), 178);
    assert_int_equal(reader_u32(&r), 0xb); /* auth selection, spice, mini header */
    assert_int_equal(reader_u32(&r), 1u << SPICE_MAIN_CAP_SEAMLESS_MIGRATE);
    assert_int_equal(reader_u32(&r), SPICE_LINK_ERR_OK);
}

static void check_good(size_t step)
{
    struct owner o = friendly;
    struct link *l = link_new(&ops, &o);
    struct buf in = good_client(SPICE_COMMON_CAP_AUTH_SPICE);
    size_t len = in.len;
    const struct link_request *r;

    assert_int_equal(link_state(l), LINK_NEED_MORE);
    assert_int_equal(feed(l, &in, step), len - 2);
    assert_int_equal(link_state(l), LINK_DONE);
    assert_null(link_reason(l));
    check_good_output(l);
    r = link_request(l);
    assert_int_equal(r->connection_id, 0x01020304);
    assert_int_equal(r->channel_type, SPICE_CHANNEL_DISPLAY);
    assert_int_equal(r->channel_id, 3);
    assert_true(r->mini_header);
    assert_true(link_caps_has(&r->channel_caps, SPICE_DISPLAY_CAP_MULTI_CODEC));
    assert_false(link_caps_has(&r->channel_caps, SPICE_DISPLAY_CAP_CODEC_VP8));
    assert_int_equal(o.cipher[127], (uint8_t)(127 * 7));
    assert_int_equal(o.accepts, 1);
    assert_int_equal(link_feed(l, "x", 1), 0);
    link_free(l);
}

static void good_peer_is_linked(void **state)
{
    check_good(1000);
}

static void length_of_runs_does_not_matter(void **state)
{
    for (size_t step = 1; step < 64; step++)
        check_good(step);
}

static void old_client_sends_its_ticket_at_once(void **state)
{
    struct owner o = friendly;
    struct link *l = link_new(&ops, &o);
    struct buf in = BUF_INIT;

    put_header(&in, SPICE_MAGIC, 2, 18);
    put_message(&in, 0, 0, 0);
    put_ticket(&in);
    feed(l, &in, 1000);
    assert_int_equal(link_state(l), LINK_DONE);
    assert_false(link_request(l)->mini_header);
    link_free(l);
}

/* Feeds in one-byte runs, expects failure with this error told in an early reply without a key. */
static void expect_early(struct buf *in, const struct owner *owner, uint32_t error)
{
    struct owner o = *owner;
    struct link *l = link_new(&ops, &o);
    struct reader r;

    feed(l, in, 1);
    assert_int_equal(link_state(l), LINK_FAILED);
    assert_int_equal(link_error(l), error);
    assert_non_null(link_reason(l));
    assert_int_equal(o.tickets + o.accepts, 0);
    assert_int_equal(link_output(l)->len, REPLY_HEAD);
    r = reader_make(link_output(l)->data, link_output(l)->len);
    reader_skip(&r, 12);
    assert_int_equal(reader_u32(&r), 178);
    assert_int_equal(reader_u32(&r), error);
    for (unsigned i = 0; i < LINK_KEY_BYTES + 12; i++)
        assert_int_equal(reader_u8(&r), 0);
    assert_true(reader_ok(&r));
    assert_int_equal(link_feed(l, "x", 1), 0);
    link_free(l);
}

static void wrong_magic_is_seen_in_four_bytes(void **state)
{
    struct buf in = BUF_INIT;

    buf_append(&in, "GET ", 4);
    expect_early(&in, &friendly, SPICE_LINK_ERR_INVALID_MAGIC);
}

static void bad_headers_are_refused(void **state)
{
    static const struct {
        uint32_t major, size, error;
    } rows[] = {
        {1, 18, SPICE_LINK_ERR_VERSION_MISMATCH}, {3, 18, SPICE_LINK_ERR_VERSION_MISMATCH},
        {2, 0, SPICE_LINK_ERR_INVALID_DATA},      {2, 17, SPICE_LINK_ERR_INVALID_DATA},
        {2, 4097, SPICE_LINK_ERR_INVALID_DATA},   {2, UINT32_MAX, SPICE_LINK_ERR_INVALID_DATA},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf in = BUF_INIT;

        put_header(&in, SPICE_MAGIC, rows[i].major, rows[i].size);
        expect_early(&in, &friendly, rows[i].error);
    }
}

static void capabilities_stay_inside_the_message(void **state)
{
    static const struct {
        uint32_t common, channel, offset;
    } rows[] = {
        {2, 1, 18},                                     /* one word more than there is */
        {1, 2, 18},          {1, 1, 19},    {1, 1, 17}, /* inside the fixed part */
        {1, 1, 0},           {1, 0, 27},    {1, 0, UINT32_MAX},
        {1025, 0, 18},       {0, 1025, 18}, {0x40000000, 0, 18}, /* 4 * count wraps in 32 bits */
        {UINT32_MAX, 2, 18},                                     /* the sum wraps */
        {UINT32_MAX, 1, 18},                                     /* to none */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf in = BUF_INIT;

        put_header(&in, SPICE_MAGIC, 2, 18 + 8);
        put_message(&in, rows[i].common, rows[i].channel, rows[i].offset);
        buf_u64(&in, UINT64_MAX);
        expect_early(&in, &friendly, SPICE_LINK_ERR_INVALID_DATA);
    }
}

static void largest_message_is_taken(void **state)
{
    struct owner o = friendly;
    struct link *l = link_new(&ops, &o);
    struct buf in = BUF_INIT;

    put_header(&in, SPICE_MAGIC, 2, 4096);
    put_message(&in, 1000, 19, 20);
    memset(buf_extend(&in, 4096 - 18), 0xff, 4096 - 18);
    feed(l, &in, 100);
    assert_int_equal(link_state(l), LINK_NEED_MORE);
    assert_int_equal(link_request(l)->common_caps.count, LINK_CAPS_WORDS);
    assert_int_equal(link_request(l)->channel_caps.count, LINK_CAPS_WORDS);
    assert_true(link_caps_has(&link_request(l)->common_caps, 32 * LINK_CAPS_WORDS - 1));
    assert_false(link_caps_has(&link_request(l)->common_caps, 32 * LINK_CAPS_WORDS));
    link_free(l);
}

static void owner_refuses_before_the_reply(void **state)
{
    struct owner o = friendly;
    struct buf in = good_client(SPICE_COMMON_CAP_AUTH_SPICE);

    o.admit = SPICE_LINK_ERR_NEED_SECURED;
    expect_early(&in, &o, SPICE_LINK_ERR_NEED_SECURED);
    o = friendly;
    o.key = false;
    in = good_client(SPICE_COMMON_CAP_AUTH_SPICE);
    expect_early(&in, &o, SPICE_LINK_ERR_ERROR);
}

/* Expects a good reply, then this error as the result. */
static void expect_late(uint32_t mechanism, const struct owner *owner, uint32_t error)
{
    struct owner o = *owner;
    struct link *l = link_new(&ops, &o);
    struct buf in = good_client(mechanism);
    struct reader r;

    feed(l, &in, 5);
    assert_int_equal(link_state(l), LINK_FAILED);
    assert_int_equal(link_error(l), error);
    assert_non_null(link_reason(l));
    r = reader_make(link_output(l)->data, link_output(l)->len);
    reader_skip(&r, 16);
    assert_int_equal(reader_u32(&r), SPICE_LINK_ERR_OK);
    reader_skip(&r, 174 + 8);
    assert_int_equal(reader_u32(&r), error);
    assert_true(reader_ok(&r));
    assert_int_equal(reader_left(&r), 0);
    assert_int_equal(o.accepts, o.ticket && o.accept ? 1 : 0);
    link_free(l);
}

static void unoffered_mechanism_is_refused(void **state)
{
    expect_late(SPICE_COMMON_CAP_AUTH_SASL, &friendly, SPICE_LINK_ERR_INVALID_DATA);
    expect_late(UINT32_MAX, &friendly, SPICE_LINK_ERR_INVALID_DATA);
}

static void wrong_ticket_is_refused(void **state)
{
    struct owner o = friendly;

    o.ticket = false;
    expect_late(SPICE_COMMON_CAP_AUTH_SPICE, &o, SPICE_LINK_ERR_PERMISSION_DENIED);
}

static void channel_is_refused_after_the_ticket(void **state)
{
    struct owner o = friendly;

    o.accept = SPICE_LINK_ERR_BAD_CONNECTION_ID;
    expect_late(SPICE_COMMON_CAP_AUTH_SPICE, &o, SPICE_LINK_ERR_BAD_CONNECTION_ID);
}

static void silence_is_no_answer(void **state)
{
    struct buf in = good_client(SPICE_COMMON_CAP_AUTH_SPICE);

    for (size_t n = 0; n < in.len - 2; n++) {
        struct owner o = friendly;
        struct link *l = link_new(&ops, &o);

        assert_int_equal(link_feed(l, in.data, n), n);
        assert_int_equal(link_state(l), LINK_NEED_MORE);
        assert_int_equal(link_output(l)->len, n < 42 ? 0 : REPLY_HEAD + 8);
        link_free(l);
    }
    buf_free(&in);
}

static void caps_are_bounded(void **state)
{
    struct link_caps caps = {0};

    link_caps_set(&caps, 40);
    assert_int_equal(caps.count, 2);
    assert_int_equal(caps.words[0], 0);
    assert_int_equal(caps.words[1], 256);
    link_caps_set(&caps, 32 * LINK_CAPS_WORDS);
    link_caps_set(&caps, UINT32_MAX);
    assert_int_equal(caps.count, 2);
    assert_false(link_caps_has(&caps, UINT32_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_peer_is_linked),
        cmocka_unit_test(length_of_runs_does_not_matter),
        cmocka_unit_test(old_client_sends_its_ticket_at_once),
        cmocka_unit_test(wrong_magic_is_seen_in_four_bytes),
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(capabilities_stay_inside_the_message),
        cmocka_unit_test(largest_message_is_taken),
        cmocka_unit_test(owner_refuses_before_the_reply),
        cmocka_unit_test(unoffered_mechanism_is_refused),
        cmocka_unit_test(wrong_ticket_is_refused),
        cmocka_unit_test(channel_is_refused_after_the_ticket),
        cmocka_unit_test(silence_is_no_answer),
        cmocka_unit_test(caps_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
