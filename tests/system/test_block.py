# SPDX-License-Identifier: MIT
"""The in-tree block frontend (guest/apps/blktest) with each backend, each feature on and off, in trouble and out of it.

    pytest tests/system/test_block.py                   on Hospes
    pytest tests/system/test_block.py --hyp xen         on real Xen
    pytest tests/system/test_block.py -k linux --full   with Linux's backend alone, at length
"""

import itertools
import re

import pytest

import conftest
import kills

# Every test of this file runs with each of them: name (the configuration's backendtype) and the program that must be there.
BACKENDS = {"linux": None, "hospes": "/usr/sbin/hospes-blockd"}
# What is forced off, and what the frontend must then say of itself.
FEATURES = {
    "everything": ("", r"2 queues of (?!1 )\d+ pages, 256 segments, persistent, flush, discard"),
    "one-page": ("blk.off=multipage", r"of 1 pages"),
    "direct": ("blk.off=indirect", r"11 segments"),
    "temporary-grants": ("blk.off=persistent", r"segments, flush"),
    "one-queue": ("blk.off=multiqueue", r"1 queues"),
    "barrier": ("blk.off=flush", r"persistent(, barrier)?, discard"),
    "no-discard": ("blk.off=discard", r"flush$"),
    "nothing": ("blk.off=all", r"1 queues of 1 pages, 11 segments$"),
}
# These are enough for the short form.
SHORT = {"everything", "temporary-grants", "barrier", "nothing"}
SIZE = 48 << 20
# The long form writes a disk of that size in dom0's memory eighty times: 10 GiB.
VOLUME, FULL_PASSES = 128 << 20, 80
NUMBERS = itertools.count(1)
GUEST = """\
name = "{name}"
kernel = "/apps/blktest.elf"
extra = "{words}"
memory = 64
vcpus = 2
disk = [ "{disk}" ]
on_crash = "destroy"
"""


@pytest.fixture(scope="module")
def extra_disks(tmp_path_factory):
    return [conftest.archive_of(tmp_path_factory.mktemp("apps"), "blktest")]


@pytest.fixture(scope="module", params=list(BACKENDS))
def backend(request, dom0, stock):
    if stock:
        pytest.skip("reads the logs of hospes-consoled")
    dom0.check("mkdir -p /apps && tar xf /dev/vdb -C /apps")
    program = BACKENDS[request.param]
    if program and dom0.run(f"test -x {program}")[0]:
        pytest.skip(f"no {program} in this dom0")
    return request.param


def log_of(name):
    return f"/var/log/hospes/console-{name}.log"


def wait_for(dom0, name, pattern, seconds):
    """Until the guest has printed that; all that it printed. The daemon's time stamps are taken off."""
    lines = f"sed -E 's/^[0-9T:-]+Z //' {log_of(name)} 2>/dev/null"
    dom0.run(f"for i in $(seq {seconds * 5}); do {lines} | grep -qE '{pattern}|^RESULT: ' && break; sleep 0.2; done",
             timeout=seconds * 4)
    text = dom0.run(lines)[1]
    assert re.search(pattern, text, re.M), text
    return text


class Guest:
    """A guest that runs blktest on a fresh sparse file, and the end of it."""

    def __init__(self, dom0, backend, words, mode="w", size=SIZE):
        name = f"disk{next(NUMBERS)}"
        self.dom0, self.name, self.file = dom0, name, f"/tmp/{name}.img"
        dom0.check(f"rm -f {self.file} {log_of(name)}; truncate -s {size} {self.file}")
        # Loop devices are Linux's own way; its name for it is what the absence of the key means.
        key = "" if backend == "linux" else f",backendtype={backend}"
        dom0.write(f"/tmp/{name}.cfg", GUEST.format(name=name, words=words, disk=f"{self.file},raw,xvda,{mode}{key}"))
        dom0.check(f"hospes create -q /tmp/{name}.cfg")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.dom0.run(f"hospes destroy {self.name} 2>/dev/null; rm -f {self.file}")

    def wait(self, pattern, seconds=60):
        return wait_for(self.dom0, self.name, pattern, seconds)

    def passed(self, seconds=60):
        text = self.wait("^RESULT: ", seconds)
        assert "RESULT: PASSED" in text, text
        return text


def verify(full, size):
    return f"mode=verify bytes={'256M' if full else size}"


@pytest.mark.parametrize("feature", list(FEATURES))
def test_verify(dom0, backend, feature, full):
    """Random work, checked; the negotiation came out as forced."""
    words, said = FEATURES[feature]
    if feature not in SHORT and not full:
        pytest.skip("with --full")
    with Guest(dom0, backend, f"{verify(full, '8M')} {words}") as guest:
        text = guest.passed()
    line = re.search(r"^blk 51712: .*sectors of.*$", text, re.M).group(0).rstrip()
    assert re.search(said, line), line


def test_depth_and_length(dom0, backend, full):
    """More requests than the ring takes, longer than one of them may be."""
    with Guest(dom0, backend, f"{verify(full, '24M')} qd=8 bs=1000K blk.order=1 blk.pool=100") as guest:
        guest.passed()


def test_readonly(dom0, backend):
    """Reads succeed, a write is refused before it leaves the guest."""
    with Guest(dom0, backend, "mode=verify bytes=1M", mode="r") as guest:
        assert "read-only" in guest.passed()


def test_reconnect(dom0, backend, full):
    """The connection is given up and made anew in the middle of the work."""
    with Guest(dom0, backend, f"{verify(full, '24M')} reconnect=200") as guest:
        text = guest.passed(120)
    assert int(re.search(r"blktest: (\d+) reconnects", text).group(1)) > 0


def test_resize(dom0, backend):
    """A disk grows under a guest that uses it."""
    with Guest(dom0, backend, "mode=resize count=1", size=SIZE) as guest:
        guest.wait("waiting for")
        dom0.check(f"truncate -s {2 * SIZE} {guest.file}")
        if backend == "linux":
            dom0.check(f"losetup -c $(losetup -a | grep {guest.file} | cut -d: -f1)")
        else:
            dom0.check(f"xs write /local/domain/0/backend/hospes-vbd/$(hospes domid {guest.name})/51712/resize 1")
        assert f"to {2 * SIZE // 512} sectors" in guest.passed()


def test_benchmarks_report(dom0, backend):
    """Figures, whatever they are."""
    for mode in ("read", "randwrite"):
        with Guest(dom0, backend, f"mode={mode} bytes=4M bs=16K") as guest:
            text = guest.passed()
        assert re.search(rf"^bench {mode}: .*[1-9]\d* bytes/s, [1-9]\d* IOPS, latency", text, re.M), text


def kill_daemon(dom0, times, pause):
    dom0.check(f"for i in $(seq {times}); do sleep {pause}; kill -9 $(pidof hospes-blockd); "
               "for j in $(seq 50); do pidof hospes-blockd && break; sleep 0.2; done; done", timeout=60 + 30 * times)


def rebind_driver(dom0, name, times, pause):
    """Takes the device from Linux's backend and gives it back; the guest sees no closing."""
    device = f"vbd-$(hospes domid {name})-51712"
    driver = "/sys/bus/xen-backend/drivers/vbd"
    dom0.check(f"d={device}; for i in $(seq {times}); do sleep {pause}; echo $d > {driver}/unbind; sleep {pause}; "
               f"echo $d > {driver}/bind; done", timeout=60 + 30 * times)


def test_backend_goes_and_comes_back(dom0, backend, full):
    """Killed (or unbound) under way, without a word: the guest waits and goes on, and nothing is lost."""
    # Linux's backend knows after a bind only how many requests it has answered, not which: one at a time.
    depth = "qd=1 blk.off=multiqueue" if backend == "linux" else "qd=16"
    seconds, times = (60, 20) if full else (12, 3)
    with Guest(dom0, backend, f"mode=verify seconds={seconds} {depth}") as guest:
        guest.wait("under way")
        if backend == "linux":
            # The loop device would go with its last user.
            dom0.check("sleep 1000 < /dev/$(basename $(losetup -a | grep %s | cut -d: -f1)) & true" % guest.file)
            rebind_driver(dom0, guest.name, times, 1)
            dom0.check("kill $!")
        else:
            kill_daemon(dom0, times, 1)
        guest.passed(60 + seconds)


def passes(full, count):
    """The whole disk written, read and compared that often; each pass has other data."""
    size = VOLUME if full else SIZE // 2
    return f"mode=passes size={size} bs=1000K qd=4 count={count}", size


def test_volume(dom0, backend, full):
    """All that is written is read back as it was written."""
    count = FULL_PASSES if full else 2
    words, size = passes(full, count)
    with Guest(dom0, backend, words, size=size) as guest:
        for number in range(1, count):
            guest.wait(f"pass {number} of", 240)
        text = guest.passed(240)
    written, checked = re.search(r"passes: (\d+) sectors written, (\d+) checked", text).groups()
    assert int(written) == int(checked) == count * size // 512


def test_killed_under_volume(dom0, backend, full):
    """The daemon is killed, all of it or its worker, while much is written and read: not one byte is wrong."""
    if backend == "linux":
        pytest.skip("it is no process")
    words, size = passes(full, 1000000)
    with Guest(dom0, backend, words, size=size) as guest:
        guest.wait("pass 1 of", 240)
        kills.kill_blockd(dom0, full)
        text = dom0.check(f"cat {log_of(guest.name)}")
        assert "RESULT" not in text and "out of use" not in text, text
        # Of the passes that were under way at the last kill the next one is begun after it, on each worker.
        for worker in range(2):
            last = max(map(int, re.findall(rf"worker {worker}: pass (\d+) of", text)), default=0)
            guest.wait(f"worker {worker}: pass {last + 2} of", 480)
        assert "RESULT" not in dom0.check(f"cat {log_of(guest.name)}")


def test_unplugged_under_way(dom0, backend):
    """A device that is taken away ends its requests with an error; the guest lives on."""
    with Guest(dom0, backend, "mode=verify seconds=600") as guest:
        guest.wait("under way")
        dom0.check(f"d=/local/domain/0/backend/{'vbd' if backend == 'linux' else 'hospes-vbd'}/$(hospes domid {guest.name})/51712; "
                   "xs write $d/online 0; xs write $d/state 5")
        text = guest.wait("^RESULT: FAILED")
    assert "out of use: unplugged" in text
    assert "-19" in text, text
