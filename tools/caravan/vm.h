/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_VM_H
#define CARAVAN_VM_H

#include <stdbool.h>

#include "image.h"
#include "loop.h"
#include "qmp.h"

/*
 * A QEMU that this process started, with a SPICE server and a monitor. It
 * never outlives this process, whatever way that ends.
 */
struct vm;

struct vm_config {
    const char *name;             /* also names its files in out */
    const char *qemu;             /* program */
    const char *vga;              /* std, virtio, qxl */
    const char *libdir;           /* where libspice-server.so.1 is; "" for the system's */
    const char *guest;            /* image of a disk, opened for reading only */
    const char *out;              /* folder for NAME.log and NAME.serial */
    const char *run;              /* folder for the monitor's socket, short path */
    bool many_clients;            /* tell the stock server to let in more than one */
    bool incoming;                /* wait for a migration instead of booting */
    const char *const *arguments; /* further ones, NULL-terminated, or NULL */
    qmp_listener listener;
    void *user;
};

/* Starts QEMU and waits for its monitor. NULL on error. Owned by the caller. */
struct vm *vm_start(struct loop *loop, const struct vm_config *config, GError **error);

/* Ends QEMU: asks, then kills, and waits until it is gone. */
void vm_stop(struct vm *vm);

bool vm_running(const struct vm *vm);
int vm_pid(const struct vm *vm);
int vm_spice_port(const struct vm *vm);
int vm_migration_port(const struct vm *vm);
struct qmp *vm_qmp(struct vm *vm);

/* Path of the libspice-server that the process really has loaded; NULL when none. g_free it. */
char *vm_spice_library(const struct vm *vm);

/* How the process ended: the name of a signal, or "exit". Static text. */
const char *vm_death(const struct vm *vm);

/* The last line of what QEMU wrote to standard error; g_free it. */
char *vm_last_words(const struct vm *vm);

/* How many lines the guest wrote to its serial port that begin with this. */
unsigned vm_serial_lines(const struct vm *vm, const char *start);

/* The screen as QEMU has it. NULL on error; owned by the caller. */
struct image *vm_screendump(struct vm *vm, GError **error);

#endif
