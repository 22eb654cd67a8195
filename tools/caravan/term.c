/* SPDX-License-Identifier: MIT */
#include "term.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <glib.h>

struct term term_open(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *kind = getenv("TERM");
    struct term term = {0};

    term.tty = isatty(STDOUT_FILENO) && g_strcmp0(kind, "dumb");
    term.color = term.tty && !(no_color && *no_color);
    term.utf8 = g_get_charset(NULL);
    return term;
}

const char *term_style(const struct term *term, enum term_style style)
{
    static const char *const escapes[] = {
        [TERM_BOLD] = "\033[1m", [TERM_DIM] = "\033[2m",   [TERM_GOOD] = "\033[32m",
        [TERM_BAD] = "\033[31m", [TERM_NOTE] = "\033[36m", [TERM_PLAIN] = "\033[0m",
    };
    return term->color ? escapes[style] : "";
}

const char *term_verdict(const struct term *term, bool good)
{
    if (!term->utf8)
        return good ? "ok    " : "FAILED";
    if (!term->color)
        return good ? "✓" : "✗";
    return good ? "\033[32m✓\033[0m" : "\033[31m✗\033[0m";
}

void term_clear_status(struct term *term)
{
    if (term->status)
        fputs("\r\033[K", stdout);
    term->status = false;
}

void term_status(struct term *term, const char *text)
{
    if (!term->tty)
        return;
    printf("\r\033[K%s", text);
    fflush(stdout);
    term->status = true;
}

const char *term_bar(const struct term *term, double value, double top)
{
    static const char *const bars[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    static const char *const plain[] = {".", "1", "2", "3", "4", "5", "6", "7", "8"};
    int step = top > 0 ? (int)(value / top * 8 + 0.5) : 0;

    if (value > 0 && step < 1)
        step = 1;
    step = CLAMP(step, 0, 8);
    return term->utf8 ? bars[step] : plain[step];
}
