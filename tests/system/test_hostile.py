# SPDX-License-Identifier: MIT
"""Guests that attack hospes-blockd and hospes-netd (guest/apps/hostile) beside guests that do not.

The innocent ones verify all that they read and receive. When all have ended, dom0 is as it was before.
"""

import gzip
import re

import pytest

import conftest
import vm
import mkinitramfs  # its directory is on the path since conftest

APPS = ["hostile", "blktest", "netecho", "netload"]
CONFIG = """\
name = "{name}"
kernel = "/guest/{app}.elf"
memory = 32
vcpus = {vcpus}
extra = "{extra}"
on_crash = "destroy"
{device}
"""
VBD = 'disk = [ "format=raw,vdev=xvda,access=rw,backendtype=hospes,target=/tmp/{name}.img" ]'
VIF = 'vif = [ "bridge=xenbr0,backendtype=hospes{more}" ]'
DAEMONS = ["blockd", "netd"]
# What dom0's kernel says of ports that come and go, and of packets with a forged source.
USUAL = re.compile(r"xenbr0: port \d+\(vif[\d.]+\) entered|vif[\d.]+: (entered|left)|device vif[\d.]+ (entered|left)"
                   r"|vif[\d.]+: .*(carrier|link)|random: crng|hrtimer: interrupt took|net_ratelimit"
                   r"|received packet on vif[\d.]+ with own address as source")
# Lines that one guest may cause in an hour: ten, and one in ten seconds.
LOG_LINES = 370


@pytest.fixture(scope="module")
def dom0(pytestconfig, stock, tmp_path_factory):
    if stock:
        pytest.skip("needs this project's daemons")
    directory = tmp_path_factory.mktemp("hostile")
    archive = mkinitramfs.Archive()
    for app in APPS:
        archive.file(f"/guest/{app}.elf", (vm.BUILD / f"guest/apps/{app}.elf").read_bytes())
    image = directory / "initramfs"
    image.write_bytes((vm.BUILD / "dom0/initramfs.gz").read_bytes() + gzip.compress(archive.cpio(), 1))
    with vm.VM(hyp=pytestconfig.getoption("--hyp"), kernel=vm.BUILD / "kernel/vmlinuz", initrd=image,
               append="console=hvc0", hyp_append="dom0_mem=640M", mem=1024, smp=2,
               log=directory / "serial.log") as machine:
        machine.expect(r"^dom0: up", timeout=300)
        machine.expect(r"# $", timeout=60)
        machine.check("dmesg -n 1")
        yield Dom0(machine)


class Dom0(conftest.Dom0):
    def start(self, name, app, extra, device, vcpus=1):
        self.run(f"rm -f /var/log/hospes/console-{name}.log*; truncate -s 64M /tmp/{name}.img")
        self.write(f"/tmp/{name}.cfg", CONFIG.format(name=name, app=app, extra=extra, device=device, vcpus=vcpus))
        self.check(f"hospes create /tmp/{name}.cfg", timeout=180)

    def wait(self, name, words, seconds):
        log = f"/var/log/hospes/console-{name}.log"
        seen = f"grep -q '{words}' {log} 2>/dev/null"
        self.run(f"for i in $(seq {seconds}); do {seen} && break; sleep 1; done", timeout=4 * seconds + 60)
        text = self.run(f"cat {log}")[1]
        assert words in text, f"{name}:\n{text}"
        return text

    def disk(self, name, seconds):
        self.start(name, "blktest", f"mode=verify seconds={seconds}", VBD.format(name=name))

    def echo(self, name):
        self.start(name, "netecho", "ip=10.0.5.11/24", VIF.format(more=""))
        self.wait(name, "netecho: ready", 120)

    def load(self, name, seconds):
        # Datagrams may be lost; one that comes back wrong fails the guest whatever the loss.
        self.start(name, "netload", f"mode=pingpong ip=10.0.5.12/24 to=10.0.5.11 size=64-1400 seconds={seconds} loss=90",
                   VIF.format(more=""))

    def attacker(self, kind, words):
        name = "bad-" + kind
        device = VBD.format(name=name) if kind == "vbd" else VIF.format(more=",mac=00:16:3e:66:66:66")
        self.start(name, "hostile", f"dev={kind} {words}", device, vcpus=2)

    def daemons(self):
        """Processes of the daemons, and what of guests they have mapped."""
        state = {}
        for name in DAEMONS:
            pids = sorted(int(p) for p in self.check(f"pidof hospes-{name}").split())
            state[name] = pids
            state["mapped by " + name] = self.check(
                f"for p in $(pidof hospes-{name}); do grep -c gntdev /proc/$p/maps; done; true").split()
        return state

    def heap(self):
        """What the hypervisor has allocated for itself, by size."""
        return self.check("hospes debug-keys m; hospes dmesg | grep heap: | tail -n 9").splitlines()

    def tables(self):
        """Pages of the hypervisor's tables of dom0's mappings and ports, which grow to their fullest and stay."""
        text = self.check("hospes debug-keys eg; hospes dmesg | grep d0: | tail -n 2")
        return int(re.search(r"(\d+) pages of handles", text)[1]) + int(re.search(r"room for (\d+)", text)[1]) // 128

    def log_lines(self):
        return {name: int(self.check(f"cat /var/log/hospes/{name}.log* | wc -l")) for name in DAEMONS}

    def dmesg(self):
        return self.check("dmesg").splitlines()

    def gone(self, names):
        for name in names:
            self.run(f"for i in $(seq 60); do hospes domid {name} > /dev/null 2>&1 || break; sleep 0.5; done;"
                     f" hospes destroy {name} 2>/dev/null", timeout=240)
        self.run("rm -f /tmp/*.img /tmp/*.cfg")


INNOCENT = ["disk", "echo", "load"]
HOSTILE = ["bad-vbd", "bad-vif"]


@pytest.fixture(scope="module")
def warm(dom0):
    """Everything has been used once, so that what is counted afterwards has no reason to grow."""
    dom0.disk("disk", 1)
    dom0.echo("echo")
    dom0.load("load", 1)
    dom0.wait("load", "RESULT: PASSED", 240)
    dom0.wait("disk", "RESULT: PASSED", 240)
    dom0.check("hospes shutdown -w echo", timeout=120)
    dom0.gone(INNOCENT)


def attack(dom0, words, seconds):
    """All attackers beside all innocents, to the end; then nothing of it is left but what dom0's tables grew by."""
    before, daemons, lines, said = dom0.counts(), dom0.daemons(), dom0.log_lines(), dom0.dmesg()
    heap, tables = dom0.heap(), dom0.tables()
    try:
        dom0.echo("echo")
        dom0.disk("disk", seconds)
        dom0.load("load", seconds)
        # Frames that go to every port, since no port has that address.
        dom0.check("ip neigh replace 10.0.5.99 lladdr 00:16:3e:66:66:66 dev xenbr0;"
                   " (while :; do ping -c 50 -i 0.02 -W 1 -q 10.0.5.99; done) > /dev/null 2>&1 & echo $! > /tmp/ping.pid")
        for kind in ("vbd", "vif"):
            dom0.attacker(kind, words)
        for name in HOSTILE:
            text = dom0.wait(name, "RESULT:", 3000)
            print(text)
            assert "RESULT: PASSED" in text, text
            assert "not recovered" not in text, text
            assert len(re.findall(r" 0 pages held, recovered", text)) == len(re.findall(r"hostile: v", text)), text
        dom0.wait("disk", "RESULT: PASSED", 600)
        dom0.wait("load", "RESULT: PASSED", 600)
        dom0.check("hospes shutdown -w echo", timeout=120)
        dom0.wait("echo", "RESULT: PASSED", 60)
    finally:
        dom0.run("kill $(cat /tmp/ping.pid)")
        for name in DAEMONS:
            print(dom0.run(f"tail -n 40 /var/log/hospes/{name}.log")[1])
        dom0.gone(INNOCENT + HOSTILE)
    assert dom0.daemons() == daemons
    before["free pages"] -= dom0.tables() - tables
    after = dom0.settled(before)
    if after != before:
        print("\n".join(["before:", *heap, "after:", *dom0.heap()]))
    assert after == before
    for name, count in dom0.log_lines().items():
        assert count - lines[name] <= LOG_LINES, name
    odd = [line for line in dom0.dmesg() if line not in said and not USUAL.search(line)]
    assert not odd, "\n".join(odd)


def test_attacks(dom0, warm):
    """Every attack a little, both daemons at once."""
    attack(dom0, "seed=1 rounds=3", 20)


@pytest.mark.parametrize("seed", [2, 3])
def test_attacks_long(dom0, warm, full, seed):
    if not full:
        pytest.skip("long")
    attack(dom0, f"seed={seed} rounds=150 store=15", 120)


def test_reconnects(dom0, warm, full):
    """Two thousand connections, a thousand of each daemon."""
    if not full:
        pytest.skip("long")
    attack(dom0, "attack=reconnect rounds=1000", 120)
