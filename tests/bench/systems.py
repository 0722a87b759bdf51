# SPDX-License-Identifier: MIT
"""The systems that are compared, and a booted dom0 of each.

A class of guests (linux_guest.py, own_guest.py) has files() for dom0's initramfs and measure(dom0), a
dictionary from rows' names to figures.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/tools"), str(ROOT / "dom0/image")]
import mkinitramfs  # noqa: E402
import vm  # noqa: E402

BUILD = ROOT / "build"
RAM_MB = 128  # of the disk in dom0's memory
DOM0, CLIENT, SERVER = "10.0.5.1", "10.0.5.2", "10.0.5.3"

# hypervisor, image of dom0, toolstack, console logs, key for both kinds of device
SYSTEMS = {
    "hospes": ("hospes", "dom0", "hospes", "/var/log/hospes/console-{}.log", "backendtype=hospes"),
    "hospes-linux": ("hospes", "dom0", "hospes", "/var/log/hospes/console-{}.log", "backendtype=linux"),
    "xen": ("xen", "oracle", "xl", "/var/log/xen/console/guest-{}.log", ""),
}

CONFIG = """name = "{name}"
kernel = "{kernel}"
extra = "{extra}"
memory = {memory}
vcpus = 1
disk = [ {disk} ]
vif = [ {vif} ]
on_crash = "preserve"
on_poweroff = "preserve"
"""


def archive(files):
    """Files {path: (content, mode)} in the form that the kernel adds to an initramfs."""
    packed = mkinitramfs.Archive()
    for path, (content, mode) in files.items():
        packed.file(path, content, mode)
    return packed.cpio()


class System:
    """What guests of one system are given."""

    def __init__(self, name, options):
        self.name, self.options = name, options
        self.hyp, self.image, self.tool, self.logs, self.key = SYSTEMS[name]
        if self.hyp == "hospes" and options.hospes:
            self.hyp = options.hospes

    def disk(self):
        """A disk of the virtual machine takes time that no instruction counts; one in dom0's memory does not."""
        target = "target=/dev/ram0" if self.options.icount else "target=/dev/vda"
        return '"{}"'.format(",".join(p for p in ("format=raw,vdev=xvda,access=rw", self.key, target) if p))

    def vif(self):
        return '"{}"'.format(",".join(p for p in ("bridge=xenbr0", self.key) if p))

    def config(self, name, kernel, extra, memory, disk=False, vif=False, more=""):
        text = CONFIG.format(name=name, kernel=kernel, extra=extra, memory=memory,
                             disk=self.disk() if disk else "", vif=self.vif() if vif else "")
        return (text + more).encode(), 0o644

    def initramfs(self, guests, tmp):
        """dom0's, with what the guests need."""
        files = {"/bench/brd.ko": (next((BUILD / "kernel").rglob("brd.ko")).read_bytes(), 0o644),
                 "/bench/netload": ((BUILD / "bench/netload").read_bytes(), 0o755)}
        for guest in guests:
            files.update(guest.files(self))
        out = tmp / f"{self.name}.initramfs"
        out.write_bytes((BUILD / self.image / "initramfs.gz").read_bytes() + archive(files))
        return out


class Dom0:
    """A booted system; a context."""

    def __init__(self, system, initramfs, disk):
        self.system, self.options = system, system.options
        options = system.options
        self.vm = vm.VM(hyp=system.hyp, kernel=BUILD / "kernel/vmlinuz", initrd=initramfs, append="console=hvc0",
                        hyp_append="dom0_mem=640M", mem=1536, disks=[disk], cpu=options.cpu, log=options.log,
                        smp=1 if options.icount else 2, icount=0 if options.icount else None)

    def __enter__(self):
        self.vm.start()
        self.vm.expect(r"^dom0: up", timeout=600)
        self.vm.expect(r"# $", timeout=120)
        self.vm.check("dmesg -n 1; (/bench/netload serve > /dev/null 2>&1 &)")
        if self.options.icount:
            self.vm.check(f"insmod /bench/brd.ko rd_nr=1 rd_size={RAM_MB << 10}")
        return self

    def __exit__(self, *_):
        self.vm.stop()

    def create(self, name):
        self.vm.check(f"{self.system.tool} create /bench/{name}.cfg", timeout=600)

    def destroy(self, name):
        self.vm.check(f"{self.system.tool} destroy {name}", timeout=600)

    def log(self, name, word, seconds):
        """A guest's console, when it has said this; also after the time is over. seconds are dom0's."""
        path = self.system.logs.format(name)
        self.vm.run(f"for i in $(seq {seconds}); do grep -q '{word}' {path} 2>/dev/null && break; sleep 1; done",
                    timeout=20 * seconds)
        return self.vm.check(f"cat {path}", timeout=120)
