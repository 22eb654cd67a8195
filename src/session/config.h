/* SPDX-License-Identifier: MIT */
/*
 * The configuration files: /etc/caravan/server.conf, then $XDG_CONFIG_HOME/caravan/server.conf
 * (~/.config if that is unset), the later one wins. Lines of one group, `#` begins a comment line:
 *
 *   [server]
 *   clients=replace
 *   move-log=/var/log/caravan-moves.jsonl
 */
#ifndef CARAVAN_SESSION_CONFIG_H
#define CARAVAN_SESSION_CONFIG_H

struct settings;

/* Reads the files that are there into the settings. What is wrong is warned of with file and line,
 * and left out. */
void config_read(struct settings *self);

/* The same for one file; one that is not there is no error. */
void config_read_file(struct settings *self, const char *path);

#endif
