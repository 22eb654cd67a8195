/* SPDX-License-Identifier: MIT */
#include "cli.h"

#include <glib.h>

#define VIEWER "caravan-viewer"

static const struct cli_command commands[] = {
    {"agent", "share the clipboard of a guest without SPICE, also through moves", NULL,
     "caravan-agent"},
    {"demo", "move a running VM between two QEMUs while you watch its screen", NULL, VIEWER},
    {"probe", "connect to a SPICE server and tell what happens, as JSON lines", NULL, VIEWER},
    {"vmstate", "look into a migration stream of QEMU", vmstate_main, NULL},
};

int main(int argc, char **argv)
{
    return cli_run(commands, G_N_ELEMENTS(commands), argc, argv);
}
