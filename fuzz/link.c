/* SPDX-License-Identifier: MIT */
/*
 * The link stage against any peer and any owner.
 * Input: one byte of the owner's answers, one byte of run length, then what the peer sends.
 */
#include <glib.h>
#include <spice/protocol.h>
#include <string.h>

#include "base/buf.h"
#include "fuzz/fuzz.h"
#include "wire/link.h"

#define REPLY_BYTES (sizeof(SpiceLinkHeader) + sizeof(SpiceLinkReply))
#define SASL_BYTES  1024 /* of a login's answers: 32 steps, at most 15 bytes each, and results */

static uint32_t on_admit(void *opaque, const struct link_request *request, struct link_caps *caps)
{
    uint8_t answers = *(const uint8_t *)opaque;

    FUZZ_CHECK(caps->count == 0);
    for (unsigned cap = answers & 0xf0; cap < 256; cap += 48)
        link_caps_set(caps, cap);
    return answers & 1 ? SPICE_LINK_ERR_NEED_SECURED : SPICE_LINK_ERR_OK;
}

static bool on_key(void *opaque, uint8_t out[LINK_KEY_BYTES])
{
    memset(out, 'k', LINK_KEY_BYTES);
    return !(*(const uint8_t *)opaque & 2);
}

static bool on_ticket(void *opaque, const uint8_t cipher[LINK_TICKET_BYTES])
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < LINK_TICKET_BYTES; i++)
        sum ^= cipher[i];
    return !(*(const uint8_t *)opaque & 4) || sum & 1;
}

static uint32_t on_accept(void *opaque, const struct link_request *request)
{
    return *(const uint8_t *)opaque & 8 ? SPICE_LINK_ERR_BAD_CONNECTION_ID : SPICE_LINK_ERR_OK;
}

static bool on_wants_sasl(void *opaque)
{
    return *(const uint8_t *)opaque & 16;
}

static const char *on_mechanisms(void *opaque)
{
    return "DIGEST-MD5,PLAIN";
}

/* As the client says: 'd' ends, 'f' fails. */
static enum link_sasl on_step(void *opaque, const char *mechanism, const void *data, size_t len,
                              struct buf *out)
{
    const char *text = data;

    FUZZ_CHECK(!text || (text[len] == 0 && len < LINK_SASL_DATA_MAX));
    FUZZ_CHECK(!mechanism || !strcmp(mechanism, "PLAIN") || !strcmp(mechanism, "DIGEST-MD5"));
    if (len)
        buf_append(out, data, MIN(len, 9));
    if (len && text[0] == 'f')
        return LINK_SASL_FAILED;
    return len && text[0] == 'd' ? LINK_SASL_DONE : LINK_SASL_MORE;
}

static const struct link_ops ops = {
    on_admit,
    on_key,
    on_ticket,
    on_accept,
    .wants_sasl = on_wants_sasl,
    .sasl_mechanisms = on_mechanisms,
    .sasl_step = on_step,
};

static size_t feed(struct link *l, const uint8_t *bytes, size_t len, size_t step)
{
    size_t used = 0;

    while (used < len && link_state(l) == LINK_NEED_MORE) {
        size_t n = len - used < step ? len - used : step;
        size_t took = link_feed(l, bytes + used, n);

        FUZZ_CHECK(took == n || link_state(l) != LINK_NEED_MORE);
        used += took;
    }
    FUZZ_CHECK(used == len || link_feed(l, bytes + used, len - used) == 0);
    if (link_state(l) == LINK_LOGGED_IN)
        link_go_on(l);
    FUZZ_CHECK(link_state(l) != LINK_LOGGED_IN);
    return used;
}

static void check(struct link *l)
{
    const struct link_request *r = link_request(l);
    size_t out = link_output(l)->len;

    FUZZ_CHECK(r->common_caps.count <= LINK_CAPS_WORDS);
    FUZZ_CHECK(r->channel_caps.count <= LINK_CAPS_WORDS);
    FUZZ_CHECK((link_state(l) == LINK_FAILED) == (link_reason(l) != NULL));
    FUZZ_CHECK((link_state(l) == LINK_FAILED) == (link_error(l) != SPICE_LINK_ERR_OK));
    FUZZ_CHECK(out == 0 || out >= REPLY_BYTES);
    FUZZ_CHECK(out <= REPLY_BYTES + 4 * (1 + LINK_CAPS_WORDS + 1) + SASL_BYTES);
    FUZZ_CHECK(link_state(l) != LINK_DONE || out > REPLY_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct link *whole, *parts;
    uint8_t answers;
    size_t used;

    if (len < 2)
        return 0;
    answers = bytes[0];
    whole = link_new(&ops, &answers);
    parts = link_new(&ops, &answers);
    used = feed(whole, bytes + 2, len - 2, len);
    FUZZ_CHECK(feed(parts, bytes + 2, len - 2, 1 + bytes[1] % 32) == used);
    check(whole);
    check(parts);
    FUZZ_CHECK(link_state(whole) == link_state(parts));
    FUZZ_CHECK(link_output(whole)->len == link_output(parts)->len);
    FUZZ_CHECK(
        link_output(whole)->len == 0 ||
        memcmp(link_output(whole)->data, link_output(parts)->data, link_output(whole)->len) == 0);
    link_free(whole);
    link_free(parts);
    return 0;
}
