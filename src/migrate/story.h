/* SPDX-License-Identifier: MIT */
/*
 * The story of the last moves: one JSON object a line for each step, with wall and monotonic time.
 * Kept in memory, and appended to a file line by line if there is one. docs/migration.md has the
 * format. QEMU's main thread.
 */
#ifndef CARAVAN_MIGRATE_STORY_H
#define CARAVAN_MIGRATE_STORY_H

#include <stdint.h>

enum {
    STORY_MOVES = 8,              /* kept in memory */
    STORY_MAX_BYTES = 256 * 1024, /* of one move; what comes after goes to the file only */
};

struct story;

/* path: the file to append to; NULL: none. One that can't be opened is warned of. */
struct story *story_new(const char *path);
void story_free(struct story *self);

/* A field of a line: text if there is one, else the number. */
struct story_field {
    const char *name;
    const char *text;
    int64_t number;
};

/* From here on lines belong to a new move; the oldest is forgotten. */
void story_begin(struct story *self);

/* A line. `what` is the step's name; the fields follow it, n of them. Texts may hold any bytes:
 * what is no UTF-8 is replaced. */
void story_tell(struct story *self, const char *what, const struct story_field *fields, unsigned n);

/* All lines kept, oldest first; the caller frees. */
char *story_text(const struct story *self);

#endif
