/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_STREAM_READER_H
#define CARAVAN_STREAM_READER_H

#include <stdbool.h>
#include <sys/types.h>

#include "vmstate/stream.h"

/*
 * A migration stream from whatever gives its bytes. RAM passes by in chunks; from the first device
 * on, all that is left can be had in one piece, for what describes the devices stands at the end.
 */
struct stream_reader;

struct stream_reader_ops {
    /* Up to n bytes, 0 at the end; -1 ends the reading. Whoever gives it remembers why. */
    ssize_t (*read)(void *opaque, void *to, size_t n);
    /* What the stream tells, but that it ended, failed or wants bytes. False ends the reading; the
     * taker remembers why. */
    bool (*take)(void *opaque, const struct vmstate_event *event);
};

enum stream_end {
    STREAM_WHOLE,
    STREAM_BROKEN,  /* vmstate_stream_error() tells */
    STREAM_STOPPED, /* by one of the ops */
    STREAM_REST_TOO_LARGE,
};
#define STREAM_REST_MOST "512 MiB"

/* ops, opaque and stream are borrowed. */
struct stream_reader *stream_reader_new(struct vmstate_stream *stream,
                                        const struct stream_reader_ops *ops, void *opaque);
void stream_reader_free(struct stream_reader *self);

/* To the stream's end, once. */
enum stream_end stream_reader_run(struct stream_reader *self);

/* Reads on to the input's end, for `take` when a size is needed: once. False ends the reading. */
bool stream_reader_keep_rest(struct stream_reader *self);

/* Whether the rest is kept. */
bool stream_reader_keeps(const struct stream_reader *self);

/* The bytes behind what was told; from stream_reader_keep_rest() on all that are left, and then
 * they and what `take` is given stay until the reader is freed. */
const struct vmstate_input *stream_reader_left(const struct stream_reader *self);

#endif
