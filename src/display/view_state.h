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

/* The surface that a client has. */
struct picture {
    bool exists;
    bool size_known; /* not after a move from a server that does not tell */
    uint32_t width, height;
    uint64_t *hashes; /* owned; what it showed when it was moved, tile by tile; may be NULL */
    size_t n_hashes;
};

/* Owns nothing afterwards. */
void picture_clear(struct picture *self);
/* A picture of this size without hashes. */
void picture_set(struct picture *self, uint32_t width, uint32_t height);

struct view_state {
    struct display_client client;
    struct picture picture; /* owns its hashes */
    uint64_t next_serial;   /* of the next message to the client */
    /*
     * The client's image cache is one for all its display channels. Stock leaves its images there;
     * one channel speaks for the cache, with serials other than 0 once anything was put in, and
     * only that one may empty it: so after such a move only that one may use it, or what another
     * has put in would be lost. We empty our part before we send the state, say so with serials
     * of 0, and let each channel speak for itself.
     */
    bool frozen_cache; /* the sender has left images in the client's cache, empty it */
    bool keeps_images; /* this channel may put images there */
};

/* Appends the body; `serial` is that of the message it goes into. False as blob_display_save. */
bool view_state_save(const struct display_client *client, const struct picture *picture,
                     uint64_t serial, struct buf *body);

/* Hostile bytes. On success the caller owns *out. */
bool view_state_load(const uint8_t *bytes, size_t len, struct view_state *out);

#endif
