/* SPDX-License-Identifier: MIT */
#include "image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <gio/gio.h>
#include <png.h>

#define IMAGE_MAX_SIDE 16384

struct image *image_new(int width, int height)
{
    struct image *image;

    if (width < 1 || height < 1 || width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        return NULL;
    image = g_new0(struct image, 1);
    image->width = width;
    image->height = height;
    image->rgb = g_malloc0((size_t)width * height * 3);
    return image;
}

void image_free(struct image *image)
{
    if (!image)
        return;
    g_free(image->rgb);
    g_free(image);
}

static size_t image_bytes(const struct image *image)
{
    return (size_t)image->width * image->height * 3;
}

char *image_sha256(const struct image *image)
{
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, image->rgb, image_bytes(image));
}

struct image_difference image_compare(const struct image *a, const struct image *b)
{
    struct image_difference d = {0};
    int right = 0, bottom = 0;

    if (a->width != b->width || a->height != b->height)
        return (struct image_difference){(size_t)a->width * a->height, 0, 0, a->width, a->height};
    d.x = a->width;
    d.y = a->height;
    for (int y = 0; y < a->height; y++) {
        for (int x = 0; x < a->width; x++) {
            size_t at = ((size_t)y * a->width + x) * 3;

            if (!memcmp(a->rgb + at, b->rgb + at, 3))
                continue;
            d.pixels++;
            d.x = MIN(d.x, x);
            d.y = MIN(d.y, y);
            right = MAX(right, x + 1);
            bottom = MAX(bottom, y + 1);
        }
    }
    if (!d.pixels)
        return (struct image_difference){0};
    d.width = right - d.x;
    d.height = bottom - d.y;
    return d;
}

static bool image_save_ppm(const struct image *image, const char *path, GError **error)
{
    GByteArray *out = g_byte_array_new();
    char head[64];
    bool ok;

    g_snprintf(head, sizeof head, "P6\n%d %d\n255\n", image->width, image->height);
    g_byte_array_append(out, (const guint8 *)head, strlen(head));
    g_byte_array_append(out, image->rgb, image_bytes(image));
    ok = g_file_set_contents(path, (const char *)out->data, out->len, error);
    g_byte_array_unref(out);
    return ok;
}

static bool image_save_png(const struct image *image, const char *path, GError **error)
{
    png_image png = {.version = PNG_IMAGE_VERSION,
                     .width = image->width,
                     .height = image->height,
                     .format = PNG_FORMAT_RGB};

    if (png_image_write_to_file(&png, path, 0, image->rgb, 0, NULL))
        return true;
    g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", path, png.message);
    png_image_free(&png);
    return false;
}

bool image_save(const struct image *image, const char *path, GError **error)
{
    if (g_str_has_suffix(path, ".ppm"))
        return image_save_ppm(image, path, error);
    return image_save_png(image, path, error);
}

/* The next number of a PPM header, after blanks and comments; -1 when there is none. */
static int image_ppm_number(const char **at, const char *end)
{
    const char *p = *at;
    int value = 0, digits = 0;

    while (p < end && (g_ascii_isspace(*p) || *p == '#')) {
        if (*p == '#')
            while (p < end && *p != '\n')
                p++;
        else
            p++;
    }
    for (; p < end && g_ascii_isdigit(*p) && digits < 6; p++, digits++)
        value = value * 10 + (*p - '0');
    *at = p;
    return digits ? value : -1;
}

struct image *image_load_ppm(const char *path, GError **error)
{
    char *data = NULL;
    gsize size = 0;
    struct image *image = NULL;

    if (!g_file_get_contents(path, &data, &size, error))
        return NULL;
    if (size > 3 && data[0] == 'P' && data[1] == '6') {
        const char *at = data + 2, *end = data + size;
        int width = image_ppm_number(&at, end);
        int height = image_ppm_number(&at, end);
        int depth = image_ppm_number(&at, end);

        if (depth == 255)
            image = image_new(width, height);
        at++; /* one blank ends the header */
        if (image && at <= end && (size_t)(end - at) >= image_bytes(image)) {
            memcpy(image->rgb, at, image_bytes(image));
        } else {
            image_free(image);
            image = NULL;
        }
    }
    if (!image)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: not a whole P6 picture", path);
    g_free(data);
    return image;
}
