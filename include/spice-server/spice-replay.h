/* SPDX-License-Identifier: MIT */
/*
 * Reading recorded QXL commands back, for tests and measurements. A recording is a text file
 * written by a server that was told to record. One thread at a time per SpiceReplay; commands may
 * be freed by another thread than the one that reads.
 */
#ifndef SPICE_REPLAY_H_
#define SPICE_REPLAY_H_

#if !defined(SPICE_H_INSIDE) && !defined(SPICE_SERVER_INTERNAL)
#error "Include <spice.h>; the headers beside it are its parts."
#endif

#include <stdio.h>
#include "spice-core.h"
#include "spice-qxl.h"

SPICE_BEGIN_DECLS

typedef struct SpiceReplay SpiceReplay;

/* Opens a recording. file becomes the replay's, and is closed by spice_replay_free. nsurfaces is
 * the number of surfaces of the device. Returns NULL when file is not a recording. */
SpiceReplay *spice_replay_new(FILE *file, int nsurfaces);

/* Reads up to the next command, doing to instance what else was recorded on the way. Returns the
 * command, to be freed with spice_replay_free_cmd, or NULL at the end or on an error. */
QXLCommandExt *spice_replay_next_cmd(SpiceReplay *replay, QXLInstance *instance);

/* Frees a command of replay and all it points to. */
void spice_replay_free_cmd(SpiceReplay *replay, QXLCommandExt *cmd);

/* Closes the recording and frees what is left of it. */
void spice_replay_free(SpiceReplay *replay);

SPICE_END_DECLS

#endif /* SPICE_REPLAY_H_ */
