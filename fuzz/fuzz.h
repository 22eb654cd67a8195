/* SPDX-License-Identifier: MIT */
/* What every target stands on. A target is one file that defines LLVMFuzzerTestOneInput. */
#ifndef CARAVAN_FUZZ_H
#define CARAVAN_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Takes any bytes; returns 0. Keeps nothing from one call to the next. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A rule that must hold for every input; a breach is a finding. */
#define FUZZ_CHECK(rule)                                                                           \
    do {                                                                                           \
        if (!(rule)) {                                                                             \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #rule);                     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
