/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_AGENT_CONNECT_H
#define CARAVAN_AGENT_CONNECT_H

/* A non-blocking socket connected to the unix socket at path; -1 with errno when there is none. */
int connect_unix(const char *path);

#endif
