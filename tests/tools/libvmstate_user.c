/* SPDX-License-Identifier: MIT */
/* A program of somebody else's, against the installed library: counts a stream's sections up to the
 * first device, and saves a struct by its table. Not built by meson: libvmstate.py does it. */
#include <stdio.h>
#include <stdlib.h>
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

static int read_stream(FILE *file)
{
    static uint8_t chunk[65536];
    struct vmstate_stream *stream = vmstate_stream_new();
    enum vmstate_event_kind kind = VMSTATE_NEEDS_BYTES;
    int opened = 0;

    while (kind == VMSTATE_NEEDS_BYTES) {
        struct vmstate_input in = {chunk, fread(chunk, 1, sizeof(chunk), file)};
        struct vmstate_event event;

        if (in.len == 0)
            break;
        do {
            kind = vmstate_stream_next(stream, &in, &event);
            opened += kind == VMSTATE_SECTION_OPENED;
        } while (kind >= VMSTATE_FILE_HEADER);
    }
    vmstate_stream_free(stream);
    printf("%d sections, then %s\n", opened, kind == VMSTATE_NEEDS_SIZE ? "a device" : "trouble");
    return kind == VMSTATE_NEEDS_SIZE ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct point point = {-2, 7};
    uint8_t *bytes;
    size_t len;
    char *text = fields_dump_text(&table, 1, &point);
    FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;

    if (!fields_save_bytes(&table, 1, &point, &bytes, &len, NULL) || len != 8 || !file)
        return 2;
    fputs(text, stdout);
    free(text);
    free(bytes);
    return read_stream(file);
}
