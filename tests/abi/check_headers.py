#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles each public header alone, as C99 and as C++.

usage: check_headers.py INCLUDE_DIR C_COMPILER [CXX_COMPILER]

The parts must compile inside the library (SPICE_SERVER_INTERNAL) and be refused outside it.
"""
import subprocess
import sys
from pathlib import Path

WARNINGS = ['-Wall', '-Wextra', '-Wundef', '-Werror']


def compiles(compiler, *flags, header):
    done = subprocess.run([*compiler, *flags, '-fsyntax-only', '-'], input=f'#include <{header}>\n',
                          capture_output=True, text=True)
    return done.returncode == 0, done.stderr


def main():
    where, *compilers = sys.argv[1:]
    protocol = subprocess.run(['pkg-config', '--cflags', 'spice-protocol'], check=True,
                              capture_output=True, text=True).stdout.split()
    languages = [['-x', 'c', '-std=c99'], ['-x', 'c++', '-std=c++11']][:len(compilers)]
    headers = sorted(path.name for path in Path(where).glob('*.h'))
    failed = checked = 0
    for compiler, language in zip(compilers, languages):
        base = [compiler, *language, *WARNINGS, '-I', where, *protocol]
        for header in headers:
            inside, why = compiles(base, '-DSPICE_SERVER_INTERNAL', header=header)
            outside, _ = compiles(base, header=header)
            checked += 1
            if not inside:
                print(f'{header} does not compile: {" ".join(base)}\n{why}')
            if outside != (header == 'spice.h'):
                print(f'{header}: outside the library only spice.h may be included')
            failed += not inside or outside != (header == 'spice.h')
    print(f'{checked} checked')
    return 1 if failed or checked < 10 else 0


if __name__ == '__main__':
    sys.exit(main())
