/* SPDX-License-Identifier: MIT */
#include "display/canvas/surfaces.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <spice/enums.h>

struct surfaces {
    uint32_t n;
    struct surface *by_id[]; /* NULL: free */
};

static const struct {
    uint32_t format;
    unsigned bpp;
    pixman_format_code_t pixman;
} formats[] = {
    {SPICE_SURFACE_FMT_1_A, 1, PIXMAN_a1},
    {SPICE_SURFACE_FMT_8_A, 8, PIXMAN_a8},
    {SPICE_SURFACE_FMT_16_555, 16, PIXMAN_x1r5g5b5},
    {SPICE_SURFACE_FMT_16_565, 16, PIXMAN_r5g6b5},
    {SPICE_SURFACE_FMT_32_xRGB, 32, PIXMAN_x8r8g8b8},
    {SPICE_SURFACE_FMT_32_ARGB, 32, PIXMAN_a8r8g8b8},
};

static int find_format(uint32_t format)
{
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++)
        if (formats[i].format == format)
            return (int)i;
    return -1;
}

unsigned surface_format_bpp(uint32_t format)
{
    int i = find_format(format);

    return i < 0 ? 0 : formats[i].bpp;
}

struct surfaces *surfaces_new(uint32_t n_surfaces)
{
    uint32_t n = MIN(n_surfaces, 65536);
    struct surfaces *self = g_malloc0(sizeof(*self) + n * sizeof(self->by_id[0]));

    self->n = n;
    return self;
}

void surfaces_free(struct surfaces *self)
{
    if (!self)
        return;
    for (uint32_t id = 0; id < self->n; id++)
        surfaces_destroy(self, id);
    g_free(self);
}

/* Why a surface cannot be, or NULL. */
static const char *refuse(const struct surfaces *self, const struct surface *s, size_t given)
{
    uint64_t pitch = (uint64_t)llabs((long long)s->stride);

    if (s->id >= self->n)
        return "surface id is out of range";
    if (self->by_id[s->id])
        return "surface id is in use";
    if (s->bpp == 0)
        return "surface format is unknown";
    if (s->width == 0 || s->height == 0 || s->width > SURFACE_SIDE_MAX ||
        s->height > SURFACE_SIDE_MAX)
        return "surface has no sensible size";
    if (s->stride == INT32_MIN || pitch < ((uint64_t)s->width * s->bpp + 7) / 8)
        return "surface's stride is shorter than its row";
    if (pitch % 4 != 0 || (uintptr_t)s->mem % 4 != 0)
        return "surface's rows are not aligned to 4 bytes";
    if (pitch * s->height > INT32_MAX)
        return "surface is too large";
    if (!s->mem || pitch * s->height > given)
        return "surface exceeds its memory";
    return NULL;
}

bool surfaces_create(struct surfaces *self, uint32_t id, uint32_t format, uint32_t width,
                     uint32_t height, int32_t stride, void *mem, size_t mem_size,
                     const char **reason)
{
    struct surface s = {
        .id = id,
        .format = format,
        .width = width,
        .height = height,
        .bpp = surface_format_bpp(format),
        .stride = stride,
        .mem = mem,
    };

    *reason = refuse(self, &s, mem_size);
    if (*reason)
        return false;
    s.mem_size = (size_t)abs(stride) * height;
    s.data = s.mem + (stride < 0 ? s.mem_size - (size_t)abs(stride) : 0);
    s.image = pixman_image_create_bits_no_clear(formats[find_format(format)].pixman, (int)width,
                                                (int)height, (uint32_t *)(void *)s.data, stride);
    if (!s.image) {
        *reason = "surface could not be wrapped";
        return false;
    }
    self->by_id[id] = g_memdup2(&s, sizeof(s));
    return true;
}

void surface_fill_black(struct surface *surface)
{
    memset(surface->mem, 0, surface->mem_size);
}

bool surfaces_destroy(struct surfaces *self, uint32_t id)
{
    struct surface *surface = surfaces_get(self, id);

    if (!surface)
        return false;
    pixman_image_unref(surface->image);
    g_free(surface);
    self->by_id[id] = NULL;
    return true;
}

struct surface *surfaces_get(const struct surfaces *self, uint32_t id)
{
    return id < self->n ? self->by_id[id] : NULL;
}

uint32_t surfaces_capacity(const struct surfaces *self)
{
    return self->n;
}
