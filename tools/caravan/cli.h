/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_CLI_H
#define CARAVAN_CLI_H

/* Exit codes that every subcommand shares; others are its own, see its man page. */
enum { CLI_OK = 0, CLI_USAGE = 1 };

/* The subcommands: argv[0] is the subcommand's name; they return the exit code. */
int probe_main(int argc, char **argv);
int demo_main(int argc, char **argv);
int vmstate_main(int argc, char **argv);

#endif
