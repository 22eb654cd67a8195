/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_CHECK_CONVERT_H
#define CARAVAN_CHECK_CONVERT_H

#include "check_rules.h"
#include "input.h"

/*
 * Converts the input in passing for the target's machine type, compares what comes out with the
 * target as well, and marks the obstacles of the case's report that are gone then. Nothing is
 * written.
 */
void check_convert(const struct check_case *it, struct input *input);

#endif
