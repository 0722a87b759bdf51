# SPDX-License-Identifier: MIT
"""Debian's kernel as dom0 on machines of many kinds: it reaches its shell, complains of nothing, powers off."""

import pytest
from conftest import BUILD, Dom0, vm

MACHINES = [
    # cpu, machine, CPUs, MiB; the first four run always
    ("max", "q35", 2, 2048),
    ("qemu64", "pc", 1, 1024),
    ("Nehalem", "q35", 4, 4096),
    ("Haswell", "pc", 2, 1024),
    ("max", "pc", 4, 16384),
    ("max", "q35", 1, 512),
    ("qemu64", "q35", 4, 2048),
    ("Nehalem", "pc", 1, 2048),
]


@pytest.mark.parametrize("number", range(len(MACHINES)), ids=["-".join(map(str, m)) for m in MACHINES])
def test_dom0_reaches_its_shell(number, full):
    cpu, machine, smp, mem = MACHINES[number]
    if number >= 4 and not full:
        pytest.skip("--full only")
    dom0_mem = "dom0_mem=384M" if mem == 512 else "dom0_mem=640M"
    with Dom0(cpu=cpu, machine=machine, smp=smp, mem=mem, hyp_append=dom0_mem) as dom0:
        assert dom0.check("nproc").strip() == str(smp)
        assert dom0.check("cat /sys/hypervisor/type").strip() == "xen"
        assert dom0.complaints() == ""
        dom0.power_off()


def first_words(**options):
    """Everything that a machine which should stop early has printed until it did."""
    options.setdefault("kernel", BUILD / "kernel/vmlinuz")
    with vm.VM(hyp="hospes", mem=512, **options) as machine:
        return machine.expect(r"^\(hyp\) Hospes cannot start: (.*?)\r*\n", 120).group(1)


def test_a_module_that_is_no_kernel(tmp_path):
    text = tmp_path / "text"
    text.write_bytes(b"this is no kernel\n" * 1000)
    assert "kernel" in first_words(kernel=text)


def test_a_kernel_that_is_cut_short(tmp_path):
    short = tmp_path / "vmlinuz"
    short.write_bytes((BUILD / "kernel/vmlinuz").read_bytes()[:1000000])
    assert first_words(kernel=short)


def test_more_memory_for_dom0_than_there_is():
    assert "dom0_mem" in first_words(hyp_append="dom0_mem=4G")


def test_an_unknown_option_is_one_warning():
    with vm.VM(hyp="hospes", mem=512, kernel=BUILD / "guest/apps/hello.elf", hyp_append="no_such_option=1") as m:
        m.expect(r"no_such_option", 60)
        m.expect(r"hello", 60)
