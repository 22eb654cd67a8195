/* SPDX-License-Identifier: MIT */
#include "codec/scratch.h"

#include <glib.h>
#include <lz4.h>
#include <string.h>

/* One huge image must not leave its memory behind for good. */
#define WORK_KEEP (4u << 20)

struct codec_scratch *codec_scratch_new(void)
{
    return g_new0(struct codec_scratch, 1);
}

void codec_scratch_free(struct codec_scratch *self)
{
    if (!self) {
        return;
    }
    LZ4_freeStream(self->lz4);
    g_free(self->work);
    g_free(self);
}

void *codec_scratch_work(struct codec_scratch *self, size_t n)
{
    bool shrink = self->work_size > WORK_KEEP && n <= WORK_KEEP;

    if (n > self->work_size || shrink) {
        g_free(self->work);
        self->work = g_malloc(n);
        self->work_size = n;
    }
    return self->work;
}

bool codec_image_valid(const struct codec_image *image)
{
    uint64_t pixels = (uint64_t)image->width * image->height;

    return pixels > 0 && pixels <= CODEC_MAX_PIXELS && image->stride / 4 >= image->width;
}

void codec_image_append_rows(const struct codec_image *image, struct buf *out)
{
    size_t row = (size_t)image->width * 4;
    uint8_t *to = buf_extend(out, row * image->height);

    if (image->stride == row) {
        memcpy(to, image->pixels, row * image->height);
        return;
    }
    for (uint32_t y = 0; y < image->height; y++) {
        memcpy(to + y * row, image->pixels + y * image->stride, row);
    }
}
