/* SPDX-License-Identifier: MIT */
/* The pages of some RAM blocks, put aside into a file without a name while the stream passes, so
 * that memory stays small whatever their size; the newest copy of a page is what is read. */
#ifndef CARAVAN_RAM_ASIDE_H
#define CARAVAN_RAM_ASIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmstate/stream.h"

struct ram_aside;

/* Blocks of video memory are put aside. NULL and errno when there can be no file. */
struct ram_aside *ram_aside_new(void);

void ram_aside_free(struct ram_aside *self);

/* Takes RAM_BLOCK, RAM_PAGE and RAM_BYTES. */
void ram_aside_event(struct ram_aside *self, const struct vmstate_event *event);

/* False when the file could not be written. */
bool ram_aside_ok(const struct ram_aside *self);

/* The size of a block that was put aside, 0 when there is none of the name. */
uint64_t ram_aside_size(const struct ram_aside *self, const char *block);

/* Whether a page was sent as a difference or compressed, so that it is not as it should be. */
bool ram_aside_any_encoded(const struct ram_aside *self);

/* Bytes of a block; what was not sent, or lies outside, is 0. */
void ram_aside_read(const struct ram_aside *self, const char *block, uint64_t offset, void *to,
                    size_t len);

#endif
