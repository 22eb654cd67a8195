/* SPDX-License-Identifier: MIT */
#include "text_pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/buf.h"
#include "source.h"

enum {
    READ_BYTES = 64 * 1024,
};

struct text_reader {
    int fd;
    size_t max;
    void (*done)(void *opaque, const char *text, size_t len);
    void *opaque;
    GSource *source, *late;
    struct buf text;
};

struct text_writer {
    int fd;
    unsigned ms;
    void (*done)(void *opaque, struct text_writer *self);
    void *opaque;
    GSource *source, *late;
    GBytes *text; /* NULL: not here yet */
    size_t at;
};

/* ---- Reading ---- */

static void tell(struct text_reader *self, bool whole)
{
    const char *text = self->text.data ? (const char *)self->text.data : "";
    size_t len = whole ? self->text.len : 0;

    source_end(&self->source);
    source_end(&self->late);
    if (!g_utf8_validate(text, (gssize)len, NULL))
        len = 0;
    self->done(self->opaque, len ? text : "", len);
}

static gboolean on_read_late(void *opaque)
{
    tell(opaque, false);
    return G_SOURCE_REMOVE;
}

static gboolean on_readable(int fd, GIOCondition condition, void *opaque)
{
    struct text_reader *self = opaque;
    size_t before = self->text.len;
    uint8_t *to = buf_extend(&self->text, READ_BYTES);
    ssize_t n = read(fd, to, READ_BYTES);
    bool again = n < 0 && (errno == EAGAIN || errno == EINTR);

    buf_truncate(&self->text, before + (n > 0 ? (size_t)n : 0));
    if (self->text.len > self->max)
        tell(self, false);
    else if (n <= 0 && !again)
        tell(self, n == 0);
    return G_SOURCE_CONTINUE;
}

struct text_reader *text_reader_new(int fd, size_t max, unsigned ms,
                                    void (*done)(void *opaque, const char *text, size_t len),
                                    void *opaque)
{
    struct text_reader *self = g_new0(struct text_reader, 1);

    *self = (struct text_reader){.fd = fd, .max = max, .done = done, .opaque = opaque};
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    self->source = source_fd(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, self);
    self->late = source_timer(ms, on_read_late, self);
    return self;
}

void text_reader_free(struct text_reader *self)
{
    if (!self)
        return;
    source_end(&self->source);
    source_end(&self->late);
    close(self->fd);
    buf_free(&self->text);
    g_free(self);
}

/* ---- Writing ---- */

static void end(struct text_writer *self)
{
    source_end(&self->source);
    source_end(&self->late);
    self->done(self->opaque, self);
}

static gboolean on_write_late(void *opaque)
{
    end(opaque);
    return G_SOURCE_REMOVE;
}

static void restart_clock(struct text_writer *self)
{
    source_end(&self->late);
    self->late = source_timer(self->ms, on_write_late, self);
}

static gboolean on_writable(int fd, GIOCondition condition, void *opaque)
{
    struct text_writer *self = opaque;
    gsize len;
    const uint8_t *bytes = g_bytes_get_data(self->text, &len);
    ssize_t n = write(fd, bytes + self->at, len - self->at);

    if (n > 0) {
        self->at += (size_t)n;
        restart_clock(self);
    }
    if (self->at == len || (n < 0 && errno != EAGAIN && errno != EINTR))
        end(self);
    return G_SOURCE_CONTINUE;
}

struct text_writer *text_writer_new(int fd, unsigned ms,
                                    void (*done)(void *opaque, struct text_writer *self),
                                    void *opaque)
{
    struct text_writer *self = g_new0(struct text_writer, 1);

    *self = (struct text_writer){.fd = fd, .ms = ms, .done = done, .opaque = opaque};
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    restart_clock(self);
    return self;
}

void text_writer_give(struct text_writer *self, GBytes *text)
{
    if (self->text)
        return;
    self->text = g_bytes_ref(text);
    if (!g_bytes_get_size(text)) {
        end(self);
        return;
    }
    restart_clock(self);
    self->source = source_fd(self->fd, G_IO_OUT | G_IO_ERR, on_writable, self);
}

void text_writer_free(struct text_writer *self)
{
    if (!self)
        return;
    source_end(&self->source);
    source_end(&self->late);
    close(self->fd);
    if (self->text)
        g_bytes_unref(self->text);
    g_free(self);
}
