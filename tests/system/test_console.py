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


def test_log_has_times(dom0, guest):
    """Every line of it, also those that came in pieces."""
    dom0.check(typed(["echo one; echo; echo -n two; sleep 1; echo three"]))
    dom0.check("grep -qE '^[0-9-]+T[0-9:]+Z two' /var/log/hospes/console-talker.log")
    assert dom0.check("grep -vcE '^2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z ' /var/log/hospes/console-talker.log;"
                      " true").strip() == "0"


def test_worker_has_no_privileges(dom0, guest):
    status = dom0.check("cat /proc/$(pidof hospes-consoled | tr ' ' '\n' | sort -n | tail -n 1)/status")
    words = {line.split()[0]: line.split()[1:] for line in status.splitlines() if line.strip()}
    assert set(words["Uid:"]) == {dom0.check("id -u hospes-console").strip()}
    assert words["CapEff:"] == ["0000000000000000"]
    assert words["NoNewPrivs:"] == ["1"]
    assert words["Seccomp:"] == ["2"]


def kill(dom0, which):
    """SIGKILL, until another one serves: `which` is a shell word for the processes."""
    dom0.check(f"old=$(pidof hospes-consoled); kill -9 {which};"
               " until [ $(pidof hospes-consoled | wc -w) = 2 ] && [ \"$(pidof hospes-consoled)\" != \"$old\" ] &&"
               " test -S /run/hospes/console/$(hospes domid talker); do sleep 0.1; done; sleep 1", timeout=60)


WORKER = "$(pidof hospes-consoled | tr ' ' '\n' | sort -n | tail -n 1)"
ALL = "$(pidof hospes-consoled)"


@pytest.mark.parametrize("which", [WORKER, ALL], ids=["worker", "all"])
def test_daemon_killed(dom0, guest, which):
    """The guest goes on with a new daemon, which init has started, and what was said before is still shown."""
    dom0.check(typed(["echo before-$((1+1))-the-kill"]))
    kill(dom0, which)
    text = dom0.check(typed(["echo still-$((2*2))-here"]))
    assert "still-4-here" in text
    assert "before-2-the-kill" in text


def test_nothing_is_lost_when_killed(dom0, guest):
    """A guest that talks all the time, a daemon that dies all the time: every line is in the log and in the backlog."""
    count = 1500
    dom0.check(typed([f"i=0; while [ $i -lt {count} ]; do echo line-$i-; i=$((i+1)); done; echo all-$((5+5))"], wait=1)
               + " > /dev/null")
    for which in (WORKER, ALL, WORKER):
        kill(dom0, which)
    wait_for(dom0, "all-10", 60)
    dom0.check("grep -o 'line-[0-9]*-' /var/log/hospes/console-talker.log | sort -t - -k 2 -n -u | wc -l > /tmp/lines;"
               f" grep -qx {count} /tmp/lines")
    text = dom0.check("(sleep 2; printf '\\035') | hospes console talker | grep -o 'line-[0-9]*-' | tr -dc '0-9\n'")
    numbers = [int(word) for word in text.split()]
    assert numbers == list(range(numbers[0], count))


def test_create_with_console(dom0):
    """All that a guest says which ends at once is shown."""
    path = dom0.guest("brief", extra="rdinit=/missing panic=-1 loglevel=7")
    text = dom0.check(f"hospes create -c {path} < /dev/null | tail -n 60", timeout=180)
    assert "Kernel panic" in text


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
    assert dom0.check("ls /run/hospes/console | grep -vc \"^$(hospes domid talker)\"; true").strip() == "0"
