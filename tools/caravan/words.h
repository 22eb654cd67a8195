/* SPDX-License-Identifier: MIT */
/* What numbers in sections of video devices and in SPICE's blobs mean, in words. */
#ifndef CARAVAN_WORDS_H
#define CARAVAN_WORDS_H

#include <stddef.h>

#include "vmstate/tree.h"

/* The meaning of a value, or NULL. Static, or valid until the next call. Main thread. */
const char *words_for(const char *section, const struct vmstate_value *value);

/* The name of register i of a field that is a register file, or NULL. Static. */
const char *words_register(const char *section, const char *path, size_t i);

#endif
