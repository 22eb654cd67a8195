/* SPDX-License-Identifier: MIT */
#include "inspect.h"

#include <stdio.h>
#include <string.h>

#include "screen.h"
#include "section_name.h"
#include "stream_reader.h"
#include "term.h"

#define KEPT_MOST (256u << 20) /* bytes of fields to be shown */
#define PROGRESS  (16u << 20)

struct reading {
    struct inspection *to;
    struct vmstate_stream *stream;
    struct stream_reader *reader;
    struct input *input;
    struct vmstate_input body; /* of the open section: in the rest, in one piece */
    const struct vmstate_device *device;
    struct vmstate_schemas *schemas; /* instead of a description; NULL: none needed */
    struct vmstate_error schema_error;
    bool by_schema; /* the open section */
    struct term term;
    uint64_t total; /* bytes of the file, 0: not known */
    uint64_t shown;
    uint64_t fed;
};

__attribute__((format(printf, 3, 4))) static void
stop(struct reading *reading, enum inspect_exit status, const char *format, ...)
{
    struct inspection *to = reading->to;
    va_list list;

    to->exit = status;
    va_start(list, format);
    vsnprintf(to->error.reason, sizeof(to->error.reason), format, list);
    va_end(list);
}

static void stop_at(struct reading *reading, const struct vmstate_section *section, uint64_t offset,
                    const char *field)
{
    struct vmstate_error *error = &reading->to->error;

    error->offset = offset;
    error->field = field;
    memcpy(error->section, section->name, sizeof(error->section));
}

static void show_progress(struct reading *reading)
{
    if (reading->to->quiet || reading->fed - reading->shown < PROGRESS)
        return;
    reading->shown = reading->fed;
    term_progress(&reading->term, "reading", reading->fed, reading->total);
}

static ssize_t read_bytes(void *opaque, void *to, size_t most)
{
    struct reading *reading = opaque;
    ssize_t n = input_read(reading->input, to, most);

    if (n < 0)
        stop(reading, INSPECT_BROKEN, "cannot be read: %s", input_problem(reading->input));
    else
        reading->fed += (uint64_t)n;
    show_progress(reading);
    return n;
}

static const char no_layout[] =
    "the stream has no description of its fields: it was cut off, or saved by QEMU before 2.3, or\n"
    "with suppress-vmdesc=on, the default of the machine types 2.0 to 2.2 (save with -machine\n"
    "suppress-vmdesc=off). Only the layouts of QEMU 1.0 to 2.0 are built in. RAM was read";

/* In what is left, for it stands at the end. */
static bool find_description(struct reading *reading)
{
    const struct vmstate_input *left = stream_reader_left(reading->reader);
    struct inspection *to = reading->to;
    const char *reason;
    size_t at, size;

    if (!stream_reader_keep_rest(reading->reader))
        return false;
    if (!vmstate_description_find(left->bytes, left->len, &at, &size)) {
        reading->schemas = to->schemas = vmstate_schemas_new();
        return true;
    }
    to->description = vmstate_description_parse((const char *)left->bytes + at, size, &reason);
    if (!to->description)
        stop(reading, INSPECT_BROKEN, "the description at the end is wrong: %s", reason);
    to->description_size = size;
    return to->description != NULL;
}

/* The section's size from the layouts that are built in. */
static bool measure(struct reading *reading, const struct vmstate_section *section)
{
    const struct vmstate_input *left = stream_reader_left(reading->reader);
    struct vmstate_error error;
    uint64_t size;

    switch (
        vmstate_schemas_measure(reading->schemas, section, left->bytes, left->len, &size, &error)) {
    case VMSTATE_MEASURED:
        reading->by_schema = true;
        vmstate_stream_set_size(reading->stream, size);
        return true;
    case VMSTATE_MEASURE_SHORT:
        stop_at(reading, section, section->body + left->len, "body");
        stop(reading, INSPECT_BROKEN, "the input ends");
        return false;
    case VMSTATE_MEASURE_FAILED:
        break;
    }
    stop_at(reading, section, section->body + error.offset, "body");
    stop(reading, INSPECT_STOPPED, "%s", error.reason);
    reading->to->remedy = no_layout;
    return false;
}

/* The section's size from the description; false ends the reading. */
static bool tell_size(struct reading *reading, const struct vmstate_section *section)
{
    stop_at(reading, section, section->body, "body");
    if (!stream_reader_keeps(reading->reader) && !find_description(reading))
        return false;
    if (reading->schemas)
        return measure(reading, section);
    if (!reading->to->description)
        return false;
    reading->device =
        vmstate_description_lookup(reading->to->description, section->name, section->instance);
    if (!reading->device || section->kind != VMSTATE_SECTION_FULL) {
        stop(reading, INSPECT_STOPPED, "the stream's description does not have it");
        return false;
    }
    if (reading->device->has_version && reading->device->version != section->version) {
        stop(reading, INSPECT_BROKEN, "version %u, but the description is of version %u",
             section->version, reading->device->version);
        return false;
    }
    vmstate_stream_set_size(reading->stream, reading->device->size);
    return true;
}

static struct inspect_section *find_seen(struct inspection *to,
                                         const struct vmstate_section *section)
{
    for (guint i = to->sections->len; i-- > 0;) {
        struct inspect_section *seen = to->sections->pdata[i];

        if (seen->section.id == section->id && seen->section.kind != VMSTATE_SECTION_FULL)
            return seen;
    }
    return NULL;
}

static struct inspect_section *seen_section(struct inspection *to,
                                            const struct vmstate_section *section)
{
    struct inspect_section *seen = NULL;

    if (section->kind == VMSTATE_SECTION_PART || section->kind == VMSTATE_SECTION_END)
        seen = find_seen(to, section);
    if (!seen) {
        seen = g_new0(struct inspect_section, 1);
        seen->section = *section;
        g_ptr_array_add(to->sections, seen);
    }
    return seen;
}

static void ignore_value(void *opaque, const struct vmstate_value *value)
{
}

static struct vmstate_tree *make_tree(struct reading *reading,
                                      const struct vmstate_section *section, size_t *at,
                                      const char **reason)
{
    const struct vmstate_input *body = &reading->body;
    struct vmstate_tree *tree;

    if (!reading->by_schema)
        return vmstate_device_tree(reading->device, body->bytes, body->len, at, reason);
    tree = vmstate_schemas_tree(reading->schemas, section, body->bytes, body->len,
                                &reading->schema_error);
    *at = (size_t)reading->schema_error.offset;
    *reason = reading->schema_error.reason;
    return tree;
}

/* Checks the body against its layout; its fields stay when they are asked for. */
static bool read_fields(struct reading *reading, const struct vmstate_section *section,
                        struct inspect_section *seen)
{
    struct inspection *to = reading->to;
    const struct vmstate_input *body = &reading->body;
    const char *reason;
    size_t at;
    bool keep, fine;

    seen->wanted = inspect_wants(to, section);
    keep = seen->wanted || (to->aside && screen_knows(section->name));
    if (keep || reading->by_schema) {
        seen->tree = make_tree(reading, section, &at, &reason);
        fine = seen->tree != NULL;
        to->kept += keep ? body->len : 0;
    } else {
        fine = vmstate_device_walk(reading->device, body->bytes, body->len, ignore_value, NULL, &at,
                                   &reason);
    }
    if (!keep) {
        vmstate_tree_free(seen->tree);
        seen->tree = NULL;
    }
    if (!fine) {
        stop_at(reading, section, section->body + at, "body");
        stop(reading, INSPECT_BROKEN, "%s", reason);
    } else if (to->kept > KEPT_MOST) {
        stop_at(reading, section, section->body, "fields");
        stop(reading, INSPECT_BROKEN, "all fields so far take more than %u MiB", KEPT_MOST >> 20);
        fine = false;
    }
    return fine;
}

static bool close_section(struct reading *reading, const struct vmstate_event *event)
{
    struct inspect_section *seen = seen_section(reading->to, event->section);

    seen->parts++;
    seen->bytes += event->section->body_size;
    seen->footer = event->footer;
    if (!reading->device && !reading->by_schema)
        return true;
    seen->described = true;
    if (!read_fields(reading, event->section, seen))
        return false;
    reading->body = (struct vmstate_input){0};
    reading->device = NULL;
    reading->by_schema = false;
    return true;
}

static bool take_event(void *opaque, const struct vmstate_event *event)
{
    struct reading *reading = opaque;
    struct inspection *to = reading->to;

    if (to->each)
        to->each(to->each_opaque, event);
    switch (event->kind) {
    case VMSTATE_NEEDS_SIZE:
        return tell_size(reading, event->section);
    case VMSTATE_FILE_HEADER:
        to->header = true;
        return true;
    case VMSTATE_CONFIGURATION:
        g_free(to->machine);
        to->machine = g_strdup(event->text);
        return true;
    case VMSTATE_CONFIGURATION_BYTES:
        inspect_config_take(&to->config, event->bytes, event->len);
        return true;
    case VMSTATE_SECTION_BYTES:
        reading->body = (struct vmstate_input){event->bytes, event->len};
        return true;
    case VMSTATE_SECTION_CLOSED:
        return close_section(reading, event);
    case VMSTATE_RAM_BLOCK:
    case VMSTATE_RAM_PAGE:
    case VMSTATE_RAM_BYTES:
        ram_map_event(to->ram, event);
        if (to->aside)
            ram_aside_event(to->aside, event);
        return true;
    case VMSTATE_DISK_BLOCK:
        inspect_disks_take(&to->disks, event);
        return true;
    case VMSTATE_COMMAND:
        to->commands++;
        return true;
    case VMSTATE_DESCRIPTION:
        to->description_size = event->description_size;
        return true;
    case VMSTATE_SECTION_OPENED:
    case VMSTATE_RAM_LIST:
    case VMSTATE_DISK_PROGRESS:
    case VMSTATE_DISK_BYTES:
    case VMSTATE_COMMAND_BYTES:
    case VMSTATE_END_OF_STATE:
    case VMSTATE_DESCRIPTION_BYTES:
        return true;
    case VMSTATE_NEEDS_BYTES:
    case VMSTATE_FAILED:
    case VMSTATE_ENDED:
        break;
    }
    return false;
}

static const struct stream_reader_ops reader_ops = {read_bytes, take_event};

static void read_stream(struct reading *reading)
{
    struct inspection *to = reading->to;
    uint8_t beyond[4096];

    switch (stream_reader_run(reading->reader)) {
    case STREAM_WHOLE:
        to->exit = INSPECT_WHOLE;
        while (read_bytes(reading, beyond, sizeof(beyond)) > 0)
            ;
        to->after = reading->fed - vmstate_stream_offset(reading->stream);
        break;
    case STREAM_BROKEN:
        to->exit = INSPECT_BROKEN;
        to->error = *vmstate_stream_error(reading->stream);
        break;
    case STREAM_REST_TOO_LARGE:
        stop(reading, INSPECT_BROKEN, "more than " STREAM_REST_MOST " of device state");
        break;
    case STREAM_STOPPED:
        break;
    }
}

void inspect_read(struct inspection *self, struct input *input)
{
    struct reading reading = {.to = self, .input = input, .term = term_open()};

    self->wrapping = input_wrapping(input);
    reading.total = input_total(input);
    self->sections = g_ptr_array_new();
    self->ram = ram_map_new(&self->window);
    reading.stream = vmstate_stream_new();
    reading.reader = stream_reader_new(reading.stream, &reader_ops, &reading);
    read_stream(&reading);
    self->size = vmstate_stream_offset(reading.stream);
    inspect_config_read(&self->config);
    term_clear_status(&reading.term);
    if (reading.schemas)
        self->flavour = vmstate_schemas_flavour(reading.schemas);
    stream_reader_free(reading.reader);
    vmstate_stream_free(reading.stream);
}

static void free_section(struct inspect_section *seen)
{
    vmstate_tree_free(seen->tree);
    g_free(seen);
}

void inspect_free(struct inspection *self)
{
    for (guint i = 0; i < self->sections->len; i++)
        free_section(self->sections->pdata[i]);
    g_ptr_array_unref(self->sections);
    ram_map_free(self->ram);
    ram_aside_free(self->aside);
    vmstate_description_free(self->description);
    vmstate_schemas_free(self->schemas);
    inspect_config_clear(&self->config);
    if (self->disks)
        g_ptr_array_unref(self->disks);
    g_free(self->machine);
    g_free(self->window.bytes);
    g_free(self->window.known);
}

bool inspect_has_footers(const struct inspection *self)
{
    bool footers = false;

    for (guint i = 0; i < self->sections->len; i++)
        footers |= ((struct inspect_section *)self->sections->pdata[i])->footer;
    return footers;
}

bool inspect_wants(const struct inspection *self, const struct vmstate_section *section)
{
    return self->all_values || (self->wanted && section_matches(section, self->wanted));
}
