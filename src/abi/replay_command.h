/* SPDX-License-Identifier: MIT */
/*
 * The commands of a recording: their lines, as tables, and what is built from them.
 */
#ifndef ABI_REPLAY_COMMAND_H
#define ABI_REPLAY_COMMAND_H

#include <stdint.h>

struct replay_input;

/* How a recording's surface numbers become the replay's. */
struct replay_surfaces {
    /* The replay's number for a recorded one; UINT32_MAX stays. */
    uint32_t (*find)(void *opaque, uint32_t recorded);
    /* A number for a surface that is created. Returns 0 and fails the input if none is free. */
    uint32_t (*create)(void *opaque, uint32_t recorded);
    void *opaque;
};

/*
 * Reads the body of a command of `type` (QXL_CMD_*). Returns the QXL structure, which owns
 * nothing: all its pointers are host addresses of memory of `input`'s current command. What it
 * points to is as large as its counts and sizes say; whether geometry and formats make sense is
 * left to whoever executes it. Returns NULL on error, which is then recorded in `input`.
 */
void *replay_command_read(struct replay_input *input, const struct replay_surfaces *surfaces,
                          uint32_t type);

#endif
