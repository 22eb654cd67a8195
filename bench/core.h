/* SPDX-License-Identifier: MIT */
/* The SpiceCoreInterface that QEMU gives the server, on GLib's default main context. */
#ifndef BENCH_CORE_H
#define BENCH_CORE_H

#include <spice.h>

/* Valid for ever. All of it is called on the thread that runs the main loop. */
SpiceCoreInterface *core_interface(void);

#endif
