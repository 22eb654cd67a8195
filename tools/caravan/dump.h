/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_DUMP_H
#define CARAVAN_DUMP_H

/* `caravan vmstate dump`: prints a blob of state by its tables. */
int dump_main(int argc, char **argv);

#endif
