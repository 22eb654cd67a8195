/* SPDX-License-Identifier: MIT */
#include "migrate/story.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

struct story {
    int fd;                      /* -1: none */
    unsigned number;             /* of the move under way, 0: none yet */
    GString *moves[STORY_MOVES]; /* move n is at n % STORY_MOVES */
};

struct story *story_new(const char *path)
{
    struct story *self = g_new0(struct story, 1);

    self->fd = -1;
    for (unsigned i = 0; i < STORY_MOVES; i++)
        self->moves[i] = g_string_new(NULL);
    if (!path)
        return self;
    self->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (self->fd < 0)
        log_warn("the moves' story can't be written to %s: %s", path, g_strerror(errno));
    return self;
}

void story_free(struct story *self)
{
    if (!self)
        return;
    for (unsigned i = 0; i < STORY_MOVES; i++)
        g_string_free(self->moves[i], TRUE);
    if (self->fd >= 0)
        close(self->fd);
    g_free(self);
}

static void put_text(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    g_string_append_c(out, '"');
    for (const char *at = valid; *at; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\')
            g_string_append_printf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            g_string_append_printf(out, "\\u%04x", c);
        else
            g_string_append_c(out, *at);
    }
    g_string_append_c(out, '"');
}

static void put_field(GString *out, const struct story_field *field)
{
    g_string_append(out, ", ");
    put_text(out, field->name);
    g_string_append(out, ": ");
    if (field->text)
        put_text(out, field->text);
    else
        g_string_append_printf(out, "%" G_GINT64_FORMAT, field->number);
}

static void put_line(const struct story *self, GString *out, const char *what,
                     const struct story_field *fields, unsigned n)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *wall = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");

    g_string_append_printf(out, "{\"wall\": \"%s.%06dZ\", \"mono_us\": %" G_GINT64_FORMAT, wall,
                           g_date_time_get_microsecond(now), g_get_monotonic_time());
    g_string_append_printf(out, ", \"pid\": %ld, \"move\": %u, \"what\": ", (long)getpid(),
                           self->number);
    put_text(out, what);
    for (unsigned i = 0; i < n; i++)
        put_field(out, &fields[i]);
    g_string_append(out, "}\n");
}

/* One write a line: two servers may share a file. A line that can't be written is lost, with all
 * that follow: nobody waits for a log. */
static void write_line(struct story *self, const GString *line)
{
    ssize_t n;

    if (self->fd < 0)
        return;
    do
        n = write(self->fd, line->str, line->len);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)line->len)
        return;
    log_warn("the moves' story is written no further: %s",
             n < 0 ? g_strerror(errno) : "no room for a whole line");
    close(self->fd);
    self->fd = -1;
}

void story_begin(struct story *self)
{
    self->number++;
    g_string_truncate(self->moves[self->number % STORY_MOVES], 0);
}

void story_tell(struct story *self, const char *what, const struct story_field *fields, unsigned n)
{
    GString *move = self->moves[self->number % STORY_MOVES];
    g_autoptr(GString) line = g_string_new(NULL);

    put_line(self, line, what, fields, n);
    write_line(self, line);
    if (move->len + line->len <= STORY_MAX_BYTES)
        g_string_append_len(move, line->str, (gssize)line->len);
}

char *story_text(const struct story *self)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 1; i <= STORY_MOVES; i++)
        g_string_append(text, self->moves[(self->number + i) % STORY_MOVES]->str);
    return g_string_free(text, FALSE);
}
