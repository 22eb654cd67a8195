/* SPDX-License-Identifier: MIT */
/*
 * Main bodies by which clients say what the agent had in hand at the source.
 * Input: one byte (1: the port opens first; 2: they move on at once), then for
 * each client two bytes of length and that many of body; behind them what the guest says.
 */
#include <glib.h>
#include <string.h>

#include "agent/hub.h"
#include "base/buf.h"
#include "base/reader.h"
#include "fuzz/fuzz.h"
#include "migrate/blob.h"

enum {
    CLIENTS = 3,
    PORT_FIRST = 1,
    MOVES_ON = 2,
};

static void ignore(void *opaque)
{
}

static void ignore_reason(void *opaque, const char *reason)
{
}

static bool monitors(void *opaque, const uint8_t *config, size_t len)
{
    struct reader r = reader_make(config, len);

    FUZZ_CHECK(!config || (size_t)reader_u32(&r) * 20 + 8 == len);
    return true;
}

static void device_info(void *opaque, struct buf *out)
{
}

static const struct hub_ops ops = {
    .wake_guest = ignore,
    .wake_client = ignore,
    .client_garbage = ignore_reason,
    .guest_garbage = ignore_reason,
    .changed = ignore,
    .monitors = monitors,
    .device_info = device_info,
};

static void feed(struct hub *hub, const uint8_t *bytes, size_t len)
{
    for (size_t n; len && (n = MIN(len, hub_guest_room(hub))); len -= n, bytes += n)
        hub_guest_feed(hub, bytes, n);
}

static void read_all(struct hub *hub, struct hub_client *const *clients)
{
    struct hub_word word;
    size_t len;

    for (unsigned i = 0; i < 100; i++) {
        hub_guest_output(hub, &len);
        hub_guest_taken(hub, len);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        for (unsigned n = 0; clients[i] && n < 1000 && hub_client_next(clients[i], &word); n++)
            FUZZ_CHECK(word.kind != HUB_SAY_DATA || word.len <= HUB_DATA_MAX);
    }
}

/* What came in can go on. */
static void move_on(struct hub *hub, struct hub_client *const *clients)
{
    hub_freeze(hub);
    read_all(hub, clients);
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct main_state state = {0}, again;
        struct buf body = BUF_INIT;

        if (!clients[i])
            continue;
        hub_save(clients[i], NULL, &state);
        FUZZ_CHECK(blob_main_save(&state, &body, NULL));
        FUZZ_CHECK(blob_main_load(body.data, body.len, &again, NULL));
        blob_main_free(&again);
        blob_main_free(&state);
        buf_free(&body);
    }
    hub_thaw(hub);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct reader in = reader_make(bytes, len);
    uint8_t how = reader_u8(&in);
    struct hub *hub = hub_new(&ops, NULL);
    struct hub_client *clients[CLIENTS] = {0};

    hub_hold(hub, true);
    if (how & PORT_FIRST)
        hub_guest_open(hub);
    for (unsigned i = 0; i < CLIENTS && reader_left(&in) > 2; i++) {
        size_t n = reader_u16(&in);
        struct main_state state;

        n = MIN(n, reader_left(&in));
        blob_main_load(reader_bytes(&in, n), n, &state, NULL);
        clients[i] = hub_client_arrive(hub, 1001 + i, true, clients, &state);
        blob_main_free(&state);
    }
    hub_hold(hub, false);
    if (!(how & PORT_FIRST))
        hub_guest_open(hub);
    len = reader_left(&in);
    feed(hub, reader_bytes(&in, len), len);
    read_all(hub, clients);
    if (how & MOVES_ON)
        move_on(hub, clients);
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (clients[i])
            hub_client_input(clients[i]);
    }
    hub_tick(hub, 20 * G_USEC_PER_SEC);
    hub_tick(hub, 60 * G_USEC_PER_SEC);
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (clients[i])
            hub_client_free(clients[i]);
    }
    hub_free(hub);
    return 0;
}
