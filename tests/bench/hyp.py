#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Costs of the hypervisor's services, ours beside Xen's, in instructions.

    tests/bench/hyp.py [--cpu MODEL] [--only hospes|xen] [--hospes IMAGE]

Runs build/guest/apps/bench.elf as first domain of both under QEMU's instruction counting and prints
a table. The figures do not depend on this machine; a ratio below 1.00 means fewer than Xen.
"""

import argparse
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/abi"))
import run as abi  # noqa: E402  (the runner of the ABI tests knows how to start both)

LINE = re.compile(r"^bench (\S+) (\d+) instructions")


def measure(hyp, cpu, timeout, image):
    options = argparse.Namespace(machine="pc", cpu=cpu, smp=1, memory=512, timeout=timeout, hyp_args="")
    machine = abi.Machine(hyp, ROOT / "build/guest/apps/bench.elf", "", options)
    if image and hyp == "hospes":
        machine.command[machine.command.index("-kernel") + 1] = str(image)
    accel = machine.command.index("-accel")
    machine.command[accel + 1] = "tcg,thread=single"
    machine.command[accel + 2:accel + 2] = ["-icount", "shift=0,sleep=off"]
    figures, finished = {}, False
    for line in machine.run(lambda text: text == "bench done"):
        if line is None:
            break
        found = LINE.match(line)
        if found:
            figures[found[1]] = int(found[2])
        finished |= line == "bench done"
    if not finished:
        sys.exit(f"{hyp}: the benchmark did not finish; {len(figures)} figures were read")
    return figures


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cpu", default="Haswell-noTSX", help="an Intel model makes Xen isolate page tables, AMD's do not")
    p.add_argument("--only", choices=["xen", "hospes"])
    p.add_argument("--hospes", help="image of Hospes, default build/hospes.elf")
    p.add_argument("--timeout", type=float, default=120)
    options = p.parse_args()
    hyps = [options.only] if options.only else ["hospes", "xen"]
    figures = {hyp: measure(hyp, options.cpu, options.timeout, options.hospes) for hyp in hyps}
    print(f"{'instructions on ' + options.cpu:30}" + "".join(f"{h:>10}" for h in hyps) + ("     ratio" if len(hyps) > 1 else ""))
    for name in figures[hyps[0]]:
        row = [figures[h].get(name) for h in hyps]
        text = f"{name:30}" + "".join(f"{v if v is not None else '-':>10}" for v in row)
        if len(row) == 2 and all(row):
            text += f"{row[0] / row[1]:10.2f}"
        print(text)


if __name__ == "__main__":
    main()
