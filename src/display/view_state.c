/* SPDX-License-Identifier: MIT */
#include "display/view_state.h"

#include <glib.h>

#include "base/log.h"
#include "display/image_cache.h"
#include "display/tiles.h"
#include "migrate/blob.h"

enum {
    PRIMARY = 0,
    ENCODERS = 4, /* what other servers say */
    /* What a state may have, bytes. A fresh link takes 10 packets, 14 KiB, in its first round trip:
     * where one is long the picture must not wait for a second one. */
    NEAR_BYTES = 128 * 1024,
    FAR_BYTES = 13 * 1024,
    FAR_US = 20 * 1000,
    IMAGES_BYTES_MIN = 4 * 1024,
};

void picture_clear(struct picture *self)
{
    g_free(self->blocks);
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

uint64_t view_images_pixels(const struct display_client *client)
{
    return client->cache_size > 0 ? (uint64_t)client->cache_size / 2 : 0;
}

/* Save --------------------------------------------------------------------------------------- */

void view_state_fit(struct image_cache *images, size_t n_blocks, uint32_t round_trip_us)
{
    size_t most = round_trip_us > FAR_US ? FAR_BYTES : NEAR_BYTES;
    size_t picture = n_blocks * sizeof(uint64_t);

    image_cache_trim(images, MAX(IMAGES_BYTES_MIN, most - MIN(most, picture)));
}

/* The list is the caller's, the hashes in it are the cache's. */
static struct saved_images export_images(const struct image_cache *images)
{
    const struct cached_image *image = NULL;
    struct saved_images out = {
        .newest = image_cache_newest(images),
        .tile_size = TILE_SIZE,
        .block_size = BLOCK_SIZE,
        .list = g_new(struct saved_image, image_cache_count(images)),
    };

    while ((image = image_cache_before(images, image)))
        out.list[out.count++] = (struct saved_image){.id = image->id,
                                                     .width = image->width,
                                                     .height = image->height,
                                                     .count = image->cols * image->rows,
                                                     .blocks = image->blocks};
    return out;
}

/* Without the records that are too large the target sends everything anew. */
static bool save(struct display_state *state, struct buf *body)
{
    struct fields_error error = {0};

    if (blob_display_save(state, body, &error))
        return true;
    log_warn("display: %s: %s", error.field, error.reason ? error.reason : "not valid");
    state->tiles_count = 0;
    state->tiles = NULL;
    return blob_display_save(state, body, NULL);
}

bool view_state_save(const struct view_state *from, struct buf *body)
{
    const struct display_client *client = &from->client;
    const struct picture *picture = &from->picture;
    struct saved_surface surface = {.id = PRIMARY};
    struct saved_tiles tiles = {
        .surface_id = PRIMARY,
        .width = picture->width,
        .height = picture->height,
        .tile_size = BLOCK_SIZE,
        .count = (uint32_t)picture->n_blocks,
        .hashes = picture->blocks,
    };
    struct display_state state = {
        .message_serial = from->next_serial,
        .pixmap_cache_id = client->cache_id,
        .pixmap_cache_size = client->cache_size,
        .pixmap_cache_freezer = from->speaks,
        .glz_dictionary_id = client->glz_id,
        .glz_window_size = client->glz_window,
        /* Clients' decoders break on an id they know: a server after us must not start anew. */
        .next_image_id = client->glz_next_image,
        .max_encoders = ENCODERS,
        .surfaces = {.count = picture->exists, .list = picture->exists ? &surface : NULL},
        .tiles_count = picture->blocks != NULL,
        .tiles = picture->blocks ? &tiles : NULL,
        .has_images = from->images != NULL,
        .has_speed = true,
        .speed = from->speed,
    };
    bool saved;

    state.speed.compression = client->compression;
    if (from->images)
        state.images = export_images(from->images);
    /* A server that does not know the record of the images has to empty the cache. */
    if (state.images.count && from->channel_id < SAVED_CACHE_CLIENTS)
        state.pixmap_cache_serials[from->channel_id] = from->next_serial;
    saved = save(&state, body);
    g_free(state.images.list);
    return saved;
}

/* Load --------------------------------------------------------------------------------------- */

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
    if (tiles->tile_size != BLOCK_SIZE)
        return;
    out->n_blocks = tiles->count;
    out->blocks = g_memdup2(tiles->hashes, sizeof(uint64_t) * tiles->count);
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

/* The books go on; NULL when the client has no cache, or the record is not there. */
static struct image_cache *import_images(const struct display_client *client,
                                         const struct display_state *state)
{
    const struct saved_images *from = &state->images;
    bool same = from->tile_size == TILE_SIZE && from->block_size == BLOCK_SIZE;
    struct image_cache *images;

    if (!state->has_images || !view_images_pixels(client))
        return NULL;
    images = image_cache_new(view_images_pixels(client), 0);
    image_cache_go_on(images, from->newest);
    for (uint32_t i = 0; i < from->count; i++) {
        const struct saved_image *image = &from->list[i];
        struct cached_image one = {
            .id = image->id,
            .width = image->width,
            .height = image->height,
            .cols = (image->width + BLOCK_SIZE - 1) / BLOCK_SIZE,
            .rows = (image->height + BLOCK_SIZE - 1) / BLOCK_SIZE,
            .blocks = image->blocks,
        };

        if (same)
            image_cache_restore(images, &one);
        else
            image_cache_drop(images, image->id);
    }
    return images;
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
        .glz_next_image = state.next_image_id,
        .compression = state.speed.compression,
    };
    out->next_serial = state.message_serial + 1;
    out->images = import_images(&out->client, &state);
    out->speaks = state.pixmap_cache_freezer;
    /* Only ours tell of the link's speed. */
    out->keeps_images = state.has_speed ? state.has_images : out->speaks;
    out->frozen_cache = !state.has_images && out->speaks && cache_was_used(&state);
    out->speed = state.speed;
    take_picture(&state, &out->picture);
    blob_display_free(&state);
    return true;
}
