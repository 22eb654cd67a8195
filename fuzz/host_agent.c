/* SPDX-License-Identifier: MIT */
/*
 * What `caravan agent` is told. Input: one byte of kind, then
 *  0: a state that came with a migration (proto/agent_blob.h), then nothing, and the guest's bytes
 *     that are in it: it is taken up and what loads can be saved again;
 *  1: what a VNC server says; whole and byte by byte it comes to the same.
 */
#include <string.h>

#include "agent/hub.h"
#include "base/buf.h"
#include "bus.h"
#include "clip.h"
#include "fuzz/fuzz.h"
#include "rfb.h"
#include "rfb_impl.h"
#include "state.h"

enum {
    CLIENT = 1,
    STEPS = 4096, /* of the guest taking what there is for it */
};

/* ---- A state ---- */

struct host {
    struct hub *hub;
    struct clip *clip;
};

static void wake_guest(void *opaque)
{
}

static void wake_client(void *owner)
{
    struct host *self = owner;

    if (self->clip)
        clip_wake(self->clip);
}

static void garbage(void *opaque, const char *reason)
{
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

static void offers(void *opaque, bool has)
{
}

static void asks(void *opaque)
{
    struct host *self = opaque;

    clip_give(self->clip, "text\n", 5);
}

static void gives(void *opaque, const char *text, size_t len)
{
    FUZZ_CHECK(g_utf8_validate(text, (gssize)len, NULL));
}

static const struct clip_ops clip_ops = {offers, asks, gives};

static void guest_reads(struct host *self)
{
    for (unsigned i = 0; i < STEPS; i++) {
        size_t len;

        hub_guest_output(self->hub, &len);
        if (!len)
            return;
        hub_guest_taken(self->hub, len);
    }
}

static void try_state(const uint8_t *bytes, size_t len)
{
    struct host host = {hub_new(&hub_ops, &host)};
    struct state state;
    GBytes *saved;

    hub_guest_open(host.hub);
    if (state_load(bytes, len, &state)) {
        host.clip = clip_arrive(host.hub, state.client ? state.client : CLIENT, &clip_ops, &host,
                                &host, &state.main, &state.words);
        clip_wake(host.clip);
        clip_offer(host.clip, true);
        guest_reads(&host);
        if (state.blob.in_len)
            hub_guest_feed(host.hub, state.blob.in, state.blob.in_len);
        clip_ask(host.clip);
        guest_reads(&host);
        hub_tick(host.hub, G_USEC_PER_SEC * G_GINT64_CONSTANT(60));
        saved = state_save(host.hub, host.clip, NULL);
        FUZZ_CHECK(g_bytes_get_size(saved) >= 1 && g_bytes_get_size(saved) <= BUS_STATE_MAX);
        state_clear(&state);
        if (state_load(g_bytes_get_data(saved, NULL), g_bytes_get_size(saved), &state))
            state_clear(&state);
        g_bytes_unref(saved);
        clip_free(g_steal_pointer(&host.clip));
    }
    hub_free(host.hub);
}

/* ---- A VNC server ---- */

static void note(void *opaque, const char *what, const char *text, size_t len)
{
    buf_append(opaque, what, strlen(what));
    buf_append(opaque, text, len);
}

static void rfb_ready(void *opaque)
{
    note(opaque, "ready", "", 0);
}

static void rfb_offered(void *opaque, bool has)
{
    note(opaque, has ? "has" : "none", "", 0);
}

static void rfb_asked(void *opaque)
{
    note(opaque, "asked", "", 0);
}

static void rfb_text(void *opaque, const char *text, size_t len)
{
    FUZZ_CHECK(g_utf8_validate(text, (gssize)len, NULL));
    note(opaque, "text", text, len);
}

static void rfb_ended(void *opaque, const char *why)
{
    note(opaque, "ended", why, strlen(why));
}

static const struct host_clip_news rfb_ops = {rfb_ready, rfb_offered, rfb_asked, rfb_text,
                                              rfb_ended};

/* What was heard, and said. */
static struct buf hear(const uint8_t *bytes, size_t len, size_t step)
{
    struct buf heard = BUF_INIT;
    struct rfb rfb = {.ops = &rfb_ops, .opaque = &heard, .fd = -1, .need = 12};

    for (size_t at = 0; at < len; at += step) {
        buf_append(&rfb.in, bytes + at, MIN(step, len - at));
        rfb_read(&rfb);
    }
    buf_append(&heard, rfb.out.data, rfb.out.len);
    if (rfb.why)
        note(&heard, "why", rfb.why, strlen(rfb.why));
    if (rfb.end_source)
        g_source_remove(rfb.end_source);
    buf_free(&rfb.in);
    buf_free(&rfb.out);
    return heard;
}

static void try_server(const uint8_t *bytes, size_t len)
{
    struct buf whole = hear(bytes, len, MAX(len, 1));
    struct buf pieces = hear(bytes, len, 1);

    FUZZ_CHECK(whole.len == pieces.len);
    FUZZ_CHECK(!whole.len || !memcmp(whole.data, pieces.data, whole.len));
    buf_free(&whole);
    buf_free(&pieces);
}

static GLogWriterOutput say_nothing(GLogLevelFlags level, const GLogField *fields, gsize n,
                                    gpointer opaque)
{
    return G_LOG_WRITER_HANDLED;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static bool quiet;

    if (!quiet)
        g_log_set_writer_func(say_nothing, NULL, NULL);
    quiet = true;
    if (!len)
        return 0;
    if (bytes[0] & 1)
        try_server(bytes + 1, len - 1);
    else
        try_state(bytes + 1, len - 1);
    return 0;
}
