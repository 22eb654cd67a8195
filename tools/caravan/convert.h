/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_CONVERT_H
#define CARAVAN_CONVERT_H

int convert_main(int argc, char **argv);

#endif
