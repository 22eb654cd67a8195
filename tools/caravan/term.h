/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_TERM_H
#define CARAVAN_TERM_H

#include <stdbool.h>

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

/* Takes the status line away, so that an ordinary line can be printed. */
void term_clear_status(struct term *term);

/* One character for value out of top: a column of a bar chart. */
const char *term_bar(const struct term *term, double value, double top);

#endif
