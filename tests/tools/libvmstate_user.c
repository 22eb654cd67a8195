/* SPDX-License-Identifier: MIT */
/* A program of somebody else's, against the installed library: reads a whole stream by its own
 * description, counts sections and values, writes it again, and saves a struct by its table. Not
 * built by meson: libvmstate.py does it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vmstate/description.h>
#include <vmstate/fields.h>
#include <vmstate/stream.h>
#include <vmstate/tree.h>
#include <vmstate/writer.h>

struct point {
    int32_t x;
    uint32_t y;
};

static const struct field rows[] = {
    FIELD_ROW(I32, struct point, x),
    FIELD_ROW(U32, struct point, y),
};
static const struct field_table table = {.name = "point", FIELD_TABLE_OF(struct point, rows)};

struct reading {
    const uint8_t *bytes;
    size_t len;
    struct vmstate_description *description;
    struct vmstate_writer *writer;
    size_t same; /* bytes written that are those read */
    int sections;
    int values;
};

static void count_value(void *opaque, const struct vmstate_value *value)
{
    (void)value;
    ((struct reading *)opaque)->values++;
}

static const struct vmstate_device *device_of(const struct reading *self,
                                              const struct vmstate_section *section)
{
    return vmstate_description_lookup(self->description, section->name, section->instance);
}

static bool count_values(struct reading *self, const struct vmstate_event *event)
{
    const char *reason;
    size_t at;
    struct vmstate_tree *tree = vmstate_device_tree(device_of(self, event->section), event->bytes,
                                                    event->len, &at, &reason);

    if (!tree)
        return false;
    vmstate_tree_walk(tree, count_value, self);
    vmstate_tree_free(tree);
    return true;
}

static bool compare(void *opaque, const uint8_t *bytes, size_t len)
{
    struct reading *self = opaque;

    if (len > self->len - self->same || memcmp(self->bytes + self->same, bytes, len))
        return false;
    self->same += len;
    return true;
}

/* Until the stream ends; false when something in it is wrong. */
static bool read_events(struct reading *self, struct vmstate_stream *stream)
{
    struct vmstate_input in = {self->bytes, self->len};
    struct vmstate_event event;

    for (;;) {
        enum vmstate_event_kind kind = vmstate_stream_next(stream, &in, &event);

        if (kind == VMSTATE_NEEDS_BYTES)
            return vmstate_stream_finish(stream);
        if (kind == VMSTATE_FAILED || kind == VMSTATE_ENDED)
            return kind == VMSTATE_ENDED;
        if (kind == VMSTATE_NEEDS_SIZE) {
            if (!device_of(self, event.section))
                return false;
            vmstate_stream_set_size(stream, device_of(self, event.section)->size);
            continue;
        }
        self->sections += kind == VMSTATE_SECTION_OPENED;
        if (kind == VMSTATE_SECTION_BYTES && !count_values(self, &event))
            return false;
        vmstate_writer_event(self->writer, &event);
    }
}

static bool read_stream(struct reading *self)
{
    struct vmstate_stream *stream = vmstate_stream_new();
    const char *reason = "there is none";
    size_t at, size;
    bool whole = false;

    if (vmstate_description_find(self->bytes, self->len, &at, &size))
        self->description =
            vmstate_description_parse((const char *)self->bytes + at, size, &reason);
    self->writer = vmstate_writer_new(compare, self);
    if (self->description)
        whole = read_events(self, stream);
    else
        printf("description: %s\n", reason);
    if (vmstate_stream_error(stream))
        printf("%s\n", vmstate_stream_error(stream)->reason);
    printf("%d sections, %d values, %s\n", self->sections, self->values,
           self->same == self->len ? "written again" : "not written again");
    vmstate_writer_free(self->writer);
    vmstate_description_free(self->description);
    vmstate_stream_free(stream);
    return whole;
}

static bool read_file(const char *path)
{
    static uint8_t bytes[8 << 20];
    FILE *file = fopen(path, "rb");
    struct reading reading = {.bytes = bytes};

    if (!file)
        return false;
    reading.len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    return read_stream(&reading);
}

int main(int argc, char **argv)
{
    struct point point = {-2, 7};
    uint8_t *bytes;
    size_t len;
    char *text = fields_dump_text(&table, 1, &point);

    if (!fields_save_bytes(&table, 1, &point, &bytes, &len, NULL) || len != 8 || argc != 2)
        return 2;
    fputs(text, stdout);
    free(text);
    free(bytes);
    return !read_file(argv[1]);
}
