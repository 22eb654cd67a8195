/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_AGENT_UNREAD_H
#define CARAVAN_AGENT_UNREAD_H

#include <stdint.h>

/* How many bytes written to a connected unix stream socket its peer has not read yet, by the
 * kernel's exact count ("linux/unix_diag.h", UDIAG_SHOW_RQLEN of the peer). -1 with errno when it
 * cannot tell: then one must assume that all was read. Both ends must be in one network namespace.
 * Blocks for two answers of the kernel. */
int64_t unread_by_peer(int fd);

#endif
