# SPDX-License-Identifier: MIT
"""The disc, from the firmware on: GRUB, hypervisor, dom0, the demonstration."""

import subprocess

import pytest
from conftest import BUILD, ROOT


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_demonstration(firmware, full):
    options = ["--uefi", "--machine", "q35"] if firmware == "uefi" else []
    done = subprocess.run(["/usr/bin/python3", ROOT / "tests/tools/run-demo.py", "--timeout", "600", *options],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900,
                          check=False)
    text = done.stdout.decode(errors="replace")
    assert done.returncode == 0, text[-3000:]
    assert "checksum correct" in text and "dom0 answered" in text, text[-3000:]
    assert (BUILD / "hospes.iso").exists()
