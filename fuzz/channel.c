/* SPDX-License-Identifier: MIT */
/*
 * A client on the main and inputs channels, in every phase of a move.
 * Input: one byte (1: inputs, 2: linked ahead of a move, 4: full headers, 8: the move starts), one
 * byte of run length, then what the client sends. In one run or many it must come out the same.
 */
#include <spice/enums.h>
#include <string.h>

#include "channel/inputs.h"
#include "channel/main.h"
#include "fuzz/fuzz.h"

enum {
    INPUTS = 1,
    TARGET = 2,
    FULL = 4,
    MOVES = 8,
};

struct told {
    struct main_link *main;
    uint64_t sum; /* of everything the owner heard */
};

static void hear(void *owner, uint64_t what)
{
    struct told *told = owner;

    told->sum = told->sum * 31 + what;
}

static void on_attach(void *owner)
{
    hear(owner, 1);
}

static void on_mode(void *owner, uint32_t mode)
{
    hear(owner, mode);
}

static void on_answer(void *owner, enum main_answer answer)
{
    hear(owner, answer);
}

static void on_mark(void *owner)
{
    struct told *told = owner;
    struct main_state state = {.agent = {.version = 1}};

    main_send_migrate_data(told->main, &state);
}

static void on_seamless(void *owner, uint32_t version)
{
    struct told *told = owner;

    main_send_dst_seamless(told->main, true);
}

static void on_end(void *owner)
{
    struct told *told = owner;

    conn_set_phase(main_link_conn(told->main), CONN_ACTIVE);
}

static void on_restored(void *owner, const struct main_state *state)
{
    FUZZ_CHECK(state->agent.write_size == 0 || state->agent.write_data);
    hear(owner, state->agent.num_client_tokens);
}

static void on_round_trip(void *owner, uint64_t time)
{
    hear(owner, time);
}

static void on_agent(void *owner, uint32_t tokens)
{
    hear(owner, tokens);
}

static void on_agent_data(void *owner, const uint8_t *bytes, size_t len)
{
    FUZZ_CHECK(len <= 2048);
    for (size_t i = 0; i < len; i++)
        hear(owner, bytes[i]);
}

static bool agent_next(void *owner, struct hub_word *word)
{
    return false;
}

static const struct main_link_ops main_ops = {
    .attach_channels = on_attach,
    .mouse_mode_request = on_mode,
    .migrate_answer = on_answer,
    .agent_start = on_agent,
    .agent_tokens = on_agent,
    .agent_data = on_agent_data,
    .agent_next = agent_next,
    .flush_mark = on_mark,
    .dst_do_seamless = on_seamless,
    .dst_migrate_end = on_end,
    .restored = on_restored,
    .round_trip = on_round_trip,
};

static void on_scan(void *owner, uint8_t byte)
{
    hear(owner, byte);
}

static void on_modifiers(void *owner, uint16_t modifiers)
{
    hear(owner, modifiers);
}

static void on_motion(void *owner, int dx, int dy, int dz, uint32_t buttons)
{
    hear(owner, (uint64_t)(uint32_t)dx ^ (uint64_t)(uint32_t)dy << 32 ^ buttons);
}

static void on_position(void *owner, int x, int y, uint32_t buttons, uint8_t display)
{
    FUZZ_CHECK(x >= 0 && y >= 0);
    hear(owner, (uint64_t)(x ^ y) ^ buttons);
}

static void on_wheel(void *owner, int dz, uint32_t buttons)
{
    FUZZ_CHECK(dz == 1 || dz == -1);
    hear(owner, buttons);
}

static void on_buttons(void *owner, uint32_t buttons)
{
    hear(owner, buttons);
}

static bool on_keeps(void *owner, bool key)
{
    return false;
}

static const struct inputs_link_ops inputs_ops = {on_scan,  on_modifiers, on_motion, on_position,
                                                  on_wheel, on_buttons,   on_keeps};

static uint64_t play(uint8_t how, const uint8_t *bytes, size_t len, size_t step)
{
    struct told told = {0};
    struct inputs_link *inputs = NULL;
    struct conn *conn;

    if (how & INPUTS)
        inputs = inputs_link_new(&inputs_ops, &told, !(how & FULL), how & TARGET, 0);
    else
        told.main = main_link_new(&main_ops, &told, !(how & FULL), how & TARGET);
    conn = inputs ? inputs_link_conn(inputs) : main_link_conn(told.main);
    if (how & MOVES && !(how & TARGET)) {
        if (inputs)
            inputs_send_migrate(inputs);
        else
            main_send_migrate(told.main);
    }
    for (size_t at = 0; at < len && !conn_error(conn); at += step)
        conn_feed(conn, bytes + at, len - at < step ? len - at : step);
    hear(&told, conn_output(conn)->len);
    hear(&told, conn_error(conn) != NULL);
    inputs_link_free(inputs);
    main_link_free(told.main);
    return told.sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2)
        return 0;
    FUZZ_CHECK(play(bytes[0], bytes + 2, len - 2, bytes[1] + 1u) ==
               play(bytes[0], bytes + 2, len - 2, len));
    return 0;
}
