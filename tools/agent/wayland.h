/* SPDX-License-Identifier: MIT */
/*
 * The clipboard of a Wayland display, by the protocol of clipboard managers: ext_data_control_v1 or
 * wlr_data_control_unstable_v1 (data-control.xml). On a thread of its own (desk.h), where it blocks
 * SIGPIPE. Other clients of the display are not trusted.
 */
#ifndef CARAVAN_AGENT_WAYLAND_H
#define CARAVAN_AGENT_WAYLAND_H

#include "host_clip.h"

/* `where` is a display's name or the path of its socket. connect never returns NULL. */
extern const struct host_clip_ops wayland_link_ops;

#endif
