/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_CHECK_REPORT_H
#define CARAVAN_CHECK_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

enum check_weight {
    CHECK_OBSTACLE, /* QEMU will refuse for it */
    CHECK_DOUBT,    /* it may */
    CHECK_NOTE,     /* it will not, but somebody may want to know */
};

struct check_finding {
    enum check_weight weight;
    const char *code; /* static; for machines */
    char *where;      /* section or RAM block; NULL: the stream as a whole */
    uint32_t instance;
    char *reason;
    char *remedy; /* NULL: none is known */
    bool convert; /* caravan vmstate convert does away with it */
};

struct check_report {
    GPtrArray *findings;   /* struct check_finding */
    const char *rehearsal; /* "loaded", "refused", or why there was none */
    char *words;           /* QEMU's, of the rehearsal */
    bool settled;          /* the rehearsal went well */
    const char *after;     /* what is known of the stream once convert had it, or NULL */
    GPtrArray *refusals;   /* char *: why convert would not do it */
};

struct check_report *check_report_new(void);
void check_report_free(struct check_report *self);

/* Adds a finding; the remedy (taken, may be NULL) and the text are sentences without a full stop.
 */
__attribute__((format(printf, 7, 8))) void
check_report_add(struct check_report *self, enum check_weight weight, const char *code,
                 const char *where, uint32_t instance, char *remedy, const char *format, ...);

unsigned check_report_count(const struct check_report *self, enum check_weight weight);

/* Whether it will load, as far as is known. */
bool check_report_loads(const struct check_report *self);

void check_report_print_text(const struct check_report *self, bool quiet);
void check_report_print_json(const struct check_report *self, const char *source,
                             const char *target);

#endif
