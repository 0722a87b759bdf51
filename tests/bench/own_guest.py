# SPDX-License-Identifier: MIT
"""What the guest of this tree gets through its frontends: blktest and netload, a guest for each load.

A load is a row's name, the application, its words, and the line with the figure. Requests or datagrams under
way: qd1, qd32.
"""

import re
import sys

from systems import BUILD, CLIENT, DOM0, SERVER

APPS = ("blktest", "netload", "netecho")
BYTES, REQUESTS = r"bench .* (\d+) bytes/s", r"bench .* (\d+) IOPS"
ANSWERED, RECEIVED = r"answered: .* (\d+) packets/s", r"received: .* (\d+) packets/s"
END = "RESULT:"
UDP_ECHO = 5005  # of dom0's netload


def disk_loads():
    for size, bs, modes, figure in (("seq-512k", "512K", ("read", "write"), BYTES),
                                    ("rand-4k", "4096", ("rand", "randwrite"), REQUESTS)):
        for verb, mode in zip(("read", "write"), modes):
            for depth in 1, 32:
                yield f"disk/{verb}-{size}-qd{depth}", "blktest", f"mode={mode} bs={bs} qd={depth} queues=1", figure


def net_loads():
    for peer, address, port in ("dom0", DOM0, UDP_ECHO), ("guest", SERVER, 7):
        for window in 1, 32:
            yield (f"net/{peer}/pingpong-udp-qd{window}", "netload",
                   f"mode=pingpong to={address} port={port} window={window} loss=100 ip={CLIENT}/24", ANSWERED)


def loads(what):
    return (list(disk_loads()) if "disk" in what else []) + (list(net_loads()) if "net" in what else [])


def guest_name(load):
    return "own-" + load.replace("/", "-")


def files(system):
    what, seconds = system.options.what, f" seconds={system.options.seconds}"
    found = {f"/bench/{app}.elf": ((BUILD / f"guest/apps/{app}.elf").read_bytes(), 0o644) for app in APPS}

    def add(name, app, words):
        found[f"/bench/{name}.cfg"] = system.config(name, f"/bench/{app}.elf", words, 128, app == "blktest",
                                                    app != "blktest")

    for load, app, words, _ in loads(what):
        add(guest_name(load), app, words + seconds)
    add("own-echo", "netecho", f"ip={SERVER}/24")
    add("own-sender", "netload", f"mode=udp-send to={SERVER} size=64 ip={CLIENT}/24" + seconds)
    add("own-receiver", "netload", f"mode=udp-recv loss=100 ip={SERVER}/24 seconds=3600")
    return found


def run(dom0, name):
    """A guest's console, from beginning to end."""
    dom0.create(name)
    text = dom0.log(name, END, 120 + 10 * dom0.options.seconds)
    dom0.destroy(name)
    return text


def figure(dom0, load, pattern, text):
    found = re.search(pattern, text)
    if not found or "RESULT: PASSED" not in text:
        print(f"{dom0.system.name}: own {load}: no result; last lines:\n" + "\n".join(text.splitlines()[-5:]),
              file=sys.stderr)
        return {}
    return {f"own {load}": float(found[1])}


def blast(dom0):
    """Datagrams that arrive from another guest, which sends as fast as it can."""
    dom0.create("own-receiver")
    dom0.log("own-receiver", "receiving on port", 120)
    text = run(dom0, "own-sender")
    if "RESULT: PASSED" not in text:
        print(f"{dom0.system.name}: the sender failed:\n{text}", file=sys.stderr)
    text = dom0.log("own-receiver", END, 60)
    dom0.destroy("own-receiver")
    return figure(dom0, "net/guest/udp64", RECEIVED, text)


def measure(dom0):
    what, figures = dom0.options.what, {}
    if "net" in what:
        dom0.create("own-echo")
        dom0.log("own-echo", "link up", 120)
    for load, _, _, pattern in loads(what):
        figures |= figure(dom0, load, pattern, run(dom0, guest_name(load)))
    if "net" in what:
        dom0.destroy("own-echo")
        figures |= blast(dom0)
    return figures
