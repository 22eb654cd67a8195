/* SPDX-License-Identifier: MIT */
/*
 * Changes a migration stream so that another QEMU, or another machine type, loads it: what must be
 * changed is in tables (vmstate/convert_rules.c; docs/vmstate.md tells them). Bytes in, bytes out,
 * no I/O. RAM passes through; device state (at most VMSTATE_CONVERT_STATE_MOST bytes) is kept until
 * all of it is there.
 *
 * What is not known is refused by name. No globals, no locks: any thread, one at a time.
 */
#ifndef VMSTATE_CONVERT_H
#define VMSTATE_CONVERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VMSTATE_CONVERT_STATE_MOST (6u << 20) /* bytes of device state */

/* Where the converted stream goes. False ends the conversion. */
struct vmstate_convert_sink {
    /* New bytes. */
    bool (*put)(void *opaque, const uint8_t *bytes, size_t len);
    /* Bytes of the input from `offset` on, unchanged; they are there too. */
    bool (*copy)(void *opaque, uint64_t offset, const uint8_t *bytes, size_t len);
    void *opaque;
};

struct vmstate_convert_options {
    const char *from;    /* a flavour, or NULL: find out */
    const char *machine; /* the target's machine type; NULL: pc-i440fx-1.4, or the stream's own */
    bool kvm;            /* the target runs with KVM, else TCG */
    const char *usb;     /* PCI path of the USB controller, or NULL: find out */
    /* "SECTION:INSTANCE/FIELD=NUMBER", applied last; ends with NULL. May be NULL. */
    const char *const *sets;
};

/* What was found and done; texts belong to the conversion. */
enum vmstate_convert_report {
    VMSTATE_REPORT_EDITS,    /* every change */
    VMSTATE_REPORT_NOTES,    /* what the user should know */
    VMSTATE_REPORT_REFUSALS, /* why it cannot be done, each with its remedy */
    VMSTATE_REPORT_COMMAND,  /* the target's command line, an option with its value each */
};
#define VMSTATE_REPORTS 4

struct vmstate_convert;

/* Texts of the options are copied. NULL and *reason (static) when they cannot be. */
struct vmstate_convert *vmstate_convert_new(const struct vmstate_convert_options *options,
                                            const struct vmstate_convert_sink *sink,
                                            const char **reason);

void vmstate_convert_free(struct vmstate_convert *self);

/* The next bytes of the stream. False: it cannot go on, see vmstate_convert_error. */
bool vmstate_convert_feed(struct vmstate_convert *self, const uint8_t *bytes, size_t len);

/* No more bytes come: writes the device state. True: the output is whole. */
bool vmstate_convert_finish(struct vmstate_convert *self);

/* In words; "" when nothing is wrong. */
const char *vmstate_convert_error(const struct vmstate_convert *self);

/* Who wrote the stream, such as "qemu-kvm 1.0, saved under KVM"; known after finish. */
const char *vmstate_convert_source(const struct vmstate_convert *self);

/* The target's machine type. */
const char *vmstate_convert_machine(const struct vmstate_convert *self);

/* Texts of a report, known after finish; NULL behind the last. */
const char *vmstate_convert_report(const struct vmstate_convert *self,
                                   enum vmstate_convert_report which, size_t i);

#endif
