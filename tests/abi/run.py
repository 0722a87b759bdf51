#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the ABI test images as first domain of a hypervisor and judges their claims.

    tests/abi/run.py --hyp hospes                 all images
    tests/abi/run.py --hyp xen --hyp hospes mmu   one image on both, in turn
    tests/abi/run.py --hyp hospes mmu/pin_l4      one claim
    tests/abi/run.py --hyp xen --record           write tests/abi/oracle.txt

One line a claim, the reasons of those that failed below it, and "N passed, N failed" as the last
line; exit status 0 only when nothing failed. A claim counts only if real Xen keeps it
(oracle.txt): others are named and left out.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import selectors
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
ORACLE = ROOT / "tests/abi/oracle.txt"
XEN_PACKAGE = "xen-hypervisor-4.17-amd64"

CONSOLE = {
    "xen": "console=com1 com1=115200 dom0_mem=64M dom0_max_vcpus=5 loglvl=warning guest_loglvl=warning",
    "hospes": "console=com1 com1=115200 dom0_mem=64M dom0_max_vcpus=5",
}
# Images that mean little on one CPU.
CPUS = {"race": 2, "fuzz": 2}
# What a hypervisor says when the first domain crashed, and when it did so itself.
DOMAIN_CRASH = re.compile(r"(dom(ain)? ?0|d0)\b.*(crash|watchdog)", re.I)
HV_CRASH = re.compile(r"\(XEN\) (Panic on CPU|.*FATAL)|^.*\b(hypervisor (panic|bug)|PANIC|BUG)\b")


def xen_image():
    """The Debian package's hypervisor, unpacked once below build/."""
    if os.environ.get("XEN_IMAGE"):
        return pathlib.Path(os.environ["XEN_IMAGE"])
    image = BUILD / "tests/xen/xen"
    if not image.exists():
        image.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "-qq", "download", XEN_PACKAGE], cwd=image.parent, check=True,
                       stderr=subprocess.DEVNULL)
        package = next(image.parent.glob("xen-hypervisor*.deb"))
        subprocess.run(["dpkg", "-x", package, image.parent / "root"], check=True)
        packed = next((image.parent / "root/boot").glob("xen-*.gz"))
        with open(image, "wb") as out:
            subprocess.run(["gzip", "-dc", packed], stdout=out, check=True)
    return image


def hospes_image():
    """A copy of the hypervisor, so that a build meanwhile does not change it under a run."""
    global snapshot
    if snapshot is None:
        snapshot = tempfile.NamedTemporaryFile(prefix="hospes-", suffix=".elf")
        snapshot.write((BUILD / "hospes.elf").read_bytes())
        snapshot.flush()
    return pathlib.Path(snapshot.name)


snapshot = None


class Machine:
    """One QEMU start; collects the serial port's lines."""

    def __init__(self, hyp, kernel, args, options):
        image = xen_image() if hyp == "xen" else hospes_image()
        hyp_args, module = f"{CONSOLE[hyp]} {options.hyp_args}", str(kernel)
        if hyp == "xen":
            # Multiboot: the module's arguments follow its name. PVH has no such thing: they follow "--".
            module += f" {args}"
        else:
            hyp_args += f" -- {args}"
        cpus = max(options.smp, CPUS.get(pathlib.Path(kernel).stem, 1))
        self.command = [
            "qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio",
            "-machine", options.machine, "-accel", "tcg" + (",thread=multi" if cpus > 1 else ""),
            "-cpu", options.cpu, "-smp", str(cpus), "-m", str(options.memory),
            "-kernel", str(image), "-append", hyp_args, "-initrd", module.replace(",", ",,"),
        ]
        self.timeout = options.timeout

    def run(self, stop):
        """Yields lines until stop(line), the end of QEMU, or the timeout (then None)."""
        process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        deadline = time.monotonic() + self.timeout
        selector = selectors.DefaultSelector()
        selector.register(process.stdout, selectors.EVENT_READ)
        pending = b""
        try:
            while True:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    yield None
                    return
                data = os.read(process.stdout.fileno(), 65536)
                if not data:
                    return
                pending += data
                *lines, pending = pending.split(b"\n")
                for raw in lines:
                    line = raw.decode(errors="replace").rstrip("\r")
                    if "warning: TCG doesn't support" not in line:
                        yield line
                    if stop(line):
                        return
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


class Transcript:
    """What an image said on its console (the protocol is in tests/abi/lib/abi.h)."""

    def __init__(self):
        self.verdicts, self.notes, self.log = {}, {}, []
        self.alone = []  # claims that want a start of their own, as (kind, name)
        self.final = self.begun = None

    def feed(self, line):
        self.log.append(line)
        word = line.split()
        if line.startswith("BEGIN ") and len(word) == 2:
            self.begun = word[1]
        elif line.startswith("CLAIM ") and len(word) == 3:
            self.verdicts[word[1]] = word[2]
            self.begun = None
        elif line.startswith(("CRASH-CLAIM ", "STORM-CLAIM ")) and len(word) == 2:
            self.alone.append((word[0], word[1]))
        elif line.startswith("VERDICT: "):
            self.final = word[1]
        elif self.begun:
            self.notes.setdefault(self.begun, []).append(line)

    def results(self):
        return {name: (verdict, self.notes.get(name, [])) for name, verdict in self.verdicts.items()}


class Run(Transcript):
    """The outcome of one start of an image as first domain."""

    def __init__(self, hyp, image, args, options, to_end=False):
        super().__init__()
        self.domain_crashed = self.hv_crashed = self.timed_out = False

        def stop(line):
            return line.startswith("VERDICT: ") or (self.domain_crashed and not to_end)

        for line in Machine(hyp, image, args, options).run(stop):
            if line is None:
                self.timed_out = True
                break
            self.domain_crashed |= bool(DOMAIN_CRASH.search(line))
            self.hv_crashed |= bool(HV_CRASH.search(line))
            self.feed(line)

    def why(self):
        if self.hv_crashed:
            return "the hypervisor crashed"
        if self.timed_out:
            return "no verdict before the timeout"
        return "the domain crashed" if self.domain_crashed else "the machine stopped"


def run_crash_claim(hyp, image, name, options):
    """The first domain crashes, and the hypervisor is well enough to reset the machine then."""
    r = Run(hyp, image, f"claim={name}", options, to_end=True)
    if name in r.verdicts:
        return r.verdicts[name], r.notes.get(name, [])
    if r.begun == name and r.domain_crashed and not r.hv_crashed and not r.timed_out:
        return "SUCCESS", []
    return "CRASH", [r.why()] + r.log[-12:]


def run_storm_claim(hyp, image, name, options):
    """Any end is good but one: the hypervisor's. A storm that is cut off must still have raged."""
    for seed in range(options.seed, options.seed + options.seeds):
        r = Run(hyp, image, f"claim={name} seed={seed}", options)
        bad = r.hv_crashed or not (r.domain_crashed or name in r.verdicts)
        if bad or r.verdicts.get(name, "SUCCESS") not in ("SUCCESS", "SKIP"):
            return "CRASH" if bad else r.verdicts[name], [f"seed={seed}: {r.why()}"] + r.log[-25:]
    return "SUCCESS", []


RUN_ALONE = {"CRASH-CLAIM": run_crash_claim, "STORM-CLAIM": run_storm_claim}


def run_one(hyp, image, name, options):
    r = Run(hyp, image, f"claim={name}", options)
    for kind, special in r.alone:
        if special == name:
            return {name: RUN_ALONE[kind](hyp, image, name, options)}
    if name in r.verdicts:
        return {name: (r.verdicts[name], r.notes.get(name, []))}
    return {name: ("CRASH" if r.begun else "ERROR", [r.why()] + r.log[-25:])}


def run_image(hyp, image, options):
    """{claim: (verdict, notes)} of an image; starts again behind a claim that killed the domain."""
    results, args, alone = {}, "", []
    while True:
        r = Run(hyp, image, args, options)
        results.update(r.results())
        alone = r.alone or alone
        if r.final:
            break
        if not r.begun or r.begun in results:
            results["(image)"] = ("ERROR", [r.why()] + r.log[-12:])
            break
        results[r.begun] = ("CRASH", [r.why()] + r.notes.get(r.begun, [])[-25:])
        args = f"after={r.begun}"
    for kind, name in alone:
        results[name] = RUN_ALONE[kind](hyp, image, name, options)
    return results


def read_oracle():
    known = {}
    if ORACLE.exists():
        for line in ORACLE.read_text().splitlines():
            if line and not line.startswith("#"):
                name, verdict = line.split()
                known[name] = verdict
    return known


def write_oracle(results):
    known = read_oracle()
    known.update(results)
    text = "# Verdicts of the ABI tests on real Xen 4.17: tests/abi/run.py --hyp xen --record\n"
    text += "".join(f"{name} {verdict}\n" for name, verdict in sorted(known.items()))
    ORACLE.write_text(text)


def report(hyp, results, oracle, verbose):
    """Prints the lines of some claims; returns how many passed and failed."""
    passed = failed = 0
    for name, (verdict, notes) in results.items():
        proof = oracle.get(name, "unknown") if hyp != "xen" else "SUCCESS"
        good = verdict == "SUCCESS" or (verdict == "SKIP" and proof in ("SKIP", "unknown", "SUCCESS"))
        if not good and proof not in ("SUCCESS", "unknown"):
            print(f"{hyp:6} {name:44} {verdict} (not counted: {proof} on Xen)")
            continue
        print(f"{hyp:6} {name:44} {verdict}")
        if not good or verbose:
            for note in notes:
                print(f"         {note}")
        passed, failed = passed + good, failed + (not good)
    sys.stdout.flush()
    return passed, failed


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("tests", nargs="*", help="IMAGE or IMAGE/CLAIM; default all images")
    p.add_argument("--hyp", action="append", choices=["xen", "hospes"], help="default hospes")
    p.add_argument("--record", action="store_true", help="write the verdicts of Xen to oracle.txt")
    p.add_argument("-j", type=int, default=2, dest="jobs")
    p.add_argument("--timeout", type=float, default=40, help="seconds for one start of QEMU")
    p.add_argument("--cpu", default="Haswell-noTSX")
    p.add_argument("--smp", type=int, default=1)
    p.add_argument("--memory", type=int, default=512)
    p.add_argument("--machine", default="pc")
    p.add_argument("--hyp-args", default="", help="more words for the hypervisor's command line")
    p.add_argument("--seed", type=int, default=1, help="first seed of the storms")
    p.add_argument("--seeds", type=int, default=3, help="how many seeds each storm gets")
    p.add_argument("-v", "--verbose", action="store_true", help="show the reasons of all claims")
    return p.parse_args()


def main():
    options = parse_arguments()
    hyps = options.hyp or ["hospes"]
    names = options.tests or sorted(f.stem for f in (BUILD / "tests/abi").glob("*.elf"))
    if not names:
        sys.exit("no images in build/tests/abi: run make abi-images")
    if "xen" in hyps:
        xen_image()
    if "hospes" in hyps:
        hospes_image()
    oracle, total = read_oracle(), [0, 0]

    def job(hyp, test):
        image, _, claim = test.partition("/")
        path = BUILD / f"tests/abi/{image}.elf"
        results = run_one(hyp, path, claim, options) if claim else run_image(hyp, path, options)
        return hyp, {f"{image}/{name}": r for name, r in results.items()}

    recorded = {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for hyp, results in pool.map(lambda a: job(*a), [(h, t) for t in names for h in hyps]):
            passed, failed = report(hyp, results, oracle, options.verbose)
            total[0] += passed
            total[1] += failed
            if hyp == "xen":
                recorded.update({name: verdict for name, (verdict, _) in results.items()})
    if options.record:
        write_oracle(recorded)
    print(f"{total[0]} passed, {total[1]} failed")
    sys.exit(1 if total[1] else 0)


if __name__ == "__main__":
    main()
