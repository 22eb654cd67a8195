#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares our public headers with those of an installed spice-server 0.15.1.

usage: check_layout.py GCC OUR_INCLUDE_DIR STOCK_INCLUDE_DIR

Types, layouts, constants, prototypes and deprecation marks must be the same. Ends with 77
(skipped) when the other headers are not installed or are of another version.
"""
import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the source folder stays clean
import abi_table

# Fewer lines of a kind than this, and the table itself is broken.
AT_LEAST = {'structure_type Spice': 15, 'structure_type QXL': 20, 'prototype ': 97,
            'macro SPICE_': 60, 'enumeration_type ': 30, 'typedef ': 80, 'deprecated ': 14}


def main():
    compiler, ours, stock = sys.argv[1:]
    version = Path(stock) / 'spice-version.h'
    if not version.exists():
        print(f'skipped: no stock headers in {stock} (Debian: libspice-server-dev)')
        return 77
    if not re.search(r'SPICE_SERVER_VERSION\s+0x000f01', version.read_text()):
        print(f'skipped: the headers in {stock} are not those of 0.15.1')
        return 77
    protocol = subprocess.run(['pkg-config', '--cflags', 'spice-protocol'], check=True,
                              capture_output=True, text=True).stdout.split()
    tables = [abi_table.table(compiler, ['-I', where, *protocol]) for where in (ours, stock)]
    broken = [start for start, count in AT_LEAST.items()
              if any(sum(line.startswith(start) for line in t) < count for t in tables)]
    for start in broken:
        print(f'the table has too few lines "{start}..."')
    for line in sorted(tables[0] - tables[1]):
        print(f'ours : {line}')
    for line in sorted(tables[1] - tables[0]):
        print(f'stock: {line}')
    print(f'{len(tables[0])} lines of ours, {len(tables[1])} of stock')
    return 1 if broken or tables[0] != tables[1] else 0


if __name__ == '__main__':
    sys.exit(main())
