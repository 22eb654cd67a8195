/* SPDX-License-Identifier: MIT */
#include "json_out.h"

void json_out_text_to(FILE *to, const char *text)
{
    fputc('"', to);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(to, "\\%c", *p);
        else if (*p < 0x20 || *p >= 0x7f)
            fprintf(to, "\\u%04x", *p);
        else
            fputc(*p, to);
    }
    fputc('"', to);
}

void json_out_text(const char *text)
{
    json_out_text_to(stdout, text);
}

void json_out_pair(const char *name, const char *text)
{
    printf("\"%s\": ", name);
    json_out_text(text);
}

void json_out_hex(const uint8_t *bytes, size_t len)
{
    putchar('"');
    for (size_t i = 0; i < len; i++)
        printf("%02x", bytes[i]);
    putchar('"');
}
