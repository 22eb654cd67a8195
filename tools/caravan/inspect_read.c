/* SPDX-License-Identifier: MIT */
#include "inspect.h"

#include <stdio.h>
#include <string.h>

#include "screen.h"
#include "section_name.h"
#include "term.h"

#define CHUNK     (256u << 10)
#define TAIL_MOST (512u << 20) /* bytes of device state that are kept to find their description */
#define KEPT_MOST (256u << 20) /* bytes of fields to be shown */
#define PROGRESS  (16u << 20)

struct reading {
    struct inspection *to;
    struct vmstate_stream *stream;
    struct vmstate_input in;
    struct input *input;
    uint8_t *chunk;
    GByteArray *tail;          /* from the first section of unknown size on; NULL: not yet there */
    struct vmstate_input body; /* of the open section: in the tail, in one piece */
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

/* More input into the chunk: bytes, 0 at the end, -1 (and the inspection has an error). */
static ssize_t read_chunk(struct reading *reading)
{
    ssize_t n;

    n = input_read(reading->input, reading->chunk, CHUNK);
    if (n < 0)
        stop(reading, INSPECT_BROKEN, "cannot be read: %s", input_problem(reading->input));
    else
        reading->fed += (uint64_t)n;
    show_progress(reading);
    return n;
}

/* Keeps all that follows, for the description stands at the end. */
static bool read_tail(struct reading *reading)
{
    ssize_t n;

    reading->tail = g_byte_array_new();
    if (reading->in.len)
        g_byte_array_append(reading->tail, reading->in.bytes, (guint)reading->in.len);
    while ((n = read_chunk(reading)) > 0) {
        if (reading->tail->len + (size_t)n > TAIL_MOST) {
            stop(reading, INSPECT_BROKEN, "more than %u MiB of device state", TAIL_MOST >> 20);
            return false;
        }
        g_byte_array_append(reading->tail, reading->chunk, (guint)n);
    }
    reading->in = (struct vmstate_input){reading->tail->data, reading->tail->len};
    return n == 0;
}

static const char no_layout[] =
    "the stream has no description of its fields: it was cut off, or saved by QEMU before 2.3, or\n"
    "with suppress-vmdesc=on, the default of the machine types 2.0 to 2.2 (save with -machine\n"
    "suppress-vmdesc=off). Only the layouts of QEMU 1.0 to 2.0 are built in. RAM was read";

static bool find_description(struct reading *reading)
{
    struct inspection *to = reading->to;
    const char *reason;
    size_t at, size;

    if (!vmstate_description_find(reading->tail->data, reading->tail->len, &at, &size)) {
        reading->schemas = to->schemas = vmstate_schemas_new();
        return true;
    }
    to->description =
        vmstate_description_parse((const char *)reading->tail->data + at, size, &reason);
    if (!to->description)
        stop(reading, INSPECT_BROKEN, "the description at the end is wrong: %s", reason);
    to->description_size = size;
    return to->description != NULL;
}

/* The section's size from the layouts that are built in. */
static bool measure(struct reading *reading, const struct vmstate_section *section)
{
    struct vmstate_error error;
    uint64_t size;

    switch (vmstate_schemas_measure(reading->schemas, section, reading->in.bytes, reading->in.len,
                                    &size, &error)) {
    case VMSTATE_MEASURED:
        reading->by_schema = true;
        vmstate_stream_set_size(reading->stream, size);
        return true;
    case VMSTATE_MEASURE_SHORT:
        stop_at(reading, section, section->body + reading->in.len, "body");
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
    if (!reading->tail && !(read_tail(reading) && find_description(reading)))
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

/* False ends the reading. */
static bool take_event(struct reading *reading, const struct vmstate_event *event)
{
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

/* Until the input is used up (true) or the reading is over. */
static bool take_input(struct reading *reading)
{
    struct vmstate_event event;

    while (vmstate_stream_next(reading->stream, &reading->in, &event) != VMSTATE_NEEDS_BYTES)
        if (!take_event(reading, &event))
            return false;
    return true;
}

static void read_stream(struct reading *reading)
{
    ssize_t n = 0;

    while (!reading->tail && (n = read_chunk(reading)) > 0) {
        reading->in = (struct vmstate_input){reading->chunk, (size_t)n};
        if (!take_input(reading))
            break;
    }
    if (n < 0 || reading->to->error.reason[0])
        return;
    if (vmstate_stream_finish(reading->stream)) {
        reading->to->exit = INSPECT_WHOLE;
        while (!reading->tail && read_chunk(reading) > 0)
            ;
        reading->to->after = reading->fed - vmstate_stream_offset(reading->stream);
    } else {
        reading->to->exit = INSPECT_BROKEN;
        reading->to->error = *vmstate_stream_error(reading->stream);
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
    reading.chunk = g_malloc(CHUNK);
    read_stream(&reading);
    self->size = vmstate_stream_offset(reading.stream);
    inspect_config_read(&self->config);
    term_clear_status(&reading.term);
    if (reading.schemas)
        self->flavour = vmstate_schemas_flavour(reading.schemas);
    if (reading.tail)
        g_byte_array_unref(reading.tail);
    g_free(reading.chunk);
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
