/* SPDX-License-Identifier: MIT */
/*
 * Features of the interface that this version of Caravan does not offer yet. Every function of
 * them is there and harmless; the first use of each feature says so in the log, once in the life
 * of the process. docs/abi.md lists them. A file later_*.c goes away when its feature comes.
 */
#ifndef CARAVAN_ABI_LATER_H
#define CARAVAN_ABI_LATER_H

#include <spice.h>

enum later_feature {
    LATER_PLAYBACK,
    LATER_RECORD,
    LATER_GL,
    LATER_JPEG,
    LATER_ZLIB_GLZ,
    LATER_VIDEO,
    LATER_EXIT_ON_DISCONNECT,
    LATER_COUNT
};

/* Says in the log that the feature is not offered, the first time it is called for it. Any
 * thread. */
void later_say(enum later_feature feature);

/*
 * Takes an interface of a feature that comes later: "playback" or "record". sin
 * stays the caller's and must stay valid until later_remove_interface. Sets its st to a mark that
 * is not to be looked into. Thread of the event loop.
 *
 * Returns 0 when taken, -1 when the type is none of these (nothing is logged then: the caller
 * knows the rest), or the version does not fit (logged).
 */
int later_add_interface(SpiceBaseInstance *sin);

/*
 * Gives back what later_add_interface took; sin is not used afterwards and its st is NULL.
 * Returns 0, or -1 when it was not taken or is of another type.
 */
int later_remove_interface(SpiceBaseInstance *sin);

/* Rows of the table behind the two functions above; in later_audio.c. */
int later_playback_add(SpiceBaseInstance *sin);
int later_playback_remove(SpiceBaseInstance *sin);
int later_record_add(SpiceBaseInstance *sin);
int later_record_remove(SpiceBaseInstance *sin);

#endif
