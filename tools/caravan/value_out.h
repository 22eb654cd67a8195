/* SPDX-License-Identifier: MIT */
/* The value of a field for people and for machines, on standard output. */
#ifndef CARAVAN_VALUE_OUT_H
#define CARAVAN_VALUE_OUT_H

#include <stdbool.h>

#include "vmstate/tree.h"

/* A name that comes from a stream: nothing of it reaches the terminal raw. Padded to width. */
void value_print_name(const char *name, int width);

/* Lines of text: path, type (none where it is NULL), number and meaning. Of bytes the first few are
 * shown, with the registers that words.h knows in this section. */
void value_print(const char *section, const struct vmstate_value *value);

/* An object of JSON with everything, on a line of its own; later: it is not the list's first. */
void value_put_json(const char *section, const struct vmstate_value *value, bool later);

#endif
