/* SPDX-License-Identifier: MIT */
/*
 * What a view carries to another host, to and from the bytes of a display channel's MIGRATE_DATA
 * ("migrate/blob.h"). No I/O.
 */
#ifndef CARAVAN_DISPLAY_VIEW_STATE_H
#define CARAVAN_DISPLAY_VIEW_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "channel/display.h"
#include "proto/saved_state.h"

struct image_cache;

/* The surface that a client has. */
struct picture {
    bool exists;
    bool size_known; /* not after a move from a server that does not tell */
    uint32_t width, height;
    uint64_t *blocks; /* owned; what it showed when it was moved, by blocks; may be NULL */
    size_t n_blocks;
};

/* Owns nothing afterwards. */
void picture_clear(struct picture *self);
/* A picture of this size without blocks. */
void picture_set(struct picture *self, uint32_t width, uint32_t height);

/* How many of the client's pixels one of its display channels may use: half of what it has, for
 * its other displays use it too. 0: nothing is kept. */
uint64_t view_images_pixels(const struct display_client *client);

/*
 * The client's image cache is one for all its display channels. Stock leaves its images there; one
 * channel speaks for the cache, with serials other than 0 once anything was put in, and only that
 * one may empty it: so after such a move only that one may use it, or what another has put in would
 * be lost. Ours go on with the books of the channel's own images, which come with its state.
 */
struct view_state {
    struct display_client client;
    struct picture picture;     /* owns its blocks */
    struct image_cache *images; /* owned; what the client keeps of this channel; may be NULL */
    bool speaks;                /* for the cache: to other servers */
    bool frozen_cache;        /* load: the sender has left images that are in no books, empty it */
    bool keeps_images;        /* load: this channel may put images there */
    struct saved_speed speed; /* of the link; its wish is the client's */
    uint8_t channel_id;       /* save */
    uint64_t next_serial;     /* of the next message to the client; save: of the one that carries
                                 this */
};

/* Appends the body; nothing of the state is taken. The images fit (view_state_fit). False as
 * blob_display_save. */
bool view_state_save(const struct view_state *state, struct buf *body);

/* Evicts images until the rest fits into a state that goes over this link, with a picture of so
 * many blocks. */
void view_state_fit(struct image_cache *images, size_t n_blocks, uint32_t round_trip_us);

/* Hostile bytes. On success the caller owns what is in *out. */
bool view_state_load(const uint8_t *bytes, size_t len, struct view_state *out);

#endif
