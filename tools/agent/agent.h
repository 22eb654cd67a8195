/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_AGENT_AGENT_H
#define CARAVAN_AGENT_AGENT_H

struct options;

/* Shares until a signal ends it, or QEMU with `once`. The exit status: 0, or 2 when it could not
 * start, which it says on stderr. */
int agent_run(const struct options *options);

#endif
