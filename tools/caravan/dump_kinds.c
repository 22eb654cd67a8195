/* SPDX-License-Identifier: MIT */
#include "dump_kinds.h"

#include <glib.h>

#include "base/buf.h"
#include "base/reader.h"
#include "migrate/blob.h"

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
