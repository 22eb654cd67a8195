/* SPDX-License-Identifier: MIT */
/* What the parts of the conversion share. */
#ifndef VMSTATE_CONVERT_PRIVATE_H
#define VMSTATE_CONVERT_PRIVATE_H

#include <glib.h>

#include "vmstate/convert.h"
#include "vmstate/description.h"
#include "vmstate/schema.h"
#include "vmstate/stream.h"
#include "vmstate/writer.h"

/* Bytes of a section to be left out and put in, at a place of its body. */
struct convert_cut {
    size_t at;
    size_t len;
    const uint8_t *put; /* static */
    size_t put_len;
};

/* A device's section. */
struct convert_section {
    struct vmstate_section head;
    const char *device; /* what stands behind the last slash of its name as it came; borrowed from
                           `came` */
    char came[VMSTATE_NAME_MAX];
    size_t at; /* of the body, in the state */
    size_t len;
    struct vmstate_tree *tree; /* made when it is first asked for; NULL: not yet, or it has none */
    bool dropped;
    GArray *cuts; /* struct convert_cut, in their order; NULL: none */
};

struct vmstate_convert {
    struct vmstate_convert_sink sink;
    char *from;
    char *machine;
    char *usb;
    char **sets;
    bool kvm;
    bool own_machine; /* none was given: that of the stream, if it says */
    bool configured;  /* it is past the place of the configuration */
    unsigned target;  /* version of the machine type: 104 is 1.4 */
    bool i440fx;      /* pc-i440fx-..., else pc-... of QEMU up to 2.x */
    unsigned source;  /* version, as far as it is known */
    struct vmstate_stream *stream;
    struct vmstate_writer *writer;
    char *error;
    char *source_text;
    GPtrArray *reports[VMSTATE_REPORTS]; /* char * */
    bool described;                      /* the source writes footers or a configuration */
    bool by_kvm;                         /* saved under KVM */
    /* RAM and what comes before */
    uint64_t fed;     /* bytes */
    uint64_t run;     /* where the input begins that is to be copied */
    GByteArray *rest; /* input from `run` on that is of an earlier feed */
    GArray *blocks;   /* struct vmstate_ram_block */
    uint64_t list_total;
    /* device state */
    GByteArray *state;             /* NULL: not reached */
    uint64_t state_at;             /* in the stream */
    struct vmstate_section opened; /* the first of its sections */
    GPtrArray *sections;           /* struct convert_section */
    struct vmstate_description *description;
    struct vmstate_schemas *schemas; /* built-in layouts; NULL: not needed so far, or described */
};

/* convert.c */
__attribute__((format(printf, 2, 3))) bool convert_fail(struct vmstate_convert *self,
                                                        const char *format, ...);
/* As convert_fail, and it is the stream that cannot be converted: nothing is broken. */
__attribute__((format(printf, 2, 3))) bool convert_refuse(struct vmstate_convert *self,
                                                          const char *format, ...);
__attribute__((format(printf, 3, 4))) void convert_report(struct vmstate_convert *self,
                                                          enum vmstate_convert_report which,
                                                          const char *format, ...);

/* The i-th section of a device (by what is behind the last slash), or NULL. */
struct convert_section *convert_find(const struct vmstate_convert *self, const char *device,
                                     unsigned i);

/* The section's fields, or NULL when they are not known. */
struct vmstate_tree *convert_tree(struct vmstate_convert *self, struct convert_section *section);

/* convert_state.c: device state, once all of it is there. */
bool convert_read_state(struct vmstate_convert *self);
bool convert_write_state(struct vmstate_convert *self);

/* convert_apply.c: the rules; false when the stream is refused. */
bool convert_apply(struct vmstate_convert *self);

/* convert_machine.c */
bool convert_parse_machine(const char *name, unsigned *version, bool *i440fx);

/* The name that a RAM block has at the target. */
char *convert_block_name(const struct vmstate_convert *self, const char *name);

/* convert_command.c: the command line of the target. */
void convert_command(struct vmstate_convert *self);

/* convert_describe.c: the JSON that goes behind the stream. The caller frees it. */
char *convert_describe(struct vmstate_convert *self);

#endif
