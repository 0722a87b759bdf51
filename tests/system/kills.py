# SPDX-License-Identifier: MIT
"""Killing hospes-blockd while guests use their disks."""

FULL, SHORT = 50, 5
PAUSES = (0.1, 0.5, 1.1, 2.3)
PIDS = "$(pidof hospes-blockd | tr ' ' '\\n' | sort)"
# The broker is root's.
WORKER = "for p in $old; do [ $(stat -c %u /proc/$p) = 0 ] || kill -9 $p; done"
ALL = "kill -9 $old"


def kill_blockd(dom0, full):
    """Kills by turns all of the daemon and its worker, each time when both are there again."""
    for number in range(FULL if full else SHORT):
        dom0.check(f"sleep {PAUSES[number % len(PAUSES)]}; old=\"{PIDS}\"; {WORKER if number % 2 else ALL};"
                   f" until [ $(pidof hospes-blockd | wc -w) = 2 ] && [ \"{PIDS}\" != \"$old\" ]; do sleep 0.1; done",
                   timeout=240)
