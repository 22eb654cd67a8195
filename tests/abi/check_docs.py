#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares the table of docs/abi.md with the symbol map and with the sources of what comes later.

usage: check_docs.py ABI.md MAP SYMBOLS LATER.c...

Every symbol has one row with its node and a known state; what is said to be ignored, idle or
refused must really be defined in a LATER.c, so that the page changes when the feature comes.
"""
import re
import sys
from pathlib import Path

STATES = {'works', 'idle', 'ignored', 'refused'}


def map_symbols(text):
    found = set()
    text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
    for node, body in re.findall(r'(\w[\w.]*)\s*\{(.*?)\}', text, flags=re.S):
        found |= {(name, node) for name in re.findall(r'\b(spice_\w+);', body)}
    return found


def main():
    page, map_path, symbols_path, *later = [Path(arg) for arg in sys.argv[1:]]
    problems = []
    in_map = map_symbols(map_path.read_text())
    committed = {tuple(line.split()) for line in symbols_path.read_text().splitlines()}
    rows = re.findall(r'^\| `(spice_\w+)` \| (\S+) \| (\S+) \|', page.read_text(), flags=re.M)
    defined_later = set()
    for path in later:
        text = path.read_text()
        defined_later |= set(re.findall(r'^\w[\w *]*?\b(spice_\w+)\(', text, flags=re.M))

    in_page = {(name, f'SPICE_SERVER_{node}') for name, node, _ in rows}
    problems += [f'map and symbol list differ: {item}' for item in sorted(in_map ^ committed)]
    problems += [f'no row for {item}' for item in sorted(in_map - in_page)]
    problems += [f'row for what is not in the map: {item}' for item in sorted(in_page - in_map)]
    if len(rows) != len(in_page):
        problems.append('a symbol has two rows')
    for name, _, state in rows:
        if state not in STATES:
            problems.append(f'{name}: unknown state {state}')
        elif state != 'works' and name not in defined_later:
            problems.append(f'{name} is said to be {state}, but no file of later features has it')
    for problem in problems:
        print(problem)
    print(f'{len(rows)} rows, {len(in_map)} symbols in the map')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
