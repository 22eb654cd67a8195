/* SPDX-License-Identifier: MIT */
/* Device state: into sections, and out again as the rules left them. */
#include "vmstate/convert_private.h"

#include <string.h>

/* ---- In ---- */

static bool find_description(struct vmstate_convert *self)
{
    const char *reason;
    size_t at, size;

    if (!vmstate_description_find(self->state->data, self->state->len, &at, &size)) {
        if (!self->described) { /* old: layouts are built in */
            self->schemas = self->schemas ? self->schemas : vmstate_schemas_new();
            return true;
        }
        return convert_refuse(self,
                              "the stream has no description of its fields: it was cut off, or "
                              "saved with suppress-vmdesc=on (save with -machine "
                              "suppress-vmdesc=off)");
    }
    self->description =
        vmstate_description_parse((const char *)self->state->data + at, size, &reason);
    if (!self->description)
        return convert_fail(self, "the description at the end is wrong: %s", reason);
    vmstate_schemas_free(self->schemas);
    self->schemas = NULL;
    return true;
}

static bool fail_at(struct vmstate_convert *self, const struct vmstate_section *section,
                    uint64_t offset, const char *reason)
{
    char *name = g_strescape(section->name, NULL);

    convert_fail(self, "section '%s' (version %u), byte %" G_GUINT64_FORMAT " of the stream: %s",
                 name, section->version, section->body + offset, reason);
    g_free(name);
    return false;
}

/* It is whole, but nobody knows it. */
static bool refuse_section(struct vmstate_convert *self, const struct vmstate_section *section,
                           const char *reason)
{
    char *name = g_strescape(section->name, NULL);

    convert_refuse(self, "section '%s' (version %u), byte %" G_GUINT64_FORMAT " of the stream: %s",
                   name, section->version, section->body, reason);
    g_free(name);
    return false;
}

static bool tell_size(struct vmstate_convert *self, const struct vmstate_section *section,
                      const struct vmstate_input *in)
{
    const struct vmstate_device *device;
    struct vmstate_error error;
    uint64_t size;

    if (section->kind != VMSTATE_SECTION_FULL)
        return refuse_section(self, section, "a live section that is not known");
    if (self->schemas) {
        switch (
            vmstate_schemas_measure(self->schemas, section, in->bytes, in->len, &size, &error)) {
        case VMSTATE_MEASURED:
            vmstate_stream_set_size(self->stream, size);
            return true;
        case VMSTATE_MEASURE_SHORT:
            return fail_at(self, section, in->len, "the input ends");
        case VMSTATE_MEASURE_FAILED:
            break;
        }
        if (!vmstate_schemas_has(self->schemas, section->name, section->version))
            return refuse_section(self, section, error.reason);
        return fail_at(self, section, error.offset, error.reason);
    }
    device = vmstate_description_lookup(self->description, section->name, section->instance);
    if (!device)
        return fail_at(self, section, 0, "the stream's description does not have it");
    vmstate_stream_set_size(self->stream, device->size);
    return true;
}

static void open_section(struct vmstate_convert *self, const struct vmstate_section *head)
{
    struct convert_section *section = g_new0(struct convert_section, 1);
    const char *slash;

    section->head = *head;
    memcpy(section->came, head->name, sizeof(section->came));
    slash = strrchr(section->came, '/');
    section->device = slash ? slash + 1 : section->came;
    section->at = (size_t)(head->body - self->state_at);
    g_ptr_array_add(self->sections, section);
}

/* False: it cannot go on. */
static bool take_event(struct vmstate_convert *self, const struct vmstate_event *event,
                       const struct vmstate_input *in)
{
    struct convert_section *last;

    switch (event->kind) {
    case VMSTATE_NEEDS_SIZE:
        return tell_size(self, event->section, in);
    case VMSTATE_SECTION_OPENED:
        if (event->section->kind != VMSTATE_SECTION_FULL)
            return fail_at(self, event->section, 0, "a live section behind devices");
        open_section(self, event->section);
        return true;
    case VMSTATE_SECTION_CLOSED:
        last = self->sections->pdata[self->sections->len - 1];
        last->len = (size_t)event->section->body_size;
        return true;
    default: /* NOLINT: nothing to keep of the others */
        return true;
    }
}

/* What is behind the end: a section that was measured wrongly ends in a zero byte at times. */
static bool check_rest(struct vmstate_convert *self, const struct vmstate_input *in)
{
    const struct convert_section *last = self->sections->pdata[self->sections->len - 1];
    char *name;

    for (size_t i = 0; self->schemas && i < in->len; i++) {
        if (in->bytes[i] == 0)
            continue;
        name = g_strescape(last->came, NULL);
        convert_refuse(
            self,
            "%zu bytes follow what seems to be the end, behind section '%s' (version "
            "%u): it has not the layout that is known, or they are no part of the stream",
            in->len, name, last->head.version);
        g_free(name);
        return false;
    }
    return true;
}

bool convert_read_state(struct vmstate_convert *self)
{
    size_t read = (size_t)(vmstate_stream_offset(self->stream) - self->state_at);
    struct vmstate_input in = {self->state->data + read, self->state->len - read};
    struct vmstate_event event;

    if (!find_description(self))
        return false;
    open_section(self, &self->opened);
    for (;;) {
        switch (vmstate_stream_next(self->stream, &in, &event)) {
        case VMSTATE_NEEDS_BYTES:
            if (vmstate_stream_finish(self->stream))
                return true;
            return convert_fail(self, "byte %" G_GUINT64_FORMAT ", %s: %s",
                                vmstate_stream_error(self->stream)->offset,
                                vmstate_stream_error(self->stream)->field,
                                vmstate_stream_error(self->stream)->reason);
        case VMSTATE_FAILED:
            return convert_fail(self, "broken at byte %" G_GUINT64_FORMAT ", %s: %s",
                                vmstate_stream_error(self->stream)->offset,
                                vmstate_stream_error(self->stream)->field,
                                vmstate_stream_error(self->stream)->reason);
        case VMSTATE_ENDED:
            return check_rest(self, &in);
        default:
            if (!take_event(self, &event, &in))
                return false;
        }
    }
}

/* ---- Out ---- */

static void write_section(struct vmstate_convert *self, struct convert_section *section)
{
    struct vmstate_writer *writer = self->writer;
    const uint8_t *body = self->state->data + section->at;
    size_t len = section->len;
    size_t at = 0;

    if (section->tree)
        body = vmstate_tree_bytes(section->tree, &len);
    vmstate_writer_section(writer, &section->head);
    for (guint i = 0; section->cuts && i < section->cuts->len; i++) {
        const struct convert_cut *cut = &g_array_index(section->cuts, struct convert_cut, i);

        vmstate_writer_bytes(writer, body + at, cut->at - at);
        vmstate_writer_bytes(writer, cut->put, cut->put_len);
        at = cut->at + cut->len;
    }
    vmstate_writer_bytes(writer, body + at, len - at);
    vmstate_writer_section_end(writer, &section->head, self->target >= 204);
}

bool convert_write_state(struct vmstate_convert *self)
{
    char *text;

    for (guint i = 0; i < self->sections->len; i++) {
        struct convert_section *section = self->sections->pdata[i];

        if (!section->dropped)
            write_section(self, section);
    }
    vmstate_writer_end_of_state(self->writer);
    /* all but these machine types expect one */
    if (self->target < 200 || self->target >= 203) {
        text = convert_describe(self);
        if (text)
            vmstate_writer_description(self->writer, text, (uint32_t)strlen(text));
        g_free(text);
    }
    return vmstate_writer_ok(self->writer) || convert_fail(self, "the output cannot be written");
}
