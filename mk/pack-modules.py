#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Packs a dom0 kernel, its initrd and its command line into one file for QEMU's -initrd.

QEMU's PVH loader passes one module only. The file is a cpio archive (newc) with the entries
`kernel`, `initrd`, `cmdline`, each beginning on a page so that it can be used in place.

usage: pack-modules.py OUTPUT KERNEL [INITRD [CMDLINE...]]      ("-" for no initrd)
"""
import sys

PAGE = 4096
HEADER = 110


def entry(offset, name, data):
    """One cpio member; the name is padded with zeros until the data begin on a page."""
    name = name.encode() + b"\0"
    pad = -(offset + HEADER + len(name)) % PAGE
    name += b"\0" * pad
    fields = [0, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    return head + name + data + b"\0" * (-len(data) % 4)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    output, kernel, rest = sys.argv[1], sys.argv[2], sys.argv[3:]
    members = [("cmdline", " ".join(rest[1:]).encode() + b"\n"), ("kernel", read(kernel))]
    if rest and rest[0] != "-":
        members.append(("initrd", read(rest[0])))
    archive = b""
    for name, data in members:
        archive += entry(len(archive), name, data)
    archive += entry(len(archive), "TRAILER!!!", b"")
    with open(output, "wb") as file:
        file.write(archive)


main()
