/* SPDX-License-Identifier: MIT */
/* Inside the codecs only: memory kept from image to image, and what all encoders check. */
#ifndef CARAVAN_CODEC_SCRATCH_H
#define CARAVAN_CODEC_SCRATCH_H

#include "codec/codec.h"

/* 64 KiB: more slots, or more places in each, find little more on user interfaces. */
#define LZ_HASH_BITS_MAX 12
#define LZ_WAYS          4

struct codec_scratch {
    void *work; /* see codec_scratch_work */
    size_t work_size;
    void *lz4;                                      /* LZ4_stream_t, made at first use */
    uint32_t lz_table[LZ_WAYS << LZ_HASH_BITS_MAX]; /* buckets of places, newest first */
};

/* At least n bytes, aligned as malloc does, of undefined content; valid until the next call. */
void *codec_scratch_work(struct codec_scratch *self, size_t n);

/* Whether encoders may work on it: not empty, not over CODEC_MAX_PIXELS, rows not overlapping. */
bool codec_image_valid(const struct codec_image *image);

/* Appends the rows without the space between them. */
void codec_image_append_rows(const struct codec_image *image, struct buf *out);

#endif
