#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the self-testing applications of guest/apps as guests of a Linux first domain, one start of QEMU for all.

    tests/guest/run.py                      our dom0 image, `hospes create -c`
    tests/guest/run.py --hyp xen            Debian's daemons and xl (make oracle)
    tests/guest/run.py store                one of them

An application prints "PASS claim" or "FAIL claim: why" lines and ends with "RESULT: PASSED" or "RESULT: FAILED why".
Each claim counts; an application without a result counts as a failure.
"""

import argparse
import gzip
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/tools"))
sys.path.insert(0, str(ROOT / "dom0/image"))
import mkinitramfs  # noqa: E402
import vm  # noqa: E402

BUILD = ROOT / "build"
TOOL = {"xen": "xl", "hospes": "hospes"}
INITRAMFS = {"xen": BUILD / "oracle/initramfs.gz", "hospes": BUILD / "dom0/initramfs.gz"}
HYP_ARGS = "dom0_mem=512M"

# Name of a run: the application, its command line, memory in MiB and vCPUs.
RUNS = {
    "hello": ("hello", "", 2, 1),
    "threads": ("threads", "rounds=40", 16, 4),
    "store": ("store", "rounds=12", 16, 3),
    "control": ("control", "", 16, 2),
}
CONFIG = 'name = "{name}"\nkernel = "/images/{app}.elf"\nextra = "{extra}"\nmemory = {memory}\nvcpus = {vcpus}\n'
ON_END = 'on_poweroff = "destroy"\non_reboot = "destroy"\non_crash = "destroy"\n'


def initramfs(hyp, directory):
    """dom0's image with the applications and their configurations behind it."""
    archive = mkinitramfs.Archive()
    for name, (app, extra, memory, vcpus) in RUNS.items():
        archive.file(f"/images/{app}.elf", (BUILD / f"guest/apps/{app}.elf").read_bytes())
        text = CONFIG.format(name=name, app=app, extra=extra, memory=memory, vcpus=vcpus) + ON_END
        archive.file(f"/images/{name}.cfg", text.encode())
    whole = directory / "initramfs.gz"
    whole.write_bytes(INITRAMFS[hyp].read_bytes() + gzip.compress(archive.cpio(), 1))
    return whole


def judge(name, text):
    """Counts an application's claims; returns (passed, failed)."""
    if name == "hello":
        passed, ended = len(re.findall(r"^hello from a guest of \d+ pages", text, re.M)), "exit status 0" in text
        failed = 0 if passed else 1
    else:
        passed, failed = len(re.findall(r"^PASS ", text, re.M)), len(re.findall(r"^FAIL ", text, re.M))
        ended = re.search(r"^RESULT: PASSED\r?$", text, re.M)
    if not ended and not failed:
        failed = 1
    return passed, failed


def run_app(machine, hyp, name, options):
    # A guest may be gone before its console is opened, which says nothing of the guest: start it again.
    for _ in range(3):
        text = machine.run(f"{TOOL[hyp]} create -c /images/{name}.cfg", timeout=options.timeout)[1]
        if "exit status" in text or "RESULT" in text or "panic" in text:
            break
    return text


class Control:
    """The guest that is told what to do: its console is in a file meanwhile. Steps are judged as claims are."""

    LOG = "/tmp/control.log"

    def __init__(self, machine, tool, options):
        self.machine, self.tool, self.options, self.text = machine, tool, options, ""

    def step(self, name, command, words, count=1):
        """A command, and words that the console then has so many times."""
        status, out = self.machine.run(command, self.options.timeout)
        seen = f"test $(grep -c '{words}' {self.LOG}) -ge {count}"
        if status == 0:
            status = self.machine.run(f"for i in $(seq 300); do {seen} && break; sleep 0.2; done; {seen}",
                                      self.options.timeout)[0]
        self.text += f"{'FAIL' if status else 'PASS'} {name}\n{out if status else ''}"
        return status == 0

    def attached(self, command):
        """A command that ends in the console, in the background."""
        return f"{{ tail -f /dev/null | {command} >> {self.LOG} 2>&1 & }}"

    def run(self):
        self.machine.run(f"rm -f {self.LOG}")
        good = self.step("ready", self.attached(f"{self.tool} create -c /images/control.cfg"), "control: ready, .* 0 fail")
        if good and self.options.save:
            for n in range(1, self.options.save + 1):
                good = good and self.step("save", f"{self.tool} save control /tmp/save", "control: suspend", n)
                good = good and self.step("restore", self.attached(f"{self.tool} restore -c /tmp/save"),
                                          "control: went on, 0 fail", n)
        if good:
            self.step("shutdown", f"{self.tool} shutdown -w control", "RESULT: PASSED")
        self.text += self.machine.run(f"cat {self.LOG}")[1]
        self.machine.run(f"{self.tool} destroy control 2>/dev/null; pkill tail")
        return self.text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", help="default all: " + " ".join(RUNS))
    parser.add_argument("--hyp", choices=["xen", "hospes"], default="hospes")
    parser.add_argument("--smp", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=240, help="seconds for one guest")
    parser.add_argument("--save", type=int, default=0, help="how often control is saved and restored")
    parser.add_argument("-v", "--verbose", action="store_true", help="show what the guests say")
    options = parser.parse_args()
    total_passed = total_failed = 0
    with tempfile.TemporaryDirectory(prefix="guest.") as directory:
        image = initramfs(options.hyp, pathlib.Path(directory))
        with vm.VM(hyp=options.hyp, kernel=str(BUILD / "kernel/vmlinuz"), initrd=str(image), append="console=hvc0",
                   hyp_append=HYP_ARGS, smp=options.smp, mem=1024) as machine:
            machine.expect(r"^dom0: up", timeout=300)
            machine.expect(r"# $", timeout=60)
            machine.check("dmesg -n 1")
            for name in options.runs or RUNS:
                if name == "control":
                    text = Control(machine, TOOL[options.hyp], options).run()
                else:
                    text = run_app(machine, options.hyp, name, options)
                passed, failed = judge(name, text)
                total_passed, total_failed = total_passed + passed, total_failed + failed
                print(f"{options.hyp:6} {name:20} {'FAILED' if failed else 'passed'}, {passed} claims kept", flush=True)
                if failed or options.verbose:
                    print(text, flush=True)
    print(f"{total_passed} passed, {total_failed} failed")
    sys.exit(1 if total_failed else 0)


if __name__ == "__main__":
    main()
