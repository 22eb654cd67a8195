/* SPDX-License-Identifier: MIT */
#ifndef CARAVAN_KEYS_H
#define CARAVAN_KEYS_H

#include <stdbool.h>

/*
 * PC AT set-1 scancodes in the numbering that spice-gtk takes: 0x01..0x7f
 * plain, 0x100 | code for the keys with an e0 prefix.
 */
enum { KEY_LEFT_SHIFT = 0x2a, KEY_F1 = 0x3b, KEY_F2, KEY_F3, KEY_F4 };

/* Parses "1e" or "e048" (hexadecimal). False when it is no scancode. */
bool keys_parse(const char *text, unsigned *scancode);

/* The key of an ASCII character on a US keyboard. False when it has none. */
bool keys_from_ascii(char c, unsigned *scancode, bool *shift);

#endif
