/* SPDX-License-Identifier: MIT */
/* caravan-viewer: the subcommands that need a SPICE client. `caravan` starts it. */
#include "cli.h"

#include <stdio.h>
#include <glib.h>

static const struct cli_command commands[] = {
    {"demo", "move a running VM between two QEMUs while you watch its screen", demo_main},
    {"probe", "connect to a SPICE server and tell what happens, as JSON lines", probe_main},
};

int cli_run_outside(const char *program, char **argv)
{
    return CLI_NOT_RUN; /* each command above is here */
}

int main(int argc, char **argv)
{
    return cli_run(commands, G_N_ELEMENTS(commands), argc, argv);
}
