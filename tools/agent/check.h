/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_AGENT_CHECK_H
#define CARAVAN_AGENT_CHECK_H

/* Asks the monitor at that socket whether a migration would carry the state, and says on the log
 * what to set if it would not. Waits a second at most for each answer. */
void check_migration(const char *qmp_path, const char *id);

#endif
