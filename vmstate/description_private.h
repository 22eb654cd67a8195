/* SPDX-License-Identifier: MIT */
/* Layouts as read from the JSON. Fields of no size are left out: what is walked takes bytes. */
#ifndef VMSTATE_DESCRIPTION_PRIVATE_H
#define VMSTATE_DESCRIPTION_PRIVATE_H

#include "vmstate/description.h"

#define LAYOUT_MAX_DEPTH 32

struct layout_field {
    char *name;
    char *type;
    uint64_t size;                 /* of one element, > 0 */
    uint32_t count;                /* elements */
    int64_t index;                 /* of an element that is listed on its own; -1: it is not one */
    struct vmstate_layout *nested; /* NULL: a value */
};

struct vmstate_layout {
    char *name; /* of a subsection, else whatever the JSON says, or NULL */
    uint32_t version;
    uint64_t size; /* with subsections */
    struct layout_field *fields;
    size_t n_fields;
    struct vmstate_layout **subsections;
    size_t n_subsections;
};

/* A subsection's own header: mark, name's length, name, version. */
#define SUBSECTION_MARK  5
#define SUBSECTION_FIXED 6

#endif
