/* SPDX-License-Identifier: MIT */
#include "display/view_state.h"

#include <glib.h>

#include "base/log.h"
#include "display/tiles.h"
#include "migrate/blob.h"

enum {
    PRIMARY = 0,
    ENCODERS = 4, /* what other servers say */
};

void picture_clear(struct picture *self)
{
    g_free(self->hashes);
    *self = (struct picture){0};
}

void picture_set(struct picture *self, uint32_t width, uint32_t height)
{
    picture_clear(self);
    self->exists = true;
    self->size_known = true;
    self->width = width;
    self->height = height;
}

bool view_state_save(const struct display_client *client, const struct picture *picture,
                     uint64_t serial, struct buf *body)
{
    struct saved_surface surface = {.id = PRIMARY};
    struct saved_tiles tiles = {
        .surface_id = PRIMARY,
        .width = picture->width,
        .height = picture->height,
        .tile_size = TILE_SIZE,
        .count = (uint32_t)picture->n_hashes,
        .hashes = picture->hashes,
    };
    struct display_state state = {
        .message_serial = serial,
        .pixmap_cache_id = client->cache_id,
        .pixmap_cache_size = client->cache_size,
        .pixmap_cache_freezer = true,
        .glz_dictionary_id = client->glz_id,
        .glz_window_size = client->glz_window,
        .max_encoders = ENCODERS,
        .surfaces = {.count = picture->exists, .list = picture->exists ? &surface : NULL},
        .tiles_count = picture->hashes != NULL,
        .tiles = picture->hashes ? &tiles : NULL,
    };
    struct fields_error error = {0};

    if (blob_display_save(&state, body, &error))
        return true;
    log_warn("display: %s: %s", error.field, error.reason ? error.reason : "not valid");
    /* Without the record the target sends everything anew. */
    state.tiles_count = 0;
    state.tiles = NULL;
    return blob_display_save(&state, body, NULL);
}

static bool lists_primary(const struct saved_surfaces *surfaces)
{
    for (uint32_t i = 0; i < surfaces->count; i++) {
        if (surfaces->list[i].id == PRIMARY)
            return true;
    }
    return false;
}

static struct saved_tiles *primary_tiles(const struct display_state *state)
{
    for (uint32_t i = 0; i < state->tiles_count; i++) {
        if (state->tiles[i].surface_id == PRIMARY)
            return &state->tiles[i];
    }
    return NULL;
}

static void take_picture(struct display_state *state, struct picture *out)
{
    struct saved_tiles *tiles = primary_tiles(state);

    out->exists = lists_primary(&state->surfaces);
    if (!out->exists || !tiles)
        return;
    out->size_known = true;
    out->width = tiles->width;
    out->height = tiles->height;
    if (tiles->tile_size != TILE_SIZE)
        return;
    out->n_hashes = tiles->count;
    out->hashes = g_memdup2(tiles->hashes, sizeof(uint64_t) * tiles->count);
}

/* Other servers write rectangles with the surfaces when they use lossy images, which they do on
 * slow links unless told otherwise. We never do. */
static bool load_any(const uint8_t *bytes, size_t len, struct display_state *state)
{
    struct fields_error error = {0};
    bool loaded = blob_display_load(bytes, len, false, state, &error);

    if (loaded && (!state->low_bandwidth || state->tiles_count))
        return true;
    if (loaded)
        blob_display_free(state);
    if (blob_display_load(bytes, len, true, state, NULL))
        return true;
    if (loaded)
        return blob_display_load(bytes, len, false, state, NULL);
    log_info("display: migration data: %s: %s", error.field, error.reason ? error.reason : "?");
    return false;
}

static bool cache_was_used(const struct display_state *state)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(state->pixmap_cache_serials); i++) {
        if (state->pixmap_cache_serials[i])
            return true;
    }
    return false;
}

bool view_state_load(const uint8_t *bytes, size_t len, struct view_state *out)
{
    struct display_state state;

    *out = (struct view_state){0};
    if (!load_any(bytes, len, &state))
        return false;
    out->client = (struct display_client){
        .init = true,
        .cache_id = state.pixmap_cache_id,
        .cache_size = state.pixmap_cache_size,
        .glz_id = state.glz_dictionary_id,
        .glz_window = state.glz_window_size,
    };
    out->next_serial = state.message_serial + 1;
    out->keeps_images = state.pixmap_cache_freezer;
    out->frozen_cache = state.pixmap_cache_freezer && cache_was_used(&state);
    take_picture(&state, &out->picture);
    blob_display_free(&state);
    return true;
}
