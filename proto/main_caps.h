/* SPDX-License-Identifier: MIT */
/* Capabilities of the main channel that are ours; clients and other servers ignore them. */
#ifndef CARAVAN_PROTO_MAIN_CAPS_H
#define CARAVAN_PROTO_MAIN_CAPS_H

enum {
    /* The target of a move takes its clients' links after its guest has started, too. */
    MAIN_CAP_CARAVAN_LATE_LINKS = 63,
};

#endif
