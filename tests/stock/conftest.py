# SPDX-License-Identifier: MIT
"""Debian's own userland for Xen 4.17 in dom0: xl, both stores, the console daemon. Nothing of ours but the
hypervisor.

    pytest tests/stock                  on Hospes, with the store in C
    pytest tests/stock --full           longer forms, and everything again with oxenstored
    pytest tests/stock --hyp xen        the same on real Xen, which proves the tests

One machine a store for all tests, which build on each other's guest: `make oracle` builds what it boots.
"""

import pathlib
import re
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/tools"))

import vm  # noqa: E402  (found through the line above)

# What g NAME MARK SECONDS COMMAND does in dom0: a line for the guest's shell, and what came of it.
CONSOLE_LINE = """\
#!/bin/sh
log=/var/log/xen/console/guest-$1.log
input() {
    printf 'echo "%s""b"; %s; echo "%s""e"\\n' "$2" "$4" "$2"
    for i in $(seq $((5 * $3))); do grep -q "$2e" $log && break; sleep 0.2; done
}
input "$@" | /usr/lib/xen-4.17/bin/xenconsole --interactive $(xl domid $1) > /dev/null
sed -n "/$2b/,/$2e/p" $log
grep -q "$2e" $log
"""
LINUX = """\
name = "{name}"
kernel = "/media/guest/vmlinuz.unpacked"
ramdisk = "/media/guest/initramfs.gz"
extra = "console=hvc0 quiet"
memory = {memory}
maxmem = {maxmem}
vcpus = {vcpus}
disk = [ {disk} ]
vif = [ {vif} ]
on_crash = "destroy"
"""


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="the long forms too, and oxenstored")
    parser.addoption("--hyp", default="hospes", help="hypervisor: hospes or xen")


def pytest_generate_tests(metafunc):
    if "dom0" in metafunc.fixturenames:
        stores = ["xenstored", "oxenstored"] if metafunc.config.getoption("--full") else ["xenstored"]
        metafunc.parametrize("dom0", stores, indirect=True, scope="module")


@pytest.fixture(scope="session")
def full(pytestconfig):
    return pytestconfig.getoption("--full")


@pytest.fixture(scope="session")
def hyp(pytestconfig):
    return pytestconfig.getoption("--hyp")


class Dom0:
    """A machine whose dom0 is up; a failure names the command and shows what it said."""

    def __init__(self, machine):
        self.machine = machine

    def run(self, command, timeout=200):
        return self.machine.run(command, timeout)

    def check(self, command, timeout=200):
        return self.machine.check(command, timeout)

    def write(self, path, text):
        """A small text file: one command line, which the shell's editor limits to a kilobyte."""
        words = " ".join("'" + line.replace("'", "'\\''") + "'" for line in text.splitlines())
        assert len(words) < 900
        self.check(f"printf '%s\\n' {words} > {path}")

    def config(self, name, memory=128, maxmem=None, vcpus=1, disk="", vif=""):
        path = f"/tmp/{name}.cfg"
        self.write(path, LINUX.format(name=name, memory=memory, maxmem=maxmem or memory, vcpus=vcpus, disk=disk, vif=vif))
        return path

    def domains(self):
        """{name: (domid, MiB, vCPUs, state)} as `xl list` shows it."""
        rows = re.findall(r"^(\S+) +(\d+) +(\d+) +(\d+)\s+([rbpscd-]{6})\s", self.check("xl list"), re.M)
        return {name: (int(domid), int(mem), int(vcpus), state) for name, domid, mem, vcpus, state in rows}

    def until(self, condition, seconds=60):
        """A shell condition, polled in dom0: one command, whatever the speed of this machine."""
        self.check(f"for i in $(seq {seconds * 2}); do {condition} && break; sleep 0.5; done; {condition}",
                   seconds * 4)

    # The guest's shell is reached as an operator reaches it: bytes to its console, and what the console
    # daemon logged. `xl console` wants a terminal; the program behind it takes a pipe.
    def log(self, name):
        return f"/var/log/xen/console/guest-{name}.log"

    def guest_up(self, name):
        self.until(f"grep -q 'guest: up after' {self.log(name)}", 120)

    def guest(self, name, command, timeout=90):
        """One line for the guest's shell; what it printed."""
        mark = f"{time.monotonic_ns() % 10**9}"
        word = "'" + command.replace("'", "'\\''") + "'"
        text = self.check(f"/tmp/g {name} {mark} {timeout} {word}", 4 * timeout).replace("\r", "")
        return re.search(mark + r"b\n(.*?)" + mark + "e", text, re.S).group(1).strip()


@pytest.fixture(scope="module")
def dom0(request, hyp, tmp_path_factory):
    log = tmp_path_factory.mktemp("dom0") / "serial.log"
    with vm.VM(hyp=hyp, kernel=vm.BUILD / "kernel/vmlinuz", initrd=vm.BUILD / "oracle/initramfs.gz",
               append=f"console=hvc0 oracle.store={request.param}",
               hyp_append="dom0_mem=640M loglvl=all", mem=1536, smp=2,
               disks=[vm.BUILD / "guest-linux/media.iso"], log=log) as machine:
        machine.expect(r"^dom0: up", timeout=400)
        machine.expect(r"# $", timeout=60)
        machine.check("dmesg -n 1; mkdir -p /media; mount -t iso9660 -o ro /dev/vda /media")
        # Whatever else is in the image: the stock daemons are what runs.
        machine.check(f"pidof {request.param} && pidof xenconsoled && ! pidof hospes-xenstored hospes-consoled")
        dom0 = Dom0(machine)
        dom0.write("/tmp/g", CONSOLE_LINE)
        dom0.check("chmod +x /tmp/g")
        yield dom0
