/* SPDX-License-Identifier: MIT */
#include "display/link_speed.h"

#include <glib.h>

/* A clock may have stood still. */
static int64_t since(int64_t then_us, int64_t now_us)
{
    return MAX(now_us - then_us, 1);
}

void link_speed_go_on(struct link_speed *self, uint32_t round_trip_us, uint64_t rate,
                      int64_t now_us)
{
    self->round_trip_us = round_trip_us;
    self->rate = rate;
    self->rate_us = now_us;
}

static bool ping(struct link_speed *self, size_t bytes, int64_t now_us)
{
    self->ping++;
    self->waiting = true;
    self->ping_us = now_us;
    self->ping_bytes = bytes;
    self->ping_burst_us = self->burst_us;
    return true;
}

static bool wants_rate(const struct link_speed *self, int64_t now_us)
{
    return self->burst_bytes >= LINK_SPEED_BURST_BYTES &&
           (self->rate == 0 || now_us - self->rate_us >= LINK_SPEED_AGAIN_US);
}

bool link_speed_made(struct link_speed *self, size_t bytes, int64_t now_us)
{
    if (self->burst_bytes == 0)
        self->burst_us = now_us;
    self->burst_bytes += bytes;
    if (self->waiting)
        return false;
    if (self->round_trip_us == 0)
        return ping(self, 0, now_us);
    return wants_rate(self, now_us) && ping(self, self->burst_bytes, now_us);
}

void link_speed_pause(struct link_speed *self)
{
    self->burst_bytes = 0;
}

void link_speed_pong(struct link_speed *self, uint32_t number, int64_t now_us)
{
    int64_t took = since(self->ping_us, now_us);

    if (!self->waiting || number != self->ping)
        return;
    self->waiting = false;
    if (self->ping_bytes == 0) {
        self->round_trip_us = (uint32_t)MIN(took, UINT32_MAX);
        return;
    }
    /* The way there and back is not the burst's; but no more of it than what leaves a time. */
    took = since(self->ping_burst_us, now_us);
    took = MAX(took - self->round_trip_us, took / 8 + 1);
    self->rate = (uint64_t)self->ping_bytes * G_USEC_PER_SEC / (uint64_t)took;
    self->rate = MAX(self->rate, 1);
    self->rate_us = now_us;
}

size_t link_speed_bytes(const struct link_speed *self, uint32_t ms, size_t least, size_t most)
{
    uint64_t bytes;

    if (self->rate == 0 || __builtin_mul_overflow(self->rate, (uint64_t)ms, &bytes))
        return most;
    return (size_t)CLAMP(bytes / 1000, (uint64_t)least, (uint64_t)most);
}
