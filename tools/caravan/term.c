/* SPDX-License-Identifier: MIT */
#include "term.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <glib.h>

#define PROGRESS_WIDTH 30

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

char *term_size(uint64_t bytes)
{
    char *text = g_format_size_full(bytes, G_FORMAT_SIZE_IEC_UNITS);
    char **words = g_strsplit(text, "\xc2\xa0", -1); /* not every terminal has such a space */

    g_free(text);
    text = g_strjoinv(" ", words);
    g_strfreev(words);
    return text;
}

void term_progress(struct term *term, const char *what, uint64_t done, uint64_t total)
{
    const char *full = term->utf8 ? "█" : "#", *rest = term->utf8 ? "░" : ".";
    double part = total ? MIN(1.0, (double)done / (double)total) : 0;
    char *size = term_size(done);
    char *all = term_size(total);
    GString *line = g_string_new(what);

    if (total) {
        g_string_append_c(line, ' ');
        for (int i = 1; i <= PROGRESS_WIDTH; i++)
            g_string_append(line, part * PROGRESS_WIDTH >= i ? full : rest);
        g_string_append_printf(line, " %3.0f %%  %s of %s", part * 100, size, all);
    } else {
        g_string_append_printf(line, " %s", size);
    }
    term_status(term, line->str);
    g_string_free(line, TRUE);
    g_free(size);
    g_free(all);
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
