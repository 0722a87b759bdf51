#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The compatibility matrix: hypervisor x store x toolstack x backend x guest, each cell a real run.

    tests/compat/run.py                      all cells
    tests/compat/run.py --quick              our own parts with both backends and both guests
    tests/compat/run.py --hyp xen --store oxenstored --toolstack xl ...      only these; may be repeated

What one cell does is in tests/compat/image/cell. Cells of one hypervisor and one store share a machine; after a
failed cell the others go on. "-" stands for what cannot be: xl knows no backends of ours. `make compat-image`
builds what is booted, `make compat` runs all.
"""

import argparse
import itertools
import pathlib
import re
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/tools"))

import vm  # noqa: E402  (found through the line above)

DIMENSIONS = {
    "hyp": ["hospes", "xen"],
    "store": ["hospes", "xenstored", "oxenstored"],
    "toolstack": ["hospes", "xl"],
    "backend": ["hospes", "linux", "qdisk"],
    "guest": ["linux", "in-tree"],
}
# All on one machine of Hospes: stock stores are tests/stock's.
QUICK = [
    ("hospes", "hospes", "hospes", "hospes", "linux"),
    ("hospes", "hospes", "hospes", "hospes", "in-tree"),
    ("hospes", "hospes", "hospes", "linux", "linux"),
    ("hospes", "hospes", "hospes", "linux", "in-tree"),
]
# The console daemon is of the same house as the store.
CONSOLE = {"hospes": "hospes", "xenstored": "xenconsoled", "oxenstored": "xenconsoled"}
PROMPT = r"/ # $"
CELL_TIMEOUT = 1500
VERDICT = re.compile(r"^cell: (pass|fail: .*)$", re.M)


def possible(cell):
    _, _, toolstack, backend, _ = cell
    return not (toolstack == "xl" and backend == "hospes")


def boot(hyp, store, log):
    machine = vm.VM(hyp=hyp, kernel=vm.BUILD / "kernel/vmlinuz", initrd=vm.BUILD / "tests/compat/initramfs.gz",
                    append=f"console=hvc0 compat.store={store} compat.console={CONSOLE[store]}",
                    hyp_append="dom0_mem=768M", mem=1536, smp=2,
                    disks=[vm.BUILD / "guest-linux/media.iso"], log=log)
    machine.start()
    try:
        machine.expect(r"^dom0: up", timeout=600)
        machine.expect(PROMPT, timeout=120)
        machine.check("dmesg -n 1; mkdir -p /media; mount -t iso9660 -o ro /dev/vda /media", timeout=120)
    except vm.VMError:
        machine.stop()
        raise
    return machine


def run_cell(machine, cell):
    """The verdict: pass, or fail: why."""
    toolstack, backend, guest = cell[2:]
    try:
        _, text = machine.run(f"cell {toolstack} {backend} {guest}", timeout=CELL_TIMEOUT)
    except vm.VMError as error:
        return f"fail: {str(error).splitlines()[0]}"
    found = VERDICT.findall(text)
    verdict = found[-1] if found else "fail: it did not say how it went"
    if verdict.startswith("fail"):
        print(text, flush=True)
    return verdict


def name_of(cell):
    return "hypervisor {}, store {}, toolstack {}, backend {}, guest {}".format(*cell)


def run_machine(hyp, store, cells, log):
    """Verdicts of all cells of one machine, which is started again when a cell has ended it."""
    verdicts, machine = {}, None
    try:
        for cell in cells:
            begin = time.monotonic()
            try:
                machine = machine or boot(hyp, store, log)
                verdict = run_cell(machine, cell)
            except vm.VMError as error:
                verdict = f"fail: {str(error).splitlines()[0]}"
            verdicts[cell] = verdict
            print(f"{verdict:5} {name_of(cell)} ({time.monotonic() - begin:.0f} s)", flush=True)
            if verdict.startswith("fail") and machine:
                machine.stop()
                machine = None
    finally:
        if machine:
            machine.stop()
    return verdicts


def print_matrix(verdicts):
    """One row for hypervisor, store and toolstack, one column for backend and guest."""
    columns = list(itertools.product(DIMENSIONS["backend"], DIMENSIONS["guest"]))
    rows = dict.fromkeys(cell[:3] for cell in verdicts)
    print("\n| hypervisor | store | toolstack | " + " | ".join(f"{b}, {g}" for b, g in columns) + " |")
    print("| --- " * (3 + len(columns)) + "|")
    for row in rows:
        shown = [verdicts.get((*row, *column), "").split(":")[0] for column in columns]
        print("| " + " | ".join([*row, *shown]) + " |")
    print()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few cells, on one machine")
    parser.add_argument("--log", help="the last machine's serial port")
    for name, values in DIMENSIONS.items():
        parser.add_argument(f"--{name}", action="append", choices=values, help="only this one")
    return parser.parse_args()


def wanted_cells(options):
    chosen = [getattr(options, name) or values for name, values in DIMENSIONS.items()]
    return [cell for cell in itertools.product(*chosen) if not options.quick or cell in QUICK]


def main():
    options = arguments()
    cells = wanted_cells(options)
    verdicts = {cell: "-" for cell in cells}
    for (hyp, store), group in itertools.groupby(cells, key=lambda cell: cell[:2]):
        verdicts.update(run_machine(hyp, store, [cell for cell in group if possible(cell)], options.log))
    print_matrix(verdicts)
    passed = sum(verdict == "pass" for verdict in verdicts.values())
    failed = sum(verdict.startswith("fail") for verdict in verdicts.values())
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
