# SPDX-License-Identifier: MIT
"""What Debian's kernel gets through its frontends (load/guest-init)."""

import re
import sys

from systems import BUILD, CLIENT, DOM0, ROOT, SERVER, archive

LINE = re.compile(r"bench (\S+/\S+) ([\d.]+)")
KERNEL = "/bench/vmlinuz"
MORE = 'ramdisk = "/bench/initramfs.gz"\n'
EXTRA = "console=hvc0 quiet rdinit=/bench "


def initramfs():
    files = {f"/bin/{name}": ((BUILD / "bench" / name).read_bytes(), 0o755) for name in ("blkload", "netload")}
    files["/bench"] = ((ROOT / "tests/bench/load/guest-init").read_bytes(), 0o755)
    return (BUILD / "guest-linux/initramfs.gz").read_bytes() + archive(files)


def files(system):
    """The client, with what it shall measure, and the server."""
    what, extra = system.options.what, f"{EXTRA}ip={CLIENT} seconds={system.options.seconds}"
    if "disk" in what:
        extra += " disk=xvda"
    if "net" in what:
        extra += f" peers={DOM0},{SERVER}"
    return {KERNEL: ((BUILD / "guest-linux/vmlinuz.unpacked").read_bytes(), 0o644),
            "/bench/initramfs.gz": (initramfs(), 0o644),
            "/bench/client.cfg": system.config("client", KERNEL, extra, 256, "disk" in what, True, MORE),
            "/bench/server.cfg": system.config("server", KERNEL, f"{EXTRA}ip={SERVER} serve", 256, False, True, MORE)}


def row(name, figure):
    name = name.replace(DOM0, "dom0").replace(SERVER, "guest")
    # blkload says bytes; of small requests one wants to know how many.
    return f"linux {name}", figure / 4096 if "-4k-" in name else figure


def measure(dom0):
    if "net" in dom0.options.what:
        dom0.create("server")
        dom0.log("server", "bench serving", 240)
    dom0.create("client")
    text = dom0.log("client", "bench done", 240 + 40 * dom0.options.seconds)
    for line in text.splitlines():
        if "bench failed" in line:
            print(f"{dom0.system.name}: {line}", file=sys.stderr)
    if "bench done" not in text:
        sys.exit(f"{dom0.system.name}: the guest did not end; its last lines:\n" + "\n".join(text.splitlines()[-5:]))
    for name in ("client", "server") if "net" in dom0.options.what else ("client",):
        dom0.destroy(name)
    return dict(row(name, float(figure)) for name, figure in LINE.findall(text))
