# SPDX-License-Identifier: MIT
"""hospes-netd with Debian's own frontend: traffic, limits, a killed daemon, and the network around it."""

import re
import time

import pytest

import conftest
import vm

GUEST_TTY = "$(xs read /local/domain/{domid}/console/tty)"
HOSPES = '"backendtype=hospes,bridge=xenbr0{}"'
MEGABYTES = 4


class Guest:
    """A Linux guest on its shell: commands go in by its console's terminal, output is what the log shows."""

    def __init__(self, dom0, name, keys="", ip="10.0.5.2", before=None):
        self.dom0, self.name, self.ip, self.marks = dom0, name, ip, 0
        self.log = f"/var/log/hospes/console-{name}.log"
        dom0.run(f"rm -f {self.log}*")
        dom0.check("hospes create -p " + dom0.guest(name, vif=HOSPES.format(keys), extra=f"ip={ip}/24"), timeout=180)
        self.domid = int(dom0.check(f"hospes list | awk '$1 == \"{name}\" {{ print $2 }}'"))
        self.backend = f"/local/domain/0/backend/hospes-vif/{self.domid}/0"
        if before:
            before(self)
        dom0.check(f"hospes unpause {name}")
        self.wait_log("guest: up after")

    def wait_log(self, pattern, seconds=120):
        self.dom0.check(f"for i in $(seq {seconds * 2}); do grep -q '{pattern}' {self.log} 2>/dev/null && break;"
                        f" sleep 0.5; done; grep -q '{pattern}' {self.log}", timeout=4 * seconds)

    def start(self, command):
        """Types the command; wait() gives its status and output."""
        self.marks += 1
        # The marks are typed in two parts, so that the echo of the line is none.
        line = f"echo be\"\"gin{self.marks}; {command}; echo en\"\"d{self.marks}=$?"
        self.dom0.check("printf '%s\\n' '" + line.replace("'", "'\\''") + "' > " + GUEST_TTY.format(domid=self.domid))

    def wait(self, seconds=120):
        # Each line of the log begins with its time.
        self.wait_log(f"Z end{self.marks}=", seconds)
        text = self.dom0.check(f"sed -n '/Z begin{self.marks}/,/Z end{self.marks}=/p' {self.log}").replace("\r", "")
        return int(re.search(rf"Z end{self.marks}=(\d+)", text).group(1)), text

    def run(self, command, seconds=120):
        self.start(command)
        return self.wait(seconds)

    def check(self, command, seconds=120):
        status, text = self.run(command, seconds)
        assert status == 0, text
        return text

    def destroy(self):
        self.dom0.check(f"hospes destroy {self.name}", timeout=180)


@pytest.fixture(scope="module")
def dom0(pytestconfig, stock, tmp_path_factory):
    if stock:
        pytest.skip("needs this project's daemons")
    log = tmp_path_factory.mktemp("netd") / "serial.log"
    with vm.VM(hyp=pytestconfig.getoption("--hyp"), kernel=vm.BUILD / "kernel/vmlinuz",
               initrd=vm.BUILD / "dom0/initramfs.gz", append="console=hvc0", hyp_append="dom0_mem=640M", mem=1536,
               smp=2, disks=[vm.BUILD / "guest-linux/media.iso"], log=log, net=True) as machine:
        machine.expect(r"^dom0: up", timeout=300)
        machine.expect(r"# $", timeout=60)
        machine.check("dmesg -n 1; mkdir -p /media; mount -t iso9660 -o ro /dev/vda /media")
        machine.check(f"dd if=/dev/urandom of=/tmp/data bs=1M count={MEGABYTES} 2>/dev/null")
        yield conftest.Dom0(machine)


@pytest.fixture
def long_form(full):
    if not full:
        pytest.skip("only with --full")


@pytest.fixture(scope="module")
def guest(dom0):
    it = Guest(dom0, "one")
    yield it
    it.destroy()


def checksum(text):
    return re.search(r"\b[0-9a-f]{64}\b", text).group(0)


def send(dom0, guest, during=None):
    """dom0 to guest: the data arrives as it is."""
    want = checksum(dom0.check("sha256sum < /tmp/data"))
    guest.start("nc -l -p 7000 | sha256sum")
    dom0.check(f"(for i in $(seq 60); do nc {guest.ip} 7000 < /tmp/data && break; sleep 0.5; done > /dev/null 2>&1 &)")
    if during:
        during()
    assert checksum(guest.wait(180)[1]) == want


def fetch(dom0, guest, during=None):
    """guest to dom0: the same data back."""
    want = checksum(dom0.check("sha256sum < /tmp/data"))
    dom0.check("(nc -l -p 7001 < /tmp/data > /dev/null &); sleep 0.2")
    guest.check("nc 10.0.5.1 7001 > /tmp/data")
    # nc ends when its input does.
    dom0.check("rm -f /tmp/sum; ((sleep 300 | nc -l -p 7002 | sha256sum > /tmp/sum) > /dev/null 2>&1 &)")
    guest.start("sleep 0.5; nc 10.0.5.1 7002 < /tmp/data")
    if during:
        during()
    assert guest.wait(180)[0] == 0
    assert checksum(dom0.check("for i in $(seq 100); do [ -s /tmp/sum ] && break; sleep 0.1; done; cat /tmp/sum")) == want


def test_ping(dom0, guest):
    dom0.check(f"ping -c 3 -W 10 {guest.ip}")
    assert "mtu 1500" in dom0.check(f"ip link show vif{guest.domid}.0")


def test_bulk(dom0, guest):
    send(dom0, guest)
    fetch(dom0, guest)


@pytest.mark.usefixtures("long_form")
def test_guest_to_guest(dom0, guest):
    other = Guest(dom0, "two", ip="10.0.5.3")
    other.start("nc -l -p 7003 | sha256sum")
    want = checksum(guest.check("dd if=/dev/urandom of=/tmp/d2 bs=1M count=2 2>/dev/null; sha256sum /tmp/d2; "
                                "for i in 1 2 3 4 5 6; do nc 10.0.5.3 7003 < /tmp/d2 && break; sleep 1; done"))
    assert checksum(other.wait()[1]) == want
    other.destroy()


def test_frontend_without_offloads(dom0):
    """A frontend that was offered nothing gets finished packets."""
    def nothing(it):
        for node in ("feature-sg", "feature-gso-tcpv4", "feature-gso-tcpv6", "feature-ipv6-csum-offload",
                     "feature-split-event-channels"):
            dom0.check(f"xs write {it.backend}/{node} 0")

    plain = Guest(dom0, "plain", ip="10.0.5.4", before=nothing)
    assert dom0.run(f"xs read /local/domain/{plain.domid}/device/vif/0/event-channel")[0] == 0
    send(dom0, plain)
    fetch(dom0, plain)
    plain.destroy()


@pytest.mark.usefixtures("long_form")
def test_several_queues(dom0):
    path = dom0.guest("queues", vif=HOSPES.format(",queues=2"), vcpus=2, extra="ip=10.0.5.5/24")
    dom0.check(f"hospes create {path}", timeout=180)
    domid = int(dom0.check("hospes list | awk '$1 == \"queues\" { print $2 }'"))
    dom0.check("for i in $(seq 60); do ping -c 1 -W 2 10.0.5.5 > /dev/null && break; sleep 1; done; ping -c 3 10.0.5.5",
               timeout=300)
    assert "queue-1" in dom0.check(f"xs list /local/domain/{domid}/device/vif/0")
    dom0.check("hospes destroy queues")


def test_killed_daemon(dom0, guest):
    """Whatever of the daemon is killed under load, the transfer goes on and nothing is false."""
    def kill():
        for victim in ("tail -n 1", "head -n 1"): # the worker, then all
            time.sleep(1)
            before = dom0.check("pidof hospes-netd | tr ' ' '\\n' | sort -n")
            dom0.check(f"kill -9 $(pidof hospes-netd | tr ' ' '\\n' | sort -n | {victim})")
            dom0.check(f"for i in $(seq 100); do [ $(pidof hospes-netd | wc -w) = 2 ] &&"
                       f" [ \"$(pidof hospes-netd | tr ' ' '\\n' | sort -n)\" != '{before.strip()}' ] && break;"
                       " sleep 0.2; done; true", timeout=60)

    send(dom0, guest, during=kill)
    fetch(dom0, guest, during=kill)
    dom0.check(f"for i in $(seq 60); do ping -c 1 -W 2 {guest.ip} > /dev/null && break; done; ping -c 3 {guest.ip}",
               timeout=200)


@pytest.mark.usefixtures("long_form")
def test_rate(dom0, guest):
    """What got through is never more than the bucket and what flowed into it; without a limit it is not held."""
    rate, burst = 200000, 131072
    dom0.check(f"xs write {guest.backend}/rate {rate // 10},100000")
    counter = f"/sys/class/net/vif{guest.domid}.0/statistics/rx_bytes"
    begin = [float(x) for x in dom0.check(f"cat /proc/uptime {counter} | cut -d ' ' -f 1").split()]
    guest.start("timeout 5 nc 10.0.5.1 7004 < /dev/zero")
    dom0.check("timeout 6 nc -l -p 7004 > /dev/null; true")
    end = [float(x) for x in dom0.check(f"cat {counter} /proc/uptime | cut -d ' ' -f 1").split()]
    assert end[0] - begin[1] <= burst + 65536 + rate * (end[1] - begin[0])
    dom0.check(f"xs rm {guest.backend}/rate")
    guest.wait()
    dom0.check(f"ping -c 1 -W 10 {guest.ip}")


def test_antispoof(dom0):
    spoof = Guest(dom0, "spoof", keys=",ip=10.0.5.6,antispoof=1", ip="10.0.5.6")
    dom0.check("ping -c 2 -W 10 10.0.5.6")
    spoof.check("ip addr add 10.0.5.66/24 dev eth0")
    assert spoof.run("ping -c 2 -W 3 -I 10.0.5.66 10.0.5.1")[0] != 0
    spoof.check("ping -c 2 -W 10 -I 10.0.5.6 10.0.5.1")
    spoof.check("ip link set eth0 down; ip link set eth0 address 00:16:3e:99:99:99; ip link set eth0 up")
    assert spoof.run("ping -c 2 -W 3 -I 10.0.5.6 10.0.5.1")[0] != 0
    dom0.check(f"xs write {spoof.backend}/antispoof 0")
    spoof.check("ping -c 2 -W 10 -I 10.0.5.6 10.0.5.1")
    spoof.destroy()


def test_dhcp_nat_forward(dom0):
    """`ip=` by DHCP, the machine's network beyond dom0, and a port of dom0's that leads in."""
    inside = Guest(dom0, "inside", keys=",ip=10.0.5.20,forward=tcp:8080:80", ip="10.0.5.200")
    dom0.check("for i in $(seq 60); do ip addr show eth0 | grep -q 'inet ' && break; sleep 0.5; done")
    # Whoever answers DHCP is there again when it was killed.
    dom0.check("old=$(pidof dnsmasq); kill -9 $old; for i in $(seq 100); do pidof dnsmasq && break; sleep 0.2; done;"
               " [ $(pidof dnsmasq) != $old ]")
    text = inside.check("ip addr flush dev eth0; udhcpc -f -q -n -t 10 -i eth0 -s /bin/true 2>&1")
    assert "10.0.5.20 obtained from 10.0.5.1" in text
    inside.check("ip addr add 10.0.5.20/24 dev eth0; ip route add default via 10.0.5.1; ping -c 2 -W 10 10.0.2.2")
    inside.check("(while :; do echo from-inside | nc -l -p 80; done > /dev/null 2>&1 &)")
    address = dom0.check("ip addr show eth0 | sed -n 's/.*inet \\([0-9.]*\\).*/\\1/p'").strip()
    reply = dom0.check(f"for i in $(seq 20); do timeout 5 nc {address} 8080 && break; sleep 0.5; done")
    assert "from-inside" in reply
    second = dom0.guest("clash", vif=HOSPES.format(",ip=10.0.5.21,forward=tcp:8080:80"))
    status, text = dom0.run(f"hospes create {second}", timeout=180)
    assert status != 0 and "forward" in text, text
    # One that fails after its port was given to it has it no more.
    files = dom0.check("ls -R /run/hospes/net")
    third = dom0.guest("named", vif=HOSPES.format(",ip=10.0.5.22,forward=tcp:8081:80,vifname=xenbr0"))
    status, text = dom0.run(f"hospes create {third}", timeout=180)
    assert status != 0 and "xenbr0: File exists" in text, text
    assert "8081" not in dom0.check("nft list table ip hospes_forward")
    assert dom0.check("ls -R /run/hospes/net") == files
    inside.destroy()
    assert "8080" not in dom0.check("nft list table ip hospes_forward")
    assert "10.0.5.20" not in dom0.check("cat /run/hospes/net/dhcp-hosts/* 2>/dev/null; true")


@pytest.mark.parametrize("node, value", [("tx-ring-ref", "999999"), ("event-channel-rx", "4000"), ("tx-ring-ref", "x"),
                                         ("request-rx-copy", "0")])
def test_frontend_that_lies(dom0, guest, node, value):
    """A frontend with nonsense in its nodes costs itself its card and one line; others go on."""
    lines = int(dom0.check("wc -l < /var/log/hospes/netd.log"))
    bad = dom0.guest("bad", vif=HOSPES.format(""), extra="ip=10.0.5.7/24")
    dom0.check(f"hospes create -p {bad}", timeout=180)
    domid = int(dom0.check("hospes list | awk '$1 == \"bad\" { print $2 }'"))
    front, back = f"/local/domain/{domid}/device/vif/0", f"/local/domain/0/backend/hospes-vif/{domid}/0"
    for name, text in {"tx-ring-ref": 8, "rx-ring-ref": 9, "event-channel-tx": 1, "event-channel-rx": 2,
                       "request-rx-copy": 1, "feature-rx-notify": 1, node: value, "state": 4}.items():
        dom0.check(f"xs write {front}/{name} {text}")
    dom0.check(f"for i in $(seq 100); do [ $(xs read {back}/state) = 6 ] && break; sleep 0.1; done;"
               f" [ $(xs read {back}/state) = 6 ]")
    assert "hospes-vif" in dom0.check(f"tail -n +{lines + 1} /var/log/hospes/netd.log")
    dom0.check(f"ping -c 2 -W 10 {guest.ip}")
    dom0.check("hospes destroy bad")


def test_nothing_left(dom0, guest):
    """Interfaces, journals and rules go with their guests."""
    assert dom0.check("ls /sys/class/net | grep -c vif").strip() == "1"
    assert dom0.check("ls /run/hospes/net | grep -c journal").strip() == "1"
    assert dom0.check(f"ls /run/hospes/net/journal-{guest.domid}.0")
