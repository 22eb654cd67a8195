/* SPDX-License-Identifier: MIT */
/* A QEMU option's argument, "a,b=c,,d,e=f": a list of names and values. */
#ifndef CARAVAN_CHECK_OPTIONS_H
#define CARAVAN_CHECK_OPTIONS_H

#include <stdbool.h>
#include <glib.h>

struct check_options;

/* From QEMU's short form or, with a brace, its JSON (nested names get dots). `implied`: the name of
 * a first value that has none, or NULL. NULL when it cannot be read. */
struct check_options *check_options_parse(const char *text, const char *implied);

void check_options_free(struct check_options *self);

/* The value, or NULL. Borrowed. */
const char *check_options_get(const struct check_options *self, const char *name);

/* Sets or adds. */
void check_options_set(struct check_options *self, const char *name, const char *value);

/* Keeps only the names in the list, which ends with NULL; "x.*" stands for all with that stem. */
void check_options_keep(struct check_options *self, const char *const *names);

/* Takes out the names in the list. */
void check_options_drop(struct check_options *self, const char *const *names);

/* In the short form; g_free it. */
char *check_options_text(const struct check_options *self);

#endif
