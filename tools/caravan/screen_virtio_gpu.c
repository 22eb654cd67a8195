/* SPDX-License-Identifier: MIT */
/* virtio-gpu saves its resources with their pixels in the section: each is five be32 (id, width,
 * height, format, pages of the guest), be64 and be32 for each of the pages, and the pixels; an id
 * of 0 ends the list. Then be32 enabled, be32 scanouts and ten be32 for each scanout. */
#include "screen_private.h"

#include <string.h>
#include <glib.h>

struct cursor {
    const uint8_t *bytes;
    size_t len;
    bool bad;
};

struct resource {
    uint32_t id, width, height, format;
    const uint8_t *pixels;
};

struct virtio {
    struct screen screen;
    const struct screen_format *format;
    const uint8_t *next; /* of the first pixel of the next row; borrowed from the tree */
    size_t stride;
};

/* VIRTIO_GPU_FORMAT_*: names say the order of bytes in memory. */
static const struct {
    uint32_t number;
    struct screen_format format;
} formats[] = {
    {1, {4, {8, 8, 8}, {16, 8, 0}, false}},    {2, {4, {8, 8, 8}, {16, 8, 0}, false}},
    {3, {4, {8, 8, 8}, {8, 16, 24}, false}},   {4, {4, {8, 8, 8}, {8, 16, 24}, false}},
    {67, {4, {8, 8, 8}, {0, 8, 16}, false}},   {68, {4, {8, 8, 8}, {24, 16, 8}, false}},
    {121, {4, {8, 8, 8}, {24, 16, 8}, false}}, {134, {4, {8, 8, 8}, {0, 8, 16}, false}},
};

static const uint8_t *take(struct cursor *in, uint64_t n)
{
    const uint8_t *at = in->bytes;

    if (in->bad || n > in->len) {
        in->bad = true;
        return NULL;
    }
    in->bytes += n;
    in->len -= (size_t)n;
    return at;
}

static uint32_t take_be32(struct cursor *in)
{
    const uint8_t *p = take(in, 4);

    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

/* False at the end of the list, or when it is broken. */
static bool next_resource(struct cursor *in, struct resource *resource)
{
    uint64_t pages;

    resource->id = take_be32(in);
    if (resource->id == 0)
        return false;
    resource->width = take_be32(in);
    resource->height = take_be32(in);
    resource->format = take_be32(in);
    pages = take_be32(in);
    take(in, pages * 12);
    if (resource->width > SCREEN_SIDE_MOST || resource->height > SCREEN_SIDE_MOST)
        in->bad = true;
    resource->pixels = take(in, (uint64_t)resource->width * 4 * resource->height);
    return !in->bad;
}

struct scanout {
    bool enabled;
    uint32_t id, width, height, x, y;
};

static bool read_scanout(struct cursor *in, struct scanout *scanout)
{
    struct resource passed;
    uint32_t n;

    while (next_resource(in, &passed))
        ;
    scanout->enabled = take_be32(in) != 0;
    n = take_be32(in);
    scanout->id = take_be32(in);
    scanout->width = take_be32(in);
    scanout->height = take_be32(in);
    scanout->x = take_be32(in);
    scanout->y = take_be32(in);
    return !in->bad && n > 0;
}

static void virtio_row(struct screen *screen, uint8_t *rgb)
{
    struct virtio *self = (struct virtio *)screen;

    screen_convert(self->format, self->next, screen->width, rgb);
    self->next += self->stride;
}

static void virtio_free(struct screen *screen)
{
    g_free(screen);
}

static struct screen *show(const struct resource *resource, const struct scanout *scanout)
{
    const struct screen_format *format = NULL;
    struct virtio *self;

    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (formats[i].number == resource->format)
            format = &formats[i].format;
    if (!format || scanout->x > resource->width || scanout->y > resource->height ||
        scanout->width > resource->width - scanout->x ||
        scanout->height > resource->height - scanout->y)
        return NULL;
    self = g_new0(struct virtio, 1);
    self->format = format;
    self->stride = (size_t)resource->width * 4;
    self->next = resource->pixels + scanout->y * self->stride + scanout->x * (size_t)4;
    self->screen = (struct screen){scanout->width, scanout->height, virtio_row, virtio_free};
    return &self->screen;
}

struct screen *screen_open_virtio_gpu(const struct screen_source *source, const char **reason)
{
    struct resource resource;
    struct scanout scanout;
    struct vmstate_value value;
    struct screen *screen = NULL;
    struct cursor in;

    *reason = "a state of virtio-gpu that cannot be read";
    if (!vmstate_tree_get(source->tree, "virtio-gpu", &value))
        return NULL;
    in = (struct cursor){value.bytes, value.len, false};
    if (!read_scanout(&in, &scanout))
        return NULL;
    *reason = "virtio-gpu is not in use";
    if (!scanout.enabled || scanout.id == 0)
        return NULL;
    *reason = "virtio-gpu shows a resource that is not in its section";
    in = (struct cursor){value.bytes, value.len, false};
    while (!screen && next_resource(&in, &resource))
        if (resource.id == scanout.id)
            screen = show(&resource, &scanout);
    return screen;
}
