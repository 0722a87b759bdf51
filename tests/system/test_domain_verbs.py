# SPDX-License-Identifier: MIT
"""Verbs that change how a guest runs: its vCPUs and their share, NMIs, and the keys of the hypervisor's console."""

import json
import re

import pytest

DOM0_SHARED = "devices"


def vcpus(dom0, name):
    return {row["vcpu"]: row for row in json.loads(dom0.check(f"hospes vcpu-list --json {name}"))}


def test_vcpu_set(dom0, runner):
    """The guest's kernel gives a CPU back and takes it again."""
    dom0.check("hospes vcpu-set runner 1")
    runner.run("while [ $(nproc) != 1 ]; do sleep 0.2; done")
    dom0.check("hospes vcpu-set runner 2")
    # The guest has no udev, which would do this.
    runner.run("until echo 1 > /sys/devices/system/cpu/cpu1/online; do sleep 0.2; done; [ $(nproc) = 2 ]")


def test_vcpu_pin(dom0, runner):
    dom0.check("hospes vcpu-pin runner 0 1 && hospes vcpu-pin runner 1 0")
    runner.run("for c in 0 1; do taskset $((1 << c)) seq 20000 > /dev/null; done")
    rows = vcpus(dom0, "runner")
    assert [rows[n]["cpu"] for n in (0, 1)] == [1, 0], rows
    assert re.search(r"^runner .* 1$", dom0.check("hospes vcpu-list runner"), re.M)
    dom0.check("hospes vcpu-pin runner all all")
    assert re.search(r"^runner .* all$", dom0.check("hospes vcpu-list runner"), re.M)


def test_sched_credit2(dom0, runner):
    assert re.search(r"^Domain-0 +0 +256 +0$", dom0.check("hospes sched-credit2"), re.M)
    dom0.check("hospes sched-credit2 -d runner -w 512 -c 50")
    assert re.search(r"^runner +\d+ +512 +50$", dom0.check("hospes sched-credit2 -d runner"), re.M)
    runner.run("seq 20000 > /dev/null")
    dom0.check("hospes sched-credit2 -d runner -w 256 -c 0")
    assert re.search(r"^runner +\d+ +256 +0$", dom0.check("hospes sched-credit2"), re.M)


def test_top(dom0, runner):
    """A guest that computes is seen to; one that is paused has no time."""
    runner.run("(while :; do :; done) & true")
    row = re.search(r"^runner +\d+ +\S+ +([\d.]+) +[\d.]+ +192 +2$", dom0.check("hospes top -d 2 -n 1"), re.M)
    assert float(row.group(1)) > 1
    dom0.check("hospes pause runner")
    row = re.search(r"^runner +\d+ +\S*p\S* +([\d.]+) ", dom0.check("hospes top -d 1 -n 1"), re.M)
    dom0.check("hospes unpause runner")
    assert float(row.group(1)) == 0
    runner.run("kill $!")


def test_trigger(dom0, runner):
    dom0.check("hospes trigger runner nmi")
    runner.says("NMI received")
    runner.run("echo on")


def test_debug_keys(dom0, runner, pytestconfig):
    """Each key that `h` lists prints something, and the machine goes on."""
    if pytestconfig.getoption("--hyp") != "hospes":
        pytest.skip("Xen has other keys")
    dom0.check("hospes dmesg -c > /dev/null; hospes debug-keys h")
    keys = [words[0] for words in re.search(r"keys: (.*)", dom0.check("hospes dmesg")).group(1).split(", ")]
    assert len(keys) > 4
    for key in keys:
        dom0.check(f"hospes dmesg -c > /dev/null; hospes debug-keys {key}")
        # Of unknown operations there may be none.
        assert key == "u" or "(hyp)" in dom0.check("hospes dmesg"), key
    runner.run("echo on")
