#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Boots build/hospes.iso in QEMU and follows its demonstration: what `make run` does.

On a terminal it then hands over dom0's shell (^] ends QEMU). Otherwise it powers the machine off. The
exit status is 0 only if the demonstration passed and, without a terminal, the machine went off.

    run-demo.py [options of vm.py: --uefi, --cpu, --smp, --mem, --machine, --log, --timeout]
"""

import argparse
import os
import sys

import vm

PROMPT = r"/ # $"


def arguments():
    parser = argparse.ArgumentParser(description="Boot the disc and follow its demonstration.")
    add = parser.add_argument
    add("--cdrom", default=str(vm.BUILD / "hospes.iso"))
    add("--uefi", action="store_true")
    add("--cpu")
    add("--smp", type=int, default=2)
    add("--mem", type=int, default=2048)
    add("--machine", default="pc")
    add("--log")
    add("--timeout", type=float, default=600, help="seconds for the whole demonstration")
    return parser.parse_args()


def follow(machine, timeout):
    """Exit status."""
    verdict = machine.expect(r"^demo: (PASSED|FAILED.*?)\r*$", timeout).group(1)
    machine.expect(PROMPT, 60)
    if os.isatty(0):
        print("\n[this is dom0's shell; ^] ends QEMU]", flush=True)
        machine.interact()
    else:
        machine.send("poweroff\n")
        machine.wait(120)
    return 0 if verdict == "PASSED" else 1


def main():
    options = arguments()
    if not os.path.exists(options.cdrom):
        print(f"run-demo: {options.cdrom}: missing, run make", file=sys.stderr)
        return 1
    try:
        with vm.VM(cdrom=options.cdrom, uefi=options.uefi, cpu=options.cpu, smp=options.smp, mem=options.mem,
                   machine=options.machine, log=options.log, net=True, echo=sys.stdout.buffer) as machine:
            return follow(machine, options.timeout)
    except vm.VMError as error:
        print(f"\nrun-demo: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1


if __name__ == "__main__":
    sys.exit(main())
