/* SPDX-License-Identifier: MIT */
/* The link stage with a login by SASL: what is said when, and what hostile peers get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <spice/protocol.h>

#include <string.h>

#include "base/buf.h"
#include "base/reader.h"
#include "wire/link.h"

/* The owner's side: a login of `more` answers before the last one, and what it was told. */
struct owner {
    const char *mechanisms;
    unsigned more;
    bool fails;
    size_t answer; /* bytes */
    uint32_t accept;

    unsigned steps, accepts;
    char name[128];
    char data[128]; /* of the last step */
    bool no_data;
    size_t len;
};

static uint32_t on_admit(void *opaque, const struct link_request *request, struct link_caps *caps)
{
    link_caps_set(caps, 0);
    return SPICE_LINK_ERR_OK;
}

static bool on_key(void *opaque, uint8_t out[LINK_KEY_BYTES])
{
    fail();
    return false;
}

static bool on_ticket(void *opaque, const uint8_t cipher[LINK_TICKET_BYTES])
{
    fail();
    return true;
}

static uint32_t on_accept(void *opaque, const struct link_request *request)
{
    struct owner *o = opaque;

    o->accepts++;
    return o->accept;
}

static bool on_wants_sasl(void *opaque)
{
    return true;
}

static const char *on_mechanisms(void *opaque)
{
    return ((struct owner *)opaque)->mechanisms;
}

static enum link_sasl on_step(void *opaque, const char *mechanism, const void *data, size_t len,
                              struct buf *out)
{
    struct owner *o = opaque;

    assert_int_equal(mechanism != NULL, o->steps == 0);
    if (mechanism)
        strcpy(o->name, mechanism);
    o->no_data = data == NULL;
    o->len = len;
    if (data) {
        assert_int_equal(((const char *)data)[len], 0);
        memcpy(o->data, data, len < sizeof(o->data) ? len + 1 : 0);
    }
    if (o->answer)
        memset(buf_extend(out, o->answer), 'a', o->answer);
    if (o->fails)
        return LINK_SASL_FAILED;
    return o->steps++ < o->more ? LINK_SASL_MORE : LINK_SASL_DONE;
}

static const struct link_ops ops = {
    .admit = on_admit,
    .public_key = on_key,
    .check_ticket = on_ticket,
    .accept = on_accept,
    .wants_sasl = on_wants_sasl,
    .sasl_mechanisms = on_mechanisms,
    .sasl_step = on_step,
};
static const struct owner friendly = {.mechanisms = "GSSAPI,DIGEST-MD5", .more = 1, .answer = 3};

/* ---- The client's bytes ---- */

static void put_link(struct buf *b, uint32_t common)
{
    buf_append(b, "REDQ", 4);
    buf_u32(b, 2);
    buf_u32(b, 2);
    buf_u32(b, sizeof(SpiceLinkMess) + sizeof(uint32_t));
    buf_u32(b, 0);
    buf_u8(b, 1);
    buf_u8(b, 0);
    buf_u32(b, 1);
    buf_u32(b, 0);
    buf_u32(b, sizeof(SpiceLinkMess));
    buf_u32(b, common);
}

static void put_sized(struct buf *b, const char *bytes, uint32_t size)
{
    buf_u32(b, size);
    if (size)
        buf_append(b, bytes, size);
}

/* A link up to the choice of SASL. */
static struct buf chosen(void)
{
    struct buf b = BUF_INIT;

    put_link(&b, 1u << SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION | 1u << SPICE_COMMON_CAP_AUTH_SASL);
    buf_u32(&b, SPICE_COMMON_CAP_AUTH_SASL);
    return b;
}

static struct buf whole(void)
{
    struct buf b = chosen();

    put_sized(&b, "DIGEST-MD5", 10);
    put_sized(&b, NULL, 0);
    put_sized(&b, "who", 4);
    return b;
}

static struct link *fed(struct owner *owner, struct buf *bytes, size_t step)
{
    struct link *link = link_new(&ops, owner);
    size_t used = 0;

    while (used < bytes->len && link_state(link) == LINK_NEED_MORE) {
        size_t n = bytes->len - used < step ? bytes->len - used : step;

        used += link_feed(link, bytes->data + used, n);
    }
    buf_free(bytes);
    return link;
}

/* ---- What it says ---- */

static struct reader after_reply(struct link *link)
{
    struct buf *out = link_output(link);
    struct reader in = reader_make(out->data, out->len);

    reader_skip(&in, sizeof(SpiceLinkHeader));
    assert_int_equal(reader_u32(&in), SPICE_LINK_ERR_OK);
    for (unsigned i = 0; i < LINK_KEY_BYTES; i++)
        assert_int_equal(reader_u8(&in), 0);
    reader_skip(&in, 3 * sizeof(uint32_t));
    assert_int_equal(reader_u32(&in), 1u << SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION |
                                          1u << SPICE_COMMON_CAP_AUTH_SASL |
                                          1u << SPICE_COMMON_CAP_MINI_HEADER);
    reader_skip(&in, sizeof(uint32_t));
    return in;
}

static void expect_text(struct reader *in, const char *text)
{
    size_t len = strlen(text);

    assert_int_equal(reader_u32(in), len);
    assert_memory_equal(reader_bytes(in, len), text, len);
}

static void expect_conversation(struct link *link)
{
    struct reader in = after_reply(link);

    expect_text(&in, "GSSAPI,DIGEST-MD5");
    for (unsigned done = 0; done < 2; done++) {
        assert_int_equal(reader_u32(&in), 4);
        assert_memory_equal(reader_bytes(&in, 4), "aaa", 4);
        assert_int_equal(reader_u8(&in), done);
    }
    assert_int_equal(reader_u32(&in), SPICE_LINK_ERR_OK);
    assert_true(reader_ok(&in));
    assert_int_equal(reader_left(&in), 0);
}

static void a_login_takes_its_steps(void **state)
{
    for (size_t step = 1; step < 200; step += 33) {
        struct owner o = friendly;
        struct buf bytes = whole();
        struct link *link = fed(&o, &bytes, step);

        assert_int_equal(link_state(link), LINK_LOGGED_IN);
        assert_string_equal(o.name, "DIGEST-MD5");
        assert_string_equal(o.data, "who");
        assert_int_equal(o.len, 3);
        assert_int_equal(o.accepts, 0);
        expect_conversation(link);
        buf_reset(link_output(link));
        assert_int_equal(link_feed(link, "x", 1), 0);
        link_go_on(link);
        assert_int_equal(link_state(link), LINK_DONE);
        assert_memory_equal(link_output(link)->data, "\0\0\0\0", 4);
        assert_int_equal(o.accepts, 1);
        link_free(link);
    }
}

static void no_data_is_not_empty_data(void **state)
{
    for (uint32_t size = 0; size < 2; size++) {
        struct owner o = friendly;
        struct buf bytes = chosen();
        struct link *link;

        put_sized(&bytes, "GSSAPI", 6);
        put_sized(&bytes, "x", size); /* the NUL is put there */
        o.answer = 0;
        link = fed(&o, &bytes, 1000);
        assert_int_equal(link_state(link), LINK_NEED_MORE);
        assert_int_equal(o.no_data, size == 0);
        assert_int_equal(o.len, 0);
        /* u32 0: no data; u8 0: more */
        assert_memory_equal(link_output(link)->data + link_output(link)->len - 5, "\0\0\0\0\0", 5);
        link_free(link);
    }
}

static void who_is_known_may_be_refused(void **state)
{
    struct owner o = friendly;
    struct buf bytes = whole();
    struct link *link;

    o.accept = SPICE_LINK_ERR_BAD_CONNECTION_ID;
    link = fed(&o, &bytes, 1000);
    expect_conversation(link);
    buf_reset(link_output(link));
    link_go_on(link);
    assert_int_equal(link_state(link), LINK_FAILED);
    assert_int_equal(link_output(link)->data[0], SPICE_LINK_ERR_BAD_CONNECTION_ID);
    link_free(link);
}

/* ---- Who does not get in ---- */

static void expect_failure(const struct owner *owner, struct buf bytes, uint32_t error)
{
    struct owner o = *owner;
    struct link *link = fed(&o, &bytes, 100000);

    assert_int_equal(link_state(link), LINK_FAILED);
    assert_int_equal(link_error(link), error);
    assert_int_equal(o.accepts, 0);
    link_free(link);
}

static struct buf named(const char *name, uint32_t size)
{
    struct buf b = chosen();

    put_sized(&b, name, size);
    return b;
}

static void names_are_those_offered(void **state)
{
    static const char long_name[101] = "DIGEST-MD5";
    static const struct {
        const char *name;
        uint32_t size;
    } wrong[] = {{"", 0},       {long_name, 101}, {"PLAIN", 5},
                 {"DIGEST", 6}, {"gssapi", 6},    {"GSSAPI,DIGEST-MD5", 17},
                 {",", 1},      {"GSSAPI\0", 7},  {"\0", 1}};

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_failure(&friendly, named(wrong[i].name, wrong[i].size), SPICE_LINK_ERR_INVALID_DATA);
}

static void data_is_bounded(void **state)
{
    struct buf bytes = named("GSSAPI", 6);

    buf_u32(&bytes, LINK_SASL_DATA_MAX + 1);
    expect_failure(&friendly, bytes, SPICE_LINK_ERR_INVALID_DATA);
    bytes = named("GSSAPI", 6);
    buf_u32(&bytes, UINT32_MAX);
    expect_failure(&friendly, bytes, SPICE_LINK_ERR_INVALID_DATA);
}

static void steps_are_bounded(void **state)
{
    struct owner endless = friendly;
    struct buf bytes = named("GSSAPI", 6);

    endless.more = 1000;
    for (unsigned i = 0; i < 100; i++)
        put_sized(&bytes, NULL, 0);
    expect_failure(&endless, bytes, SPICE_LINK_ERR_INVALID_DATA);
}

static void answers_are_bounded(void **state)
{
    struct owner talks = friendly;
    struct buf bytes = whole();

    talks.answer = LINK_SASL_DATA_MAX;
    expect_failure(&talks, bytes, SPICE_LINK_ERR_ERROR);
}

static void a_failed_login_ends(void **state)
{
    struct owner o = friendly;

    o.fails = true;
    expect_failure(&o, whole(), SPICE_LINK_ERR_PERMISSION_DENIED);
    o = friendly;
    o.mechanisms = NULL;
    expect_failure(&o, chosen(), SPICE_LINK_ERR_ERROR);
}

static void a_ticket_does_not_do(void **state)
{
    struct buf bytes = BUF_INIT;

    put_link(&bytes, 1u << SPICE_COMMON_CAP_PROTOCOL_AUTH_SELECTION);
    buf_u32(&bytes, SPICE_COMMON_CAP_AUTH_SPICE);
    expect_failure(&friendly, bytes, SPICE_LINK_ERR_INVALID_DATA);
    bytes = (struct buf)BUF_INIT;
    put_link(&bytes, 0);
    expect_failure(&friendly, bytes, SPICE_LINK_ERR_PERMISSION_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_login_takes_its_steps),
        cmocka_unit_test(no_data_is_not_empty_data),
        cmocka_unit_test(who_is_known_may_be_refused),
        cmocka_unit_test(names_are_those_offered),
        cmocka_unit_test(data_is_bounded),
        cmocka_unit_test(steps_are_bounded),
        cmocka_unit_test(answers_are_bounded),
        cmocka_unit_test(a_failed_login_ends),
        cmocka_unit_test(a_ticket_does_not_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
