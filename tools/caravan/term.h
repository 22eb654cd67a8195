/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_TERM_H
#define CARAVAN_TERM_H

#include <stdbool.h>
#include <stdint.h>

/* Standard output as people see it. */
struct term {
    bool tty;   /* lines may be written over */
    bool color; /* a terminal, and NO_COLOR is not set */
    bool utf8;
    bool status; /* a status line stands below the last line */
};

enum term_style { TERM_BOLD, TERM_DIM, TERM_GOOD, TERM_BAD, TERM_NOTE, TERM_PLAIN };

struct term term_open(void);

/* The escape sequence that begins a style, or "" when there is no colour. */
const char *term_style(const struct term *term, enum term_style style);

/* "✓" and "✗" in their colours, or "ok" and "FAILED". Static text. */
const char *term_verdict(const struct term *term, bool good);

/* Writes or replaces the status line; does nothing when stdout is no terminal. */
void term_status(struct term *term, const char *text);

/* Bytes for people, such as "1.5 GiB"; the caller frees it with g_free. */
char *term_size(uint64_t bytes);

/* The status line as a bar: bytes done of a total, which is 0 where it is not known. */
void term_progress(struct term *term, const char *what, uint64_t done, uint64_t total);

/* Takes the status line away, so that an ordinary line can be printed. */
void term_clear_status(struct term *term);

/* One character for value out of top: a column of a bar chart. */
const char *term_bar(const struct term *term, double value, double top);

#endif
