/* SPDX-License-Identifier: MIT */
/* What `caravan vmstate inspect` finds in a stream. */
#ifndef CARAVAN_INSPECT_H
#define CARAVAN_INSPECT_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

#include "input.h"
#include "inspect_config.h"
#include "inspect_disks.h"
#include "inspect_ram.h"
#include "ram_aside.h"
#include "vmstate/description.h"
#include "vmstate/schema.h"
#include "vmstate/stream.h"
#include "vmstate/tree.h"

enum inspect_exit {
    INSPECT_WHOLE = 0,
    INSPECT_USAGE = 1,
    INSPECT_BROKEN = 2,  /* cannot be read, or is no stream as QEMU writes them */
    INSPECT_STOPPED = 3, /* fine so far, but what follows has a layout that is not known */
    INSPECT_ABSENT = 4,  /* no such section or block */
};

/* The picture that was asked for. */
struct inspect_shot {
    const char *path; /* NULL: none; borrowed */
    const char *section;
    uint32_t width, height;
    bool written;
};

/* One section, or all parts of one that comes in parts. */
struct inspect_section {
    struct vmstate_section section; /* of the last part; offset of the first */
    unsigned parts;
    uint64_t bytes; /* of all bodies */
    bool footer;
    bool described;
    struct vmstate_tree *tree; /* NULL: not asked for, or it has none */
    bool wanted;
};

struct inspection {
    const char *wanted; /* section whose fields are kept (section_matches), NULL: none */
    bool all_values;
    struct inspect_shot shot;
    struct ram_aside *aside; /* video memory for the shot, NULL: none is wanted */
    /* Is told every event that the reader tells, before the inspection takes it; NULL: nobody. */
    void (*each)(void *opaque, const struct vmstate_event *event);
    void *each_opaque;
    bool quiet;
    bool header;
    uint64_t kept;        /* bytes of memory that fields take */
    const char *wrapping; /* what the stream came in, borrowed */
    char *machine;
    GPtrArray *sections; /* struct inspect_section */
    struct ram_map *ram;
    struct ram_window window;
    struct vmstate_description *description; /* NULL: none, or not reached */
    uint64_t description_size;
    struct vmstate_schemas *schemas; /* NULL: not needed */
    const char *flavour;             /* who wrote it, by the layouts; NULL: not known */
    struct inspect_config config;
    GPtrArray *disks; /* struct inspect_disk; NULL: none */
    uint64_t commands;
    uint64_t size;  /* bytes of the stream, as far as it was read */
    uint64_t after; /* bytes behind its end */
    enum inspect_exit exit;
    struct vmstate_error error; /* unless WHOLE; reason "" for none */
    const char *remedy;         /* static, or NULL */
};

/* Reads the stream to its end. */
void inspect_read(struct inspection *self, struct input *input);

/* Whether a section's fields are to be printed. */
bool inspect_wants(const struct inspection *self, const struct vmstate_section *section);

bool inspect_has_footers(const struct inspection *self);

/* Draws self->shot; false when it cannot be, which was said. */
bool inspect_screenshot(struct inspection *self);

void inspect_free(struct inspection *self);

/* Says self->error on standard error, in the name of an action of `caravan vmstate`. */
void inspect_report_error(const struct inspection *self, const char *action, const char *file);

void inspect_print_text(const struct inspection *self);
void inspect_print_json(const struct inspection *self);

int inspect_main(int argc, char **argv);

#endif
