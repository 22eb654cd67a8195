#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes text files as an array of C strings: embed.py OUT NAME FILE..."""
import sys


def literal(line):
    return '    "' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"\n'


out, name, *files = sys.argv[1:]
with open(out, "w", encoding="ascii") as to:
    to.write(f"/* made by embed.py */\nextern const char *const {name}[];\nconst char *const {name}[] = {{\n")
    for path in files:
        with open(path, encoding="ascii") as text:
            to.write("".join(literal(line) for line in text.read().splitlines()) + "    ,\n")
    to.write("    0,\n};\n")
