# SPDX-License-Identifier: MIT
"""Guests: created, seen, used, ended, with nothing left behind."""

import json
import re

import pytest

LINUX = """
name = "{name}"
kernel = "/guest/vmlinuz"
ramdisk = "/guest/initramfs.gz"
extra = "console=hvc0 quiet sysrq_always_enabled"
memory = 160
vcpus = {vcpus}
on_crash = "{on_crash}"
"""
SMALL = 'name = "{name}"\nkernel = "/guest/hello.elf"\nmemory = 16\n'


def write(dom0, path, text):
    lines = " ".join(f"'{line}'" for line in text.strip().splitlines())
    dom0.check(f"printf '%s\\n' {lines} > {path}")


def domains(dom0):
    return {d["name"]: d for d in json.loads(dom0.check("hospes list --json"))}


def wait_until(dom0, condition, seconds=60):
    """A shell condition in dom0, polled there: one command, whatever the speed of this machine."""
    dom0.check(f"for i in $(seq {seconds * 5}); do {condition} && break; sleep 0.2; done; {condition}", seconds * 4)


def console_says(name, words):
    return f"grep -q '{words}' /var/log/hospes/*{name}*"


@pytest.fixture
def linux(dom0):
    write(dom0, "/tmp/linux.cfg", LINUX.format(name="linux", vcpus=2, on_crash="destroy"))
    dom0.check("hospes create -q /tmp/linux.cfg", 300)
    wait_until(dom0, console_says("linux", "guest: up after"))
    yield "linux"
    dom0.run("hospes destroy linux")
    dom0.run("rm -f /var/log/hospes/*linux*")


def test_list_and_names(dom0, linux):
    guest = domains(dom0)[linux]
    assert dom0.check("hospes domid linux").strip() == str(guest["domid"])
    assert dom0.check(f"hospes domname {guest['domid']}").strip() == linux
    assert len(json.loads(dom0.check("hospes vcpu-list --json linux"))) >= 1
    assert re.search(r"linux .* 0 days, 00:", dom0.check("hospes uptime linux"))


def test_console_takes_commands(dom0, linux):
    text = dom0.check("{ sleep 1; echo 'echo $((6 * 7)) answer; nproc'; sleep 2; printf '\\035'; } | hospes console linux")
    assert "42 answer" in text


def test_pause_and_unpause(dom0, linux):
    dom0.check("hospes pause linux")
    assert re.search(r"^linux .* [r-][b-]p", dom0.check("hospes list linux"), re.M)
    dom0.check("hospes unpause linux")
    assert not re.search(r"^linux .* [r-][b-]p", dom0.check("hospes list linux"), re.M)


def test_rename(dom0, linux):
    dom0.check("hospes rename linux other && hospes domid other && hospes rename other linux")


def test_memory_goes_and_comes(dom0, linux):
    dom0.check("hospes mem-set linux 120")
    wait_until(dom0, "hospes list linux | grep -qE ' 12[0-9] '")


def test_reboot_builds_the_guest_anew(dom0, linux):
    before = dom0.check("hospes domid linux").strip()
    dom0.check("hospes reboot linux")
    wait_until(dom0, f"test $(hospes domid linux 2>/dev/null || echo {before}) != {before}")
    dom0.check("hospes destroy linux")


def test_shutdown_waits(dom0, linux):
    dom0.check("hospes shutdown -w linux", 200)
    wait_until(dom0, "! hospes domid linux 2>/dev/null")


def test_a_crash_is_the_end_as_configured(dom0, linux):
    dom0.check("hospes sysrq linux c")
    wait_until(dom0, "! hospes domid linux 2>/dev/null")


def resources(dom0):
    """What must be the same before and after."""
    info = json.loads(dom0.check("hospes info --json"))
    return {
        "free pages": info["free_pages"],
        "store nodes": dom0.check("xs ls -f / | wc -l").strip(),
        "store descriptors": dom0.check("ls /proc/$(pidof hospes-xenstored)/fd | wc -l").strip(),
        "console descriptors": dom0.check("for p in $(pidof hospes-consoled); do ls /proc/$p/fd; done | wc -l").strip(),
        "loop devices": dom0.check("losetup -a | wc -l").strip(),
        "network": dom0.check("ls /sys/class/net").split(),
        "processes": dom0.check("pidof hospes | wc -w").strip(),
        "events": dom0.check("grep -c xen-dyn /proc/interrupts").strip(),
    }


def test_cycles_leave_nothing(dom0, full):
    write(dom0, "/tmp/small.cfg", SMALL.format(name="small"))
    # Once, for what is kept on purpose (unpacked kernels, slabs).
    dom0.check("hospes create -p -q /tmp/small.cfg && hospes destroy small")
    before = resources(dom0)
    count = 200 if full else 20
    dom0.check(f"for i in $(seq {count}); do hospes create -p -q /tmp/small.cfg && hospes destroy small || break; done; "
               f"test $i = {count}", 1200)
    wait_until(dom0, "test $(hospes list --json | grep -c domid) = 1", 30)
    assert resources(dom0) == before


BAD = [
    ("kernel", 'name = "bad"\nkernel = "/no/such/file"\nmemory = 16\n', r"bad\.cfg:2: .*No such file"),
    ("syntax", 'name = "bad\n', r"bad\.cfg:1: "),
    ("memory", 'name = "bad"\nkernel = "/guest/hello.elf"\nmemory = 1000000\n', r"memory"),
    ("taken", 'name = "Domain-0"\nkernel = "/guest/hello.elf"\nmemory = 16\n', r"Domain-0"),
    ("type", 'name = "bad"\nkernel = "/guest/hello.elf"\ntype = "hvm"\n', r"bad\.cfg:3: "),
    ("image", 'name = "bad"\nkernel = "/guest/initramfs.gz"\nmemory = 16\n', r"initramfs\.gz"),
    ("disk", 'name = "bad"\nkernel = "/guest/hello.elf"\nmemory = 16\ndisk = ["/no/disk,raw,xvda,rw"]\n', r"/no/disk"),
]


@pytest.mark.parametrize("text,message", [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_a_bad_configuration_is_one_line(dom0, text, message):
    before = resources(dom0)
    write(dom0, "/tmp/bad.cfg", text)
    status, out = dom0.run("hospes create /tmp/bad.cfg")
    assert status == 1, out
    errors = [line for line in out.splitlines() if line.startswith("hospes:")]
    assert len(errors) == 1 and re.search(message, errors[0]), out
    assert resources(dom0) == before


def test_a_create_that_dies_half_way(dom0):
    write(dom0, "/tmp/half.cfg", LINUX.format(name="half", vcpus=1, on_crash="destroy"))
    dom0.run("hospes create -p -q /tmp/half.cfg & p=$!; sleep 0.2; kill -9 $p; wait $p")
    # It may be without a name yet.
    for guest in domains(dom0).values():
        if guest["domid"] != 0:
            dom0.check(f"hospes destroy {guest['domid']}")
    assert set(domains(dom0)) == {"Domain-0"}


def test_dom0_has_nothing_to_complain_of(dom0):
    assert dom0.complaints() == ""
    text = dom0.check("hospes dmesg")
    assert not re.search(r"^\(hyp\).*(PANIC|BUG|assertion)", text, re.M), text
