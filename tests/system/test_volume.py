# SPDX-License-Identifier: MIT
"""Much data through Linux's own driver and hospes-blockd, and a daemon that is killed while it goes through.

A guest writes its whole disk, reads it and compares each byte, again and again; each pass has other data. The disk is in
dom0's memory. (The in-tree frontend does the same in test_block.py.)

    pytest tests/system/test_volume.py --full       10 GiB, 50 kills
    pytest tests/system/test_volume.py              256 MiB, 5 kills
"""

import gzip
import itertools
import re
import time

import pytest

import conftest
import kills
import vm
import mkinitramfs  # its directory is on the path since conftest

DISK_MB = 256
FULL_PASSES = 40
# Of each request, and how many are in flight.
BLOCK, DEPTH = 1 << 20, 4
NEVER = 1000000
NUMBERS = itertools.count(1)
CONFIG = """\
name = "{name}"
kernel = "/media/guest/vmlinuz"
ramdisk = "/guest/initramfs.gz"
memory = 192
vcpus = 2
extra = "console=hvc0 quiet rdinit=/passes passes={passes},{block},{depth}"
disk = [ "format=raw,vdev=xvda,access=rw,backendtype=hospes,target={image}" ]
on_crash = "destroy"
"""


def archive(files):
    """Files {path: content}, executable, as what the kernel adds to an initramfs."""
    packed = mkinitramfs.Archive()
    for path, content in files.items():
        packed.file(path, content, 0o755)
    return gzip.compress(packed.cpio(), 1)


@pytest.fixture(scope="module")
def dom0(pytestconfig, stock, tmp_path_factory):
    if stock:
        pytest.skip("needs this project's daemons")
    directory = tmp_path_factory.mktemp("volume")
    inner = (vm.BUILD / "guest-linux/initramfs.gz").read_bytes() + archive(
        {"/bin/blkpasses": (vm.BUILD / "tests/system/blkpasses").read_bytes(),
         "/passes": (vm.ROOT / "tests/system/load/guest-init").read_bytes()})
    image = directory / "initramfs"
    image.write_bytes((vm.BUILD / "dom0/initramfs.gz").read_bytes() + archive({"/guest/initramfs.gz": inner}))
    with vm.VM(hyp=pytestconfig.getoption("--hyp"), kernel=vm.BUILD / "kernel/vmlinuz", initrd=image,
               append="console=hvc0", hyp_append="dom0_mem=1024M", mem=1792, smp=2,
               disks=[vm.BUILD / "guest-linux/media.iso"], log=directory / "serial.log") as machine:
        machine.expect(r"^dom0: up", timeout=300)
        machine.expect(r"# $", timeout=60)
        machine.check("dmesg -n 1; mkdir -p /media; mount -t iso9660 -o ro /dev/vda /media; mkdir /disks;"
                      " mount -t tmpfs -o size=300m disks /disks")
        yield conftest.Dom0(machine)


class Guest:
    """A guest under way, and the end of it."""

    def __init__(self, dom0, passes):
        name = f"volume{next(NUMBERS)}"
        self.dom0, self.name, self.image = dom0, name, f"/disks/{name}.img"
        self.log = f"/var/log/hospes/console-{name}.log"
        text = CONFIG.format(name=name, image=self.image, passes=passes, block=BLOCK, depth=DEPTH)
        dom0.check(f"truncate -s {DISK_MB}M {self.image}")
        for number, line in enumerate(text.splitlines()):
            dom0.check(f"echo '{line}' {'>>' if number else '>'} /tmp/{name}.cfg")
        dom0.check(f"hospes create -q /tmp/{name}.cfg", timeout=180)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.dom0.run(f"hospes destroy {self.name} 2>/dev/null; rm -f {self.image}", timeout=180)

    def until(self, done, seconds):
        """Until done() is true; what goes wrong in the guest is seen early."""
        deadline = time.monotonic() + seconds
        while True:
            over = done()
            text = self.dom0.run(f"tail -n 60 {self.log}")[1]
            assert not re.search("RESULT: FAILED|Kernel panic|I/O error", text), text
            if over:
                return text
            assert time.monotonic() < deadline, text
            self.dom0.run("sleep 8")

    def ended(self):
        return self.dom0.run(f"grep -q 'RESULT: PASSED' {self.log}")[0] == 0

    def passes(self):
        """How many whole passes have been right so far."""
        text = self.dom0.check(f"grep -c 'blkpasses: pass [0-9]* of [0-9]* is right' {self.log}; true")
        return int(text)


def test_volume(dom0, full):
    """All that is written is read back as it was written."""
    passes = FULL_PASSES if full else 1
    with Guest(dom0, passes) as guest:
        text = guest.until(guest.ended, 240 + 120 * passes)
    written, checked = re.search(r"passes: (\d+) sectors written, (\d+) checked", text).groups()
    assert int(written) == int(checked) == passes * DISK_MB << 11


def test_killed(dom0, full):
    """The daemon is killed, all of it or its worker, while the guest writes and reads: not one byte is wrong."""
    with Guest(dom0, NEVER) as guest:
        guest.until(lambda: guest.passes() >= 1, 480)
        kills.kill_blockd(dom0, full)
        before = guest.passes()
        # The first pass after this one may have been half done; the next is whole.
        guest.until(lambda: guest.passes() >= before + 2, 960)
