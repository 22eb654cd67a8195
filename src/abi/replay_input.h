/* SPDX-License-Identifier: MIT */
/*
 * A recording of a display worker, read with bounds: lines of numbers and counted binary blocks.
 *
 * A recording is hostile input. The first error sticks: from then on every reader does nothing
 * and returns 0 or NULL, so callers need to look only once, at the end. Memory is handed out from
 * the command being read and is limited for each command.
 *
 * The format ("SPICE_REPLAY 1"), as the stock server's recorder writes it:
 *   file    = "SPICE_REPLAY 1\n" event*
 *   event   = "event COUNTER WHAT TYPE NANOSECONDS\n" body
 *             WHAT 0: a command, TYPE is QXL_CMD_*; WHAT 1: a message to the worker (see replay.c)
 *   line    = LABEL { " " NUMBER } "\n"        numbers are decimal; unsigned 32-bit fields may be
 *             printed as negative; rectangles are "rect NAME top left bottom right"
 *   block   = "binary Z LABEL SIZE:" BYTES "\n"  Z 0: stored; Z 1: "PACKED:" and zlib data follow
 *             (no recorder was built that way; refused). A recorder that was cut off leaves out
 *             the last newline.
 *   chunks  = "data_chunks MORE TOTAL\n" block{1 + MORE}, the blocks together hold TOTAL bytes
 *   primary = two lines without a label: width height stride format, position mouse_mode flags
 *             type; then the block "data" with |stride| * height bytes (or none)
 * The lines of each command are the tables of replay_command.c.
 */
#ifndef ABI_REPLAY_INPUT_H
#define ABI_REPLAY_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Most bytes one command (or one primary surface) of a recording may take. */
#define REPLAY_COMMAND_MAX ((size_t)256 << 20)

struct replay_input;
struct replay_blocks;

/* Takes over `file`, which replay_input_free() closes. Never NULL. */
struct replay_input *replay_input_new(FILE *file);
void replay_input_free(struct replay_input *input);

/* Makes the error stick (a value read was not acceptable). */
void replay_input_fail(struct replay_input *input);
bool replay_input_failed(const struct replay_input *input);

/*
 * Reads one line: `label` (may be "") and exactly `count` numbers, each of which fits `size`
 * bytes as a signed or as an unsigned number. Stores them one after the other at `at`, which may
 * be unaligned. On error nothing is stored.
 */
void replay_input_numbers(struct replay_input *input, const char *label, void *at, size_t size,
                          size_t count);
/* The same for one number that is not stored as it stands. Returns 0 on error. */
uint32_t replay_input_number(struct replay_input *input, const char *label);

/*
 * Reads one block. Returns memory of the command with `front` zeroed bytes, the block and one
 * more zero byte; `size` gets the block's length. Returns NULL on error.
 */
uint8_t *replay_input_block(struct replay_input *input, const char *label, size_t front,
                            size_t *size);

/*
 * Reads chunks into QXLDataChunks that are linked by host pointers. The first is preceded by
 * `front` zeroed bytes. Returns its memory, `total` gets the bytes in all chunks; NULL on error.
 */
uint8_t *replay_input_chunks(struct replay_input *input, const char *label, size_t front,
                             size_t *total);

/* Zeroed memory of the command being read; NULL, and an error, past the limit. */
void *replay_input_alloc(struct replay_input *input, size_t size);

/* Hands over all memory of the command just read; the caller frees it. Never NULL. */
struct replay_blocks *replay_input_take(struct replay_input *input);
void replay_blocks_free(struct replay_blocks *blocks);

#endif
