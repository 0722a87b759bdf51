# SPDX-License-Identifier: MIT
"""Devices and consoles of guests, in one machine a module that is driven over its serial console.

    pytest tests/system                       on Hospes
    pytest tests/system --hyp xen             the same userland on real Xen
    pytest tests/system --hyp xen --stock     with Debian's store and console daemon instead of ours
    pytest tests/system --full                the long forms too

`make tests-system-files` builds what they need.
"""

import pathlib
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/tools"))
sys.path.insert(0, str(ROOT / "dom0/image"))

import vm  # noqa: E402  (found through the line above)

GUEST_CFG = """\
name = "{name}"
kernel = "/media/guest/vmlinuz"
ramdisk = "/media/guest/initramfs.gz"
extra = "console=hvc0 quiet {extra}"
memory = {memory}
vcpus = {vcpus}
disk = [ {disk} ]
vif = [ {vif} ]
on_crash = "destroy"
"""


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="the long forms of the tests too")
    parser.addoption("--hyp", default="hospes", help="hypervisor: hospes or xen")
    parser.addoption("--stock", action="store_true", help="Debian's store and console daemon")


# What a run over the whole directory takes of each module without --full: the beginnings of its tests' names. A
# module that is named on the command line runs with all of its tests.
SHORT_FORM = {
    "test_block.py": ["test_verify[linux-everything]", "test_verify[hospes-everything]", "test_verify[hospes-nothing]",
                      "test_backend_goes_and_comes_back[hospes]"],
    "test_blockd.py": ["test_data", "test_killed_under_load"],
    "test_console.py": ["test_missed_output_is_shown", "test_many_viewers", "test_log", "test_worker_has_no_privileges",
                        "test_daemon_killed", "test_create_with_console"],
    "test_devices.py": ["test_"],
    "test_net.py": ["test_ping", "test_echo_of_all_sizes"],
    "test_netd.py": ["test_ping", "test_bulk", "test_killed_daemon", "test_dhcp_nat_forward"],
    "test_qcow2.py": ["test_overlay"],
}


def pytest_collection_modifyitems(config, items):
    if config.getoption("--full") or any(".py" in argument for argument in config.args):
        return
    chosen = [item for item in items
              if any(item.name.startswith(name) for name in SHORT_FORM.get(item.path.name, []))]
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = chosen


@pytest.fixture(scope="session")
def full(pytestconfig):
    return pytestconfig.getoption("--full")


@pytest.fixture(scope="session")
def stock(pytestconfig):
    return pytestconfig.getoption("--stock")


class Dom0:
    """A machine whose dom0 is up; what the tests do in it."""

    COUNT_STORE = "if which xs >/dev/null; then xs ls -f /; else xenstore-ls -f; fi | wc -l"
    COUNT_DESCRIPTORS = ("for p in $(pidof hospes-xenstored hospes-consoled xenstored xenconsoled);"
                         " do ls /proc/$p/fd; done | wc -l")

    def __init__(self, machine):
        self.machine = machine

    def run(self, command, timeout=120):
        return self.machine.run(command, timeout)

    def check(self, command, timeout=120):
        return self.machine.check(command, timeout)

    def write(self, path, text):
        """A small text file: one command line, which the shell's editor limits to a kilobyte."""
        words = " ".join("'" + line.replace("'", "'\\''") + "'" for line in text.splitlines())
        assert len(words) < 900
        self.check(f"printf '%s\\n' {words} > {path}")

    def guest(self, name, disk="", vif="", memory=192, vcpus=1, extra=""):
        """Writes a configuration; its path."""
        path = f"/tmp/{name}.cfg"
        self.write(path, GUEST_CFG.format(name=name, disk=disk, vif=vif, memory=memory, vcpus=vcpus, extra=extra))
        return path

    def counts(self):
        """What must not grow over the life of a guest."""
        free = self.check("hospes info --json | sed -n 's/.*\"free_pages\": \\([0-9]*\\).*/\\1/p'")
        return {
            "free pages": int(free),
            "domains": int(self.check("hospes list | wc -l")),
            "store nodes": int(self.check(self.COUNT_STORE)),
            "loop devices": int(self.check("ls -d /sys/block/loop*/loop 2>/dev/null | wc -l")),
            "vifs": int(self.check("ls /sys/class/net | grep -c vif; true")),
            "descriptors": int(self.check(self.COUNT_DESCRIPTORS)),
        }

    def settled(self, before):
        """Counts, as soon as they are as before: the kernel's workers need a moment after a destroy."""
        for _ in range(20):
            now = self.counts()
            if now == before:
                break
            time.sleep(0.5)
        return now


@pytest.fixture(scope="module")
def extra_disks():
    """More disks for dom0, from /dev/vdb on; for modules to override."""
    return []


@pytest.fixture(scope="module")
def dom0(request, pytestconfig, stock, tmp_path_factory, extra_disks):
    """A module that needs more than the small image names another one in DOM0_IMAGE."""
    image = vm.BUILD / ("oracle" if stock else "dom0") / getattr(request.module, "DOM0_IMAGE", "initramfs.gz")
    log = tmp_path_factory.mktemp("dom0") / "serial.log"
    with vm.VM(hyp=pytestconfig.getoption("--hyp"), kernel=vm.BUILD / "kernel/vmlinuz", initrd=image,
               append="console=hvc0", hyp_append="dom0_mem=640M", mem=1536, smp=2,
               disks=[vm.BUILD / "guest-linux/media.iso", *extra_disks], log=log) as machine:
        machine.expect(r"^dom0: up", timeout=300)
        machine.expect(r"# $", timeout=60)
        machine.check("dmesg -n 1; mkdir -p /media; mount -t iso9660 -o ro /dev/vda /media")
        yield Dom0(machine)
