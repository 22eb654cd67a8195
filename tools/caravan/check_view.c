/* SPDX-License-Identifier: MIT */
#include "check_view.h"

#include <stdio.h>
#include <string.h>

#include "stream_reader.h"
#include "vmstate/description.h"
#include "vmstate/schema.h"

#define HEADER 10 /* bytes of a section's header besides its name, less 3 of its version */

struct reading {
    struct check_view *to;
    const struct check_view *like;
    check_reader read;
    void *source;
    struct vmstate_stream *stream;
    struct stream_reader *reader;
    struct vmstate_description *description;
    struct vmstate_schemas *schemas; /* of old QEMUs; NULL: not yet needed */
    const struct vmstate_device *device;
    bool guessed;
    GByteArray *body;
};

const char *check_leaf(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash && slash[1] ? slash + 1 : name;
}

static void fail(struct reading *reading, const struct vmstate_section *section, const char *reason)
{
    struct vmstate_error *error = &reading->to->error;

    if (section) {
        error->offset = section->body;
        error->field = "body";
        memcpy(error->section, section->name, sizeof(error->section));
    }
    snprintf(error->reason, sizeof(error->reason), "%s", reason);
}

/* ---- Sizes that nobody wrote down ---- */

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Whether bytes look like the beginning of the section after `id`, or the end of the state. */
static bool looks_like_next(const uint8_t *p, size_t len, uint32_t id, bool footers)
{
    size_t n;

    if (footers) {
        if (len < 5 || p[0] != 0x7e || be32(p + 1) != id)
            return false;
        p += 5;
        len -= 5;
    }
    if (len >= 1 && p[0] == 0)
        return len == 1 || (len > 6 && p[1] == 6 && p[6] == '{' && be32(p + 2) <= len - 6);
    if (len < HEADER + 4 || p[0] != VMSTATE_SECTION_FULL || be32(p + 1) <= id ||
        be32(p + 1) - id > 64)
        return false;
    n = p[5];
    if (n < 2 || len < HEADER + 4 + n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (p[6 + i] <= ' ' || p[6 + i] > '~')
            return false;
    return true;
}

/* Whether the bytes from n on go on as a stream does; then that is the section's size. */
static bool accept_size(struct reading *reading, const struct vmstate_section *section, uint64_t n)
{
    const struct vmstate_input *left = stream_reader_left(reading->reader);

    if (n > left->len ||
        !looks_like_next(left->bytes + n, left->len - (size_t)n, section->id, reading->to->footers))
        return false;
    vmstate_stream_set_size(reading->stream, n);
    return true;
}

static bool measure_size(struct reading *reading, const struct vmstate_section *section,
                         uint64_t *size)
{
    const struct vmstate_input *left = stream_reader_left(reading->reader);
    struct vmstate_error error = {0};

    if (!reading->schemas)
        reading->schemas = vmstate_schemas_new();
    return vmstate_schemas_measure(reading->schemas, section, left->bytes, left->len, size,
                                   &error) == VMSTATE_MEASURED;
}

/* By a layout, by what the target has, or up to what looks like a section. */
static bool guess_size(struct reading *reading, const struct vmstate_section *section)
{
    const struct check_section *like =
        reading->like ? check_view_section(reading->like, section->name, section->instance) : NULL;
    size_t len = stream_reader_left(reading->reader)->len;
    uint64_t size;

    if (measure_size(reading, section, &size) && accept_size(reading, section, size))
        return true;
    if (like && accept_size(reading, section, like->body->len))
        return true;
    for (size = 0; size <= len; size++)
        if (accept_size(reading, section, size))
            return true;
    fail(reading, section, "its size is written nowhere, and nothing like a next section follows");
    return false;
}

/* ---- Reading ---- */

static ssize_t read_bytes(void *opaque, void *to, size_t n)
{
    struct reading *reading = opaque;
    ssize_t got = reading->read(reading->source, to, n);

    if (got < 0)
        fail(reading, NULL, "it cannot be read to its end");
    return got;
}

/* In what is left, for it stands at the end. */
static bool find_description(struct reading *reading)
{
    const struct vmstate_input *left = stream_reader_left(reading->reader);
    const char *reason;
    size_t at, size;

    if (!stream_reader_keep_rest(reading->reader))
        return false;
    if (vmstate_description_find(left->bytes, left->len, &at, &size))
        reading->description =
            vmstate_description_parse((const char *)left->bytes + at, size, &reason);
    reading->to->described = reading->description != NULL;
    return true;
}

static bool tell_size(struct reading *reading, const struct vmstate_section *section)
{
    reading->device = NULL;
    reading->guessed = false;
    if (!stream_reader_keeps(reading->reader) && !find_description(reading))
        return false;
    if (reading->description && section->kind == VMSTATE_SECTION_FULL)
        reading->device =
            vmstate_description_lookup(reading->description, section->name, section->instance);
    if (reading->device) {
        vmstate_stream_set_size(reading->stream, reading->device->size);
        return true;
    }
    reading->guessed = true;
    return guess_size(reading, section);
}

static void close_section(struct reading *reading, const struct vmstate_event *event)
{
    const struct vmstate_section *section = event->section;
    struct check_section *kept;
    const char *reason;
    size_t at;

    reading->to->footers |= event->footer;
    if (section->kind == VMSTATE_SECTION_PART || section->kind == VMSTATE_SECTION_END)
        return;
    kept = g_new0(struct check_section, 1);
    kept->name = g_strdup(section->name);
    kept->instance = section->instance;
    kept->version = section->version;
    kept->live = section->kind == VMSTATE_SECTION_START;
    kept->guessed = reading->guessed;
    kept->body = reading->body;
    if (reading->device)
        kept->tree =
            vmstate_device_tree(reading->device, kept->body->data, kept->body->len, &at, &reason);
    reading->body = g_byte_array_new();
    reading->device = NULL;
    reading->guessed = false;
    g_ptr_array_add(reading->to->sections, kept);
}

static void add_block(struct check_view *to, const struct vmstate_ram_block *block)
{
    struct check_block kept = {g_strdup(block->name), block->size};

    g_array_append_val(to->blocks, kept);
}

static bool take_event(void *opaque, const struct vmstate_event *event)
{
    struct reading *reading = opaque;
    struct check_view *to = reading->to;

    switch (event->kind) {
    case VMSTATE_NEEDS_SIZE:
        return tell_size(reading, event->section);
    case VMSTATE_CONFIGURATION:
        g_free(to->machine);
        to->machine = g_strdup(event->text);
        return true;
    case VMSTATE_CONFIGURATION_BYTES:
        g_byte_array_append(to->additions, event->bytes, (guint)event->len);
        return true;
    case VMSTATE_SECTION_BYTES:
        g_byte_array_append(reading->body, event->bytes, (guint)event->len);
        return true;
    case VMSTATE_SECTION_CLOSED:
        close_section(reading, event);
        return true;
    case VMSTATE_RAM_BLOCK:
        add_block(to, event->block);
        return true;
    case VMSTATE_DISK_BLOCK:
        to->disk_blocks++;
        return true;
    case VMSTATE_COMMAND:
        to->commands++;
        return true;
    case VMSTATE_FILE_HEADER:
    case VMSTATE_SECTION_OPENED:
    case VMSTATE_RAM_LIST:
    case VMSTATE_RAM_PAGE:
    case VMSTATE_RAM_BYTES:
    case VMSTATE_DISK_PROGRESS:
    case VMSTATE_DISK_BYTES:
    case VMSTATE_COMMAND_BYTES:
    case VMSTATE_END_OF_STATE:
    case VMSTATE_DESCRIPTION:
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

struct check_view *check_view_read(check_reader read, void *source, const struct check_view *like)
{
    struct reading reading = {.like = like, .read = read, .source = source};
    struct check_view *self = g_new0(struct check_view, 1);
    enum stream_end end;

    self->sections = g_ptr_array_new();
    self->blocks = g_array_new(FALSE, FALSE, sizeof(struct check_block));
    self->additions = g_byte_array_new();
    reading.to = self;
    reading.stream = vmstate_stream_new();
    reading.reader = stream_reader_new(reading.stream, &reader_ops, &reading);
    reading.body = g_byte_array_new();
    end = stream_reader_run(reading.reader);
    self->whole = end == STREAM_WHOLE;
    if (end == STREAM_BROKEN)
        self->error = *vmstate_stream_error(reading.stream);
    else if (end == STREAM_REST_TOO_LARGE)
        fail(&reading, NULL, "more than " STREAM_REST_MOST " of device state");
    g_byte_array_unref(reading.body);
    vmstate_description_free(reading.description);
    vmstate_schemas_free(reading.schemas);
    stream_reader_free(reading.reader);
    vmstate_stream_free(reading.stream);
    return self;
}

static void free_section(struct check_section *section)
{
    g_free(section->name);
    g_byte_array_unref(section->body);
    if (section->tree)
        vmstate_tree_free(section->tree);
    g_free(section);
}

void check_view_free(struct check_view *self)
{
    if (!self)
        return;
    for (guint i = 0; i < self->sections->len; i++)
        free_section(self->sections->pdata[i]);
    g_ptr_array_unref(self->sections);
    for (guint i = 0; i < self->blocks->len; i++)
        g_free(g_array_index(self->blocks, struct check_block, i).name);
    g_array_unref(self->blocks);
    g_byte_array_unref(self->additions);
    g_free(self->machine);
    g_free(self);
}

const struct check_section *check_view_section(const struct check_view *self, const char *name,
                                               uint32_t instance)
{
    for (guint i = 0; i < self->sections->len; i++) {
        const struct check_section *section = self->sections->pdata[i];

        if (section->instance == instance && !strcmp(section->name, name))
            return section;
    }
    return NULL;
}

const struct check_block *check_view_block(const struct check_view *self, const char *name)
{
    for (guint i = 0; i < self->blocks->len; i++) {
        const struct check_block *block = &g_array_index(self->blocks, struct check_block, i);

        if (!strcmp(block->name, name))
            return block;
    }
    return NULL;
}
