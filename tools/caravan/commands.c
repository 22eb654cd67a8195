/* SPDX-License-Identifier: MIT */
#include "cli.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <glib.h>

static void print_help(FILE *out, const struct cli_command *commands, size_t n)
{
    fprintf(out, "Usage: caravan COMMAND [OPTION...]\n\nCommands:\n");
    for (size_t i = 0; i < n; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
    fprintf(out, "\n'caravan COMMAND --help' tells the options of a command, "
                 "'caravan --version' the version.\n");
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    char *name;

    if (!command->run)
        return cli_run_outside(command->program, argv);
    name = g_strdup_printf("caravan %s", command->name);
    g_set_prgname(name);
    g_free(name);
    return command->run(argc - 1, argv + 1);
}

int cli_run(const struct cli_command *commands, size_t n, int argc, char **argv)
{
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C");
    if (argc < 2) {
        print_help(stderr, commands, n);
        return CLI_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_help(stdout, commands, n);
        return CLI_OK;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("caravan %s\n", CARAVAN_VERSION);
        return CLI_OK;
    }
    for (size_t i = 0; i < n; i++)
        if (!strcmp(argv[1], commands[i].name))
            return run(&commands[i], argc, argv);
    fprintf(stderr, "caravan: there is no command '%s' ('caravan --help' lists them)\n", argv[1]);
    return CLI_USAGE;
}
