/* SPDX-License-Identifier: MIT */
/* JSON to standard output as it comes, without a tree: values have 64 bits, which json-glib's
 * integers have not. Bytes of a text above ASCII are given as the character of the same number. */
#ifndef CARAVAN_JSON_OUT_H
#define CARAVAN_JSON_OUT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

void json_out_text(const char *text);
void json_out_text_to(FILE *to, const char *text);

/* "name": "text" */
void json_out_pair(const char *name, const char *text);

/* "0123" */
void json_out_hex(const uint8_t *bytes, size_t len);

#endif
