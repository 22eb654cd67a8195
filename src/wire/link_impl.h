/* SPDX-License-Identifier: MIT */
/* The state of a link; for src/wire/link*.c only. */
#ifndef CARAVAN_WIRE_LINK_IMPL_H
#define CARAVAN_WIRE_LINK_IMPL_H

#include "base/buf.h"
#include "base/reader.h"
#include "wire/link.h"

#define LINK_SASL_NAME_MAX 100

enum phase {
    PHASE_MAGIC,
    PHASE_HEADER,
    PHASE_MESSAGE,
    PHASE_MECHANISM,
    PHASE_TICKET,
    PHASE_SASL_NAME_SIZE,
    PHASE_SASL_NAME,
    PHASE_SASL_DATA_SIZE,
    PHASE_SASL_DATA,
};

struct link {
    const struct link_ops *ops;
    void *opaque;
    enum link_state state;
    enum phase phase;
    size_t need; /* bytes of the current phase */
    uint32_t error;
    const char *reason;
    struct link_request request;
    struct buf input; /* of the current phase, shorter than `need` between calls */
    struct buf output;

    bool sasl;
    const char *sasl_mechanisms;            /* the owner's */
    char sasl_name[LINK_SASL_NAME_MAX + 1]; /* that the client chose */
    unsigned sasl_steps;
};

/* What comes next. */
void link_wait_for(struct link *self, enum phase phase, size_t need);

/* Fails without a word to the peer. */
void link_fail(struct link *self, uint32_t error, const char *reason);

/* Refuses after the reply: what the peer waits for is the result of the link. */
void link_refuse_late(struct link *self, uint32_t error, const char *reason);

/* In link_sasl.c: after the client chose SASL; then the phases of that name. */
void link_sasl_begin(struct link *self);
void link_sasl_name_size(struct link *self, struct reader in);
void link_sasl_name(struct link *self, struct reader in);
void link_sasl_data_size(struct link *self, struct reader in);
void link_sasl_data(struct link *self, struct reader in);

#endif
