# SPDX-License-Identifier: MIT
"""Disks in qcow2 images: overlays over a shared base, snapshots, and processes that are killed."""

import pytest

DOM0_IMAGE = "initramfs-full.gz"
BASE = "/run/images/base.img"


@pytest.fixture(scope="module", autouse=True)
def tools(stock, dom0):
    if stock:
        pytest.skip("needs hospes-blockd")
    if dom0.run("which qemu-storage-daemon qemu-img hospes-blockd")[0]:
        pytest.skip("QEMU's storage daemon is not in the image")
    dom0.check(f"mkdir -p /run/images; gunzip -c /media/guest/disk.img.gz > {BASE};"
               f" sha256sum {BASE} > /run/images/sum")


def overlay(dom0, name, base=BASE, base_format="raw"):
    path = f"/run/images/{name}.qcow2"
    dom0.check(f"qemu-img create -q -f qcow2 -F {base_format} -b {base} {path}")
    return path


def disk(path):
    return f"'format=qcow2, vdev=xvda, access=rw, backendtype=hospes, target={path}'"


class Guest:
    """A guest with a shell, at the other end of its console."""

    def __init__(self, dom0, name, path):
        self.dom0, self.name, self.count = dom0, name, 0
        dom0.check(f"hospes create {dom0.guest(name, disk=disk(path))}", timeout=180)
        self.wait("guest: up")

    def wait(self, text, seconds=120):
        log = f"/var/log/hospes/console-{self.name}.log"
        self.dom0.check(f"for i in $(seq {seconds * 2}); do grep -q '{text}' {log} && break; sleep 0.5; done;"
                        f" grep -q '{text}' {log}", timeout=seconds + 60)

    def run(self, command):
        """What a command says, on one line; it has to succeed."""
        self.count += 1
        mark = f"mark{self.count}"
        self.dom0.check(f"(sleep 1; echo '{command} > /tmp/o && echo {mark}-$((1+1))-$(cat /tmp/o)-end'; sleep 1;"
                        f" printf '\\035') | hospes console {self.name} > /dev/null")
        self.wait(f"{mark}-2-.*-end")
        line = self.dom0.check(f"grep -o '{mark}-2-.*-end' /var/log/hospes/console-{self.name}.log | tail -n 1")
        return line.strip()[len(mark) + 3:-4]

    def destroy(self):
        self.dom0.check(f"hospes destroy {self.name}")


FILL = "dd if=/dev/urandom of=/mnt/data bs=64k count=160 2>/dev/null; md5sum < /mnt/data"
LOOK = "echo 3 > /proc/sys/vm/drop_caches; md5sum < /mnt/data"


@pytest.fixture(scope="module")
def guest(tools, dom0):
    path = overlay(dom0, "one")
    machine = Guest(dom0, "one", path)
    machine.run("mount -t ext4 /dev/xvda /mnt; echo ok")
    yield machine
    if dom0.run("hospes domid one")[0] == 0:
        machine.destroy()
    dom0.check("qemu-img check -q /run/images/one.qcow2 || [ $? = 3 ]")


def test_overlay(dom0, guest):
    """The guest sees the base and writes beside it; another guest on the same base sees nothing of that."""
    assert guest.run("cd /mnt; sha256sum -c SHA256SUMS | grep -c OK") == "2"
    guest.run("echo mine > /mnt/mine; sync; echo ok")
    other = Guest(dom0, "two", overlay(dom0, "two"))
    assert other.run("mount -t ext4 /dev/xvda /mnt; ls /mnt/mine 2>/dev/null | wc -l") == "0"
    other.destroy()
    dom0.check("sha256sum -c /run/images/sum")


@pytest.mark.parametrize("which", ["qemu-storage-daemon", "hospes-blockd", "qemu-storage-daemon hospes-blockd"])
def test_killed(dom0, guest, which):
    """What was written is there, although nothing was flushed."""
    written = guest.run(FILL)
    dom0.check(f"kill -9 $(pidof {which})")
    assert guest.run(LOOK) == written


def test_grown(dom0, guest):
    """While the guest writes: it sees the new size, and what it wrote is there."""
    written = guest.run(FILL)
    sectors = int(guest.run("cat /sys/block/xvda/size"))
    dom0.check(f"hospes block-resize one xvda {sectors // 2048 + 32}", timeout=120)
    assert int(guest.run("sleep 1; cat /sys/block/xvda/size")) == sectors // 2048 * 2048 + 65536
    assert guest.run(LOOK) == written
    status, text = dom0.run("hospes block-resize one xvda 1")
    assert status != 0 and "never made smaller" in text
    status, text = dom0.run("hospes block-resize one xvda")
    assert status != 0 and "say how large" in text


def test_snapshot(dom0, guest):
    """At once, while the guest runs: the old image keeps what it had, the new one is what is written from then on."""
    guest.run("echo before > /mnt/when; sync; echo ok")
    dom0.check("hospes block-snapshot one xvda /run/images/later.qcow2")
    guest.run("echo after > /mnt/when; sync; echo ok")
    dom0.check("kill -9 $(pidof qemu-storage-daemon)")
    assert guest.run("echo 3 > /proc/sys/vm/drop_caches; cat /mnt/when") == "after"
    assert dom0.run("hospes block-snapshot one xvda /run/images/later.qcow2")[0] != 0
    guest.run("umount /mnt; echo ok")
    guest.destroy()
    dom0.check("qemu-img check -q /run/images/later.qcow2 || [ $? = 3 ]")
    # Back to the snapshot: a guest on the old image.
    old = Guest(dom0, "old", "/run/images/one.qcow2")
    assert old.run("mount -t ext4 /dev/xvda /mnt; cat /mnt/when") == "before"
    old.destroy()


def test_refused(dom0):
    """One line that says what is wrong, and nothing is left."""
    path = overlay(dom0, "orphan")
    dom0.check(f"qemu-img rebase -u -f qcow2 -F raw -b /run/images/gone.img {path}")
    status, text = dom0.run(f"hospes create {dom0.guest('orphan', disk=disk(path))}", timeout=180)
    assert status != 0
    assert "gone.img" in text and "No such file" in text
    assert dom0.check("pidof qemu-storage-daemon | wc -w").strip() == "0"
