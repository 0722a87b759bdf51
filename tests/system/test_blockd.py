# SPDX-License-Identifier: MIT
"""hospes-blockd under Linux's own block driver, with one guest that has several disks."""

import re
import time

import pytest

from vm import VMError

DIR = "/tmp/block"
BACK = "/local/domain/0/backend/hospes-vbd"


def disk(path, vdev, access="rw", more=""):
    return f'"format=raw,vdev={vdev},access={access},backendtype=hospes{more},target={path}"'


class Guest:
    """A shell in a guest, through its console."""

    def __init__(self, dom0, name):
        self.dom0, self.name, self.count = dom0, name, 0
        self.domid = int(dom0.check(f"hospes domid {name}"))
        self.tty = dom0.check(f"xs read /local/domain/{self.domid}/console/tty").strip()
        self.log = f"/var/log/hospes/console-{name}.log"

    def run(self, command, timeout=60):
        """(exit status, output) of a command line without single quotes."""
        self.start(command)
        return self.wait(timeout)

    def start(self, command):
        self.count += 1
        # The marks are computed by the guest, so that the echo of the line is none.
        self.dom0.check(f"echo 'echo begin-$(({self.count}+0)); {command}; echo end-$(({self.count}+0))-$?-' > {self.tty}")

    def wait(self, timeout=60):
        n = self.count
        self.dom0.check(f"for i in $(seq {timeout * 5}); do grep -q 'end-{n}-[0-9]' {self.log} && break; sleep 0.2; done;"
                        f" grep -q 'end-{n}-[0-9]' {self.log}", timeout=4 * timeout + 30)
        text = self.dom0.check(f"tr -d '\\r' < {self.log} | sed -n '/begin-{n}$/,/end-{n}-[0-9]/p'")
        # Each line of the log begins with its time.
        lines = [re.sub(r"^\d{4}-\d\d-\d\dT[\d:]*Z ", "", line) for line in text.splitlines()]
        return int(lines[-1].split("-")[2]), "\n".join(lines[1:-1])

    def check(self, command, timeout=60):
        status, text = self.run(command, timeout)
        if status:
            raise VMError(f"guest: {command!r}: status {status}:\n{text}")
        return text.strip()


def back(guest, number):
    return f"{BACK}/{guest.domid}/{51712 + 16 * number}"


@pytest.fixture(scope="module")
def guest(dom0, stock, pytestconfig):
    if stock or not dom0.run("which hospes-blockd")[1].strip():
        pytest.skip("needs hospes-blockd")
    dom0.check(f"mkdir -p {DIR}; for i in a b c d; do truncate -s 64M {DIR}/$i.img; done")
    dom0.check(f"dd if=/dev/urandom of={DIR}/b.img bs=1M count=4 conv=notrunc 2>/dev/null;"
               f" truncate -s 32M {DIR}/e.back; losetup /dev/loop7 {DIR}/e.back")
    disks = ", ".join([disk(f"{DIR}/a.img", "xvda"), disk(f"{DIR}/b.img", "xvdb", "ro"),
                       disk(f"{DIR}/c.img", "xvdc"), disk(f"{DIR}/d.img", "xvdd"), disk("/dev/loop7", "xvde")])
    # A command line of the shell has a kilobyte at most.
    dom0.check(f"printf '%s\\n' 'name = \"blk\"' 'kernel = \"/media/guest/vmlinuz\"'"
               " 'ramdisk = \"/media/guest/initramfs.gz\"' 'extra = \"console=hvc0 quiet\"' 'memory = 192'"
               " 'vcpus = 2' > /tmp/blk.cfg")
    dom0.check(f"echo '{'disk = [ ' + disks + ' ]'}' >> /tmp/blk.cfg")
    dom0.check("hospes create /tmp/blk.cfg", timeout=180)
    dom0.check("for i in $(seq 300); do grep -q 'guest: up' /var/log/hospes/console-blk.log && break; sleep 0.5; done",
               timeout=300)
    guest = Guest(dom0, "blk")
    guest.check("dmesg -n 1; for i in 1 2 3 4 5 6 7 8 9; do [ -e /dev/xvde ] && break; sleep 1; done; [ -e /dev/xvde ]")
    yield guest
    dom0.check("hospes destroy blk; losetup -d /dev/loop7")


def digest(text):
    return re.search(r"\b[0-9a-f]{64}\b", text).group(0)


@pytest.mark.parametrize("vdev, image", [("xvda", f"{DIR}/a.img"), ("xvde", "/dev/loop7")])
def test_data(dom0, guest, vdev, image):
    """What the guest writes is in the image, and is what it reads: a file, and a block device."""
    written = digest(guest.check(f"dd if=/dev/urandom of=/tmp/r bs=1M count=8 2>/dev/null;"
                                 f" dd if=/tmp/r of=/dev/{vdev} bs=1M seek=4 conv=fsync 2>/dev/null; sha256sum /tmp/r"))
    assert digest(dom0.check(f"dd if={image} bs=1M skip=4 count=8 2>/dev/null | sha256sum")) == written
    guest.check("echo 3 > /proc/sys/vm/drop_caches")
    assert digest(guest.check(f"dd if=/dev/{vdev} bs=1M skip=4 count=8 2>/dev/null | sha256sum")) == written
    # Sector by sector, around the cache.
    guest.check(f"dd if=/tmp/r of=/dev/{vdev} bs=512 seek=1001 count=33 oflag=direct 2>/dev/null")
    assert digest(guest.check("dd if=/tmp/r bs=512 count=33 2>/dev/null | sha256sum")) == digest(
        dom0.check(f"dd if={image} bs=512 skip=1001 count=33 2>/dev/null | sha256sum"))


def test_partitions(dom0, guest):
    guest.check('printf "o\\nn\\np\\n1\\n\\n+16M\\nw\\n" | fdisk /dev/xvdc > /dev/null')
    assert guest.check("cat /sys/block/xvdc/xvdc1/size") in ("32768", "32769")
    assert re.search(r"c\.img\S*1 ", dom0.check(f"fdisk -l {DIR}/c.img"))


def test_read_only(dom0, guest):
    before = digest(dom0.check(f"sha256sum {DIR}/b.img"))
    assert guest.check("cat /sys/block/xvdb/ro") == "1"
    assert digest(guest.check("dd if=/dev/xvdb bs=1M 2>/dev/null | sha256sum")) == before
    assert guest.run("dd if=/dev/zero of=/dev/xvdb bs=4k count=1 oflag=direct")[0] != 0
    assert digest(dom0.check(f"sha256sum {DIR}/b.img")) == before


def test_discard(dom0, guest):
    """What the guest discards is given back to dom0's file system, and is zeros."""
    guest.check("dd if=/dev/urandom of=/dev/xvdc bs=1M seek=32 count=16 conv=fsync 2>/dev/null")
    before = int(dom0.check(f"stat -c %b {DIR}/c.img"))
    guest.check("blkdiscard -o 33554432 -l 16777216 /dev/xvdc")
    assert int(dom0.check(f"stat -c %b {DIR}/c.img")) <= before - (16 << 11)
    guest.check("echo 3 > /proc/sys/vm/drop_caches")
    guest.check("dd if=/dev/xvdc bs=1M skip=32 count=16 2>/dev/null | cmp -n 16777216 - /dev/zero")


def test_resize(dom0, guest):
    dom0.check(f"truncate -s 96M {DIR}/c.img; xs write {back(guest, 2)}/resize 1")
    guest.check("for i in 1 2 3 4 5 6 7 8 9; do [ $(cat /sys/block/xvdc/size) = 196608 ] && break; sleep 1; done;"
                " [ $(cat /sys/block/xvdc/size) = 196608 ]")
    guest.check("dd if=/tmp/r of=/dev/xvdc bs=1M seek=90 count=6 oflag=direct 2>/dev/null")


def test_limits(dom0, guest):
    """A limit that is set while it runs is kept: so many bytes take so many seconds at least. The daemon is told
    of a node by a watch, which takes a moment."""
    dom0.check(f"xs write {back(guest, 0)}/limit-bytes 1048576; sleep 2")
    start = time.monotonic()
    guest.check("dd if=/dev/xvda of=/dev/null bs=64k count=64 iflag=direct 2>/dev/null")
    assert time.monotonic() - start > 2.5
    dom0.check(f"xs write {back(guest, 0)}/limit-bytes 0; xs write {back(guest, 0)}/limit-iops 20; sleep 2")
    start = time.monotonic()
    guest.check("dd if=/dev/xvda of=/dev/null bs=4k count=60 iflag=direct 2>/dev/null")
    assert time.monotonic() - start > 2.5
    dom0.check(f"xs rm {back(guest, 0)}/limit-iops")


def worker(dom0):
    """Of the two processes the one that is no root."""
    return dom0.check("for p in $(pidof hospes-blockd); do [ $(stat -c %u /proc/$p) = 0 ] || echo $p; done").strip()


def test_killed_under_load(dom0, guest, full):
    """Workers and whole daemons are killed while the guest writes and reads: it notices nothing."""
    guest.start("for i in 1 2 3; do dd if=/tmp/r of=/dev/xvda bs=64k oflag=direct seek=256 2>/dev/null &"
                " dd if=/tmp/r of=/dev/xvde bs=16k oflag=direct 2>/dev/null & wait;"
                " dd if=/dev/xvda bs=64k skip=256 count=128 iflag=direct 2>/dev/null | cmp - /tmp/r || break;"
                " dd if=/dev/xvde bs=16k count=512 iflag=direct 2>/dev/null | cmp - /tmp/r || break; echo good-$i; done")
    for number in range(40 if full else 6):
        dom0.check("for p in $(pidof hospes-blockd); do [ $(stat -c %u /proc/$p) = 0 ] || kill -9 $p; done"
                   if number % 3 else "kill -9 $(pidof hospes-blockd)")
        dom0.check("sleep 1.5")
    status, text = guest.wait(300)
    assert status == 0 and "good-3" in text, text
    assert guest.check("dmesg | grep -ci error; true") == "0"


def test_in_use(dom0, guest):
    """An image that one device writes is refused to another one, in one line."""
    dom0.check("sed 's/blk/other/; s/^disk.*//' /tmp/blk.cfg > /tmp/other.cfg")
    dom0.check(f"echo 'disk = [ {disk(f'{DIR}/d.img', 'xvda', 'ro')} ]' >> /tmp/other.cfg")
    status, text = dom0.run("hospes create -p /tmp/other.cfg", timeout=60)
    assert status != 0 and "in use" in text, text
    dom0.check(f"truncate -s 1M {DIR}/loop.img")
    attach = f"hospes block-attach blk {DIR}/loop.img,raw,xvdg,{{}},backendtype=hospes"
    for loop, refused in ("", ["w", "ro"]), ("-r", ["w"]):
        dom0.check(f"losetup {loop} /dev/loop6 {DIR}/loop.img")
        for access in refused:
            status, text = dom0.run(attach.format(access), timeout=60)
            assert status != 0 and "in use by a loop device" in text, text
        if loop:
            dom0.check(attach.format("ro"), timeout=60)
            dom0.check("hospes block-detach blk xvdg", timeout=60)
        dom0.check("losetup -d /dev/loop6")


def test_cut_off(dom0, guest):
    """A shrunk image is an error for the guest and a line for the operator; other disks are served on."""
    dom0.check(f"truncate -s 1M {DIR}/d.img; sleep 1.1")
    assert guest.run("dd if=/dev/xvdd of=/dev/null bs=4k skip=1000 count=1 iflag=direct")[0] != 0
    assert guest.run("dd if=/tmp/r of=/dev/xvdd bs=4k seek=1000 count=1 oflag=direct")[0] != 0
    assert dom0.check(f"stat -c %s {DIR}/d.img").strip() == str(1 << 20)
    error = dom0.check(f"xs read /local/domain/0/error/backend/hospes-vbd/{guest.domid}/51760/error")
    assert re.search(r"read of \d+ sectors at 8000 failed", error)
    guest.check("dd if=/dev/xvda of=/dev/null bs=1M count=1 iflag=direct 2>/dev/null")


def test_file_system_full(dom0, guest):
    """A write that finds no room is an error for the guest and a line for the operator; with room it succeeds."""
    dom0.check("mkdir -p /tmp/full; mount -t tmpfs -o size=4m full /tmp/full; truncate -s 64M /tmp/full/f.img")
    dom0.check("hospes block-attach blk /tmp/full/f.img,raw,xvdf,w,backendtype=hospes")
    guest.check("for i in 1 2 3 4 5 6 7 8 9; do [ -e /dev/xvdf ] && break; sleep 1; done;"
                " dd if=/tmp/r of=/dev/xvdf bs=1M count=2 oflag=direct 2>/dev/null")
    assert guest.run("dd if=/tmp/r of=/dev/xvdf bs=1M seek=8 count=4 oflag=direct")[0] != 0
    error = dom0.check(f"xs read /local/domain/0/error/backend/hospes-vbd/{guest.domid}/51792/error")
    assert re.search(r"write of \d+ sectors at \d+ failed: No space left on device", error)
    dom0.check("mount -o remount,size=32m /tmp/full")
    written = digest(guest.check("dd if=/tmp/r of=/dev/xvdf bs=1M seek=8 count=8 oflag=direct 2>/dev/null; sha256sum /tmp/r"))
    assert digest(dom0.check("dd if=/tmp/full/f.img bs=1M skip=8 count=8 2>/dev/null | sha256sum")) == written
    dom0.check("hospes block-detach blk xvdf && umount /tmp/full")


def cpu_ticks(dom0):
    return dom0.check(f"cut -d ' ' -f 14,15 /proc/{worker(dom0)}/stat")


def test_idle(dom0, guest):
    """A backend without requests does not run."""
    guest.check("sync")
    dom0.check("sleep 6")
    before = cpu_ticks(dom0)
    dom0.check("sleep 3")
    assert cpu_ticks(dom0) == before


def rss(dom0):
    return int(dom0.check(f"awk '/^VmRSS/ {{print $2}}' /proc/{worker(dom0)}/status"))


def test_many_devices(dom0, guest, full):
    """Many disks of a guest that does not run yet cost little memory each."""
    count = 100 if full else 20
    dom0.check(f"for i in $(seq 0 {count - 1}); do truncate -s 1M {DIR}/n$i.img; done")
    dom0.check("sed 's/blk/many/; s/^disk.*//' /tmp/blk.cfg > /tmp/many.cfg; echo 'disk = [' >> /tmp/many.cfg")
    names = [f"xvd{a}{b}" for a in ("", "a", "b", "c") for b in "abcdefghijklmnopqrstuvwxyz"][:count]
    entries = [disk(f"{DIR}/n{number}.img", name) + "," for number, name in enumerate(names)] + ["]"]
    for start in range(0, len(entries), 8):
        dom0.check("printf '%s\\n' " + " ".join(f"'{e}'" for e in entries[start:start + 8]) + " >> /tmp/many.cfg")
    before = rss(dom0)
    start = time.monotonic()
    dom0.check("hospes create -p /tmp/many.cfg", timeout=180)
    print(f"{count} disks: {time.monotonic() - start:.1f} s, {(rss(dom0) - before) / count:.1f} KiB each")
    assert rss(dom0) - before < count * 1024
    dom0.check("hospes destroy many", timeout=180)


def test_destroy_does_not_wait_for_each(dom0, guest, full):
    """A daemon that says nothing holds a guest's end up once, however many disks it has; then it goes on."""
    count = 20 if full else 6
    dom0.check(f"sed 's/many/silent/; s/^disk.*//; /^\"format/d; /^]/d' /tmp/many.cfg > /tmp/silent.cfg;"
               f" (echo 'disk = ['; grep '^\"format' /tmp/many.cfg | head -n {count}; echo ']') >> /tmp/silent.cfg")
    dom0.check("hospes create -p /tmp/silent.cfg", timeout=180)
    dom0.check("kill -STOP $(pidof hospes-blockd)")
    status, text = dom0.run("hospes destroy silent", timeout=100)
    dom0.check("kill -CONT $(pidof hospes-blockd)")
    assert status != 0 and text.count("did not close it") == count, text
    assert dom0.run("hospes domid silent")[0] != 0
    guest.check("dd if=/dev/xvda of=/dev/null bs=1M count=1 iflag=direct 2>/dev/null")
    # All that it held of that guest is let go, so that another one may have it.
    dom0.check("hospes create -p /tmp/silent.cfg", timeout=180)
    dom0.check("hospes destroy silent", timeout=180)
