/* SPDX-License-Identifier: MIT */
#include "screen_private.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <png.h>
#include <glib.h>

/* ---- Which device ---- */

static struct screen *open_std(const struct screen_source *source, const char **reason)
{
    return screen_open_vga(source, vmstate_tree_find(source->tree, "vga", NULL) ? "vga." : "",
                           false, reason);
}

static struct screen *open_cirrus(const struct screen_source *source, const char **reason)
{
    return screen_open_vga(
        source, vmstate_tree_find(source->tree, "cirrus_vga", NULL) ? "cirrus_vga.vga." : "vga.",
        true, reason);
}

/* By what the section's name has behind the slash. */
static const struct {
    const char *section;
    struct screen *(*open)(const struct screen_source *source, const char **reason);
} devices[] = {
    {"vga", open_std},        {"cirrus_vga", open_cirrus},
    {"qxl", screen_open_qxl}, {"virtio-gpu", screen_open_virtio_gpu},
    {"virtio-vga", open_std},
};

static const char *last_word(const char *section)
{
    const char *slash = strrchr(section, '/');

    return slash ? slash + 1 : section;
}

bool screen_knows(const char *section)
{
    for (size_t i = 0; i < G_N_ELEMENTS(devices); i++)
        if (!strcmp(last_word(section), devices[i].section))
            return true;
    return false;
}

struct screen *screen_open(const struct screen_source *source, const char **reason)
{
    const char *name = last_word(vmstate_tree_name(source->tree));
    struct screen *screen = NULL;

    *reason = "no video device that can be drawn";
    for (size_t i = 0; i < G_N_ELEMENTS(devices) && !screen; i++)
        if (!strcmp(name, devices[i].section))
            screen = devices[i].open(source, reason);
    if (screen && (screen->width < 1 || screen->width > SCREEN_SIDE_MOST || screen->height < 1 ||
                   screen->height > SCREEN_SIDE_MOST)) {
        *reason = "its size cannot be";
        screen->free(screen);
        screen = NULL;
    }
    return screen;
}

/* ---- Fields ---- */

uint64_t screen_number(const struct vmstate_tree *tree, const char *path, uint64_t otherwise)
{
    struct vmstate_value value;

    return vmstate_tree_get(tree, path, &value) && value.kind != VMSTATE_VALUE_BYTES ? value.u
                                                                                     : otherwise;
}

void screen_bytes(const struct vmstate_tree *tree, const char *path, uint8_t *to, size_t n)
{
    const struct vmstate_node *node = vmstate_tree_find(tree, path, NULL);
    size_t len;
    const uint8_t *bytes = vmstate_tree_bytes(tree, &len);

    memset(to, 0, n);
    if (node && node->kind == VMSTATE_NODE_VALUES)
        memcpy(to, bytes + node->offset, MIN(n, node->size));
}

void screen_block(const struct screen_source *source, const char *block,
                  char name[VMSTATE_NAME_MAX])
{
    const char *section = vmstate_tree_name(source->tree);
    int n = (int)(last_word(section) - section);

    g_snprintf(name, VMSTATE_NAME_MAX, "%.*s%s", n, section, block);
    if (!ram_aside_size(source->ram, name))
        g_strlcpy(name, block, VMSTATE_NAME_MAX);
}

/* ---- Pixels ---- */

const struct screen_format screen_x8r8g8b8 = {4, {8, 8, 8}, {16, 8, 0}, false};
const struct screen_format screen_b8g8r8 = {3, {8, 8, 8}, {16, 8, 0}, false};
const struct screen_format screen_r5g6b5 = {2, {5, 6, 5}, {11, 5, 0}, false};
const struct screen_format screen_x1r5g5b5 = {2, {5, 5, 5}, {10, 5, 0}, false};
const struct screen_format screen_x1r5g5b5_vga = {2, {5, 5, 5}, {10, 5, 0}, true};

void screen_convert(const struct screen_format *format, const uint8_t *from, uint32_t n,
                    uint8_t *rgb)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t pixel = 0;

        for (unsigned k = 0; k < format->bytes; k++)
            pixel |= (uint32_t)from[k] << (8 * k);
        for (unsigned k = 0; k < 3; k++) {
            unsigned bits = format->bits[k];
            uint32_t v = pixel >> format->shift[k] & ((1u << bits) - 1);

            rgb[k] = (uint8_t)(v << (8 - bits) | (format->bare ? 0 : v >> (2 * bits - 8)));
        }
        from += format->bytes;
        rgb += 3;
    }
}

/* ---- PNG ---- */

static void keep_message(png_structp png, png_const_charp message)
{
    *(const char **)png_get_error_ptr(png) = "libpng cannot write it";
    png_longjmp(png, 1);
}

static void ignore_warning(png_structp png, png_const_charp message)
{
}

/* Nothing that lives in here changes after setjmp. */
static bool write_rows(struct screen *screen, FILE *file, png_structp png, png_infop info,
                       uint8_t *row)
{
    if (setjmp(png_jmpbuf(png)))
        return false;
    png_init_io(png, file);
    png_set_IHDR(png, info, screen->width, screen->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (uint32_t y = 0; y < screen->height; y++) {
        screen->row(screen, row);
        png_write_row(png, row);
    }
    png_write_end(png, info);
    return true;
}

static bool write_png(struct screen *screen, FILE *file, uint8_t *row, const char **reason)
{
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, reason, keep_message, ignore_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    bool written = info && write_rows(screen, file, png, info, row);

    png_destroy_write_struct(&png, &info);
    if (!written)
        *reason = "libpng cannot write it";
    return written;
}

static bool write_ppm(struct screen *screen, FILE *file, uint8_t *row)
{
    fprintf(file, "P6\n%" PRIu32 " %" PRIu32 "\n255\n", screen->width, screen->height);
    for (uint32_t y = 0; y < screen->height; y++) {
        screen->row(screen, row);
        fwrite(row, 3, screen->width, file);
    }
    return !ferror(file);
}

bool screen_write(struct screen *screen, const char *path, const char **reason)
{
    FILE *file = fopen(path, "wbe");
    uint8_t *row;
    bool written;

    *reason = NULL;
    if (!file)
        return false;
    row = g_malloc0((size_t)screen->width * 3);
    written = g_str_has_suffix(path, ".ppm") ? write_ppm(screen, file, row)
                                             : write_png(screen, file, row, reason);
    g_free(row);
    if (fclose(file))
        written = false;
    if (!written) {
        int error = errno;

        unlink(path);
        errno = error;
    }
    return written;
}
