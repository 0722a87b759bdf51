# SPDX-License-Identifier: MIT
"""Disks and network cards that come and go while a guest runs: a Linux guest and the in-tree one (guest/apps/devices),
with Linux's backends and with ours. Data are compared, and after a device has gone nothing is left of it."""

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

AGAIN = """\
name = "again"
kernel = "/apps/netecho.elf"
extra = "ip=10.0.5.31/24"
memory = 48
vif = [ "bridge=xenbr0" ]
on_poweroff = "restart"
"""


@pytest.fixture(scope="module", autouse=True)
def files(dom0, runner, stock):
    dom0.check("for i in 1 2 3; do head -c 8388608 /dev/urandom > /tmp/h$i.img; done; : > /tmp/empty.img")
    if not stock:
        # What the daemon opens for its first device and keeps is there before anything is counted.
        dom0.check("hospes block-attach runner /tmp/h3.img,raw,xvdd,r,backendtype=hospes")
        runner.run("while ! [ -b /dev/xvdd ]; do sleep 0.2; done")
        dom0.check("hospes block-detach runner xvdd")


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


def crc32(dom0, command):
    return dom0.check(f"{command} | busybox crc32").split()[0]


def sha256(dom0, command):
    return dom0.check(f"{command} | sha256sum").split()[0]


def left(dom0, before):
    """What was not there before. Frames of its grant table that the guest has taken stay with it."""
    now = dom0.settled(before, but="free pages")
    return {what: (before[what], now[what]) for what in before if before[what] != now[what]}


# --- a Linux guest ---


def test_linux_disk(dom0, runner, backend):
    before = dom0.counts()
    wanted = sha256(dom0, "cat /tmp/h1.img")
    dom0.check(f"hospes block-attach runner phy:/tmp/h1.img xvdb w backendtype={backend}")
    assert re.search(r"^51728 +xvdb .* w +/tmp/h1\.img", dom0.check("hospes block-list runner"), re.M)
    runner.run("while ! [ -b /dev/xvdb ]; do sleep 0.2; done; sha256sum < /dev/xvdb; head -c 8192 /dev/zero | tr '\\0' w > /dev/xvdb")
    runner.says(wanted)
    assert dom0.check("head -c 8192 /tmp/h1.img | tr -d w | wc -c").strip() == "0"
    dom0.check("hospes block-resize runner xvdb 12")
    # blkback looks at its device with the next request.
    runner.run("until grep -q '12288 xvdb' /proc/partitions; do head -c 4096 /dev/xvdb > /dev/null; sleep 0.2; done")
    dom0.check("hospes block-detach runner xvdb")
    runner.run("! grep -q xvdb /proc/partitions")
    assert "xvdb" not in dom0.check("hospes block-list runner")
    dom0.check("truncate -s 8M /tmp/h1.img")
    assert not left(dom0, before)


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


# --- the in-tree guest ---


def test_in_tree_disk(dom0, plug, backend):
    before = dom0.counts()
    wanted = crc32(dom0, "cat /tmp/h2.img")
    dom0.check(f"hospes block-attach plug /tmp/h2.img,raw,xvdb,w,backendtype={backend}")
    assert plug.says(r"disk 51728: 16384 sectors, crc32 ([0-9a-f]+)").group(1) == wanted
    plug.says("disk 51728: copied")
    dom0.check("hospes block-resize plug xvdb 12")
    plug.says("disk 51728: now 24576 sectors")
    dom0.check("hospes block-detach plug xvdb")
    plug.says("disk 51728: gone")
    assert sha256(dom0, "head -c 4194304 /tmp/h2.img") == sha256(dom0, "tail -c +4194305 /tmp/h2.img | head -c 4194304")
    dom0.check("truncate -s 8M /tmp/h2.img")
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


def test_end_during_attach(dom0, stock):
    """A guest that is built anew while a device is attached does not get it if that fails in the end."""
    if stock:
        pytest.skip("no hospes-blockd in that image")
    # One that knows nothing of disks, so that it ends at once.
    dom0.write("/tmp/again.cfg", AGAIN)
    dom0.check("hospes create -q /tmp/again.cfg")
    domid = dom0.check("hospes domid again").strip()
    ready = "[ $(grep -c 'netecho: ready' /var/log/hospes/console-again.log) = {0} ]"
    wait = f"for i in $(seq 300); do {ready} && break; sleep 0.2; done; {ready}"
    dom0.check(wait.format(1), timeout=200)
    record = f"xs read /libxl/{domid}/device/vbd/51744/backend > /dev/null 2>&1"
    dom0.check("kill -STOP $(pidof hospes-blockd); (hospes block-attach again /tmp/h3.img,raw,xvdc,r,backendtype=hospes"
               f" > /tmp/attach 2>&1 &); for i in $(seq 50); do {record} && break; sleep 0.1; done; {record}")
    dom0.check("hospes shutdown again")
    came = dom0.run(wait.format(2), timeout=200)[0] == 0
    dom0.check("kill -CONT $(pidof hospes-blockd)")
    assert "xvdc" in dom0.check("cat /tmp/attach")
    assert came, dom0.run("cat /var/log/hospes/again.log")[1]
    assert "xvdc" not in dom0.check("hospes block-list again")
    dom0.check("hospes destroy again")


# --- what is refused leaves nothing ---


def refused(dom0, command, message):
    status, text = dom0.run(f"hospes {command}")
    # The daemon says at the same console what it saw of it.
    text = re.sub(r"^\d{4}-\d\d-\d\dT\S+Z hospes-\w+: .*\n", "", text, flags=re.M)
    assert status == 1 and re.search(message, text) and len(text.strip().splitlines()) == 1, text


def test_refused(dom0, runner, stock):
    before = dom0.counts()
    for backend in BACKENDS[:1] if stock else BACKENDS:
        for command, message in [(f"block-attach runner /nowhere,raw,xvde,w,backendtype={backend}", "/nowhere: No such file"),
                                 (f"block-attach runner /tmp/empty.img,raw,xvde,w,backendtype={backend}", "one sector"),
                                 (f"block-attach runner /tmp,raw,xvde,w,backendtype={backend}", "/tmp: "),
                                 (f"network-attach runner bridge=nobr backendtype={backend}", "nobr: there is no such bridge"),
                                 (f"network-attach runner bridge=lo backendtype={backend}", "lo: is no bridge")]:
            refused(dom0, command, message)
    assert not left(dom0, before)


def test_refused_in_use(dom0, runner, plug, backend):
    """A number, an address and a file that are taken, by this guest or by another one, whoever serves that."""
    dom0.check(f"hospes block-attach plug /tmp/h1.img,raw,xvdb,w,backendtype={backend}"
               f" && hospes network-attach plug mac={MAC} backendtype={backend}")
    before = dom0.counts()
    # blkback has a loop device for it, hospes-blockd a lock on it.
    taken = r"/tmp/h1\.img: .*(in use|busy|has it)"
    for command, message in [(f"block-attach plug /tmp/h2.img,raw,xvdb,w,backendtype={backend}", "xvdb is there twice"),
                             (f"block-attach plug /tmp/h1.img,raw,xvdc,w,backendtype={backend}", "used twice and not read-only"),
                             (f"network-attach plug mac={MAC} backendtype={backend}", "has a card with this MAC address"),
                             ("block-attach runner /tmp/h1.img,raw,xvde,w,backendtype=linux", taken),
                             ("block-attach runner /tmp/h1.img,raw,xvde,w,backendtype=hospes", taken)]:
        refused(dom0, command, message)
    assert not left(dom0, before)
    dom0.check("hospes block-detach plug xvdb && hospes network-detach plug 0")
    plug.says("card 0: gone")


def test_refused_at_once(dom0, plug):
    """While somebody else makes a loop device for the file, nobody finds it free."""
    dom0.check("rm -f /tmp/held; (flock 9; : > /tmp/held; sleep 3; losetup -f /tmp/h1.img) 9< /dev/loop-control &"
               " while ! [ -e /tmp/held ]; do sleep 0.1; done")
    refused(dom0, "block-attach plug /tmp/h1.img,raw,xvdb,w,backendtype=linux", "in use by another disk")
    dom0.check("losetup -d $(losetup -a | grep h1.img | cut -d: -f1)")


# --- the long form ---


def test_mounted(dom0, runner, backend):
    """A disk at work: Linux lets go of it whoever uses it, and those get errors."""
    before = dom0.counts()
    dom0.check("zcat /media/guest/disk.img.gz > /tmp/m.img")
    dom0.check(f"hospes block-attach runner /tmp/m.img,raw,xvdb,w,backendtype={backend}")
    runner.run("while ! [ -b /dev/xvdb ]; do sleep 0.2; done; mount -t ext4 /dev/xvdb /mnt;"
               " (while head -c 65536 /dev/urandom > /mnt/busy; do :; done) & true")
    dom0.check("hospes block-detach runner xvdb")
    runner.run("wait; umount -l /mnt; ! grep -q xvdb /proc/partitions")
    assert not left(dom0, before)


def test_reboot_keeps_devices(dom0, runner):
    """A guest that is built anew has the devices that it had at its end, not those of its file."""
    dom0.check(f"hospes block-attach runner /tmp/h3.img,raw,xvdd,r && hospes network-attach runner mac={MAC}")
    before = dom0.check("hospes domid runner").strip()
    dom0.check("hospes reboot runner")
    dom0.check(f"for i in $(seq 300); do d=$(hospes domid runner 2>/dev/null || echo {before}); [ $d != {before} ] && break;"
               " sleep 0.2; done; [ $d != %s ]" % before, timeout=200)
    seen = f"[ $(cat {runner.LOGS.format('runner')} 2>/dev/null | grep -c 'guest: up after') = 2 ]"
    dom0.check(f"for i in $(seq 240); do {seen} && break; sleep 0.5; done; {seen}", timeout=600)
    assert re.search(r"^51760 +xvdd .* r +/tmp/h3\.img", dom0.check("hospes block-list runner"), re.M)
    assert MAC in dom0.check("hospes network-list runner")
    dom0.check("hospes block-detach --force runner xvdd && hospes network-detach --force runner 0")


def test_many_times(dom0, plug, backend, full):
    before = dom0.counts()
    for _ in range(50 if full else 5):
        dom0.check(f"hospes block-attach plug /tmp/h3.img,raw,xvdd,r,backendtype={backend}"
                   f" && hospes network-attach plug backendtype={backend} && hospes block-detach plug xvdd"
                   " && hospes network-detach plug 0")
    plug.says("card 0: gone")
    assert not left(dom0, before)
