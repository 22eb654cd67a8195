/* SPDX-License-Identifier: MIT */
#include "proto/saved_agent.h"

#include <stddef.h>

#include "vmstate/fields.h"

static const struct field who_rows[] = {
    FIELD_ROW(U8, struct saved_who, kind, .max = SAVED_CLIENT),
    FIELD_ROW(U32, struct saved_who, id),
};

static const struct field_table who_table = {
    .name = "who",
    FIELD_TABLE_OF(struct saved_who, who_rows),
};

static const struct field inflow_rows[] = {
    FIELD_ROW(U32, struct saved_inflow, type),
    FIELD_ROW(U32, struct saved_inflow, left),
    FIELD_STRUCT(&who_table, struct saved_inflow, to),
    FIELD_ROW(U32, struct saved_inflow, in_len),
    FIELD_LIST(U8, struct saved_inflow, in, in_len, SAVED_AGENT_IN),
};

static const struct field_table inflow_table = {
    .name = "inflow",
    FIELD_TABLE_OF(struct saved_inflow, inflow_rows),
};

static const struct field party_rows[] = {
    FIELD_ROW(U32, struct saved_agent_party, caps),
    FIELD_ROW(U32, struct saved_agent_party, layout),
    FIELD_ARRAY(U32, struct saved_agent_party, serial, SAVED_AGENT_SELECTIONS),
    FIELD_ARRAY(BOOL, struct saved_agent_party, told_grab, SAVED_AGENT_SELECTIONS),
    FIELD_ROW(U32, struct saved_agent_party, later_len),
    FIELD_LIST(U8, struct saved_agent_party, later, later_len, SAVED_AGENT_LATER),
};

static const struct field_table party_table = {
    .name = "party",
    FIELD_TABLE_OF(struct saved_agent_party, party_rows),
};

static const struct field selection_rows[] = {
    FIELD_STRUCT(&who_table, struct saved_selection, owner),
    FIELD_ROW(U32, struct saved_selection, n_types),
    FIELD_LIST(U32, struct saved_selection, types, n_types, SAVED_AGENT_TYPES),
};

static const struct field_table selection_table = {
    .name = "selection",
    FIELD_TABLE_OF(struct saved_selection, selection_rows),
};

static const struct field request_rows[] = {
    FIELD_STRUCT(&who_table, struct saved_request, from),
    FIELD_STRUCT(&who_table, struct saved_request, to),
    FIELD_ROW(U8, struct saved_request, selection, .max = SAVED_AGENT_SELECTIONS - 1),
    FIELD_ROW(U32, struct saved_request, type),
};

static const struct field_table request_table = {
    .name = "request",
    FIELD_TABLE_OF(struct saved_request, request_rows),
};

static const struct field file_rows[] = {
    FIELD_ROW(U32, struct saved_file, id),
    FIELD_ROW(U32, struct saved_file, guest_id),
};

static const struct field_table file_table = {
    .name = "file",
    FIELD_TABLE_OF(struct saved_file, file_rows),
};

static const struct field mouse_rows[] = {
    FIELD_ROW(BOOL, struct saved_mouse, known), FIELD_ROW(U32, struct saved_mouse, x),
    FIELD_ROW(U32, struct saved_mouse, y),      FIELD_ROW(U32, struct saved_mouse, buttons),
    FIELD_ROW(U8, struct saved_mouse, display),
};

static const struct field_table mouse_table = {
    .name = "mouse",
    FIELD_TABLE_OF(struct saved_mouse, mouse_rows),
};

static const struct field member_rows[] = {
    FIELD_ROW(U32, struct saved_member, id, .min = 1, .max = UINT32_MAX),
    FIELD_ROW(BOOL, struct saved_member, known),
    FIELD_ROW(BOOL, struct saved_member, started),
    FIELD_ROW(BOOL, struct saved_member, replied),
    FIELD_STRUCT(&party_table, struct saved_member, party),
    FIELD_STRUCT(&inflow_table, struct saved_member, in),
    FIELD_ROW(I32, struct saved_member, max_clipboard, .min = -1, .max = INT32_MAX),
    FIELD_ROW(U32, struct saved_member, n_files),
    FIELD_STRUCTS(&file_table, struct saved_member, files, n_files, SAVED_AGENT_FILES),
    FIELD_ROW(U32, struct saved_member, monitors_len),
    FIELD_LIST(U8, struct saved_member, monitors, monitors_len, SAVED_AGENT_MONITORS),
};

static const char *check_member(const void *object)
{
    const struct saved_member *member = object;

    return member->replied && !(member->known && member->started) ? "answered before it asked"
                                                                  : NULL;
}

static const struct field_table member_table = {
    .name = "member",
    FIELD_TABLE_OF(struct saved_member, member_rows),
    .check = check_member,
};

static const struct field hub_rows[] = {
    FIELD_ROW(U32, struct saved_hub, version, .min = 1, .max = SAVED_AGENT_VERSION),
    FIELD_ROW(U8, struct saved_hub, state, .min = 1, .max = 3),
    FIELD_STRUCT(&party_table, struct saved_hub, guest),
    FIELD_ROW(U32, struct saved_hub, n_members),
    FIELD_STRUCTS(&member_table, struct saved_hub, members, n_members, SAVED_AGENT_MEMBERS),
    FIELD_ROW(U32, struct saved_hub, in_charge),
    FIELD_ROW(U32, struct saved_hub, out_len),
    FIELD_ROW(U32, struct saved_hub, rest_len),
    FIELD_LIST(U8, struct saved_hub, rest, rest_len, SAVED_AGENT_REST),
    FIELD_STRUCT(&mouse_table, struct saved_hub, mouse),
    FIELD_ROW(U32, struct saved_hub, chunk_port, .max = 2),
    FIELD_ROW(U32, struct saved_hub, chunk_left),
    FIELD_ROW(U32, struct saved_hub, raw_len),
    FIELD_LIST(U8, struct saved_hub, raw, raw_len, SAVED_AGENT_IN),
    FIELD_STRUCT(&inflow_table, struct saved_hub, client_port),
    FIELD_STRUCT(&inflow_table, struct saved_hub, server_port),
    FIELD_ROW(U32, struct saved_hub, n_selections, .min = SAVED_AGENT_SELECTIONS,
              .max = SAVED_AGENT_SELECTIONS),
    FIELD_STRUCTS(&selection_table, struct saved_hub, selections, n_selections,
                  SAVED_AGENT_SELECTIONS),
    FIELD_ROW(U32, struct saved_hub, n_requests),
    FIELD_STRUCTS(&request_table, struct saved_hub, requests, n_requests, SAVED_AGENT_REQUESTS),
};

static const char *check_hub(const void *object)
{
    const struct saved_hub *hub = object;

    if ((hub->chunk_port != 0) != (hub->chunk_left != 0))
        return "half a chunk";
    for (uint32_t i = 0; i < hub->n_members; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (hub->members[i].id == hub->members[j].id)
                return "client listed twice";
        }
    }
    return NULL;
}

const struct field_table saved_hub_table = {
    .name = "hub",
    FIELD_TABLE_OF(struct saved_hub, hub_rows),
    .check = check_hub,
};
