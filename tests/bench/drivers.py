#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Throughput of disks and network cards through split drivers, ours beside those of Xen and Linux.

    tests/bench/drivers.py [--rounds 3] [--seconds 3] [--only SYSTEM ...] [disk] [net]

Boots each system in turn, in QEMU with two CPUs, and measures from inside a Linux guest: a disk that is
a whole virtio disk of dom0 (in the memory of this machine), and the network to dom0 and to a second
guest. Systems:

    hospes         Hospes, this project's backends
    hospes-linux   Hospes, Linux's blkback and netback
    xen            Xen 4.17 with Linux's backends and Debian's tools

Figures are wall-clock and noisy; the table gives medians over the rounds and their ratios to Xen's.
A ratio above 1.00 means more than Xen. With --icount a second is 10^9 instructions: what each system does
with as many, whatever this machine is doing; that counts no miss of a TLB or cache. The disk is then one in
dom0's memory.
"""

import argparse
import pathlib
import re
import statistics
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/tools"), str(ROOT / "dom0/image")]
import mkinitramfs  # noqa: E402
import vm  # noqa: E402

BUILD = ROOT / "build"
LINE = re.compile(r"bench (\S+/\S+) ([\d.]+)")
DISK_MB, RAM_MB = 256, 128
DOM0, CLIENT, SERVER = "10.0.5.1", "10.0.5.2", "10.0.5.3"

# hypervisor, image of dom0, toolstack, console logs, key for both kinds of device
SYSTEMS = {
    "hospes": ("hospes", "dom0", "hospes", "/var/log/hospes/console-{}.log", "backendtype=hospes"),
    "hospes-linux": ("hospes", "dom0", "hospes", "/var/log/hospes/console-{}.log", "backendtype=linux"),
    "xen": ("xen", "oracle", "xl", "/var/log/xen/console/guest-{}.log", ""),
}
CONFIG = """name = "{name}"
kernel = "/bench/vmlinuz"
ramdisk = "/bench/initramfs.gz"
extra = "console=hvc0 quiet rdinit=/bench {extra}"
memory = 256
vcpus = 1
disk = [ {disk} ]
vif = [ {vif} ]
on_crash = "preserve"
"""


def archive(files):
    """Files {path: (content, mode)} in the form that the kernel adds to an initramfs."""
    packed = mkinitramfs.Archive()
    for path, (content, mode) in files.items():
        packed.file(path, content, mode)
    return packed.cpio()


def guest_initramfs():
    files = {f"/bin/{name}": ((BUILD / "bench" / name).read_bytes(), 0o755) for name in ("blkload", "netload")}
    files["/bench"] = ((ROOT / "tests/bench/load/guest-init").read_bytes(), 0o755)
    return (BUILD / "guest-linux/initramfs.gz").read_bytes() + archive(files)


def backing(options):
    """A disk of the virtual machine takes time that no instruction counts; one in dom0's memory does not."""
    return "/dev/ram0" if options.icount else "/dev/vda"


def configurations(key, options):
    """The client, with what it shall measure, and the server."""
    disk = ""
    vif = ",".join(piece for piece in ("bridge=xenbr0", key) if piece)
    extra = f"ip={CLIENT} seconds={options.seconds}"
    if "disk" in options.what:
        extra += " disk=xvda"
        disk = '"{}"'.format(",".join(p for p in ("format=raw,vdev=xvda,access=rw", key, f"target={backing(options)}") if p))
    if "net" in options.what:
        extra += f" peers={DOM0},{SERVER}"
    return {
        "client": CONFIG.format(name="client", extra=extra, disk=disk, vif=f'"{vif}"'),
        "server": CONFIG.format(name="server", extra=f"ip={SERVER} serve", disk="", vif=f'"{vif}"'),
    }


def dom0_initramfs(system, tmp, options):
    _, image, _, _, key = SYSTEMS[system]
    files = {"/bench/vmlinuz": ((BUILD / "guest-linux/vmlinuz.unpacked").read_bytes(), 0o644),
             "/bench/initramfs.gz": (guest_initramfs(), 0o644),
             "/bench/brd.ko": (next((BUILD / "kernel").rglob("brd.ko")).read_bytes(), 0o644),
             "/bench/netload": ((BUILD / "bench/netload").read_bytes(), 0o755)}
    for name, text in configurations(key, options).items():
        files[f"/bench/{name}.cfg"] = (text.encode(), 0o644)
    out = tmp / f"{system}.initramfs"
    out.write_bytes((BUILD / image / "initramfs.gz").read_bytes() + archive(files))
    return out


def wait_log(machine, path, word, seconds):
    machine.check(f"for i in $(seq {seconds}); do grep -q '{word}' {path} 2>/dev/null && break; sleep 1; done;"
                  f" grep -q '{word}' {path}", timeout=4 * seconds)


def measure(system, initramfs, disk, options):
    """{name: figure} of one boot."""
    hyp, _, tool, logs, _ = SYSTEMS[system]
    with vm.VM(hyp=hyp, kernel=BUILD / "kernel/vmlinuz", initrd=initramfs, append="console=hvc0",
               hyp_append="dom0_mem=640M", mem=1536, disks=[disk], cpu=options.cpu, log=options.log,
               smp=1 if options.icount else 2, icount=0 if options.icount else None) as m:
        m.expect(r"^dom0: up", timeout=300)
        m.expect(r"# $", timeout=60)
        m.check("dmesg -n 1; (/bench/netload serve > /dev/null 2>&1 &)")
        if "disk" in options.what and options.icount:
            m.check(f"insmod /bench/brd.ko rd_nr=1 rd_size={RAM_MB << 10}")
        if "net" in options.what:
            m.check(f"{tool} create /bench/server.cfg", timeout=300)
            wait_log(m, logs.format("server"), "bench serving", 120)
        m.check(f"{tool} create /bench/client.cfg", timeout=300)
        log = logs.format("client")
        wait_log(m, log, "bench done", 120 + 40 * options.seconds)
        text = m.check(f"grep bench {log}", timeout=60)
    for line in text.splitlines():
        if "bench failed" in line:
            print(f"{system}: {line}", file=sys.stderr)
    return {name.replace(DOM0, "dom0").replace(SERVER, "guest"): float(value) for name, value in LINE.findall(text)}


def report(figures, systems):
    names = list(dict.fromkeys(name for rounds in figures.values() for one in rounds for name in one))
    print(f"{'medians (bytes/s, for rand, pingpong and udp: 1/s)':40}" + "".join(f"{s:>15}" for s in systems)
          + "".join(f"{s + '/xen':>18}" for s in systems if s != "xen" and "xen" in systems))
    for name in names:
        scale = int(re.search(r"4k", name) is not None)
        medians = {}
        for system in systems:
            values = [one[name] for one in figures[system] if name in one]
            medians[system] = statistics.median(values) / (4096 if scale else 1) if values else None
        row = f"{name:40}" + "".join(f"{medians[s]:15.0f}" if medians[s] else f"{'-':>15}" for s in systems)
        if medians.get("xen"):
            row += "".join(f"{medians[s] / medians['xen']:18.2f}" if medians[s] else f"{'-':>18}"
                           for s in systems if s != "xen")
        print(row, flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", nargs="*", help="disk, net; both unless one is named")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=int, default=3, help="for each load")
    p.add_argument("--only", choices=SYSTEMS, nargs="+", default=list(SYSTEMS))
    p.add_argument("--cpu", default="Haswell-noTSX")
    p.add_argument("--icount", action="store_true",
                   help="one CPU whose clock counts instructions: the same figures on a busy machine")
    p.add_argument("--log", help="also write the serial port to this file")
    options = p.parse_args()
    options.what = options.what or ["disk", "net"]
    figures = {system: [] for system in options.only}
    # In memory, so that it is the drivers and not this machine's disk that is measured.
    with tempfile.TemporaryDirectory(prefix="bench.", dir="/dev/shm") as directory:
        tmp = pathlib.Path(directory)
        disk = tmp / "disk.img"
        with open(disk, "wb") as out:
            for _ in range(DISK_MB):
                out.write(b"\x5a" * (1 << 20))
        images = {system: dom0_initramfs(system, tmp, options) for system in options.only}
        for number in range(options.rounds):
            for system in options.only:
                print(f"round {number + 1}: {system}", file=sys.stderr, flush=True)
                figures[system].append(measure(system, images[system], disk, options))
        report(figures, options.only)


if __name__ == "__main__":
    main()
