#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares what a shared library exports with the committed lists.

usage: check_symbols.py LIBRARY SYMBOLS NODES

SYMBOLS has a line "symbol node" for each exported symbol, NODES a line "node [parent]" for each
version node. Nothing may be missing, nothing more may be there. Ends with 77 (skipped) when
LIBRARY does not exist, so that the lists can be checked against a system's library.
"""
import re
import subprocess
import sys
from pathlib import Path

SONAME = 'libspice-server.so.1'
EXPECTED_SYMBOLS = 97
EXPECTED_NODES = 22


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def lines(path):
    return {line.strip() for line in Path(path).read_text().splitlines() if line.strip()}


def exported(library):
    found = set()
    for line in run('nm', '-D', '--defined-only', '--with-symbol-versions', library).splitlines():
        kind, name = line.split()[1:3]
        if kind != 'A':  # the version nodes themselves
            found.add(name.replace('@@', ' '))
    return found


def nodes(library):
    text = run('readelf', '-W', '--version-info', library)
    return {' '.join(part for part in match if part) for match in
            re.findall(r'Flags: none +Index:.*Name: (\S+)\n(?: +0x\w+: Parent 1: (\S+)\n)?', text)}


def compare(what, wanted, found):
    for item in sorted(wanted - found):
        print(f'{what}: missing: {item}')
    for item in sorted(found - wanted):
        print(f'{what}: not expected: {item}')
    return wanted == found


def main():
    library, symbols_path, nodes_path = sys.argv[1:]
    if not Path(library).exists():
        print(f'skipped: there is no {library}')
        return 77
    wanted_symbols, wanted_nodes = lines(symbols_path), lines(nodes_path)
    sonames = set(re.findall(r'Library soname: \[(.*)\]', run('readelf', '-d', library)))
    good = [
        compare('committed counts', {EXPECTED_SYMBOLS, EXPECTED_NODES},
                {len(wanted_symbols), len(wanted_nodes)}),
        compare('symbols', wanted_symbols, exported(library)),
        compare('nodes', wanted_nodes, nodes(library)),
        compare('soname', {SONAME}, sonames),
    ]
    return 0 if all(good) else 1


if __name__ == '__main__':
    sys.exit(main())
