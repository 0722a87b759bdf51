# SPDX-License-Identifier: MIT
"""Consoles of guests: hospes-consoled, `hospes console`, and Debian's client at our daemon."""

import pytest


@pytest.fixture(scope="module", autouse=True)
def ours_only(stock):
    if stock:
        pytest.skip("needs hospes-consoled")


@pytest.fixture(scope="module")
def guest(ours_only, dom0):
    path = dom0.guest("talker")
    dom0.check(f"hospes create {path}")
    wait_for(dom0, "guest: up", 120)
    yield "talker"
    dom0.check("hospes destroy talker")


def wait_for(dom0, text, seconds):
    dom0.check(f"for i in $(seq {seconds * 2}); do grep -q '{text}' /var/log/hospes/console-talker.log && break;"
               " sleep 0.5; done; grep '%s' /var/log/hospes/console-talker.log" % text, timeout=seconds + 30)


def typed(lines, wait=2):
    """Shell words that type lines at the console and leave it."""
    keys = "".join(f"echo '{line}'; sleep {wait}; " for line in lines)
    return f"({keys} printf '\\035') | hospes console talker"


def test_missed_output_is_shown(dom0, guest):
    text = dom0.check("(sleep 2; printf '\\035') | hospes console talker")
    assert "guest: up" in text


def test_piped_input(dom0, guest):
    text = dom0.check(typed(["echo $((6 * 7))-is-it"]))
    assert "42-is-it" in text


def test_many_viewers(dom0, guest):
    dom0.check("for v in 1 2 3; do hospes console talker < /dev/null > /tmp/v$v & done; sleep 1;"
               + typed(["echo seen-by-$((2+1))"]) + " > /dev/null; kill %1 %2 %3; wait")
    assert dom0.check("grep -c seen-by-3 /tmp/v1 /tmp/v2 /tmp/v3").count(":1") == 3


def test_log(dom0, guest):
    dom0.check(typed(["echo logged-$((4+4))"]))
    assert "logged-8" in dom0.check("grep logged-8 /var/log/hospes/console-talker.log")


def test_pseudo_terminal(dom0, guest):
    """The terminal of console/tty carries both ways, as Debian's xenconsole uses it."""
    text = dom0.check("tty=$(xs read /local/domain/$(hospes domid talker)/console/tty);"
                      " cat $tty > /tmp/pty & sleep 1; echo 'echo by-pty-$((1+1))' > $tty; sleep 2; kill $!;"
                      " grep by-pty-2 /tmp/pty")
    assert "by-pty-2" in text


def test_daemon_killed(dom0, guest):
    """The guest goes on with a new daemon after the old one was killed."""
    dom0.check("kill -9 $(pidof hospes-consoled); sleep 1; hospes-consoled --daemon")
    assert "still-4-here" in dom0.check(typed(["echo still-$((2*2))-here"]))


def test_babble(dom0, guest):
    """A guest that never stops talking neither fills the disk nor keeps dom0 from working."""
    dom0.check(typed(["yes a-long-line-of-nothing-in-particular-that-goes-on-and-on &"], wait=8) + " > /dev/null")
    dom0.check("hospes list", timeout=10)
    dom0.check(typed(["kill %1"], wait=3) + " > /dev/null")
    size = int(dom0.check("cat /var/log/hospes/console-talker.log* | wc -c"))
    assert 64 << 10 < size < 5 << 20
    assert "quiet-9" in dom0.check(typed(["", "echo quiet-$((3*3))"]))


def test_ends_with_the_guest(dom0, guest):
    """A viewer is told everything and let go when its guest is gone; nothing of it stays."""
    path = dom0.guest("shortlived")
    dom0.check(f"hospes create {path}")
    dom0.check("hospes console shortlived < /dev/null > /tmp/last & sleep 20; hospes destroy shortlived; wait $!",
               timeout=150)
    assert "BusyBox" in dom0.check("cat /tmp/last")
    assert dom0.check("ls /run/hospes/console | wc -l").strip() == "1"
