/* SPDX-License-Identifier: MIT */
/*
 * The interface of libspice-server.so.1: what a virtual machine monitor compiles against.
 * Compatible, in source and in binary, with spice-server 0.15.1.
 *
 * A program includes this file only. It makes one server (spice_server_new), configures it,
 * starts it with its event loop (spice_server_init) and hands it devices as "interfaces": tables
 * of callbacks (SpiceXyzInterface) seen through an instance (SpiceXyzInstance) that the program
 * owns and that stays valid until it is removed or the server is destroyed.
 *
 * Threads: unless a function says otherwise, it is called from the one thread that runs the event
 * loop, and callbacks come in that thread. The QXL callbacks are the exception, see spice-qxl.h.
 *
 * Errors: functions returning int give 0 for success and -1 for failure; the reason goes to the
 * log (GLib, domain "Spice").
 */
#ifndef SPICE_H_
#define SPICE_H_

#define SPICE_H_INSIDE

#include "spice-version.h"
#include "spice-core.h"
#include "spice-server.h"
#include "spice-qxl.h"
#include "spice-input.h"
#include "spice-audio.h"
#include "spice-char.h"
#include "spice-migration.h"
#include "spice-replay.h"

#undef SPICE_H_INSIDE

#endif /* SPICE_H_ */
