/* SPDX-License-Identifier: MIT */
/* The configuration section, right after the file header: the machine type and subsections. */
#include "vmstate/stream_private.h"

#include <glib.h>
#include <string.h>

#include "vmstate/stream_format.h"

#define UUID_SIZE   16
#define CAPS_MOST   256
#define SUB_VERSION 1

enum stream_step stream_config_size(struct vmstate_stream *self, const uint8_t *bytes,
                                    struct vmstate_event *event)
{
    uint32_t size = stream_be32(bytes);

    if (size == 0 || size >= VMSTATE_NAME_MAX)
        return stream_fail(self, "its name has %u bytes", size);
    return stream_enter(self, STREAM_CONFIG_NAME, size);
}

enum stream_step stream_config_name(struct vmstate_stream *self, const uint8_t *bytes,
                                    struct vmstate_event *event)
{
    if (!stream_copy_name(self->text, bytes, self->need))
        return stream_fail(self, "it holds a NUL");
    stream_enter(self, STREAM_CONFIG_NEXT, 1);
    stream_tell(self, event, VMSTATE_CONFIGURATION);
    event->text = self->text;
    return STREAM_TELL;
}

/* The token is told as it is: what writes a stream again needs all of it. */
static enum stream_step tell_token(struct vmstate_stream *self, struct vmstate_event *event,
                                   const uint8_t *bytes, size_t n)
{
    return stream_tell_bytes(self, event, VMSTATE_CONFIGURATION_BYTES, bytes, n);
}

enum stream_step stream_config_next(struct vmstate_stream *self, const uint8_t *bytes,
                                    struct vmstate_event *event)
{
    if (bytes[0] != BYTE_SUBSECTION)
        return stream_section_type(self, bytes, event);
    stream_enter(self, STREAM_CONFIG_SUB_SIZE, 1);
    return tell_token(self, event, bytes, 1);
}

enum stream_step stream_config_sub_size(struct vmstate_stream *self, const uint8_t *bytes,
                                        struct vmstate_event *event)
{
    if (bytes[0] == 0)
        return stream_fail(self, "it has no name");
    stream_enter(self, STREAM_CONFIG_SUB, (size_t)bytes[0] + 4);
    return tell_token(self, event, bytes, 1);
}

enum stream_step stream_config_sub(struct vmstate_stream *self, const uint8_t *bytes,
                                   struct vmstate_event *event)
{
    size_t need = self->need, n = need - 4;

    if (!stream_copy_name(self->text, bytes, n))
        return stream_fail(self, "its name holds a NUL");
    if (stream_be32(bytes + n) != SUB_VERSION)
        return stream_fail(self, "version %u, only %d is known", stream_be32(bytes + n),
                           SUB_VERSION);
    if (!strcmp(self->text, "configuration/capabilities"))
        stream_enter(self, STREAM_CONFIG_CAPS, 4);
    else if (!strcmp(self->text, "configuration/uuid"))
        stream_pass(self, UUID_SIZE, VMSTATE_CONFIGURATION_BYTES, STREAM_CONFIG_NEXT, 1);
    else
        return stream_fail(self, "it is not one that is known");
    return tell_token(self, event, bytes, need);
}

static void next_cap(struct vmstate_stream *self)
{
    if (self->caps_left == 0) {
        stream_enter(self, STREAM_CONFIG_NEXT, 1);
        return;
    }
    self->caps_left--;
    stream_enter(self, STREAM_CONFIG_CAP_SIZE, 1);
}

enum stream_step stream_config_caps(struct vmstate_stream *self, const uint8_t *bytes,
                                    struct vmstate_event *event)
{
    self->caps_left = stream_be32(bytes);
    if (self->caps_left > CAPS_MOST)
        return stream_fail(self, "%u of them", self->caps_left);
    next_cap(self);
    return tell_token(self, event, bytes, 4);
}

enum stream_step stream_config_cap_size(struct vmstate_stream *self, const uint8_t *bytes,
                                        struct vmstate_event *event)
{
    if (bytes[0] == 0)
        return stream_fail(self, "it has no name");
    stream_enter(self, STREAM_CONFIG_CAP, bytes[0]);
    return tell_token(self, event, bytes, 1);
}

enum stream_step stream_config_cap(struct vmstate_stream *self, const uint8_t *bytes,
                                   struct vmstate_event *event)
{
    static const char *const reshaping[] = {"x-ignore-shared", "multifd", "mapped-ram"};
    size_t n = self->need;

    stream_copy_name(self->text, bytes, n);
    for (size_t i = 0; i < G_N_ELEMENTS(reshaping); i++)
        if (!strcmp(self->text, reshaping[i]))
            return stream_fail(self, "saved with %s, whose RAM is not read", reshaping[i]);
    next_cap(self);
    return tell_token(self, event, bytes, n);
}
