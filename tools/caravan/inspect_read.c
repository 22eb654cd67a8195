/* SPDX-License-Identifier: MIT */
#include "inspect.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "screen.h"
#include "section_name.h"
#include "term.h"

#define CHUNK     (256u << 10)
#define TAIL_MOST (512u << 20) /* bytes of device state that are kept to find their description */
#define KEPT_MOST (256u << 20) /* bytes of fields to be shown */
#define PROGRESS  (64u << 20)

struct reading {
    struct inspection *to;
    struct vmstate_stream *stream;
    struct vmstate_input in;
    int fd;
    uint8_t *chunk;
    GByteArray *tail; /* from the first section of unknown size on; NULL: not yet there */
    GByteArray *body; /* of the open section */
    const struct vmstate_device *device;
    struct term term;
    uint64_t total; /* bytes of the file, 0: not known */
    uint64_t shown;
    uint64_t fed;
};

/* Files of other kinds that people have at hand, by their first bytes. */
static const struct {
    const char *magic;
    const char *is;
    const char *remedy;
} foreign[] = {
    {"\x1f\x8b", "compressed by gzip", "decompress first: zcat FILE | caravan vmstate inspect -"},
    {"\xfd"
     "7zXZ",
     "compressed by xz", "decompress first: xzcat FILE | caravan vmstate inspect -"},
    {"BZh", "compressed by bzip2", "decompress first: bzcat FILE | caravan vmstate inspect -"},
    {"\x28\xb5\x2f\xfd", "compressed by zstd",
     "decompress first: zstdcat FILE | caravan vmstate inspect -"},
    {"\x89LZO", "compressed by lzop",
     "decompress first: lzop -dc FILE | caravan vmstate inspect -"},
    {"QFI\xfb", "a qcow2 image", "states inside of images are not read; save with migrate instead"},
    {"LibvirtQemud", "a save file of libvirt", "libvirt's header is not read yet"},
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
    char text[96];
    double gib = (double)reading->fed / (1 << 30);

    if (reading->to->quiet || reading->fed - reading->shown < PROGRESS)
        return;
    reading->shown = reading->fed;
    if (reading->total)
        snprintf(text, sizeof(text), "reading: %.1f of %.1f GiB", gib,
                 (double)reading->total / (1 << 30));
    else
        snprintf(text, sizeof(text), "reading: %.1f GiB", gib);
    term_status(&reading->term, text);
}

/* More input into the chunk: bytes, 0 at the end, -1 (and the inspection has an error). */
static ssize_t read_chunk(struct reading *reading)
{
    ssize_t n;

    do
        n = read(reading->fd, reading->chunk, CHUNK);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        stop(reading, INSPECT_BROKEN, "cannot be read: %s", g_strerror(errno));
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

static const char cut_or_suppressed[] =
    "either the stream was cut off, or saved with -machine suppress-vmdesc=on; RAM was read";
static const char too_old[] =
    "QEMU writes one since 2.3, but not for machine types 2.0 to 2.2 unless it is given\n"
    "-machine suppress-vmdesc=off. Without it layouts are not known yet. RAM was read";

static bool find_description(struct reading *reading)
{
    struct inspection *to = reading->to;
    const char *reason;
    size_t at, size;

    if (!vmstate_description_find(reading->tail->data, reading->tail->len, &at, &size)) {
        to->remedy = to->machine ? cut_or_suppressed : too_old;
        stop(reading, INSPECT_STOPPED,
             "its size is written nowhere: the stream has no description of its fields");
        return false;
    }
    to->description =
        vmstate_description_parse((const char *)reading->tail->data + at, size, &reason);
    if (!to->description)
        stop(reading, INSPECT_BROKEN, "the description at the end is wrong: %s", reason);
    to->description_size = size;
    return to->description != NULL;
}

/* The section's size from the description; false ends the reading. */
static bool tell_size(struct reading *reading, const struct vmstate_section *section)
{
    stop_at(reading, section, section->body, "body");
    if (!reading->tail && !(read_tail(reading) && find_description(reading)))
        return false;
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

/* Checks the body against its description; its fields stay when they are asked for. */
static bool read_fields(struct reading *reading, struct inspect_section *seen)
{
    struct inspection *to = reading->to;
    const GByteArray *body = reading->body;
    const char *reason;
    size_t at;
    bool fine;

    seen->wanted = inspect_wants(to, &seen->section);
    if (seen->wanted || (to->aside && screen_knows(seen->section.name))) {
        seen->tree = vmstate_device_tree(reading->device, body->data, body->len, &at, &reason);
        fine = seen->tree != NULL;
        to->kept += body->len;
    } else {
        fine = vmstate_device_walk(reading->device, body->data, body->len, ignore_value, NULL, &at,
                                   &reason);
    }
    if (!fine) {
        stop_at(reading, &seen->section, seen->section.body + at, "body");
        stop(reading, INSPECT_BROKEN, "%s", reason);
    } else if (to->kept > KEPT_MOST) {
        stop_at(reading, &seen->section, seen->section.body, "fields");
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
    if (!reading->device)
        return true;
    seen->described = true;
    if (!read_fields(reading, seen))
        return false;
    g_byte_array_set_size(reading->body, 0);
    reading->device = NULL;
    return true;
}

/* False ends the reading. */
static bool take_event(struct reading *reading, const struct vmstate_event *event)
{
    struct inspection *to = reading->to;

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
    case VMSTATE_SECTION_BYTES:
        g_byte_array_append(reading->body, event->bytes, (guint)event->len);
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
        to->disk_blocks++;
        return true;
    case VMSTATE_COMMAND:
        to->commands++;
        return true;
    case VMSTATE_DESCRIPTION:
        to->description_size = event->description_size;
        return true;
    case VMSTATE_CONFIGURATION_BYTES:
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

static bool is_foreign(struct reading *reading, size_t len)
{
    for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++) {
        size_t n = strlen(foreign[i].magic);

        if (len < n || memcmp(reading->chunk, foreign[i].magic, n))
            continue;
        stop(reading, INSPECT_BROKEN, "not a migration stream, but %s", foreign[i].is);
        reading->to->remedy = foreign[i].remedy;
        return true;
    }
    return false;
}

static void read_stream(struct reading *reading)
{
    ssize_t n = 0;

    while (!reading->tail && (n = read_chunk(reading)) > 0) {
        if (reading->fed == (uint64_t)n && is_foreign(reading, (size_t)n))
            return;
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

void inspect_read(struct inspection *self, int fd)
{
    struct reading reading = {.to = self, .fd = fd, .term = term_open()};
    struct stat stat;

    if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode))
        reading.total = (uint64_t)stat.st_size;
    self->sections = g_ptr_array_new();
    self->ram = ram_map_new(&self->window);
    reading.stream = vmstate_stream_new();
    reading.chunk = g_malloc(CHUNK);
    reading.body = g_byte_array_new();
    read_stream(&reading);
    self->size = vmstate_stream_offset(reading.stream);
    term_clear_status(&reading.term);
    if (reading.tail)
        g_byte_array_unref(reading.tail);
    g_byte_array_unref(reading.body);
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
    g_free(self->machine);
    g_free(self->window.bytes);
    g_free(self->window.known);
}

bool inspect_wants(const struct inspection *self, const struct vmstate_section *section)
{
    return self->all_values || (self->wanted && section_matches(section, self->wanted));
}
