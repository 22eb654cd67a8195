/* SPDX-License-Identifier: MIT */
/*
 * How fast a client's link is: the round trip of a PING, and the bytes a second of what it took
 * without a pause, between when the first of them was made and the PONG of a PING behind the last.
 * What the client needs to draw counts as well. Nothing is sent only to measure but these PINGs; so
 * a link that has not carried BURST_BYTES at once has no rate yet.
 *
 * No I/O, no clock: `now_us` is the caller's, of any clock. Plain data of its owner.
 */
#ifndef CARAVAN_DISPLAY_LINK_SPEED_H
#define CARAVAN_DISPLAY_LINK_SPEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_SPEED_BURST_BYTES (64u * 1024)
#define LINK_SPEED_AGAIN_US    (30ll * 1000 * 1000) /* a rate is good for so long */

/* Zeroed: nothing is known. */
struct link_speed {
    uint32_t round_trip_us; /* 0: not known */
    uint64_t rate;          /* bytes a second; 0: not known */
    int64_t rate_us;        /* when that was found */

    uint32_t ping; /* number of the last PING, from 1 */
    bool waiting;  /* for its PONG */
    int64_t ping_us;
    int64_t ping_burst_us; /* when the burst before it began */
    size_t ping_bytes;     /* of that burst; 0: the PING is for the round trip */
    int64_t burst_us;      /* when the burst began */
    size_t burst_bytes;
};

/* What another host has found is not measured again before its time. */
void link_speed_go_on(struct link_speed *self, uint32_t round_trip_us, uint64_t rate,
                      int64_t now_us);

/* Bytes were made for the link: true if a PING with the number self->ping is to follow them. */
bool link_speed_made(struct link_speed *self, size_t bytes, int64_t now_us);

/* All that there was has been made: the next bytes begin a burst. */
void link_speed_pause(struct link_speed *self);

/* A PONG, of any number. */
void link_speed_pong(struct link_speed *self, uint32_t number, int64_t now_us);

/* Bytes that take the link about `ms`, between the two; `most` when the rate is not known. */
size_t link_speed_bytes(const struct link_speed *self, uint32_t ms, size_t least, size_t most);

#endif
