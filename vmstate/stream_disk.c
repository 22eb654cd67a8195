/* SPDX-License-Identifier: MIT */
/* The body of "block", version 1: disks that were migrated with the VM. Old QEMUs write an empty
 * one into every stream. */
#include "vmstate/stream_format.h"
#include "vmstate/stream_private.h"

#define DISK_FLAGS      511
#define DISK_BLOCK_SIZE (1 << 20)

enum stream_step stream_disk_record(struct vmstate_stream *self, const uint8_t *bytes,
                                    struct vmstate_event *event)
{
    unsigned flags;

    self->disk_record = stream_be64(bytes);
    flags = self->disk_record & DISK_FLAGS;
    switch (flags) {
    case DISK_EOS:
        if (self->disk_record != DISK_EOS)
            return stream_fail(self, "more than a flag at the end of the body");
        return stream_enter(self, STREAM_AFTER_BODY, 1);
    case DISK_PROGRESS:
        stream_enter(self, STREAM_DISK_RECORD, 8);
        stream_tell(self, event, VMSTATE_DISK_PROGRESS);
        event->value = self->disk_record;
        return STREAM_TELL;
    case DISK_BLOCK:
    case DISK_BLOCK | DISK_ZERO:
        return stream_enter(self, STREAM_DISK_NAME_SIZE, 1);
    default:
        return stream_fail(self, "flags %#x are not known", flags);
    }
}

enum stream_step stream_disk_name_size(struct vmstate_stream *self, const uint8_t *bytes,
                                       struct vmstate_event *event)
{
    if (bytes[0] == 0)
        return stream_fail(self, "it has no name");
    return stream_enter(self, STREAM_DISK_NAME, bytes[0]);
}

enum stream_step stream_disk_name(struct vmstate_stream *self, const uint8_t *bytes,
                                  struct vmstate_event *event)
{
    uint64_t size = self->disk_record & DISK_ZERO ? 0 : DISK_BLOCK_SIZE;

    if (!stream_copy_name(self->text, bytes, self->need))
        return stream_fail(self, "its name holds a NUL");
    stream_pass(self, size, VMSTATE_DISK_BYTES, STREAM_DISK_RECORD, 8);
    stream_tell(self, event, VMSTATE_DISK_BLOCK);
    event->text = self->text;
    event->value = self->disk_record;
    event->len = size;
    return STREAM_TELL;
}
