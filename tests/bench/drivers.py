#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Throughput of disks and network cards through split drivers, ours beside those of Xen and Linux.

    tests/bench/drivers.py [--rounds 3] [--seconds 3] [--only SYSTEM ...] [--guests linux own] [disk] [net]

Boots each system in turn, in QEMU with two CPUs, and measures from inside guests: Debian's kernel with its
frontends ("linux" rows) and the guest of this tree with its own ("own" rows). A disk that is a whole virtio
disk of dom0 (in the memory of this machine), and the network to dom0 and to a second guest. Systems:

    hospes         Hospes, this project's backends
    hospes-linux   Hospes, Linux's blkback and netback
    xen            Xen 4.17 with Linux's backends and Debian's tools

Figures are wall-clock and noisy; the table gives medians over the rounds and their ratios to Xen's with the
same guest. A ratio above 1.00 means more than Xen. "pair" rows are ratios alone: the guest of this tree, so
with both halves ours, to the same load of the Linux guest on Xen, so with both halves Linux's. With --icount a second is 10^9 instructions: what each system does
with as many, whatever this machine is doing; that counts no miss of a TLB or cache. The disk is then one in
dom0's memory.
"""

import argparse
import pathlib
import statistics
import sys
import tempfile

import linux_guest
import own_guest
from systems import SYSTEMS, Dom0, System

DISK_MB = 256
GUESTS = {"linux": linux_guest, "own": own_guest}


def medians(figures, system):
    names = list(dict.fromkeys(name for one in figures[system] for name in one))
    return {name: statistics.median(one[name] for one in figures[system] if name in one) for name in names}


def report_pairs(figures, systems):
    """Where both classes of guests had the same load."""
    theirs = medians(figures, "xen") if "xen" in systems else {}
    for name in theirs:
        kind, load = name.split()
        if kind != "linux":
            continue
        ours = {s: medians(figures, s).get(f"own {load}") for s in systems if s != "xen"}
        if any(ours.values()):
            print(f"{'pair ' + load:36}" + " " * 15 * len(systems)
                  + "".join(f"{value / theirs[name]:18.2f}" if value else f"{'-':>18}" for value in ours.values()))


def report(figures, systems):
    names = list(dict.fromkeys(name for rounds in figures.values() for one in rounds for name in one))
    print(f"{'bytes/s; rand, pingpong and udp: 1/s':36}" + "".join(f"{s:>15}" for s in systems)
          + "".join(f"{s + '/xen':>18}" for s in systems if s != "xen" and "xen" in systems))
    for name in names:
        values = {s: [one[name] for one in figures[s] if name in one] for s in systems}
        median = {s: statistics.median(v) if v else None for s, v in values.items()}
        row = f"{name:36}" + "".join(f"{median[s]:15.0f}" if median[s] else f"{'-':>15}" for s in systems)
        if median.get("xen"):
            row += "".join(f"{median[s] / median['xen']:18.2f}" if median[s] else f"{'-':>18}"
                           for s in systems if s != "xen")
        print(row, flush=True)
    report_pairs(figures, systems)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", nargs="*", help="disk, net; both unless one is named")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=int, default=3, help="for each load")
    p.add_argument("--only", choices=SYSTEMS, nargs="+", default=list(SYSTEMS))
    p.add_argument("--guests", choices=GUESTS, nargs="+", default=list(GUESTS))
    p.add_argument("--hospes", help="image of Hospes, default build/hospes.elf")
    p.add_argument("--cpu", default="Haswell-noTSX")
    p.add_argument("--icount", action="store_true",
                   help="one CPU whose clock counts instructions: the same figures on a busy machine")
    p.add_argument("--log", help="also write the serial port to this file")
    options = p.parse_args()
    options.what = options.what or ["disk", "net"]
    guests = [GUESTS[name] for name in options.guests]
    systems = [System(name, options) for name in options.only]
    figures = {name: [] for name in options.only}
    # In memory, so that it is the drivers and not this machine's disk that is measured.
    with tempfile.TemporaryDirectory(prefix="bench.", dir="/dev/shm") as directory:
        tmp = pathlib.Path(directory)
        disk = tmp / "disk.img"
        with open(disk, "wb") as out:
            for _ in range(DISK_MB):
                out.write(b"\x5a" * (1 << 20))
        images = [system.initramfs(guests, tmp) for system in systems]
        for number in range(options.rounds):
            for system, image in zip(systems, images):
                print(f"round {number + 1}: {system.name}", file=sys.stderr, flush=True)
                figures[system.name].append({})
                with Dom0(system, image, disk) as dom0:
                    for guest in guests:
                        figures[system.name][-1].update(guest.measure(dom0))
        report(figures, options.only)


if __name__ == "__main__":
    main()
