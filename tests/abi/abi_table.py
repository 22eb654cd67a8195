# SPDX-License-Identifier: MIT
"""Writes down all that a program can see of a set of headers, as sorted lines of text.

Types come from the compiler's own debugging information (sizes, offsets, enumerators), prototypes
from gcc's -aux-info, macros and deprecation marks from the preprocessor: nothing is listed by hand.
"""
import re
import subprocess
import tempfile
from pathlib import Path

SOURCE = '#include <spice.h>\n'
QUALIFIERS = {'DW_TAG_const_type': 'const', 'DW_TAG_volatile_type': 'volatile'}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Die:
    """One entry of the debugging information."""

    def __init__(self, tag):
        self.tag = tag
        self.attributes = {}
        self.children = []

    def get(self, name):
        return self.attributes.get(name, '')


def read_dies(text):
    """Returns all entries by offset, children attached to parents."""
    dies, stack, die = {}, [], None
    for line in text.splitlines():
        head = re.match(r' *<(\w+)><(\w+)>: Abbrev Number: \d+ \((\w+)\)', line)
        if head:
            depth, die = int(head[1], 16), Die(head[3])
            dies[head[2]] = die
            del stack[depth:]
            if stack:
                stack[-1].children.append(die)
            stack.append(die)
            continue
        attribute = re.match(r' *<\w+> +(DW_AT_\w+) *: ?(.*)', line)
        if attribute and die:
            value = re.sub(r'^\((indirect|alt indirect)[^)]*\): |^\(\w+\) ', '', attribute[2])
            die.attributes[attribute[1][6:]] = value.strip()
    return dies


class Types:
    def __init__(self, dies):
        self.dies = dies

    def spell(self, die):
        """Spells the type that die refers to."""
        if not die.get('type'):
            return 'void'
        target = self.dies[re.sub(r'[<>]|0x', '', die.get('type'))]
        kind = re.match(r'DW_TAG_(\w+)', target.tag)[1]
        if target.tag in QUALIFIERS:
            return f'{QUALIFIERS[target.tag]} {self.spell(target)}'
        if kind == 'pointer_type':
            return f'*({self.spell(target)})'
        if kind == 'array_type':
            bounds = ''.join(f"[{c.get('upper_bound')}]" for c in target.children)
            return f'array{bounds} of {self.spell(target)}'
        if kind == 'subroutine_type':
            arguments = ', '.join('...' if c.tag == 'DW_TAG_unspecified_parameters'
                                  else self.spell(c) for c in target.children)
            return f'function({arguments}) -> {self.spell(target)}'
        if target.get('name'):
            return f"{kind} {target.get('name')}"
        return f'{kind} {{{self.members(target)}}}'

    def members(self, die):
        parts = [f"{die.get('byte_size')} bytes"]
        for c in die.children:
            if c.tag == 'DW_TAG_enumerator':
                parts.append(f"{c.get('name')} = {c.get('const_value')}")
            elif c.tag == 'DW_TAG_member':
                bits = ''
                if c.get('bit_size'):
                    bits = f" bit {c.get('bit_size')}@{c.get('bit_offset')}"
                parts.append(f"+{c.get('data_member_location') or 0}{bits} "
                             f"{c.get('name')}: {self.spell(c)}")
        return '; '.join(parts)

    def lines(self):
        for die in self.dies.values():
            kind = die.tag[7:]
            if die.tag == 'DW_TAG_typedef':
                yield f"typedef {die.get('name')} = {self.spell(die)}"
            elif kind in ('structure_type', 'union_type', 'enumeration_type'):
                if die.get('declaration'):
                    yield f"{kind} {die.get('name')}: opaque"
                elif die.get('name') or kind == 'enumeration_type':
                    yield f"{kind} {die.get('name')} {{{self.members(die)}}}"


def prototypes(text):
    for line in text.splitlines():
        line = re.sub(r'/\*.*?\*/', '', line).strip()
        if re.search(r'\bspice_\w+ \(', line):
            yield f'prototype {line}'


def macros(text):
    for line in text.splitlines():
        match = re.match(r'#define (\w+(?:\([^)]*\))?) ?(.*)', line)
        if match:
            yield f'macro {match[1]} = {re.sub(r" +", " ", re.sub(r" *[*] *", "*", match[2]))}'


def deprecated(text):
    mark = r'__attribute__\s*\(\(\s*(?:__)?deprecated(?:__)?\s*\)\)'
    # A function pointer, a function, or anything else: a name, perhaps parameters, the mark.
    for match in re.finditer(r'(\w+)\s*\)?\s*(?:\([^()]*\))?\s*' + mark, text):
        yield f'deprecated {match[1]}'


def table(compiler, flags):
    """Returns the set of lines for <spice.h> as found with the given compiler flags."""
    with tempfile.TemporaryDirectory() as scratch:
        source, built, aux = (str(Path(scratch) / n) for n in ('abi.c', 'abi.o', 'abi.aux'))
        Path(source).write_text(SOURCE)
        run(compiler, *flags, '-g', '-gdwarf-4', '-fno-eliminate-unused-debug-types', '-aux-info',
            aux, '-c', source, '-o', built)
        lines = set(Types(read_dies(run('readelf', '--debug-dump=info', built))).lines())
        lines |= set(prototypes(Path(aux).read_text()))
        lines |= set(macros(run(compiler, *flags, '-E', '-dM', source)))
        lines |= set(deprecated(run(compiler, *flags, '-E', '-P', source)))
    return lines
