/* SPDX-License-Identifier: MIT */
#include "cli.h"

#include <glib.h>

static const struct cli_command commands[] = {
    {"demo", "move a running VM between two QEMUs while you watch its screen", NULL},
    {"probe", "connect to a SPICE server and tell what happens, as JSON lines", NULL},
    {"vmstate", "look into a migration stream of QEMU", vmstate_main},
};

int main(int argc, char **argv)
{
    return cli_run(commands, G_N_ELEMENTS(commands), argc, argv);
}
