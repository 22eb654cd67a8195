/* SPDX-License-Identifier: MIT */
#include "value_out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <glib.h>

#include "json_out.h"
#include "words.h"

#define BYTES_SHOWN 32

/* ---- Text ---- */

void value_print_name(const char *name, int width)
{
    char *safe = g_strescape(name, NULL);

    printf("%-*s", width, safe);
    g_free(safe);
}

/* Bytes that are text, and zeros behind it: how long the text is, else 0. */
static size_t text_length(const uint8_t *p, size_t len)
{
    size_t n = 0;

    while (n < len && g_ascii_isprint(p[n]))
        n++;
    for (size_t i = n; i < len; i++)
        if (p[i])
            return 0;
    return n;
}

static void print_bytes(const uint8_t *p, size_t len)
{
    bool zero = len > 0 && p[0] == 0 && !memcmp(p, p + 1, len - 1);
    size_t text = text_length(p, MIN(len, VMSTATE_PATH_MAX));

    if (zero) {
        printf("%zu zero bytes", len);
        return;
    }
    for (size_t i = 0; i < MIN(len, BYTES_SHOWN); i++)
        printf("%02x", p[i]);
    if (len > BYTES_SHOWN)
        printf("... (%zu bytes)", len);
    if (text > 1 && len <= VMSTATE_PATH_MAX)
        printf("  \"%.*s\"", (int)text, (const char *)p);
}

/* A register file: a line for each register that has a name. */
static void print_registers(const char *section, const struct vmstate_value *value)
{
    for (size_t i = 0; i < value->len; i++) {
        const char *name = words_register(section, value->path, i);
        char *path;

        if (!name)
            continue;
        path = g_strdup_printf("%s[0x%02zx]", value->path, i);
        printf("    %-42s %-14s %3u (0x%02x)  %s\n", path, "register", value->bytes[i],
               value->bytes[i], name);
        g_free(path);
    }
}

void value_print(const char *section, const struct vmstate_value *value)
{
    const char *words = words_for(section, value);

    fputs("  ", stdout);
    value_print_name(value->path, 44);
    putchar(' ');
    if (value->type) {
        value_print_name(value->type, 14);
        putchar(' ');
    }
    switch (value->kind) {
    case VMSTATE_VALUE_UNSIGNED:
        printf("%" PRIu64 " (%#" PRIx64 ")", value->u, value->u);
        break;
    case VMSTATE_VALUE_SIGNED:
        printf("%" PRId64, value->i);
        break;
    case VMSTATE_VALUE_BOOL:
        fputs(value->u ? "true" : "false", stdout);
        break;
    case VMSTATE_VALUE_BYTES:
        print_bytes(value->bytes, value->len);
        break;
    }
    printf("%s%s\n", words ? "  " : "", words ? words : "");
    if (value->kind == VMSTATE_VALUE_BYTES)
        print_registers(section, value);
}

/* ---- JSON ---- */

static void put_pair(const char *name, const char *text)
{
    json_out_pair(name, text);
    fputs(", ", stdout);
}

void value_put_json(const char *section, const struct vmstate_value *value, bool later)
{
    const char *words = words_for(section, value);

    fputs(later ? ",\n    {" : "\n    {", stdout);
    put_pair("path", value->path);
    if (value->type)
        put_pair("type", value->type);
    fputs("\"value\": ", stdout);
    switch (value->kind) {
    case VMSTATE_VALUE_UNSIGNED:
        printf("%" PRIu64, value->u);
        break;
    case VMSTATE_VALUE_SIGNED:
        printf("%" PRId64, value->i);
        break;
    case VMSTATE_VALUE_BOOL:
        fputs(value->u ? "true" : "false", stdout);
        break;
    case VMSTATE_VALUE_BYTES:
        json_out_hex(value->bytes, value->len);
        break;
    }
    if (words) {
        fputs(", ", stdout);
        json_out_pair("means", words);
    }
    putchar('}');
}
