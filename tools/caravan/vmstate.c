/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <glib.h>

#include "check.h"
#include "cli.h"
#include "convert.h"
#include "diff.h"
#include "dump.h"
#include "inspect.h"
#include "pick.h"

static const struct {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv);
} actions[] = {
    {"check", "tell whether a QEMU will load a saved VM", check_main},
    {"inspect", "tell what a migration stream holds", inspect_main},
    {"convert", "change a migration stream for another QEMU or machine type", convert_main},
    {"diff", "tell what changed between two saves of a VM", diff_main},
    {"extract", "take the body of a section out of a stream", extract_main},
    {"splice", "put another body into a section of a stream", splice_main},
    {"dump", "print the state of a SPICE channel or of caravan agent", dump_main},
};

static void print_help(FILE *out)
{
    fprintf(out, "Usage:\n  caravan vmstate ACTION [OPTION...]\n\nActions:\n");
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++)
        fprintf(out, "  %-8s %s\n", actions[i].name, actions[i].summary);
    fprintf(out, "\n'caravan vmstate ACTION --help' tells the options of an action.\n");
}

int vmstate_main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        print_help(stdout);
        return CLI_OK;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        char *name;

        if (strcmp(argv[1], actions[i].name))
            continue;
        name = g_strdup_printf("caravan vmstate %s", argv[1]);
        g_set_prgname(name);
        g_free(name);
        return actions[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr,
            "caravan vmstate: there is no action '%s' ('caravan vmstate --help' lists "
            "them)\n",
            argv[1]);
    return CLI_USAGE;
}
