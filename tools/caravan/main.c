/* SPDX-License-Identifier: MIT */
#include "cli.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <glib.h>

struct subcommand {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
};

static const struct subcommand subcommands[] = {
    {"demo", "move a running VM between two QEMUs while you watch its screen", demo_main},
    {"probe", "connect to a SPICE server and tell what happens, as JSON lines", probe_main},
    {"vmstate", "look into a migration stream of QEMU", vmstate_main},
};

static void print_help(FILE *out)
{
    fprintf(out, "Usage: caravan COMMAND [OPTION...]\n\nCommands:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(subcommands); i++)
        fprintf(out, "  %-8s %s\n", subcommands[i].name, subcommands[i].summary);
    fprintf(out, "\n'caravan COMMAND --help' tells the options of a command, "
                 "'caravan --version' the version.\n");
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C");
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_help(stdout);
        return CLI_OK;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("caravan %s\n", CARAVAN_VERSION);
        return CLI_OK;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(subcommands); i++) {
        if (strcmp(argv[1], subcommands[i].name))
            continue;
        char *name = g_strdup_printf("caravan %s", argv[1]);
        int status;

        g_set_prgname(name);
        g_free(name);
        status = subcommands[i].run(argc - 1, argv + 1);
        return status;
    }
    fprintf(stderr, "caravan: there is no command '%s' ('caravan --help' lists them)\n", argv[1]);
    return CLI_USAGE;
}
