/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_CHECK_H
#define CARAVAN_CHECK_H

enum check_exit {
    CHECK_LOADS = 0,
    CHECK_USAGE = 1,
    CHECK_REFUSED = 2,    /* it will not load */
    CHECK_UNREADABLE = 3, /* the file is broken, cut off, or cannot be read */
    CHECK_NO_TARGET = 4,  /* the target (or source) cannot be started, or asked */
};

int check_main(int argc, char **argv);

#endif
