# SPDX-License-Identifier: MIT
"""What `hospes` says when it is asked for something that cannot be: one line, which names the subject, what is wrong
with it, and what would be right; status 1; and nothing is left behind."""

import re

DOM0_SHARED = "devices"

# What is typed behind `hospes`, and what it says. CFG and IMG: files that the test writes.
CASES = [
    # the command line itself
    ("", r"usage: hospes VERB \[ARGUMENTS\]; `hospes help` lists the verbs$"),
    ("fly", r"unknown verb fly; `hospes help` lists the verbs$"),
    ("destroy", r"usage: hospes destroy DOMAIN$"),
    ("pause a b", r"usage: hospes pause DOMAIN$"),
    ("list -x", r"usage: hospes list \[--json\] \[DOMAIN\.\.\.\]$"),
    ("block-attach runner", r"usage: hospes block-attach DOMAIN DISK-SPEC \.\.\.$"),
    ("block-detach runner", r"usage: hospes block-detach DOMAIN DISK \[--force\]$"),
    ("block-detach runner xvda --now", r"usage: hospes block-detach "),
    ("network-detach", r"usage: hospes network-detach DOMAIN CARD \[--force\]$"),
    ("top -x", r"usage: hospes top \[-d SECONDS\] \[-n TIMES\]$"),
    # domains
    ("destroy nobody", r"there is no domain with the name nobody; `hospes list` "),
    ("pause 4711", r"there is no domain 4711; `hospes list` "),
    ("console nobody", r"there is no domain with the name nobody; "),
    ("domid nobody", r"there is no domain with the name nobody; "),
    ("destroy 0", r"destroy: domain 0 is this one; use `poweroff`$"),
    ("pause 0", r"pause: domain 0 is this one$"),
    ("shutdown Domain-0", r"shutdown: domain 0 is this one$"),
    ("rename runner 17", r"rename: 17: "),
    ("rename runner Domain-0", r"Domain-0"),
    # files
    ("create /nowhere.cfg", r"/nowhere\.cfg: No such file or directory$"),
    ("create /tmp", r"/tmp: "),
    ("create CFG name=", r"command line:1: name: "),
    ("create CFG memory=lots", r"command line:\d+: memory: \"lots\" is not a number$"),
    ("create CFG vcpus=0", r"command line:\d+: vcpus: 0 is not in the range 1 to "),
    ("create CFG kernel=/nowhere", r"command line:\d+: kernel: /nowhere: No such file or directory$"),
    ("create CFG kernel=/etc/passwd", r"/etc/passwd: "),
    ("create CFG type=hvm", r"command line:\d+: type: only PV guests exist here \(type = \"pv\"\)$"),
    ("create CFG on_crash=weep", r"command line:\d+: on_crash: is one of destroy, restart, rename-restart, preserve$"),
    ("create CFG 'disk=[\"/nowhere,raw,xvda,w\"]'", r"command line:\d+: disk: /nowhere: No such file or directory$"),
    ("create CFG 'vif=[\"bridge=nobr\"]'", r"vif 0: nobr: there is no such bridge; `hospes bridge-add` makes one$"),
    ("create CFG 'vif=[\"mac=1:2\"]'", r"command line:\d+: vif: not a MAC address: 1:2$"),
    ("create CFG name=runner", r"runner"),
    ("create CFG memory=1000000", r"memory"),
    ("create CFG oops", r"command line:\d+: \"oops\" is not KEY=VALUE$"),
    # sizes
    ("mem-set runner much", r"mem-set: much is no size \(MiB, or with a letter: 512m, 2g\)$"),
    ("mem-set runner 999999", r"mem-set: domain \d+ was made for at most 192 MiB \(maxmem\)$"),
    ("mem-max runner 16", r"mem-max: domain \d+ has a target of 192 MiB; set that lower first$"),
    # disks
    ("block-attach runner IMG,raw", r"command line:1: disk: the name of the disk \(vdev=xvda\) is missing in: IMG,raw$"),
    ("block-attach runner IMG,raw,sofa", r"command line:1: disk: no name of a disk \(xvda, "),
    ("block-attach runner IMG,raw,xvdb,maybe", r"command line:1: disk: .*maybe$"),
    ("block-attach runner IMG,vhd,xvdb", r"command line:1: disk: .*vhd$"),
    ("block-attach runner IMG,raw,xvdb,w,backendtype=tap", r"command line:1: disk: .* backendtype.*: tap$"),
    ("block-attach runner IMG,raw,xvdb,w,limit-iops=5,backendtype=linux", r"limit-iops and limit-bytes need backendtype=hospes$"),
    ("block-attach runner /nowhere,raw,xvdb", r"command line:1: disk: /nowhere: No such file or directory$"),
    ("block-attach runner /dev/null,raw,xvdb", r"/dev/null: neither a file nor a block device$"),
    ("block-attach nobody IMG,raw,xvdb", r"there is no domain with the name nobody; "),
    ("block-attach Domain-0 IMG,raw,xvdb", r"block-attach: domain 0 has the real devices$"),
    ("block-detach runner xvdz", r"block-detach: domain \d+ has no disk xvdz; `hospes block-list \d+` shows its disks$"),
    ("block-detach runner disk", r"block-detach: disk is no name of a disk \(xvda, xvdb1, \.\.\.\)$"),
    ("block-resize runner xvdb 1x", r"block-resize: 1x is no size \(MiB, or with a letter: 512m, 2g\)$"),
    ("block-resize runner xvdb", r"block-resize: domain \d+ has no disk xvdb; "),
    ("block-limit runner xvdb limit-iops=x", r"block-limit: limit-iops=x: expected limit-iops=NUMBER or limit-bytes=NUMBER"),
    ("block-snapshot runner xvdb /tmp/s", r"block-snapshot: domain \d+ has no disk xvdb; "),
    # cards
    ("network-attach runner bridge=nobr", r"vif 0: nobr: there is no such bridge; `hospes bridge-add` makes one$"),
    ("network-attach runner color", r"command line:1: vif: not KEY=VALUE: color$"),
    ("network-attach runner mac=01:02:03:04:05:06", r"command line:1: vif: a group address cannot be a card's: 01:"),
    ("network-attach runner mtu=9", r"command line:1: vif: mtu is 68 to 65535, not: 9$"),
    ("network-attach runner forward=tcp:80:80", r"vif: forward needs the guest's address \(ip=10\.0\.5\.2\)$"),
    ("network-detach runner 7", r"network-detach: domain \d+ has no card 7; `hospes network-list \d+` shows its cards$"),
    # vCPUs and keys
    ("vcpu-set runner 9", r"vcpu-set: domain \d+ was made for at most 2 vCPUs \(maxvcpus\)$"),
    ("vcpu-set runner 0", r"vcpu-set: 0 is no number of vCPUs$"),
    ("vcpu-pin runner 0 x", r"vcpu-pin: x is no set of CPUs like 0-3,\^1$"),
    ("vcpu-pin runner 7 0", r"vcpu-pin: domain \d+ has no vCPU 7; `hospes vcpu-list \d+` shows them$"),
    ("vcpu-pin runner 0 40", r"vcpu-pin: domain \d+ vCPU 0: none of these CPUs is there$"),
    ("sched-credit2 -d runner -w 0", r"sched-credit2: -w 0: a number, 1 to 65535$"),
    ("top -d never", r"top: -d never: a number, 1 to 3600$"),
    ("trigger runner reset", r"trigger: a PV guest can be sent nmi only, not reset$"),
    ("trigger runner nmi 9", r"trigger: domain \d+ has no vCPU 9; `hospes vcpu-list \d+` shows them$"),
    ("debug-keys ''", r"debug-keys: 1 to 32 keys$"),
    ("sysrq runner help", r"sysrq: help is no single letter$"),
    # bridges and kernels
    ("bridge-add lo", r"bridge lo: there is an interface of that name which is no bridge$"),
    ("bridge-add br9 10.0.0.1", r"bridge br9: 10\.0\.0\.1 is no IPv4 address with a prefix length, like 10\.0\.5\.1/24$"),
    ("kernel-cache /etc/passwd", r"/etc/passwd: "),
]
CFG, IMG = "/tmp/good.cfg", "/tmp/good.img"


def batches(lines, most=800):
    """As many as the shell's line takes, at a time."""
    batch = []
    for line in lines:
        if batch and sum(map(len, batch)) + len(line) + 2 * len(batch) > most:
            yield "; ".join(batch)
            batch = []
        batch.append(line)
    yield "; ".join(batch)


def test_one_line_each(dom0, runner):
    dom0.check(f"head -c 1048576 /dev/zero > {IMG}")
    dom0.write(CFG, 'name = "good"\nkernel = "/apps/devices.elf"\nmemory = 16\n')
    before = dom0.counts()
    commands = [command.replace("CFG", CFG).replace("IMG", IMG) for command, _ in CASES]
    typed = [f"echo '<'{n}; hospes {command} < /dev/null; echo '>'$?" for n, command in enumerate(commands)]
    said = "".join(dom0.run(batch, timeout=300)[1] for batch in batches(typed))
    # The daemons say at the same console what they saw of it.
    said = re.sub(r"^\d{4}-\d\d-\d\dT\S+Z hospes-\w+: .*\n", "", said, flags=re.M)
    wrong = []
    for n, (command, message) in enumerate(CASES):
        match = re.search(rf"^<{n}\n(.*?)^>(\d+)$", said, re.M | re.S)
        text, status = (match.group(1), match.group(2)) if match else (said, None)
        if status != "1" or not re.fullmatch(r"hospes: [^\n]*\n", text) or not re.search(
                message.replace("IMG", IMG), text.rstrip()):
            wrong.append(f"hospes {command}: status {status}: {text!r} is not /{message}/")
    assert not wrong, "\n".join(wrong)
    assert dom0.settled(before) == before
