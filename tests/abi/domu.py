#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the ABI test images as guests, started by a toolstack in a Linux first domain.

    tests/abi/domu.py --hyp hospes                our dom0 image, `hospes create`
    tests/abi/domu.py --hyp xen                   Debian's daemons and xl (make oracle)
    tests/abi/domu.py --hyp xen --record          write tests/abi/oracle-domu.txt
    tests/abi/domu.py --hyp hospes unprivileged   one image
    tests/abi/domu.py --hyp hospes fuzz --seeds 20   storms of hostile guests

One start of QEMU for all images. Claims for the first domain alone are skipped, those of
"unprivileged" count only here; claims that crash their domain are not started. A storm may end its domain
in any way, but dom0 must answer afterwards. Output and exit status are those of run.py.
"""

import argparse
import gzip
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/abi"))
sys.path.insert(0, str(ROOT / "tests/tools"))
sys.path.insert(0, str(ROOT / "dom0/image"))
import mkinitramfs  # noqa: E402
import run as abi  # noqa: E402
import vm  # noqa: E402

BUILD = ROOT / "build"
ORACLE = ROOT / "tests/abi/oracle-domu.txt"
CREATE = {"xen": "xl create -c", "hospes": "hospes create -c"}
TOOL = {"xen": "xl", "hospes": "hospes"}
INITRAMFS = {"xen": BUILD / "oracle/initramfs.gz", "hospes": BUILD / "dom0/initramfs.gz"}
STORMS = ["storm", "storm_own", "storm_smp", "storm_instructions"]  # of the image fuzz
CONFIG = """name = "{config}"
kernel = "/images/{name}.elf"
extra = "{extra}"
memory = 64
vcpus = 4
on_poweroff = "destroy"
on_reboot = "destroy"
on_crash = "destroy"
"""


def initramfs(hyp, names, options, directory):
    """dom0's image with the test images and their configurations behind it."""
    archive = mkinitramfs.Archive()

    def config(file, name, extra=""):
        archive.file(f"/images/{file}.cfg", CONFIG.format(config=file, name=name, extra=extra).encode())

    for name in names:
        archive.file(f"/images/{name}.elf", (BUILD / f"tests/abi/{name}.elf").read_bytes())
        config(name, name)
    if "fuzz" in names:
        for storm in STORMS:
            for seed in range(options.seed, options.seed + options.seeds):
                config(f"{storm}-{seed}", "fuzz", f"claim={storm} seed={seed}")
    whole = directory / "initramfs.gz"
    whole.write_bytes(INITRAMFS[hyp].read_bytes() + gzip.compress(archive.cpio(), 1))
    return whole


def run_all(hyp, names, options):
    """Yields (name, {claim: (verdict, notes)}) as the guests end."""
    with tempfile.TemporaryDirectory(prefix="domu.") as directory:
        image = initramfs(hyp, names, options, pathlib.Path(directory))
        with vm.VM(hyp=hyp, kernel=str(BUILD / "kernel/vmlinuz"), initrd=str(image), append="console=hvc0",
                   hyp_append="dom0_mem=512M", cpu=options.cpu, smp=options.smp, mem=1024) as machine:
            machine.expect(r"# $", timeout=180)
            for name in names:
                yield name, run_guest(machine, hyp, name, options)
            if "fuzz" in names:
                for storm in STORMS:
                    yield "fuzz", {storm: run_storm(machine, hyp, storm, options)}


def run_guest(machine, hyp, name, options):
    # A guest may be gone before its console is opened, which says nothing of the guest: start it again.
    for _ in range(3):
        transcript = abi.Transcript()
        try:
            status, text = machine.run(f"{CREATE[hyp]} /images/{name}.cfg", timeout=options.timeout)
        except vm.VMError as error:
            return {"(image)": ("ERROR", [str(error)[-600:]])}
        for line in text.splitlines():
            transcript.feed(line.rstrip("\r"))
        if transcript.begun or transcript.verdicts:
            break
    results = transcript.results()
    if transcript.begun:
        results[transcript.begun] = ("CRASH", transcript.notes.get(transcript.begun, [])[-25:])
    elif not transcript.final:
        results["(image)"] = ("ERROR", [f"exit status {status}"] + transcript.log[-12:])
    return results


def run_storm(machine, hyp, storm, options):
    """The domain may end as it likes; it is destroyed if it does not, and dom0 must be as before."""
    for seed in range(options.seed, options.seed + options.seeds):
        name = f"{storm}-{seed}"
        try:
            machine.run(f"{CREATE[hyp].replace(' -c', '')} /images/{name}.cfg", timeout=options.timeout)
            machine.run("sleep 3", timeout=options.timeout)
            machine.run(f"{TOOL[hyp]} destroy {name}", timeout=options.timeout)
            status, text = machine.run(f"{TOOL[hyp]} list", timeout=options.timeout)
        except vm.VMError as error:
            return "CRASH", [f"seed={seed}", str(error)[-600:]]
        if status or "Domain-0" not in text:
            return "FAILURE", [f"seed={seed}: list has status {status}", text]
    return "SUCCESS", []


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("images", nargs="*", help="default all but race")
    p.add_argument("--hyp", choices=["xen", "hospes"], default="hospes")
    p.add_argument("--record", action="store_true", help="write the verdicts of Xen to oracle-domu.txt")
    p.add_argument("--cpu", default="Haswell-noTSX")
    p.add_argument("--smp", type=int, default=1)
    p.add_argument("--timeout", type=float, default=60, help="seconds for one guest")
    p.add_argument("--seed", type=int, default=1, help="first seed of the storms of fuzz")
    p.add_argument("--seeds", type=int, default=2, help="how many seeds each storm gets")
    p.add_argument("-v", "--verbose", action="store_true")
    options = p.parse_args()
    names = options.images or sorted({f.stem for f in (BUILD / "tests/abi").glob("*.elf")} - {"race"})
    abi.ORACLE = ORACLE
    oracle, recorded, total = abi.read_oracle(), {}, [0, 0]
    for name, results in run_all(options.hyp, names, options):
        results = {f"{name}/{claim}": result for claim, result in results.items()}
        passed, failed = abi.report(options.hyp, results, oracle, options.verbose)
        total[0] += passed
        total[1] += failed
        recorded.update({claim: verdict for claim, (verdict, _) in results.items()})
    if options.record and options.hyp == "xen":
        abi.write_oracle(recorded)
    print(f"{total[0]} passed, {total[1]} failed")
    sys.exit(1 if total[1] else 0)


if __name__ == "__main__":
    main()
