/* SPDX-License-Identifier: MIT */
/*
 * The clipboard of an X11 display: the selection CLIPBOARD as the "Inter-Client Communication
 * Conventions Manual", section 2, has it, texts in pieces (INCR) included; XFixes tells of other
 * owners. Waits for the server in its calls: it belongs on a thread of its own (desk.h). Other
 * clients of the display are not trusted.
 */
#ifndef CARAVAN_AGENT_X11_H
#define CARAVAN_AGENT_X11_H

#include "host_clip.h"

/* `where` is a display's name. connect never returns NULL. */
extern const struct host_clip_ops x11_link_ops;

#endif
