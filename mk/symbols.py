#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns the output of `nm -n` into an assembler table of the image's functions.

symbol_offsets[i] is the distance from __text_start, ascending; symbol_names[i] the offset of
the name in symbol_strings.
"""
import sys


def functions(path):
    """(address, name) of each text symbol, one name an address."""
    found = {}
    start = None
    with open(path, encoding="ascii") as nm:
        for line in nm:
            fields = line.split()
            if len(fields) != 3:
                continue
            address, kind, name = int(fields[0], 16), fields[1], fields[2]
            if name == "__text_start":
                start = address
            if kind in "tT" and not name.startswith((".", "__text_")):
                found.setdefault(address, name)
    return start or 0, sorted(item for item in found.items() if start is not None and item[0] >= start)


def main():
    start, table = functions(sys.argv[1])
    out = ["\t.section .symbols, \"a\"", "\t.balign 8"]
    out += ["\t.globl symbol_count", "symbol_count: .quad %d" % len(table)]
    out += ["\t.globl symbol_offsets", "symbol_offsets:"]
    out += ["\t.long %#x" % (address - start) for address, _ in table]
    out += ["\t.globl symbol_names", "symbol_names:"]
    position = 0
    for _, name in table:
        out.append("\t.long %d" % position)
        position += len(name) + 1
    out += ["\t.globl symbol_strings", "symbol_strings:"]
    out += ["\t.asciz \"%s\"" % name for _, name in table]
    out += ["\t.section .note.GNU-stack, \"\", @progbits"]
    print("\n".join(out))


main()
