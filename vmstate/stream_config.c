/* SPDX-License-Identifier: MIT */
/* The configuration section, right after the file header: the machine type and subsections. */
#include "vmstate/stream_private.h"

#include <glib.h>
#include <string.h>

#define SUBSECTION  5
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

static enum stream_step next(struct vmstate_stream *self)
{
    return stream_enter(self, STREAM_CONFIG_NEXT, 1);
}

enum stream_step stream_config_next(struct vmstate_stream *self, const uint8_t *bytes,
                                    struct vmstate_event *event)
{
    if (bytes[0] == SUBSECTION)
        return stream_enter(self, STREAM_CONFIG_SUB_SIZE, 1);
    return stream_section_type(self, bytes, event);
}

enum stream_step stream_config_sub_size(struct vmstate_stream *self, const uint8_t *bytes,
                                        struct vmstate_event *event)
{
    if (bytes[0] == 0)
        return stream_fail(self, "it has no name");
    return stream_enter(self, STREAM_CONFIG_SUB, (size_t)bytes[0] + 4);
}

enum stream_step stream_config_sub(struct vmstate_stream *self, const uint8_t *bytes,
                                   struct vmstate_event *event)
{
    size_t n = self->need - 4;

    if (!stream_copy_name(self->text, bytes, n))
        return stream_fail(self, "its name holds a NUL");
    if (stream_be32(bytes + n) != SUB_VERSION)
        return stream_fail(self, "version %u, only %d is known", stream_be32(bytes + n),
                           SUB_VERSION);
    if (!strcmp(self->text, "configuration/capabilities"))
        return stream_enter(self, STREAM_CONFIG_CAPS, 4);
    if (!strcmp(self->text, "configuration/uuid"))
        return stream_pass(self, UUID_SIZE, VMSTATE_NEEDS_BYTES, STREAM_CONFIG_NEXT, 1);
    return stream_fail(self, "it is not one that is known");
}

static enum stream_step next_cap(struct vmstate_stream *self)
{
    if (self->caps_left == 0)
        return next(self);
    self->caps_left--;
    return stream_enter(self, STREAM_CONFIG_CAP_SIZE, 1);
}

enum stream_step stream_config_caps(struct vmstate_stream *self, const uint8_t *bytes,
                                    struct vmstate_event *event)
{
    self->caps_left = stream_be32(bytes);
    if (self->caps_left > CAPS_MOST)
        return stream_fail(self, "%u of them", self->caps_left);
    return next_cap(self);
}

enum stream_step stream_config_cap_size(struct vmstate_stream *self, const uint8_t *bytes,
                                        struct vmstate_event *event)
{
    if (bytes[0] == 0)
        return stream_fail(self, "it has no name");
    return stream_enter(self, STREAM_CONFIG_CAP, bytes[0]);
}

enum stream_step stream_config_cap(struct vmstate_stream *self, const uint8_t *bytes,
                                   struct vmstate_event *event)
{
    static const char *const reshaping[] = {"x-ignore-shared", "multifd", "mapped-ram"};

    stream_copy_name(self->text, bytes, self->need);
    for (size_t i = 0; i < G_N_ELEMENTS(reshaping); i++)
        if (!strcmp(self->text, reshaping[i]))
            return stream_fail(self, "saved with %s, whose RAM is not read", reshaping[i]);
    return next_cap(self);
}
