# SPDX-License-Identifier: MIT
"""Machines for the system tests: tests/tools/vm.py drives QEMU over its serial port."""

import pathlib
import sys
import tarfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
sys.path.insert(0, str(ROOT / "tests/tools"))

import vm  # noqa: E402  (found through the path above)

PROMPT = r"/ # $"
# What a healthy kernel never says.
COMPLAINTS = r"WARNING:|BUG:|Oops|Call Trace|general protection|unhandled"


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="the long forms too")
    parser.addoption("--hyp", default="hospes", help="hypervisor: hospes or xen; on Xen only the guests' tests run")


@pytest.fixture(scope="session")
def full(pytestconfig):
    return pytestconfig.getoption("--full")


def pytest_collection_modifyitems(config, items):
    """What is about our hypervisor's own start and disc."""
    if config.getoption("--hyp") == "hospes":
        return
    for item in items:
        if item.path.name in ("test_boot.py", "test_disc.py"):
            item.add_marker(pytest.mark.skip(reason="of Hospes alone"))


class Dom0:
    """A machine whose dom0 has reached its shell."""

    def __init__(self, **options):
        options.setdefault("mem", 2048)
        options.setdefault("hyp_append", "dom0_mem=640M loglvl=info guest_loglvl=info")
        options.setdefault("hyp", "hospes")
        self.vm = vm.VM(kernel=BUILD / "kernel/vmlinuz", initrd=BUILD / "dom0/initramfs.gz",
                        append="console=hvc0", **options)

    def __enter__(self):
        self.vm.start()
        try:
            self.vm.expect(r"^dom0: up after", 300)
            self.vm.expect(PROMPT, 60)
            # Kernel messages would break lines that a test reads.
            self.check("dmesg -n 1")
        except BaseException:
            self.vm.stop()
            raise
        return self

    def __exit__(self, *_):
        self.vm.stop()

    def run(self, command, timeout=120):
        return self.vm.run(command, timeout)

    def check(self, command, timeout=120):
        return self.vm.check(command, timeout)

    def complaints(self):
        return self.run(f"dmesg | grep -E '{COMPLAINTS}'")[1]

    def power_off(self):
        self.vm.send("poweroff\n")
        self.vm.wait(120)


@pytest.fixture(scope="session")
def guest_files(tmp_path_factory):
    """A tar archive as a disk: the guests' kernels, the small initramfs, an ext4 image."""
    path = tmp_path_factory.mktemp("guest") / "guest.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("vmlinuz", "initramfs.gz", "disk.img.gz", "demo.cfg"):
            tar.add(BUILD / "guest-linux" / name, arcname=name)
        tar.add(BUILD / "guest/apps/hello.elf", arcname="hello.elf")
    # A disk is whole sectors.
    with open(path, "ab") as disk:
        disk.write(b"\0" * (-path.stat().st_size % 4096))
    return path


@pytest.fixture(scope="module")
def dom0(pytestconfig, guest_files):
    """dom0 with two CPUs and the guests' files in /guest."""
    with Dom0(hyp=pytestconfig.getoption("--hyp"), smp=2, disks=[guest_files]) as machine:
        machine.check("mkdir -p /guest /run/hospes && cd /guest && tar xf /dev/vda && cd /")
        yield machine
