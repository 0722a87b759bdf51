# SPDX-License-Identifier: MIT
"""Disks and network cards of Linux guests, served by Linux's backends, from create to destroy."""

import re

import pytest

DOM0_SHARED = "devices"
DISK = '"/tmp/d.img,raw,xvda,rw"'
VIF = '"bridge=xenbr0"'


@pytest.fixture(scope="module")
def disk(dom0):
    dom0.check("gunzip -c /media/guest/disk.img.gz > /tmp/d.img")
    return DISK


def test_demonstration(dom0):
    """Debian guest: disk mounted, checked and written, dom0 pinged, destroyed, written data read back."""
    status, text = dom0.run("/usr/share/hospes/demo", timeout=180)
    assert "demo: PASSED" in text and status == 0, text


def test_nothing_left_by_demonstration(dom0):
    """A second demonstration leaves all counts as they were."""
    before = dom0.counts()
    dom0.check("/usr/share/hospes/demo", timeout=180)
    assert dom0.settled(before) == before


@pytest.mark.parametrize("disks, vifs, message", [
    ('"/nowhere/x.img,raw,xvda,rw"', "", r"refused\.cfg:7: disk: /nowhere/x\.img: No such file"),
    ('"/tmp,raw,xvda,rw"', "", r"disk.*: /tmp: (Is a directory|.*neither)"),
    ('"/tmp/empty.img,raw,xvda,rw"', "", r"shorter than one sector"),
    ("", '"bridge=nobr"', r"vif 0: nobr: there is no such bridge"),
    ("", '"bridge=lo"', r"vif 0: lo: is no bridge"),
])
def test_refused(dom0, disks, vifs, message):
    """What cannot be attached is one line, status 1, and nothing left."""
    dom0.check(": > /tmp/empty.img")
    path = dom0.guest("refused", disk=disks, vif=vifs)
    dom0.run(f"hospes create {path}")
    before = dom0.counts()
    status, text = dom0.run(f"hospes create {path}")
    lines = [line for line in text.splitlines() if line.strip()]
    assert status == 1
    assert len(lines) == 1 and re.search(message, lines[0]), text
    assert dom0.settled(before) == before


def test_second_writer_refused(dom0, disk):
    """A file that one guest writes is not given to another one."""
    first, second = dom0.guest("first", disk=disk), dom0.guest("second", disk=disk)
    dom0.check(f"hospes create -p {first}")
    status, text = dom0.run(f"hospes create -p {second}")
    assert status == 1 and "in use by another disk" in text
    dom0.check("hospes destroy first")


def test_create_destroy_cycles(dom0, disk, full):
    """Paused guests with disk and vif come and go without a trace."""
    path = dom0.guest("cycle", disk=disk, vif=VIF)
    dom0.check(f"hospes create -p {path} && hospes destroy cycle")
    before = dom0.counts()
    cycles = 200 if full else 10
    dom0.check(f"for i in $(seq {cycles}); do hospes create -p {path} && hospes destroy cycle || break; done;"
               " [ $i = %d ]" % cycles, timeout=60 + 15 * cycles)
    assert dom0.settled(before) == before


def test_killed_create(dom0, disk):
    """A create that is killed at any moment leaves nothing that destroy does not remove."""
    path = dom0.guest("killed", disk=disk, vif=VIF)
    dom0.check(f"hospes create -p {path} && hospes destroy killed")
    before = dom0.counts()
    for delay in ("0.02", "0.05", "0.1", "0.15", "0.2", "0.3", "0.5"):
        dom0.run(f"hospes create -p {path} & sleep {delay}; kill -9 $!; wait")
        dom0.run("for d in $(hospes list --json | sed -n 's/.*\"domid\": \\([1-9][0-9]*\\),/\\1/p');"
                 " do hospes destroy $d; done")
    assert dom0.settled(before) == before


def test_lists(dom0, disk):
    """block-list and network-list show what was asked for."""
    path = dom0.guest("shown", disk=disk, vif='"mac=00:16:3e:01:02:03,bridge=xenbr0,vifname=shown0"')
    dom0.check(f"hospes create -p {path}")
    assert re.search(r"^51712 +xvda .* w +/tmp/d\.img", dom0.check("hospes block-list shown"), re.M)
    assert re.search(r"^0 .*00:16:3e:01:02:03 .* xenbr0", dom0.check("hospes network-list shown"), re.M)
    assert '"bridge": "xenbr0"' in dom0.check("hospes network-list --json shown")
    assert "master xenbr0" in dom0.check("ip link show shown0")
    dom0.check("hospes destroy shown")
