/* SPDX-License-Identifier: MIT */
#include "section_name.h"

#include <stdlib.h>
#include <string.h>

static bool same_name(const char *name, const char *wanted, size_t n)
{
    const char *slash = strrchr(name, '/');

    if (strlen(name) == n && !memcmp(name, wanted, n))
        return true;
    return slash && strlen(slash + 1) == n && !memcmp(slash + 1, wanted, n);
}

bool section_matches(const struct vmstate_section *section, const char *wanted)
{
    const char *colon = strrchr(wanted, ':');
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;

    if (same_name(section->name, wanted, strlen(wanted)))
        return true;
    return digits > 0 && colon[1 + digits] == 0 &&
           strtoull(colon + 1, NULL, 10) == section->instance &&
           same_name(section->name, wanted, (size_t)(colon - wanted));
}
