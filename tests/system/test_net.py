# SPDX-License-Identifier: MIT
"""The in-tree guest's network: its frontend and IP stack with each backend, against dom0 and against each other.

Every test runs once for each pairing of PAIRINGS. Guests: netecho answers, netload asks and measures, and both judge
themselves ("RESULT: PASSED").
"""

import re

import pytest

import conftest

# Whose backend serves the cards of both guests: backendtype= of the vif.
PAIRINGS = ["linux", "hospes"]
DAEMON = {"hospes": "hospes-netd"}

DOM0, LOAD = "10.0.5.1", "10.0.5.11"
ECHO = "10.0.5.10"   # "echo", for all tests that do it no harm
OTHER = "10.0.5.20"  # "other", for one test
CONFIG = 'name = "{name}"\nkernel = "/net/{app}.elf"\nextra = "{extra}"\nmemory = 48\nvcpus = {vcpus}\nvif = [ "{vif}" ]\n'

FEATURES = {
    "all": "",
    "no scatter-gather": "net.nosg",
    "no checksum offload": "net.nocsum",
    "one event channel": "net.nosplit",
    "no notification of buffers": "net.norxnotify",
    "no persistent grants": "net.nopersistent",
    "small slots": "net.slot=100",
    "nothing": "net.nosg net.nocsum net.nosplit net.norxnotify net.nopersistent net.queues=1",
}
# Without --full: everything off at once, and many slots to a frame.
SHORT = [FEATURES["small slots"], FEATURES["nothing"]]


@pytest.fixture(scope="module")
def extra_disks(tmp_path_factory):
    return [conftest.archive_of(tmp_path_factory.mktemp("net"), "netecho", "netload")]


class Net:
    """Guests with one kind of backend."""

    def __init__(self, dom0, backend):
        self.dom0 = dom0
        self.backend = backend

    def write(self, name, app, extra, vcpus=1, vif=""):
        card = "bridge=xenbr0" + (f",backendtype={self.backend}" if self.backend != "linux" else "") + vif
        self.dom0.write(f"/tmp/{name}.cfg", CONFIG.format(name=name, app=app, extra=extra, vcpus=vcpus, vif=card))
        return f"/tmp/{name}.cfg"

    def log(self, name):
        return self.dom0.run(f"cat /var/log/hospes/console-{name}.log")[1]

    def wait_log(self, name, text, seconds=60):
        """Polled in dom0: one command, whatever the speed of this machine."""
        grep = f"grep -q '{text}' /var/log/hospes/console-{name}.log"
        status, _ = self.dom0.run(f"for i in $(seq {seconds * 5}); do {grep} && break; sleep 0.2; done; {grep}",
                                  seconds * 4)
        assert status == 0, f"no {text!r} from {name}:\n{self.log(name)}"

    def wait_gone(self, name):
        gone = f"! hospes domid {name} >/dev/null 2>&1"
        self.dom0.run(f"for i in $(seq 100); do {gone} && break; sleep 0.1; done; {gone} || hospes destroy {name}")

    def start(self, name, app, extra, **more):
        self.wait_gone(name)
        self.dom0.run(f"rm -f /var/log/hospes/console-{name}.log")
        self.dom0.check(f"hospes create -q {self.write(name, app, extra, **more)}", 120)

    def other(self, extra="", **more):
        """A netecho for one test."""
        self.start("other", "netecho", f"ip={OTHER}/24 gw={DOM0} {extra}", **more)
        self.wait_log("other", "netecho: ready")

    def end(self, name):
        """Orderly end: the application closes its card and judges itself."""
        self.dom0.check(f"hospes shutdown -w {name}", 120)
        text = self.log(name)
        assert "RESULT: PASSED" in text, text
        return text

    def load(self, extra, timeout=120, **more):
        """Runs netload to its end; what it printed."""
        self.start("load", "netload", f"ip={LOAD}/24 {extra}", **more)
        self.wait_log("load", "RESULT: ", timeout)
        text = self.log("load")
        assert "RESULT: PASSED" in text, text
        return text

    def vif(self, name):
        """Name of the interface in dom0, for a card that Linux serves."""
        return f"vif{self.dom0.check(f'hospes domid {name}').strip()}.0"

    def nodes(self, name):
        """Directories of frontend and backend in the store."""
        domid = self.dom0.check(f"hospes domid {name}").strip()
        front = f"/local/domain/{domid}/device/vif/0"
        return front, self.dom0.check(f"xs read {front}/backend").strip()


@pytest.fixture(scope="module", params=PAIRINGS)
def net(request, dom0):
    dom0.check("mkdir -p /net && tar -C /net -xf /dev/vdb")
    daemon = DAEMON.get(request.param)
    if daemon and dom0.run(f"pidof {daemon}")[0]:
        pytest.skip(f"{daemon} does not run in this dom0")
    return Net(dom0, request.param)


@pytest.fixture(scope="module")
def echo(net):
    """One netecho for all tests that do not harm it."""
    net.start("echo", "netecho", f"ip={ECHO}/24 gw={DOM0}")
    net.wait_log("echo", "netecho: ready")
    yield net
    net.end("echo")


def test_ping(echo):
    """dom0 pings all sizes around the interesting ones."""
    sizes = [0, 1, 8, 56, 100, 1000, 1471, 1472]
    command = " && ".join(f"ping -q -c 1 -W 10 -s {size} {ECHO} >/dev/null" for size in sizes)
    echo.dom0.check(command, 120)


def test_fragments_are_not_answered(echo):
    assert echo.dom0.run(f"ping -q -c 1 -W 2 -s 3000 {ECHO}")[0] != 0
    echo.dom0.check(f"ping -q -c 1 -W 10 {ECHO}")


def test_echo_of_all_sizes(echo):
    """Every size that the MTU allows, each answer compared byte by byte."""
    text = echo.load(f"mode=pingpong to={ECHO} size=0-1472 count=1473")
    assert "lost 0 of 1473, wrong 0" in text


def test_beyond_the_mtu(echo):
    echo.start("load", "netload", f"ip={LOAD}/24 mode=pingpong to={ECHO} size=1473 count=1")
    echo.wait_log("load", "RESULT: FAILED a datagram was not sent")


def test_closed_port(echo):
    echo.start("load", "netload", f"ip={LOAD}/24 mode=pingpong to={ECHO} port=4000 count=1")
    echo.wait_log("load", "RESULT: FAILED the peer has no such port")


@pytest.mark.parametrize("words", FEATURES.values(), ids=FEATURES.keys())
def test_features_of_one_end(echo, full, words):
    """A guest with a feature off talks to one with all of them on."""
    if not full and words not in SHORT:
        pytest.skip("with --full")
    if echo.backend == "hospes":
        # It refuses a frontend that does not say when there are buffers again; nobody knows one.
        words = words.replace("net.norxnotify", "")
    text = echo.load(f"mode=pingpong to={ECHO} size=8-1472 count=300 window=8 loss=2 {words}")
    assert (", sg" in text) == ("nosg" not in words)
    assert (", csum" in text) == ("nocsum" not in words)
    assert (", split" in text) == ("nosplit" not in words)


def test_load(echo, full):
    """Many datagrams under way in both directions; what a full ring costs is a loss, never a wrong byte."""
    seconds = 60 if full else 2
    text = echo.load(f"mode=pingpong to={ECHO} size=1400-1472 window=128 wait=2 loss=30 seconds={seconds}", 60 + 4 * seconds)
    assert "wrong 0" in text


def test_stream(echo, full):
    """As fast as it goes into the bin of the other one."""
    echo.load(f"mode=udp-send to={ECHO} size=1472 seconds={60 if full else 2}", 300)
    echo.dom0.check(f"ping -q -c 1 -W 10 {ECHO}")


def test_queues(net):
    """Two vCPUs, two queues on either side."""
    # Linux's backend offers as many as dom0 has vCPUs, ours what the operator says.
    vif = ",queues=2" if net.backend == "hospes" else ""
    net.other(vcpus=2, vif=vif)
    text = net.load(f"mode=pingpong to={OTHER} size=64-1472 count=200 window=16 loss=2", vcpus=2, vif=vif)
    assert "2 queues" in text and "2 queues" in net.log("other"), text
    net.end("other")


def test_jumbo(net):
    """Frames of three slots."""
    net.other(vif=",mtu=9000")
    text = net.load(f"mode=pingpong to={OTHER} size=8900-8972 count=146", vif=",mtu=9000")
    assert "mtu 9000" in text and "lost 0 of 146" in text, text
    net.end("other")


def dhcp_server(dom0):
    """The one that is there already, or busybox's; the command that ends it."""
    if dom0.run("pidof dnsmasq")[0] == 0:
        return "true"
    dom0.write("/tmp/udhcpd.conf", "start 10.0.5.200\nend 10.0.5.210\ninterface xenbr0\nlease_file /tmp/leases\n"
                                   "option subnet 255.255.255.0\noption router 10.0.5.1\noption lease 600")
    dom0.check("touch /tmp/leases; udhcpd -S -I 10.0.5.1 /tmp/udhcpd.conf; pidof udhcpd")
    return "kill $(pidof udhcpd)"


def test_dhcp(net):
    """An address from a server in dom0."""
    end = dhcp_server(net.dom0)
    try:
        net.start("other", "netecho", "ip=dhcp")
        net.wait_log("other", "netecho: ready")
    finally:
        net.dom0.run(end)
    address = re.search(r"address (10\.0\.5\.\d+) mask 255\.255\.255\.0 gateway 10\.0\.5\.1", net.log("other"))
    assert address, net.log("other")
    net.dom0.check(f"ping -q -c 2 -W 10 {address.group(1)}")
    net.end("other")


def test_carrier(net):
    """The backend's word on the link is heard."""
    net.other()
    _, back = net.nodes("other")
    net.dom0.check(f"xs write {back}/carrier 0")
    net.wait_log("other", "link down")
    net.dom0.check(f"xs write {back}/carrier 1")
    net.dom0.check(f"ip neigh flush dev xenbr0; ping -q -c 2 -W 10 {OTHER}")
    net.end("other")


def test_other_mac(net):
    """A new address of the card is used and told to everybody."""
    net.other()
    front, _ = net.nodes("other")
    net.dom0.check(f"ping -q -c 1 -W 10 {OTHER}; xs write {front}/mac 00:16:3e:77:88:99")
    status, _ = net.dom0.run(f"for i in $(seq 100); do ping -q -c 1 -W 1 {OTHER} >/dev/null;"
                             f" ip neigh show {OTHER} | grep -q 00:16:3e:77:88:99 && break; sleep 0.1; done;"
                             f" ip neigh show {OTHER} | grep -q 00:16:3e:77:88:99")
    assert status == 0, net.dom0.run(f"ip neigh show {OTHER}")[1]
    net.end("other")


def test_card_goes_and_comes(net):
    """The toolstack takes the card away and gives another one of the same number."""
    net.other()
    front, _ = net.nodes("other")
    card = "mac=00:16:3e:55:44:33,bridge=xenbr0" + ("" if net.backend == "linux" else f",backendtype={net.backend}")
    net.dom0.check("hospes network-detach other 0")
    net.wait_log("other", "link down")
    assert net.dom0.run(f"xs ls {front}")[0] != 0
    net.dom0.check(f"hospes network-attach other {card.replace(',', ' ')}")
    net.dom0.check(f"ip neigh flush dev xenbr0; for i in $(seq 30); do ping -q -c 1 -W 1 {OTHER} && break; done")
    assert "00:16:3e:55:44:33" in net.dom0.check(f"ip neigh show {OTHER}")
    assert "connections 2" in net.end("other")


def test_backend_closes_and_returns(net):
    """A backend that closes in good order while the device stays: the guest connects anew."""
    net.other()
    _, back = net.nodes("other")
    net.dom0.check(f"ping -q -c 1 -W 10 {OTHER}; xs write {back}/state 5")
    net.wait_log("other", "link down")
    net.dom0.check(f"for i in $(seq 30); do ping -q -c 1 -W 1 {OTHER} && break; done")
    assert "connections 2" in net.end("other")


def test_driver_is_unbound_and_bound(net):
    """Linux's driver is gone without a word, and comes back to the same rings."""
    if net.backend != "linux":
        pytest.skip("only a driver of Linux can be unbound")
    net.other()
    interface = net.vif("other")
    device = interface.replace("vif", "vif-").replace(".", "-")
    net.dom0.check(f"ping -q -c 1 -W 10 {OTHER}; echo {device} > /sys/bus/xen-backend/drivers/vif/unbind")
    assert net.dom0.run(f"ping -q -c 1 -W 1 {OTHER}")[0] != 0
    _, back = net.nodes("other")
    net.dom0.check(f"echo {device} > /sys/bus/xen-backend/drivers/vif/bind; xs write {back}/hotplug-status connected")
    net.dom0.check(f"for i in $(seq 100); do ip link set {interface} master xenbr0 up && break; sleep 0.1; done")
    net.dom0.check(f"for i in $(seq 30); do ping -q -c 1 -W 1 {OTHER} && break; done")
    assert "connections 1" in net.end("other")


def test_backend_is_killed(net, full):
    """The daemon dies under load and comes back: nobody is told, nothing wrong arrives, traffic goes on."""
    if net.backend == "linux":
        pytest.skip("no process to kill")
    net.other()
    net.start("load", "netload", f"ip={LOAD}/24 mode=pingpong to={OTHER} size=64-1472 window=16 wait=1 loss=60 seconds=10")
    net.wait_log("load", "net: address")
    for _ in range(5 if full else 2):
        net.dom0.check(f"sleep 2; kill -9 $(pidof {DAEMON[net.backend]})")
    net.wait_log("load", "RESULT: ", 60)
    text = net.log("load")
    assert "RESULT: PASSED" in text and "wrong 0" in text and "connections 1\n" in text, text
    net.dom0.check(f"for i in $(seq 30); do ping -q -c 1 -W 1 {OTHER} && break; done")
    net.end("other")
