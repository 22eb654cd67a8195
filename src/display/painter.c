/* SPDX-License-Identifier: MIT */
#include "display/painter.h"

#include <glib.h>
#include <spice/enums.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "channel/display.h"

enum {
    KEPT = 8,                 /* encodings */
    KEPT_MAX_BYTES = 2 << 20, /* of one */
};

struct kept {
    XXH128_hash_t content;
    uint32_t width, height;
    const struct codec *codec;
    struct buf body;
};

struct painter {
    struct codec_scratch *scratch;
    uint32_t *stage;   /* a step's pixels, rows tight */
    size_t stage_size; /* pixels */
    bool share;
    struct kept kept[KEPT]; /* a ring */
    unsigned oldest;
};

struct painter *painter_new(void)
{
    struct painter *self = g_new0(struct painter, 1);

    self->scratch = codec_scratch_new();
    return self;
}

static void forget(struct painter *self)
{
    for (unsigned i = 0; i < KEPT; i++) {
        buf_free(&self->kept[i].body);
        self->kept[i].codec = NULL;
    }
}

void painter_free(struct painter *self)
{
    if (!self)
        return;
    forget(self);
    codec_scratch_free(self->scratch);
    g_free(self->stage);
    g_free(self);
}

void painter_share(struct painter *self, bool share)
{
    if (self->share && !share)
        forget(self);
    self->share = share;
}

bool painter_takes(uint32_t format)
{
    return format == SPICE_SURFACE_FMT_32_xRGB || format == SPICE_SURFACE_FMT_32_ARGB ||
           format == SPICE_SURFACE_FMT_16_555 || format == SPICE_SURFACE_FMT_16_565;
}

/* A field of 5 or 6 bits to 8. */
static uint32_t widen(uint32_t value, unsigned shift, unsigned bits)
{
    uint32_t field = (value >> shift) & ((1u << bits) - 1);

    return field << (8 - bits) | field >> (2 * bits - 8);
}

uint32_t painter_color(uint32_t format, uint32_t value)
{
    if (format == SPICE_SURFACE_FMT_16_555)
        return widen(value, 10, 5) << 16 | widen(value, 5, 5) << 8 | widen(value, 0, 5);
    if (format == SPICE_SURFACE_FMT_16_565)
        return widen(value, 11, 5) << 16 | widen(value, 5, 6) << 8 | widen(value, 0, 5);
    return value & 0x00ffffff;
}

static void stage_row_32(uint32_t *to, const uint8_t *from, uint32_t n)
{
    memcpy(to, from, (size_t)n * 4);
    for (uint32_t i = 0; i < n; i++)
        to[i] &= GUINT32_TO_LE(0x00ffffff);
}

static void stage_row_16(uint32_t *to, const uint8_t *from, uint32_t n, uint32_t format)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t value = from[2 * i] | (uint32_t)from[2 * i + 1] << 8;

        to[i] = GUINT32_TO_LE(painter_color(format, value));
    }
}

static struct codec_image stage(struct painter *self, const struct pixels *px,
                                const pixman_box32_t *box)
{
    uint32_t width = (uint32_t)(box->x2 - box->x1), height = (uint32_t)(box->y2 - box->y1);
    bool wide = px->format == SPICE_SURFACE_FMT_32_xRGB || px->format == SPICE_SURFACE_FMT_32_ARGB;
    size_t need = (size_t)width * height;

    if (self->stage_size < need) {
        g_free(self->stage);
        self->stage = g_new(uint32_t, need);
        self->stage_size = need;
    }
    for (uint32_t y = 0; y < height; y++) {
        const uint8_t *row =
            pixels_row(px, (uint32_t)box->y1 + y) + (size_t)box->x1 * (wide ? 4 : 2);

        if (wide)
            stage_row_32(self->stage + (size_t)y * width, row, width);
        else
            stage_row_16(self->stage + (size_t)y * width, row, width, px->format);
    }
    return (struct codec_image){.pixels = (const uint8_t *)self->stage,
                                .width = width,
                                .height = height,
                                .stride = (size_t)width * 4};
}

static const struct kept *find_kept(const struct painter *self, const struct codec *codec,
                                    const struct codec_image *image, XXH128_hash_t content)
{
    for (unsigned i = 0; i < KEPT; i++) {
        const struct kept *kept = &self->kept[i];

        if (kept->codec == codec && kept->width == image->width && kept->height == image->height &&
            XXH128_isEqual(kept->content, content))
            return kept;
    }
    return NULL;
}

static void keep(struct painter *self, const struct codec *codec, const struct codec_image *image,
                 XXH128_hash_t content, const uint8_t *bytes, size_t len)
{
    struct kept *kept = &self->kept[self->oldest];

    if (len > KEPT_MAX_BYTES)
        return;
    self->oldest = (self->oldest + 1) % KEPT;
    kept->content = content;
    kept->width = image->width;
    kept->height = image->height;
    kept->codec = codec;
    buf_reset(&kept->body);
    buf_append(&kept->body, bytes, len);
}

static bool encode_shared(struct painter *self, const struct codec *codec,
                          const struct codec_image *image, struct buf *out)
{
    XXH128_hash_t content = XXH3_128bits(image->pixels, image->stride * image->height);
    const struct kept *kept = find_kept(self, codec, image, content);
    size_t before = out->len;

    if (kept) {
        buf_append(out, kept->body.data, kept->body.len);
        return true;
    }
    if (!codec->encode(self->scratch, image, out))
        return false;
    keep(self, codec, image, content, out->data + before, out->len - before);
    return true;
}

static bool encode(struct painter *self, const struct codec *codec, const struct codec_image *image,
                   struct buf *out)
{
    if (self->share && codec != &codec_raw)
        return encode_shared(self, codec, image, out);
    return codec->encode(self->scratch, image, out);
}

bool painter_image(struct painter *self, struct conn *conn, const struct pixels *px,
                   const pixman_box32_t *box, uint64_t keep_id, const struct codec_wish *wish)
{
    const struct codec *codec;
    struct codec_image image;
    struct buf *body;
    size_t type_at;

    if (!painter_takes(px->format))
        return false;
    image = stage(self, px, box);
    codec = codec_choose(wish, &image);
    body = display_begin_copy(conn, box, codec->image_type, keep_id);
    type_at = body->len - 10; /* u8 type, u8 flags, u32 width, u32 height */
    if (!encode(self, codec, &image, body)) {
        body->data[type_at] = codec_raw.image_type;
        codec_raw.encode(self->scratch, &image, body); /* takes every image of a step's size */
    }
    conn_end(conn);
    return true;
}
