/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_SECTION_NAME_H
#define CARAVAN_SECTION_NAME_H

#include <stdbool.h>

#include "vmstate/stream.h"

/* Whether `wanted` means the section: its name, what its name has behind the last slash ("vga" for
 * "0000:00:02.0/vga"), or either with ":INSTANCE" behind it. */
bool section_matches(const struct vmstate_section *section, const char *wanted);

#endif
