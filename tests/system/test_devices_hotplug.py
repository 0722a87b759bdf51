# SPDX-License-Identifier: MIT
"""Disks and network cards that come and go while a guest runs: a Linux guest and the in-tree one (guest/apps/devices),
with Linux's backends and with ours. After a device has gone nothing is left of it."""

import re

import pytest

DOM0_SHARED = "devices"
BACKENDS = ["linux", "hospes"]
MAC = "00:16:3e:0a:0b:0c"
IN_TREE = """\
name = "plug"
kernel = "/apps/devices.elf"
extra = "ip=10.0.5.30/24 gw=10.0.5.1"
memory = 48
vcpus = 2
on_crash = "destroy"
"""


@pytest.fixture(scope="module", autouse=True)
def files(dom0):
    dom0.check("for i in 1 2 3; do head -c 8388608 /dev/urandom > /tmp/h$i.img; done")


@pytest.fixture(params=BACKENDS)
def backend(request, stock):
    if stock and request.param == "hospes":
        pytest.skip("none of our backends in that image")
    return request.param


class Plug:
    """The in-tree guest: it says what it sees."""

    LOG = "/var/log/hospes/console-plug.log"

    def __init__(self, dom0):
        self.dom0, self.read = dom0, 0

    def says(self, pattern, seconds=60):
        """Waits for a line behind those that were found before; the match."""
        lines = f"tail -n +{self.read + 1} {self.LOG}"
        seen = f"{lines} | grep -qE '{pattern}'"
        self.dom0.run(f"for i in $(seq {seconds * 5}); do {seen} && break; sleep 0.2; done", timeout=seconds * 6)
        text = self.dom0.run(lines)[1]
        match = re.search(pattern, text)
        assert match, f"no {pattern!r} in:\n{text}"
        self.read += text[:match.end()].count("\n") + 1
        return match


@pytest.fixture(scope="module")
def plug(dom0, stock):
    if stock:
        pytest.skip("reads the logs of hospes-consoled")
    dom0.write("/tmp/plug.cfg", IN_TREE)
    dom0.check("hospes create -q /tmp/plug.cfg")
    guest = Plug(dom0)
    guest.says("devices: ready")
    yield guest
    dom0.check("hospes shutdown -w plug")
    guest.says("RESULT: PASSED")


def left(dom0, before):
    """What was not there before. Frames of its grant table that the guest has taken stay with it."""
    now = dom0.settled(before, but="free pages")
    return {what: (before[what], now[what]) for what in before if before[what] != now[what]}


def test_linux_card(dom0, runner, backend):
    before = dom0.counts()
    dom0.check(f"hospes network-attach runner mac={MAC} backendtype={backend}")
    assert re.search(rf"^0 .*{MAC} .* xenbr0", dom0.check("hospes network-list runner"), re.M)
    runner.run("until ip link set eth0 up; do sleep 0.2; done; ip addr flush dev eth0;"
               " ip addr add 10.0.5.9/24 dev eth0; ping -c 2 -W 10 10.0.5.1")
    dom0.check(f"hospes network-detach runner {MAC.upper()}")
    runner.run("while [ -e /sys/class/net/eth0 ]; do sleep 0.2; done")
    assert MAC not in dom0.check("hospes network-list runner")
    assert not left(dom0, before)


def test_linux_limits(dom0, runner, stock):
    if stock:
        pytest.skip("no hospes-blockd in that image")
    dom0.check("hospes block-attach runner /tmp/h2.img,raw,xvdc,w,limit-iops=1000")
    assert dom0.check("hospes block-limit runner xvdc").strip() == "limit-iops=1000 limit-bytes=0"
    dom0.check("hospes block-limit runner xvdc limit-iops=0 limit-bytes=20m")
    assert dom0.check("hospes block-limit runner 51744").strip() == "limit-iops=0 limit-bytes=20971520"
    runner.run("while ! [ -b /dev/xvdc ]; do sleep 0.2; done; head -c 65536 /dev/xvdc > /dev/null")
    dom0.check("hospes block-detach runner xvdc")


def test_linux_paused(dom0, runner, backend):
    """A guest that does not answer keeps its disk, unless that is taken by force."""
    before = dom0.counts()
    dom0.check(f"hospes block-attach runner /tmp/h1.img,raw,xvdb,w,backendtype={backend}")
    runner.run("while ! [ -b /dev/xvdb ]; do sleep 0.2; done")
    dom0.check("hospes pause runner")
    status, text = dom0.run("hospes block-detach runner xvdb")
    assert status == 1 and "has not let it go" in text and len(text.splitlines()) == 1, text
    assert "xvdb" in dom0.check("hospes block-list runner")
    dom0.check("hospes block-detach --force runner xvdb")
    assert "xvdb" not in dom0.check("hospes block-list runner")
    dom0.check("hospes unpause runner")
    runner.run("while grep -q xvdb /proc/partitions; do sleep 0.2; done")
    assert not left(dom0, before)


def test_in_tree_card(dom0, plug, backend):
    before = dom0.counts()
    dom0.check(f"hospes network-attach plug backendtype={backend}")
    plug.says("net0: link up")
    dom0.check("ping -c 2 -W 10 10.0.5.30")
    dom0.check("hospes network-detach plug 0")
    plug.says("card 0: gone")
    assert not left(dom0, before)


def test_in_tree_force(dom0, plug, backend):
    """Without asking the guest, which goes on and takes the next one."""
    before = dom0.counts()
    for _ in range(2):
        dom0.check(f"hospes block-attach plug /tmp/h3.img,raw,xvdc,r,backendtype={backend}")
        plug.says("disk 51744: read-only")
        dom0.check("hospes block-detach -f plug xvdc")
        plug.says("disk 51744: gone")
    assert not left(dom0, before)
