# SPDX-License-Identifier: MIT
"""xl's verbs, in the order in which they build on each other; each test is called after what it tries."""

import json
import re

import pytest


@pytest.fixture(scope="module")
def lin(dom0):
    """A Linux guest with a disk and a card, at work."""
    dom0.check("zcat /media/guest/disk.img.gz > /tmp/disk.img")
    path = dom0.config("lin", memory=128, maxmem=192, vcpus=2, disk='"/tmp/disk.img,raw,xvda,rw"',
                       vif='"bridge=xenbr0"')
    dom0.check(f"xl create {path}")
    dom0.guest_up("lin")
    return "lin"


def info(dom0, options=""):
    return dict(re.findall(r"^(\w+) *: ?(.*)$", dom0.check(f"xl info {options}"), re.M))


def vcpus(dom0, name):
    """[(vcpu, cpu, state, hard and soft affinity)]"""
    return re.findall(rf"^{name} +\d+ +(\d+) +(\S+) +(\S+) +[\d.]+ +(\S+ / \S+)", dom0.check(f"xl vcpu-list {name}"), re.M)


def times(dom0, name):
    """Seconds that each vCPU has run."""
    return re.findall(rf"^{name} .* ([\d.]+) +\S+ / \S+$", dom0.check(f"xl vcpu-list {name}"), re.M)


def test_info(dom0, hyp):
    i = info(dom0)
    assert (i["nr_cpus"], i["nr_nodes"], i["max_cpu_id"], i["free_cpus"]) == ("2", "1", "1", "0")
    assert (i["xen_major"], i["xen_minor"]) == ("4", "17")
    assert ("hospes" in i["xen_extra"]) == (hyp != "xen")
    assert "xen-3.0-x86_64" in i["xen_caps"].split()
    assert {"pv", "gnttab-v1"} <= set(i["virt_caps"].split())
    assert i["xen_scheduler"] == "credit2"
    assert i["platform_params"] == "virt_start=0xffff800000000000"
    assert "dom0_mem=640M" in i["xen_commandline"]
    assert 1400 <= int(i["total_memory"]) <= 1536
    # What is neither dom0's nor free is the hypervisor's.
    assert 0 <= int(i["total_memory"]) - int(i["free_memory"]) - 640 < 80
    assert float(i["cpu_mhz"]) > 100
    assert re.fullmatch(r"[0-9a-f]{40}", i["build_id"])


def test_info_topology(dom0):
    text = dom0.check("xl info -n")
    # Whether QEMU's second CPU is a core or a socket is the hypervisor's reading of it.
    assert re.search(r"^ *1: +[01] +[01] +0$", text, re.M) and re.search(r"^ *0: +\d+ +\d+ +10$", text, re.M)
    assert "0000:00:00.0" not in text  # nobody has said near which node a device is


@pytest.mark.parametrize("table", ["domctl", "sysctl", "platform"])
def test_interface_version(dom0, table):
    """Tools of another version are told so, by the error that they know; tests/abi/control has all of that."""
    answers = [dom0.check(f"interface {table} {offset}").strip() for offset in (0, 1, -1)]
    assert answers == ["accepted", "EACCES", "EACCES"]


def test_create_console(dom0, lin):
    assert dom0.guest(lin, "echo $((6 * 7)) $(nproc)") == "42 2"
    assert dom0.guest(lin, "ping -c 1 -W 20 10.0.5.1 > /dev/null && echo answered") == "answered"
    assert dom0.guest(lin, "mount -t ext4 /dev/xvda /mnt && cd /mnt && sha256sum -c SHA256SUMS && cd /").count(": OK") == 2


def test_names(dom0, lin):
    domid = dom0.check(f"xl domid {lin}").strip()
    assert dom0.check(f"xl domname {domid}").strip() == lin
    dom0.check(f"xl rename {lin} other")
    assert "other" in dom0.domains() and lin not in dom0.domains()
    dom0.check(f"xl rename other {lin}")
    assert re.search(rf"^{lin} +{domid} +0:0\d:\d\d$", dom0.check("xl uptime"), re.M)


def test_list_long(dom0, lin):
    entry = next(d for d in json.loads(dom0.check("xl list -l")) if d["config"]["c_info"]["name"] == lin)
    assert entry["config"]["b_info"]["max_memkb"] == 192 * 1024
    assert re.search(rf"^{lin} .* [r-][b-]---- .* [0-9a-f]{{8}}-[0-9a-f-]{{27}} +- +-$", dom0.check("xl list -v"), re.M)


def test_pause_unpause(dom0, lin):
    dom0.check(f"xl pause {lin}")
    state = dom0.domains()[lin][3]
    before = times(dom0, lin)
    dom0.check("sleep 2")
    after = times(dom0, lin)
    dom0.check(f"xl unpause {lin}")
    assert "p" in state and before == after
    assert dom0.guest(lin, "echo again") == "again"


def test_vcpu_pin(dom0, lin):
    dom0.check(f"xl vcpu-pin {lin} 0 1")
    assert [(v[0], v[3]) for v in vcpus(dom0, lin)] == [("0", "1 / all"), ("1", "all / all")]
    dom0.guest(lin, "seq 50000 > /dev/null")
    assert vcpus(dom0, lin)[0][1] == "1"
    assert dom0.run(f"xl vcpu-pin {lin} 0 7")[0] != 0
    dom0.check(f"xl vcpu-pin {lin} all all 0")
    assert [v[3] for v in vcpus(dom0, lin)] == ["all / 0", "all / 0"]
    dom0.check(f"xl vcpu-pin {lin} all all all")


def test_vcpu_set(dom0, lin):
    dom0.check(f"xl vcpu-set {lin} 1")
    dom0.until(f"xl vcpu-list {lin} | grep -q -- '- *--p'")
    assert dom0.guest(lin, "nproc") == "1"
    dom0.check(f"xl vcpu-set {lin} 2")
    # The guest has no udev: its own word is needed to use the CPU again.
    dom0.guest(lin, "until echo 1 > /sys/devices/system/cpu/cpu1/online; do sleep 1; done")
    assert dom0.guest(lin, "nproc") == "2"
    assert [v[2] for v in vcpus(dom0, lin) if v[2] == "--p"] == []


def test_mem_set_max(dom0, lin):
    free = int(info(dom0)["free_memory"])
    dom0.check(f"xl mem-set {lin} 96")
    dom0.until(f"xl list {lin} | grep -Eq '^{lin} +[0-9]+ +96 '")
    assert abs(int(info(dom0)["free_memory"]) - free - 32) <= 4
    dom0.check(f"xl mem-set {lin} 128")
    dom0.until(f"xl list {lin} | grep -Eq '^{lin} +[0-9]+ +128 '")
    assert dom0.run(f"xl mem-set {lin} 300")[0] != 0  # above maxmem
    dom0.check(f"xl mem-max {lin} 192")
    assert dom0.run(f"xl mem-max {lin} 64")[0] != 0  # below its target


def test_block(dom0, lin):
    dom0.check("seq 100000 | head -c 262144 > /tmp/b.img")
    wanted = dom0.check("sha256sum < /tmp/b.img").split()[0]
    dom0.check(f"xl block-attach {lin} /tmp/b.img,raw,xvdb,r")
    assert re.search(r"^51728 +0 +\d+ +4 ", dom0.check(f"xl block-list {lin}"), re.M)
    dom0.guest(lin, "until [ -e /dev/xvdb ]; do sleep 1; done")
    assert dom0.guest(lin, "sha256sum < /dev/xvdb").split()[0] == wanted
    dom0.check(f"xl block-detach {lin} xvdb")
    assert "51728" not in dom0.check(f"xl block-list {lin}")
    dom0.guest(lin, "until ! [ -e /dev/xvdb ]; do sleep 1; done")


def test_network(dom0, lin):
    dom0.check(f"xl network-attach {lin} bridge=xenbr0 mac=00:16:3e:01:02:03")
    dom0.guest(lin, "until [ -e /sys/class/net/eth1 ]; do sleep 1; done")
    assert re.search(r"^1 +0 +00:16:3e:01:02:03 +1 +4 ", dom0.check(f"xl network-list {lin}"), re.M)
    dom0.check(f"xl network-detach {lin} 1")
    dom0.guest(lin, "until ! [ -e /sys/class/net/eth1 ]; do sleep 1; done")


def test_sched_credit2(dom0, lin):
    dom0.check(f"xl sched-credit2 -d {lin} -w 512 -c 80")
    assert re.search(rf"^{lin} +\d+ +512 +80$", dom0.check("xl sched-credit2"), re.M)
    assert dom0.guest(lin, "seq 20000 | tail -n 1") == "20000"  # capped, it goes on
    dom0.check(f"xl sched-credit2 -d {lin} -c 0")
    dom0.check("xl sched-credit2 -s -r 2000")
    assert "ratelimit=2000us" in dom0.check("xl sched-credit2 -s")
    assert dom0.run("xl sched-credit2 -s -r 50")[0] != 0
    dom0.check("xl sched-credit2 -s -r 0")
    assert "ratelimit=0us" in dom0.check("xl sched-credit2 -s")
    assert dom0.run(f"xl sched-credit -d {lin} -w 512")[0] != 0  # not the scheduler of this machine


def test_cpupool_list(dom0, lin):
    # Xen renames the pool of its only node.
    assert re.search(r"^Pool-\w+ +2 +credit2 +y +2$", dom0.check("xl cpupool-list"), re.M)
    assert re.search(r"^Pool-\w+ +0,1$", dom0.check("xl cpupool-list -c"), re.M)


def test_counts(dom0, lin):
    assert re.search(rf"^{lin} +\d+ +128 +0$", dom0.check("xl sharing"), re.M)
    assert re.search(rf"^{lin} .* 0$", dom0.check("xl claims"), re.M)
    assert dom0.run("xl tmem-list")[0] != 0  # gone from 4.17 itself


def test_top(dom0, lin):
    row = re.search(rf"^ +{lin} (.*)$", dom0.check("xentop -b -i 1"), re.M).group(1).split()
    assert row[3] == "131072" and row[7:9] == ["2", "1"] and row[-1] == "0"


def test_dmesg_debug_keys(dom0, hyp):
    assert ("(XEN)" if hyp == "xen" else "(hyp)") in dom0.check("xl dmesg -c")
    dom0.check("xl debug-keys q")
    text = dom0.check("xl dmesg")
    assert re.search(r"\bd1\b|domain 1\b", text, re.I) and "command line" not in text.lower()


def test_trigger_sysrq(dom0, lin):
    dom0.check(f"xl sysrq {lin} h")
    dom0.until(f"grep -q 'sysrq: HELP' {dom0.log(lin)}")
    dom0.check(f"xl trigger {lin} nmi")
    dom0.until(f"grep -q 'NMI received' {dom0.log(lin)}")


def test_dump_core(dom0, lin, full):
    if not full:
        pytest.skip("the long form only")
    dom0.check(f"xl dump-core {lin} /tmp/core")
    # An ELF core whose notes begin with Xen's, and all of the guest's memory.
    assert dom0.check("head -c 4 /tmp/core | tail -c 3").strip() == "ELF"
    assert int(dom0.check("stat -c %s /tmp/core")) >= 128 << 20
    dom0.check("rm /tmp/core")
    assert dom0.guest(lin, "echo alive") == "alive"


def test_other_tools(dom0, lin):
    ports = dom0.check(f"/usr/lib/xen-4.17/bin/lsevtchn $(xl domid {lin})")
    assert re.search(r"VCPU 0: Virtual IRQ 0", ports) and re.search(r"VCPU 1: IPI", ports)
    assert re.search(r"^CPU1\s+[01]\s+[01]\s+0$", dom0.check("xenpm get-cpu-topology"), re.M)


def save_and_restore(dom0, lin, times):
    before = dom0.domains()[lin][0]
    dom0.guest(lin, "mount -t tmpfs tmpfs /tmp; seq 100000 > /tmp/n; sha256sum /tmp/n > /tmp/n.sum;"
                    " (while sleep 1; do date >> /tmp/ticks; done) & echo started; cat /proc/sys/kernel/random/boot_id > /tmp/id")
    for _ in range(times):
        dom0.check(f"xl save {lin} /tmp/{lin}.save", 300)
        assert lin not in dom0.domains()
        dom0.check(f"xl restore /tmp/{lin}.save", 300)
        assert dom0.domains()[lin][0] > before
        dom0.check(f"rm /tmp/{lin}.save")
        assert "n: OK" in dom0.guest(lin, "sha256sum -c /tmp/n.sum")
        assert dom0.guest(lin, "cmp /tmp/id /proc/sys/kernel/random/boot_id && echo same") == "same"
        # Time goes on, on both CPUs; disk and network came back with it.
        ticks = int(dom0.guest(lin, "wc -l < /tmp/ticks; sleep 3"))
        assert int(dom0.guest(lin, "wc -l < /tmp/ticks")) > ticks
        assert dom0.guest(lin, "nproc; for c in 0 1; do taskset $((1 << c)) echo on $c; done") == "2\non 0\non 1"
        dom0.guest(lin, "echo 3 > /proc/sys/vm/drop_caches")
        assert dom0.guest(lin, "cd /mnt; sha256sum -c SHA256SUMS; cd /").count(": OK") == 2
        dom0.answer = dom0.guest(lin, "cat /tmp/id; cp /tmp/id /mnt/answer; sync")
        dom0.until(f"ping -c 1 -W 5 10.0.5.2 > /dev/null")
    dom0.guest(lin, "kill $!; umount /tmp")


def test_save_restore(dom0, lin, full):
    save_and_restore(dom0, lin, 4 if full else 1)


def test_create_after_restore(dom0, lin):
    dom0.check("xl create " + dom0.config("second"))
    dom0.guest_up("second")
    assert {lin, "second"} <= set(dom0.domains())


def test_save_checkpoint(dom0):
    """Goes on after it was saved. Nobody restarts it afterwards: the watching xl takes the suspend for its end."""
    domid = dom0.domains()["second"][0]
    dom0.guest("second", "mkdir -p /tmp; seq 10000 > /tmp/n; sha256sum /tmp/n > /tmp/n.sum")
    dom0.check("xl save -c second /tmp/second.save; rm /tmp/second.save", 300)
    assert dom0.domains()["second"][0] == domid
    assert "n: OK" in dom0.guest("second", "sha256sum -c /tmp/n.sum")
    dom0.check("xl destroy second")
    assert "second" not in dom0.domains()


def test_small_guest(dom0, full):
    """The in-tree guest; without --full once, with it many times: nothing may be left behind."""
    dom0.write("/tmp/hello.cfg", 'name = "hello"\nkernel = "/usr/share/guests/hello.elf"\nmemory = 16\nextra = "a b"\n')
    free = info(dom0)["free_memory"]
    for _ in range(10 if full else 1):
        assert 'arguments: "a b"' in dom0.check("xl create -c /tmp/hello.cfg")
    dom0.until("! xl domid hello 2>/dev/null")
    assert info(dom0)["free_memory"] == free


IN_TREE = 'name = "{name}"\nkernel = "/usr/share/guests/{app}.elf"\nextra = "{extra}"\nmemory = 64\nvcpus = 2\n{device}\n'


def test_save_restore_in_tree(dom0, full):
    """The in-tree guest at work: its disk and its card are connected anew, and what the disk owed is done again."""
    dom0.check("truncate -s 48M /tmp/verify.img")
    dom0.write("/tmp/verify.cfg", IN_TREE.format(name="verify", app="blktest", extra="mode=verify seconds=3600 qd=16",
                                                 device='disk = [ "/tmp/verify.img,raw,xvda,rw" ]'))
    dom0.write("/tmp/echo.cfg", IN_TREE.format(name="echo", app="netecho", extra="ip=10.0.5.10/24 gw=10.0.5.1",
                                               device='vif = [ "bridge=xenbr0" ]'))
    dom0.check("rm -f /var/log/xen/console/guest-verify.log; xl create /tmp/echo.cfg; xl create /tmp/verify.cfg")
    dom0.until(f"grep -q 'netecho: ready' {dom0.log('echo')} && grep -q 'under way' {dom0.log('verify')}")
    times = 3 if full else 1
    for n in range(1, times + 1):
        for name in ("verify", "echo"):
            dom0.check(f"xl save {name} /tmp/small.save", 300)
            dom0.check("xl restore /tmp/small.save; rm /tmp/small.save", 300)
        # It says what disk it has when it is connected: once at the start, once more now.
        dom0.until(f"[ $(grep -c 'blk 51712: .* sectors of' {dom0.log('verify')}) -gt {n} ]")
        dom0.until("ping -c 1 -W 5 10.0.5.10 > /dev/null")
    dom0.check("xl shutdown -w verify")
    said = dom0.check(f"cat {dom0.log('verify')}")
    assert "RESULT: PASSED" in said and f"blktest: {times} reconnects" in said, said
    dom0.check("xl shutdown -w echo")
    said = dom0.check(f"cat {dom0.log('echo')}")
    assert "RESULT: PASSED" in said, said


def test_reboot(dom0, lin):
    domid = dom0.domains()[lin][0]
    dom0.guest(lin, "umount /mnt")
    dom0.check(f"rm {dom0.log(lin)}; killall -HUP xenconsoled; xl reboot -w {lin}")
    dom0.until(f"[ $(xl domid {lin}) -gt {domid} ]")
    dom0.guest_up(lin)


def test_shutdown(dom0, lin):
    free = int(info(dom0)["free_memory"])
    dom0.check(f"xl shutdown -w {lin}")
    dom0.until(f"! xl domid {lin} 2>/dev/null")
    assert int(info(dom0)["free_memory"]) >= free + 128
    dom0.check(f"grep -q {dom0.answer} /tmp/disk.img")  # what the restored guest wrote


def test_destroy(dom0):
    path = dom0.config("crash")
    dom0.check(f"xl create -p {path}")
    assert dom0.domains()["crash"][3].strip("-") == "p"
    dom0.check("xl destroy crash")
    assert list(dom0.domains()) == ["Domain-0"]
    assert dom0.run("xl destroy crash")[0] != 0


def test_nothing_left(dom0):
    assert dom0.check("xenstore-ls /local/domain | grep -c '^[0-9]'").strip() == "1"
    assert dom0.run("dmesg | grep -E 'WARNING:|BUG:|Oops|Call Trace'")[1] == ""
