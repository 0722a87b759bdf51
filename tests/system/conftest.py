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
import tarfile
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
    "test_devices_hotplug.py": ["test_linux_disk[hospes]", "test_linux_card[linux]", "test_in_tree_disk[hospes]",
                                "test_in_tree_card[linux]"],
    "test_domain_errors.py": ["test_"],
    "test_domain_verbs.py": ["test_"],
    "test_hostile.py": ["test_attacks"],
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

    # What must not grow over the life of a guest: its name, and a command that prints the number.
    COUNTS = {
        "free pages": "hospes info --json | sed -n 's/.*\"free_pages\": \\([0-9]*\\).*/\\1/p'",
        "domains": "hospes list | wc -l",
        "store nodes": "if which xs >/dev/null; then xs ls -f /; else xenstore-ls -f; fi | wc -l",
        "loop devices": "ls -d /sys/block/loop*/loop 2>/dev/null | wc -l",
        "vifs": "ls /sys/class/net | grep -c vif",
        "descriptors": "for p in $(pidof hospes-xenstored hospes-consoled hospes-blockd hospes-netd xenstored xenconsoled);"
                       " do ls /proc/$p/fd; done | wc -l",
        "files": "find /run/hospes -type f | wc -l",
    }

    def __init__(self, machine):
        self.machine = machine
        self.counting = False

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
        if not self.counting:
            self.write("/tmp/counts", "\n".join(self.COUNTS.values()))
            self.counting = True
        return dict(zip(self.COUNTS, map(int, self.run(". /tmp/counts")[1].split()), strict=True))

    def settled(self, before, but=None):
        """Counts, as soon as they are as before: the kernel's workers need a moment after a destroy. The one
        named by `but` is taken for what it was."""
        for _ in range(20):
            now = self.counts()
            now.update({but: before[but]} if but else {})
            if now == before:
                break
            time.sleep(0.5)
        return now


@pytest.fixture(scope="module")
def extra_disks():
    """More disks for dom0, from /dev/vdb on; for modules to override."""
    return []


def archive_of(directory, *names):
    """Applications of the in-tree guest in a tar archive, whole sectors long: a disk for dom0."""
    path = directory / "apps.tar"
    with tarfile.open(path, "w") as tar:
        for name in names:
            tar.add(vm.BUILD / f"guest/apps/{name}.elf", arcname=f"{name}.elf")
    with open(path, "ab") as disk:
        disk.write(b"\0" * (-path.stat().st_size % 4096))
    return path


class Machines:
    """Starts machines; one at a time, since a start is what costs most."""

    def __init__(self, config, directory):
        self.hyp, self.stock = config.getoption("--hyp"), config.getoption("--stock")
        self.directory, self.machine, self.key, self.started = directory, None, None, 0

    def dom0(self, key, image, disks):
        """The machine with that key, if it is the one that runs; else a new one."""
        if self.machine and self.key == key:
            return Dom0(self.machine)
        self.stop()
        self.started += 1
        path = vm.BUILD / ("oracle" if self.stock else "dom0") / image
        machine = vm.VM(hyp=self.hyp, kernel=vm.BUILD / "kernel/vmlinuz", initrd=path, append="console=hvc0",
                        hyp_append="dom0_mem=640M", mem=1536, smp=2, log=self.directory / f"serial{self.started}.log",
                        disks=[vm.BUILD / "guest-linux/media.iso", *disks])
        self.machine, self.key = machine, None
        machine.start()
        machine.expect(r"^dom0: up", timeout=300)
        machine.expect(r"# $", timeout=60)
        machine.check("dmesg -n 1; mkdir -p /media; mount -t iso9660 -o ro /dev/vda /media")
        self.key = key
        return Dom0(machine)

    def stop(self):
        if self.machine:
            self.machine.stop()
        self.machine = None


@pytest.fixture(scope="session")
def machines(pytestconfig, tmp_path_factory):
    machines = Machines(pytestconfig, tmp_path_factory.mktemp("dom0"))
    yield machines
    machines.stop()


def shared_key(request):
    return getattr(request.module, "DOM0_SHARED", None)


@pytest.fixture(scope="module", autouse=True)
def one_machine(request, machines):
    """Ends the machine that the modules before had together, if this one is none of them."""
    if shared_key(request) != machines.key:
        machines.stop()


@pytest.fixture(scope="module")
def dom0(request, machines, extra_disks):
    """A module that needs more than the small image names another one in DOM0_IMAGE. Modules that run one after the
    other and have the same word in DOM0_SHARED have one machine together, with applications below /apps."""
    image = getattr(request.module, "DOM0_IMAGE", "initramfs.gz")
    shared = shared_key(request)
    if not shared:
        yield machines.dom0(request.module.__name__, image, extra_disks)
        machines.stop()
        return
    new = not machines.machine
    dom0 = machines.dom0(shared, image, [archive_of(machines.directory, "devices", "netecho")] if new else [])
    if new:
        dom0.check("mkdir -p /apps && tar xf /dev/vdb -C /apps")
    yield dom0


class Shell:
    """The shell of a Linux guest, by its console."""

    LOGS = "/var/log/hospes/console-{0}.log /var/log/xen/console/guest-{0}.log"

    def __init__(self, dom0, name):
        self.dom0, self.name, self.lines = dom0, name, 0

    def says(self, words):
        """Waits until the console has shown that."""
        seen = f"cat {self.LOGS.format(self.name)} 2>/dev/null | grep -q '{words}'"
        self.dom0.check(f"for i in $(seq 240); do {seen} && break; sleep 0.5; done; {seen}", timeout=600)

    def run(self, command):
        """A line for the shell, which must end with status 0."""
        self.lines += 1
        # The echo of the line is not what it prints.
        self.dom0.write("/tmp/line", f"{command} && echo done-$(({self.lines}+100))-well")
        read = "$(which xs > /dev/null && echo xs read || echo xenstore-read)"
        self.dom0.check(f"cat /tmp/line > $({read} /local/domain/$(hospes domid {self.name})/console/tty)")
        self.says(f"done-{self.lines + 100}-well")


@pytest.fixture(scope="module")
def runner(dom0, machines):
    """A Linux guest without devices; it stays for the next module, if that has the same machine."""
    if not hasattr(machines.machine, "runner"):
        path = dom0.guest("runner", vcpus=2, extra="sysrq_always_enabled")
        dom0.check(f"hospes create -q {path}", timeout=300)
        machines.machine.runner = Shell(dom0, "runner")
    machines.machine.runner.says("guest: up after")
    return machines.machine.runner
