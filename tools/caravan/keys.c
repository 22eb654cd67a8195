/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include <stddef.h>
#include <string.h>
#include <glib.h>

/* A row of keys with consecutive scancodes, unshifted and shifted. */
struct key_row {
    unsigned first;
    const char *plain;
    const char *shifted;
};

static const struct key_row key_rows[] = {
    {0x02, "1234567890-=\b\t", "!@#$%^&*()_+\b\t"},
    {0x10, "qwertyuiop[]\n", "QWERTYUIOP{}\n"},
    {0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
    {0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
    {0x39, " ", " "},
};

bool keys_parse(const char *text, unsigned *scancode)
{
    guint64 value;

    if (!g_ascii_string_to_unsigned(text, 16, 1, 0xe07f, &value, NULL))
        return false;
    if ((value & 0xff) == 0 || (value & 0xff) > 0x7f)
        return false;
    if (value >> 8 == 0xe0)
        value = 0x100 | (value & 0x7f);
    else if (value > 0x7f)
        return false;
    *scancode = value;
    return true;
}

bool keys_from_ascii(char c, unsigned *scancode, bool *shift)
{
    for (size_t i = 0; c && i < G_N_ELEMENTS(key_rows); i++) {
        const char *plain = strchr(key_rows[i].plain, c);
        const char *shifted = strchr(key_rows[i].shifted, c);

        if (!plain && !shifted)
            continue;
        *shift = !plain;
        *scancode =
            key_rows[i].first + (plain ? plain - key_rows[i].plain : shifted - key_rows[i].shifted);
        return true;
    }
    return false;
}
