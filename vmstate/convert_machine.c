/* SPDX-License-Identifier: MIT */
#include "vmstate/convert_private.h"

#include <string.h>

#define VERSION_MOST 702

/* "pc-i440fx-7.2", "pc-1.0" */
bool convert_parse_machine(const char *name, unsigned *version, bool *i440fx)
{
    const char *number;
    gchar *end;
    guint64 major, minor;

    *i440fx = g_str_has_prefix(name, "pc-i440fx-");
    if (!*i440fx && !g_str_has_prefix(name, "pc-"))
        return false;
    number = name + strlen(*i440fx ? "pc-i440fx-" : "pc-");
    if (!g_ascii_isdigit(*number))
        return false;
    major = g_ascii_strtoull(number, &end, 10);
    if (*end != '.' || !g_ascii_isdigit(end[1]))
        return false;
    minor = g_ascii_strtoull(end + 1, &end, 10);
    if (*end || major > 99 || minor > 99)
        return false;
    *version = (unsigned)(major * 100 + minor);
    return *i440fx ? *version >= 104 && *version <= VERSION_MOST
                   : *version >= 10 && *version <= 103;
}

/* The PCI path of the VGA card, from the name of its ROM's block; by default its usual place. */
static char *vga_path(const struct vmstate_convert *self)
{
    static const char *const roms[] = {"/cirrus_vga.rom", "/vga.rom", "/vmware_vga.rom", "/qxl.rom",
                                       "/qxl-vga.rom"};

    for (guint i = 0; i < self->blocks->len; i++) {
        const char *name = g_array_index(self->blocks, struct vmstate_ram_block, i).name;

        for (size_t k = 0; k < G_N_ELEMENTS(roms); k++)
            if (g_str_has_suffix(name, roms[k]))
                return g_strndup(name, strlen(name) - strlen(roms[k]));
    }
    return g_strdup("0000:00:02.0");
}

char *convert_block_name(const struct vmstate_convert *self, const char *name)
{
    char *path, *changed;

    if (self->source >= 300 && self->target < 300 && g_str_has_suffix(name, "/vga.vram"))
        return g_strdup("vga.vram");
    if (self->source >= 300 || self->target < 300 || strcmp(name, "vga.vram"))
        return g_strdup(name);
    path = vga_path(self);
    changed = g_strconcat(path, "/vga.vram", NULL);
    g_free(path);
    return changed;
}
