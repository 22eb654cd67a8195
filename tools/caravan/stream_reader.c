/* SPDX-License-Identifier: MIT */
#include "stream_reader.h"

#include <glib.h>

#define CHUNK     (256u << 10)
#define REST_MOST (512u << 20) /* STREAM_REST_MOST */

struct stream_reader {
    struct vmstate_stream *stream;
    const struct stream_reader_ops *ops;
    void *opaque;
    struct vmstate_input left;
    uint8_t *chunk;
    GByteArray *rest; /* NULL: not kept */
    bool stopped;
    bool too_large;
};

struct stream_reader *stream_reader_new(struct vmstate_stream *stream,
                                        const struct stream_reader_ops *ops, void *opaque)
{
    struct stream_reader *self = g_new0(struct stream_reader, 1);

    self->stream = stream;
    self->ops = ops;
    self->opaque = opaque;
    self->chunk = g_malloc(CHUNK);
    return self;
}

void stream_reader_free(struct stream_reader *self)
{
    if (self->rest)
        g_byte_array_unref(self->rest);
    g_free(self->chunk);
    g_free(self);
}

static ssize_t read_chunk(struct stream_reader *self)
{
    return self->ops->read(self->opaque, self->chunk, CHUNK);
}

/* False when the reading is over. */
static bool tell(struct stream_reader *self)
{
    struct vmstate_event event;

    for (;;) {
        switch (vmstate_stream_next(self->stream, &self->left, &event)) {
        case VMSTATE_NEEDS_BYTES:
            return true;
        case VMSTATE_FAILED:
        case VMSTATE_ENDED:
            return false;
        default:
            self->stopped = !self->ops->take(self->opaque, &event);
            if (self->stopped)
                return false;
        }
    }
}

enum stream_end stream_reader_run(struct stream_reader *self)
{
    ssize_t n = 0;

    while (!self->rest && (n = read_chunk(self)) > 0) {
        self->left = (struct vmstate_input){self->chunk, (size_t)n};
        if (!tell(self))
            break;
    }
    if (self->too_large)
        return STREAM_REST_TOO_LARGE;
    if (n < 0 || self->stopped)
        return STREAM_STOPPED;
    return vmstate_stream_finish(self->stream) ? STREAM_WHOLE : STREAM_BROKEN;
}

bool stream_reader_keep_rest(struct stream_reader *self)
{
    GByteArray *rest = self->rest = g_byte_array_new();
    ssize_t n;

    g_byte_array_append(rest, self->left.bytes, (guint)self->left.len);
    while ((n = read_chunk(self)) > 0) {
        self->too_large = rest->len + (size_t)n > REST_MOST;
        if (self->too_large)
            return false;
        g_byte_array_append(rest, self->chunk, (guint)n);
    }
    self->left = (struct vmstate_input){rest->data, rest->len};
    return n == 0;
}

bool stream_reader_keeps(const struct stream_reader *self)
{
    return self->rest != NULL;
}

const struct vmstate_input *stream_reader_left(const struct stream_reader *self)
{
    return &self->left;
}
