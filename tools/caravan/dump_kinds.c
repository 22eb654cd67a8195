/* SPDX-License-Identifier: MIT */
#include "dump_kinds.h"

#include <glib.h>

#include "base/buf.h"
#include "base/reader.h"
#include "migrate/blob.h"
#include "proto/agent_blob.h"
#include "vmstate/fields_buf.h"

/* The functions of a kind, for a state of any type. */
#define KIND_FUNCTIONS(kind)                                                                       \
    static size_t kind##_saved_size(const void *state)                                             \
    {                                                                                              \
        struct buf out = BUF_INIT;                                                                 \
        size_t size;                                                                               \
                                                                                                   \
        blob_##kind##_save(state, &out, NULL);                                                     \
        size = out.len;                                                                            \
        buf_free(&out);                                                                            \
        return size;                                                                               \
    }                                                                                              \
    static void kind##_free(void *state)                                                           \
    {                                                                                              \
        blob_##kind##_free(state);                                                                 \
    }

#define KIND_LOAD(kind)                                                                            \
    static bool kind##_load(const uint8_t *bytes, size_t len, void *state,                         \
                            struct fields_error *error)                                            \
    {                                                                                              \
        return blob_##kind##_load(bytes, len, state, error);                                       \
    }

KIND_FUNCTIONS(main)
KIND_LOAD(main)
KIND_FUNCTIONS(display)
KIND_FUNCTIONS(inputs)
KIND_LOAD(inputs)
KIND_FUNCTIONS(vmc)
KIND_LOAD(vmc)
KIND_LOAD(card)

/* Nothing in the bytes tells the two layouts of surfaces apart, but one of them fills the blob. */
static bool display_load(const uint8_t *bytes, size_t len, void *state, struct fields_error *error)
{
    struct display_state lossy;

    if (blob_display_load(bytes, len, false, state, error) && display_saved_size(state) == len)
        return true;
    if (blob_display_load(bytes, len, true, &lossy, NULL)) {
        if (display_saved_size(&lossy) == len) {
            blob_display_free(state);
            *(struct display_state *)state = lossy;
            return true;
        }
        blob_display_free(&lossy);
    }
    blob_display_free(state);
    return blob_display_load(bytes, len, false, state, error);
}

/* ---- Behind the body: the trailer's records, where the loader puts them ---- */

static bool has_mouse_mode(const void *state)
{
    return ((const struct main_state *)state)->has_mouse_mode;
}

static bool has_hub(const void *state)
{
    return ((const struct main_state *)state)->has_hub;
}

static const struct field main_more[] = {
    FIELD_STRUCT(&saved_mouse_mode_table, struct main_state, mouse_mode, .exists = has_mouse_mode),
    FIELD_STRUCT(&saved_hub_table, struct main_state, hub, .exists = has_hub),
};
static const struct field_table main_more_table = {.name = "trailer",
                                                   FIELD_TABLE_OF(struct main_state, main_more)};

static const struct field display_more[] = {
    FIELD_STRUCTS(&saved_tiles_table, struct display_state, tiles, tiles_count, SAVED_SURFACES_MAX),
};
static const struct field_table display_more_table = {
    .name = "trailer", FIELD_TABLE_OF(struct display_state, display_more)};

static bool has_held(const void *state)
{
    return ((const struct inputs_state *)state)->held.list != NULL;
}

static const struct field inputs_more[] = {
    FIELD_STRUCT(&saved_inputs_held_table, struct inputs_state, held, .exists = has_held),
};
static const struct field_table inputs_more_table = {
    .name = "trailer", FIELD_TABLE_OF(struct inputs_state, inputs_more)};

static bool has_identity(const void *state)
{
    return ((const struct vmc_state *)state)->has_identity;
}

static const struct field vmc_more[] = {
    FIELD_STRUCT(&saved_device_table, struct vmc_state, identity, .exists = has_identity),
};
static const struct field_table vmc_more_table = {.name = "trailer",
                                                  FIELD_TABLE_OF(struct vmc_state, vmc_more)};

/* ---- What `caravan agent` saves, with the hub's record in it ---- */

struct agent_state {
    struct agent_blob blob;
    struct saved_hub hub;
};

static bool load_table(const struct field_table *table, const uint8_t *bytes, size_t len, void *to,
                       struct fields_error *error)
{
    struct fields_input in = {.bytes = bytes, .len = len, .budget = DUMP_BLOB_MOST};

    return fields_load(table, SAVED_VERSION, &in, to, error);
}

static void agent_free(void *state)
{
    struct agent_state *self = state;

    fields_free(&agent_blob_table, &self->blob);
    fields_free(&saved_hub_table, &self->hub);
}

static size_t blob_size(const struct agent_blob *blob)
{
    struct buf out = BUF_INIT;
    size_t size;

    fields_save(&agent_blob_table, SAVED_VERSION, blob, &out, 0, NULL);
    size = out.len;
    buf_free(&out);
    return size;
}

static bool agent_load(const uint8_t *bytes, size_t len, void *state, struct fields_error *error)
{
    struct agent_state *self = state;
    bool ok = load_table(&agent_blob_table, bytes, len, &self->blob, error);

    if (ok && self->blob.hub_len) {
        ok = load_table(&saved_hub_table, self->blob.hub, self->blob.hub_len, &self->hub, error);
        error->offset += ok ? 0 : blob_size(&self->blob) - self->blob.hub_len; /* it is the last */
    }
    if (ok)
        return true;
    agent_free(state);
    return false;
}

static size_t agent_saved_size(const void *state)
{
    return blob_size(&((const struct agent_state *)state)->blob);
}

static bool knows_guest(const void *state)
{
    return ((const struct agent_state *)state)->blob.hub_len > 0;
}

static const struct field agent_body[] = {
    FIELD_STRUCT(&agent_blob_table, struct agent_state, blob),
};
static const struct field_table agent_body_table = {.name = "agent",
                                                    FIELD_TABLE_OF(struct agent_state, agent_body)};
static const struct field agent_more[] = {
    FIELD_STRUCT(&saved_hub_table, struct agent_state, hub, .exists = knows_guest),
};
static const struct field_table agent_more_table = {.name = "hub",
                                                    FIELD_TABLE_OF(struct agent_state, agent_more)};

/* ---- Kinds ---- */

#define KIND(kind, text, upper)                                                                    \
    {                                                                                              \
        .name = #kind, .what = text, .magic = SAVED_MAGIC_##upper,                                 \
        .size = sizeof(struct kind##_state), .load = kind##_load, .saved_size = kind##_saved_size, \
        .free = kind##_free, .version = SAVED_VERSION, .body = &saved_##kind##_table,              \
        .more = &kind##_more_table,                                                                \
    }

static const struct dump_kind kinds[] = {
    KIND(main, "SPICE main channel", MAIN),
    KIND(display, "SPICE display channel", DISPLAY),
    KIND(inputs, "SPICE inputs channel", INPUTS),
    KIND(vmc, "SPICE channel of a character device", VMC),
    {
        .name = "smartcard",
        .what = "SPICE smartcard channel",
        .magic = SAVED_MAGIC_CARD,
        .size = sizeof(struct vmc_state),
        .load = card_load,
        .saved_size = vmc_saved_size,
        .free = vmc_free,
        .version = SAVED_VERSION,
        .body = &saved_card_table,
        .more = &vmc_more_table,
    },
    {
        .name = "agent",
        .what = "state of caravan agent",
        .magic = AGENT_BLOB_MAGIC,
        .size = sizeof(struct agent_state),
        .load = agent_load,
        .saved_size = agent_saved_size,
        .free = agent_free,
        .version = AGENT_BLOB_VERSION,
        .body = &agent_body_table,
        .more = &agent_more_table,
    },
};

const struct dump_kind *dump_kind_of(const uint8_t *bytes, size_t len)
{
    struct reader reader = reader_make(bytes, len);
    uint32_t magic = reader_u32(&reader);

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (reader_ok(&reader) && kinds[i].magic == magic)
            return &kinds[i];
    return NULL;
}
