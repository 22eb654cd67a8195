/* SPDX-License-Identifier: MIT */
#include "proto/agent_blob.h"

#include "proto/saved_state.h"
#include "vmstate/fields.h"

static const struct field rows[] = {
    FIELD_ROW(U32, struct agent_blob, magic, .min = AGENT_BLOB_MAGIC, .max = AGENT_BLOB_MAGIC),
    FIELD_ROW(U32, struct agent_blob, version, .min = 1, .max = AGENT_BLOB_VERSION),
    FIELD_ROW(U32, struct agent_blob, in_len, .max = AGENT_BLOB_BYTES_MAX),
    FIELD_LIST(U8, struct agent_blob, in, in_len, AGENT_BLOB_BYTES_MAX),
    FIELD_ROW(U32, struct agent_blob, out_len, .max = AGENT_BLOB_BYTES_MAX),
    FIELD_LIST(U8, struct agent_blob, out, out_len, AGENT_BLOB_BYTES_MAX),
    FIELD_ROW(U32, struct agent_blob, own_len, .max = AGENT_BLOB_OWN_MAX),
    FIELD_LIST(U8, struct agent_blob, own, own_len, AGENT_BLOB_OWN_MAX),
    FIELD_ROW(U32, struct agent_blob, own_messages, .max = SAVED_AGENT_WINDOW),
    FIELD_ROW(U32, struct agent_blob, begun, .max = AGENT_BLOB_BEGUN_MAX),
    FIELD_ROW(U32, struct agent_blob, text_len, .max = AGENT_BLOB_TEXT_MAX),
    FIELD_LIST(U8, struct agent_blob, text, text_len, AGENT_BLOB_TEXT_MAX),
    FIELD_ROW(U32, struct agent_blob, hub_len, .max = AGENT_BLOB_HUB_MAX),
    FIELD_LIST(U8, struct agent_blob, hub, hub_len, AGENT_BLOB_HUB_MAX),
};

static const char *check_blob(const void *object)
{
    const struct agent_blob *blob = object;

    return blob->text_len && blob->begun > blob->text_len ? "half a message" : NULL;
}

const struct field_table agent_blob_table = {
    .name = "agent",
    FIELD_TABLE_OF(struct agent_blob, rows),
    .check = check_blob,
};
