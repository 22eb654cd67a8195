/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_CLI_H
#define CARAVAN_CLI_H

#include <stddef.h>

/* Exit codes that every subcommand shares; others are its own, see its man page. */
enum {
    CLI_OK = 0,
    CLI_USAGE = 1,
    CLI_NOT_RUN = 127 /* the program that has it cannot be started */
};

struct cli_command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* NULL: it is in another program */
    const char *program;               /* that one's name */
};

/* The subcommands: argv[0] is the subcommand's name; they return the exit code. */
int probe_main(int argc, char **argv);
int demo_main(int argc, char **argv);
int vmstate_main(int argc, char **argv);

/* Runs the command that argv[1] names, or tells what there is. Returns the exit code. */
int cli_run(const struct cli_command *commands, size_t n, int argc, char **argv);

/* Becomes that program with these words (argv[1] is the subcommand); returns only when it is not to
 * be had, with the exit code. */
int cli_run_outside(const char *program, char **argv);

#endif
