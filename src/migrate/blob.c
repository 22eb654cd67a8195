/* SPDX-License-Identifier: MIT */
#include "migrate/blob_impl.h"

#include <glib.h>
#include <string.h>

#include "base/buf.h"
#include "vmstate/fields_buf.h"

/* Heap a load may take: the structs of the surfaces and of the records beside their bytes. */
#define BUDGET_EXTRA (1u << 20)

bool blob_fail(struct fields_error *error, size_t offset, const char *field, const char *reason)
{
    if (error) {
        error->offset = offset;
        error->reason = reason;
        g_strlcpy(error->field, field, sizeof(error->field));
    }
    return false;
}

/* ---- Load ---- */

static bool load_header(const struct body *body, struct fields_input *in,
                        struct fields_error *error)
{
    struct saved_header header = {0};

    if (in->len > body->max)
        return blob_fail(error, 0, "header", "body too large");
    if (!fields_load(&saved_header_table, SAVED_VERSION, in, &header, error))
        return false;
    if (header.magic != body->magic)
        return blob_fail(error, 0, "magic", "data of another channel");
    if (header.version != SAVED_VERSION)
        return blob_fail(error, 4, "version", "unknown version");
    return true;
}

static bool load_record(const struct body *body, uint32_t tag, void *state, struct fields_input *in,
                        struct fields_error *error)
{
    for (size_t i = 0; i < body->n_records; i++) {
        if (body->records[i].tag == tag)
            return body->records[i].load(state, in, error);
    }
    return true;
}

static bool load_records(const struct body *body, struct fields_input *in, void *state,
                         struct fields_error *error)
{
    while (in->pos < in->len) {
        struct saved_record_head head = {0};
        struct fields_input one = *in;

        if (!fields_load(&saved_record_head_table, SAVED_TRAILER_VERSION, &one, &head, error))
            return false;
        if (head.size > one.len - one.pos)
            return blob_fail(error, one.pos, "trailer", "record ends outside the trailer");
        one.len = one.pos + head.size;
        in->pos = one.len;
        if (!load_record(body, head.tag, state, &one, error))
            return false;
        in->budget = one.budget;
    }
    return true;
}

/* Reads the trailer if there is one at in->end. */
static bool load_trailer(const struct body *body, struct fields_input *in, void *state,
                         struct fields_error *error)
{
    struct saved_trailer_head head = {0};
    struct fields_input rest = *in;

    rest.pos = in->end;
    if (rest.len - rest.pos < sizeof(uint32_t) ||
        memcmp(rest.bytes + rest.pos, &(uint32_t){GUINT32_TO_LE(SAVED_TRAILER_MAGIC)}, 4) != 0)
        return true;
    if (!fields_load(&saved_trailer_head_table, SAVED_TRAILER_VERSION, &rest, &head, error))
        return false;
    if (head.size > rest.len - rest.pos)
        return blob_fail(error, rest.pos, "trailer", "trailer ends outside the body");
    rest.len = rest.pos + head.size;
    return load_records(body, &rest, state, error);
}

bool blob_load_body(const struct body *body, const uint8_t *bytes, size_t len, void *state,
                    struct fields_error *error)
{
    struct fields_input in = {
        .bytes = bytes,
        .len = len,
        .budget = body->max + BUDGET_EXTRA,
    };

    return load_header(body, &in, error) &&
           fields_load(body->table, SAVED_VERSION, &in, state, error) &&
           load_trailer(body, &in, state, error);
}

/* ---- Save ---- */

bool blob_save_body(const struct body *body, const void *state, struct buf *out,
                    struct fields_error *error)
{
    struct saved_header header = {body->magic, SAVED_VERSION};
    size_t base = out->len;

    return fields_save(&saved_header_table, SAVED_VERSION, &header, out, base, error) &&
           fields_save(body->table, SAVED_VERSION, state, out, base, error);
}

size_t blob_begin_trailer(struct buf *out)
{
    struct saved_trailer_head head = {SAVED_TRAILER_MAGIC, SAVED_TRAILER_VERSION, 0};
    size_t at = out->len;

    fields_save(&saved_trailer_head_table, SAVED_TRAILER_VERSION, &head, out, at, NULL);
    return at;
}

bool blob_save_record(uint32_t tag, const struct field_table *table, const void *object,
                      struct buf *out, struct fields_error *error)
{
    struct saved_record_head head = {.tag = tag};
    size_t at = out->len;
    size_t start;

    fields_save(&saved_record_head_table, SAVED_TRAILER_VERSION, &head, out, at, NULL);
    start = out->len;
    if (!fields_save(table, SAVED_TRAILER_VERSION, object, out, start, error))
        return false;
    buf_set_u32(out, start - 4, (uint32_t)(out->len - start));
    return true;
}

bool blob_end_trailer(struct buf *out, size_t at, struct fields_error *error)
{
    size_t head = fields_min_size(&saved_trailer_head_table, SAVED_TRAILER_VERSION);
    size_t size = out->len - at - head;

    if (size > SAVED_TRAILER_MAX)
        return blob_fail(error, 0, "trailer", "trailer too large");
    buf_set_u32(out, at + head - 4, (uint32_t)size);
    return true;
}

bool blob_finish(const struct body *body, struct buf *out, size_t base, bool ok,
                 struct fields_error *error)
{
    if (ok && out->len - base > body->max)
        ok = blob_fail(error, 0, "header", "body too large");
    if (!ok)
        buf_truncate(out, base);
    return ok;
}

/* ---- Main ---- */

static bool load_mouse_mode(void *opaque, struct fields_input *in, struct fields_error *error)
{
    struct main_state *state = opaque;

    state->has_mouse_mode = true;
    return fields_load(&saved_mouse_mode_table, SAVED_TRAILER_VERSION, in, &state->mouse_mode,
                       error);
}

static bool load_hub(void *opaque, struct fields_input *in, struct fields_error *error)
{
    struct main_state *state = opaque;

    if (state->has_hub)
        return blob_fail(error, in->pos, "hub", "listed twice");
    if (!fields_load(&saved_hub_table, SAVED_TRAILER_VERSION, in, &state->hub, error))
        return false;
    state->has_hub = true;
    return state->hub.out_len <= (uint64_t)state->agent.write_size + state->hub.rest_len ||
           blob_fail(error, in->pos, "hub.out_len", "more than there is");
}

static const struct record_kind main_records[] = {
    {SAVED_TAG_MOUSE_MODE, load_mouse_mode},
    {SAVED_TAG_HUB, load_hub},
};

static const struct body main_body = {
    .magic = SAVED_MAGIC_MAIN,
    .max = SAVED_MAIN_OWN_MAX,
    .table = &saved_main_table,
    .records = main_records,
    .n_records = G_N_ELEMENTS(main_records),
};

static bool save_main_trailer(const struct main_state *state, struct buf *out,
                              struct fields_error *error)
{
    size_t at;

    if (!state->has_mouse_mode && !state->has_hub)
        return true;
    at = blob_begin_trailer(out);
    return (!state->has_mouse_mode ||
            blob_save_record(SAVED_TAG_MOUSE_MODE, &saved_mouse_mode_table, &state->mouse_mode, out,
                             error)) &&
           (!state->has_hub ||
            blob_save_record(SAVED_TAG_HUB, &saved_hub_table, &state->hub, out, error)) &&
           blob_end_trailer(out, at, error);
}

/* Without our records it must be what others take. */
static bool fits_others(const struct buf *out, size_t base, struct fields_error *error)
{
    return out->len - base <= SAVED_MAIN_MAX || blob_fail(error, 0, "header", "body too large");
}

bool blob_main_save(const struct main_state *state, struct buf *out, struct fields_error *error)
{
    size_t base = out->len;
    bool ok = blob_save_body(&main_body, state, out, error) && fits_others(out, base, error) &&
              save_main_trailer(state, out, error);

    return blob_finish(&main_body, out, base, ok, error);
}

bool blob_main_load(const uint8_t *bytes, size_t len, struct main_state *out,
                    struct fields_error *error)
{
    *out = (struct main_state){0};
    if (blob_load_body(&main_body, bytes, len, out, error))
        return true;
    blob_main_free(out);
    return false;
}

void blob_main_free(struct main_state *state)
{
    fields_free(&saved_main_table, state);
    fields_free(&saved_hub_table, &state->hub);
    *state = (struct main_state){0};
}

/* ---- Display ---- */

static bool has_tiles(const struct display_state *state, uint32_t n, uint32_t surface_id)
{
    for (uint32_t i = 0; i < n; i++) {
        if (state->tiles[i].surface_id == surface_id)
            return true;
    }
    return false;
}

static bool load_tiles(void *opaque, struct fields_input *in, struct fields_error *error)
{
    struct display_state *state = opaque;
    struct saved_tiles tiles = {0};
    size_t at = in->pos;

    if (!fields_load(&saved_tiles_table, SAVED_TRAILER_VERSION, in, &tiles, error))
        return false;
    /* Ids are below SAVED_SURFACES_MAX, so this bounds the array too. */
    if (has_tiles(state, state->tiles_count, tiles.surface_id)) {
        fields_free(&saved_tiles_table, &tiles);
        return blob_fail(error, at, "tiles.surface_id", "surface listed twice");
    }
    state->tiles = g_renew(struct saved_tiles, state->tiles, state->tiles_count + 1);
    state->tiles[state->tiles_count++] = tiles;
    return true;
}

static bool load_images(void *opaque, struct fields_input *in, struct fields_error *error)
{
    struct display_state *state = opaque;

    if (state->has_images)
        return blob_fail(error, in->pos, "images", "listed twice");
    state->has_images =
        fields_load(&saved_images_table, SAVED_TRAILER_VERSION, in, &state->images, error);
    return state->has_images;
}

static bool load_speed(void *opaque, struct fields_input *in, struct fields_error *error)
{
    struct display_state *state = opaque;

    state->has_speed = true;
    return fields_load(&saved_speed_table, SAVED_TRAILER_VERSION, in, &state->speed, error);
}

static const struct record_kind display_records[] = {
    {SAVED_TAG_TILE_HASHES, load_tiles},
    {SAVED_TAG_IMAGES, load_images},
    {SAVED_TAG_SPEED, load_speed},
};

static const struct body display_body = {
    .magic = SAVED_MAGIC_DISPLAY,
    .max = SAVED_DISPLAY_MAX,
    .table = &saved_display_table,
    .records = display_records,
    .n_records = G_N_ELEMENTS(display_records),
};

static bool save_all_tiles(const struct display_state *state, struct buf *out,
                           struct fields_error *error)
{
    for (uint32_t i = 0; i < state->tiles_count; i++) {
        if (has_tiles(state, i, state->tiles[i].surface_id))
            return blob_fail(error, 0, "tiles.surface_id", "surface listed twice");
        if (!blob_save_record(SAVED_TAG_TILE_HASHES, &saved_tiles_table, &state->tiles[i], out,
                              error))
            return false;
    }
    return true;
}

static bool save_display_trailer(const struct display_state *state, struct buf *out,
                                 struct fields_error *error)
{
    size_t at;

    if (!state->tiles_count && !state->has_images && !state->has_speed)
        return true;
    at = blob_begin_trailer(out);
    if (!save_all_tiles(state, out, error))
        return false;
    if (state->has_images &&
        !blob_save_record(SAVED_TAG_IMAGES, &saved_images_table, &state->images, out, error))
        return false;
    if (state->has_speed &&
        !blob_save_record(SAVED_TAG_SPEED, &saved_speed_table, &state->speed, out, error))
        return false;
    return blob_end_trailer(out, at, error);
}

bool blob_display_save(const struct display_state *state, struct buf *out,
                       struct fields_error *error)
{
    size_t base = out->len;
    bool ok =
        blob_save_body(&display_body, state, out, error) && save_display_trailer(state, out, error);

    return blob_finish(&display_body, out, base, ok, error);
}

bool blob_display_load(const uint8_t *bytes, size_t len, bool lossy, struct display_state *out,
                       struct fields_error *error)
{
    *out = (struct display_state){.surfaces.lossy = lossy};
    if (blob_load_body(&display_body, bytes, len, out, error))
        return true;
    blob_display_free(out);
    return false;
}

void blob_display_free(struct display_state *state)
{
    fields_free(&saved_display_table, state);
    for (uint32_t i = 0; i < state->tiles_count; i++)
        fields_free(&saved_tiles_table, &state->tiles[i]);
    g_free(state->tiles);
    fields_free(&saved_images_table, &state->images);
    *state = (struct display_state){0};
}

/* ---- Inputs ---- */

static bool load_held(void *opaque, struct fields_input *in, struct fields_error *error)
{
    struct inputs_state *state = opaque;

    if (state->held.list)
        return blob_fail(error, in->pos, "held", "listed twice");
    return fields_load(&saved_inputs_held_table, SAVED_TRAILER_VERSION, in, &state->held, error);
}

static bool load_keys(void *opaque, struct fields_input *in, struct fields_error *error)
{
    struct inputs_state *state = opaque;

    if (state->keys.codes)
        return blob_fail(error, in->pos, "keys", "listed twice");
    return fields_load(&saved_keys_table, SAVED_TRAILER_VERSION, in, &state->keys, error);
}

static const struct record_kind inputs_records[] = {
    {SAVED_TAG_INPUTS_HELD, load_held},
    {SAVED_TAG_INPUTS_KEYS, load_keys},
};

static const struct body inputs_body = {
    .magic = SAVED_MAGIC_INPUTS,
    .max = SAVED_INPUTS_MAX,
    .table = &saved_inputs_table,
    .records = inputs_records,
    .n_records = G_N_ELEMENTS(inputs_records),
};

static bool save_inputs_trailer(const struct inputs_state *state, struct buf *out,
                                struct fields_error *error)
{
    size_t at;

    if (!state->held.count && !state->keys.count)
        return true;
    at = blob_begin_trailer(out);
    if (state->held.count && !blob_save_record(SAVED_TAG_INPUTS_HELD, &saved_inputs_held_table,
                                               &state->held, out, error))
        return false;
    if (state->keys.count &&
        !blob_save_record(SAVED_TAG_INPUTS_KEYS, &saved_keys_table, &state->keys, out, error))
        return false;
    return blob_end_trailer(out, at, error);
}

bool blob_inputs_save(const struct inputs_state *state, struct buf *out, struct fields_error *error)
{
    size_t base = out->len;
    bool ok =
        blob_save_body(&inputs_body, state, out, error) && save_inputs_trailer(state, out, error);

    return blob_finish(&inputs_body, out, base, ok, error);
}

bool blob_inputs_load(const uint8_t *bytes, size_t len, struct inputs_state *out,
                      struct fields_error *error)
{
    *out = (struct inputs_state){0};
    if (blob_load_body(&inputs_body, bytes, len, out, error))
        return true;
    blob_inputs_free(out);
    return false;
}

void blob_inputs_free(struct inputs_state *state)
{
    fields_free(&saved_inputs_held_table, &state->held);
    fields_free(&saved_keys_table, &state->keys);
    *state = (struct inputs_state){0};
}
