/* SPDX-License-Identifier: MIT */
#include "saved.h"

#include "vmstate/fields.h"

static const struct field rows[] = {
    FIELD_ROW(U32, struct saved_agent, magic, .min = SAVED_AGENT_MAGIC, .max = SAVED_AGENT_MAGIC),
    FIELD_ROW(U32, struct saved_agent, version, .min = 1, .max = SAVED_AGENT_VERSION),
    FIELD_ROW(U32, struct saved_agent, in_len, .max = SAVED_BYTES_MAX),
    FIELD_LIST(U8, struct saved_agent, in, in_len, SAVED_BYTES_MAX),
    FIELD_ROW(U32, struct saved_agent, out_len, .max = SAVED_BYTES_MAX),
    FIELD_LIST(U8, struct saved_agent, out, out_len, SAVED_BYTES_MAX),
    FIELD_ROW(U32, struct saved_agent, hub_len, .max = SAVED_HUB_MAX),
    FIELD_LIST(U8, struct saved_agent, hub, hub_len, SAVED_HUB_MAX),
    FIELD_ROW(BOOL, struct saved_agent, guest_has),
    FIELD_ROW(BOOL, struct saved_agent, host_has),
};

const struct field_table saved_agent_table = {
    .name = "agent",
    FIELD_TABLE_OF(struct saved_agent, rows),
};
