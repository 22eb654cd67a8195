/* SPDX-License-Identifier: MIT */
/*
 * Texts through pipes whose other end is a stranger's: it may be slow, silent or gone. Never
 * blocks; on the calling thread's context. SIGPIPE must be blocked or ignored there.
 */
#ifndef CARAVAN_AGENT_TEXT_PIPE_H
#define CARAVAN_AGENT_TEXT_PIPE_H

#include <glib.h>
#include <stddef.h>

struct text_reader;
struct text_writer;

/* Reads to the end and tells once: UTF-8, or none when it is longer than `max` bytes, is no UTF-8,
 * or not all here within `ms`. `done` may free. Takes the descriptor over. */
struct text_reader *text_reader_new(int fd, size_t max, unsigned ms,
                                    void (*done)(void *opaque, const char *text, size_t len),
                                    void *opaque);
void text_reader_free(struct text_reader *self);

/* Waits for a text, at most `ms`, then writes it, and gives up when nothing is taken for `ms`.
 * Tells once that it is at its end; `done` frees. Takes the descriptor over. */
struct text_writer *text_writer_new(int fd, unsigned ms,
                                    void (*done)(void *opaque, struct text_writer *self),
                                    void *opaque);
/* The text it waits for; later ones are not for it. */
void text_writer_give(struct text_writer *self, GBytes *text);
void text_writer_free(struct text_writer *self);

#endif
