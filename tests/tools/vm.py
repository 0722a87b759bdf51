#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Boots a hypervisor with a first domain in QEMU (TCG), for people and for system tests.

From the shell (serial port on standard output; ends at --until, at power-off or at --timeout):

    tests/tools/vm.py --hyp xen --kernel build/tests/abi/boot.elf --until PASS
    tests/tools/vm.py --hyp hospes --kernel build/kernel/vmlinuz --initrd build/dom0/initramfs.gz \\
        --append 'console=hvc0' --hyp-append 'dom0_mem=512M' --smp 2 --mem 2048 --timeout 120 \\
        --send '# $' 'hospes list' --until 'Domain-0'
    tests/tools/vm.py --hyp xen --kernel ... --initrd ... --interactive      (^] leaves)
    tests/tools/vm.py --cdrom build/hospes.iso --uefi ...

--hyp xen is Debian's Xen 4.17, unpacked once below build/oracle. --hyp hospes is build/hospes.elf,
--hyp none boots the kernel by itself, any other word is the path of an image. By default the image
is started through QEMU's -kernel; --iso makes a GRUB disc instead (--uefi implies it).

Exit status: 0 --until was seen (or, without it, the machine powered itself off), 1 timeout or
power-off before it, 2 usage.

From a test:

    with vm.VM(hyp="xen", kernel=..., initrd=..., append="console=hvc0", mem=2048) as m:
        m.expect(r"dom0 is up", timeout=120)
        status, text = m.run("hospes list")
        m.qmp("query-status")

KVM is never used.
"""

import argparse
import ctypes
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
import tty

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
OVMF = "/usr/share/ovmf/OVMF.fd"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
HYP_CONSOLE = "console=com1 com1=115200"
# What real Xen needs to be right on an emulated machine (docs/debugging.md, "Real Xen under TCG").
XEN_ARGS = "spec-ctrl=eager-fpu pv-l1tf=false"


class VMError(Exception):
    """The machine could not be started, ended too early, or did not say what was expected in time."""


def xen_image():
    """Debian's Xen, unpacked; downloads the package on first use."""
    image = BUILD / "oracle/xen"
    if not image.exists():
        fetch = ROOT / "dom0/image/fetch-packages.sh"
        subprocess.run([fetch, BUILD / "oracle/hypervisor", "xen-hypervisor-4.17-amd64"], check=True,
                       stdout=sys.stderr)
        packed = next((BUILD / "oracle/hypervisor/root/boot").glob("xen-*.gz"))
        partial = image.with_suffix(f".{os.getpid()}")
        with open(partial, "wb") as out:
            subprocess.run(["gzip", "-dc", packed], stdout=out, check=True)
        partial.rename(image)
    return image


def hypervisor_image(hyp):
    """Path of the image that --hyp names, None for no hypervisor."""
    if hyp == "none":
        return None
    path = xen_image() if hyp == "xen" else BUILD / "hospes.elf" if hyp == "hospes" else pathlib.Path(hyp)
    if not path.exists():
        raise VMError(f"{path}: no such image")
    return path


def make_disc(out, image, hyp_args, modules):
    """A GRUB disc that boots at once. modules: (path, command line), the kernel first."""
    with tempfile.TemporaryDirectory(prefix="disc.") as tmp:
        tree = pathlib.Path(tmp)
        boot = tree / "boot"
        (boot / "grub").mkdir(parents=True)
        shutil.copy(image, boot / "hypervisor")
        lines = ["set timeout=0", "set default=0", "serial --unit=0 --speed=115200",
                 "terminal_input serial console", "terminal_output serial console",
                 "menuentry 'test' {", f"  multiboot2 /boot/hypervisor {hyp_args}"]
        for number, (path, args) in enumerate(modules):
            shutil.copy(path, boot / f"module{number}")
            lines.append(f"  module2 --nounzip /boot/module{number} {args}")
        lines.append("}")
        (boot / "grub/grub.cfg").write_text("\n".join(lines) + "\n")
        done = subprocess.run(["grub-mkrescue", "-o", out, tree], capture_output=True, text=True, check=False)
        if done.returncode:
            raise VMError("grub-mkrescue: " + done.stderr.strip().splitlines()[-1])


def die_with_parent():
    """In the child: the kernel kills it when we are killed, so that no QEMU is left behind."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


class VM:
    """One QEMU. All arguments have the names of the shell's options."""

    # Around a command's output, to tell it from what the shell and others print.
    MARKS = ("__begin_%d__", "__status_%d__")

    def __init__(self, hyp="hospes", kernel=None, initrd=None, append="", hyp_append="", cpu=None, smp=1,
                 mem=2048, machine="pc", uefi=False, iso=False, cdrom=None, icount=None, disks=(), net=False,
                 qemu=(), log=None, echo=None):
        self.buffer = ""
        self.log = open(log, "wb") if log else None
        self.echo = echo
        self.process = self.serial = self.qmp_socket = None
        self.marks = 0
        self.tmp = tempfile.TemporaryDirectory(prefix="vm.")
        self.command = self.base_command(cpu, smp, mem, machine, uefi, icount) + self.boot_command(
            hyp, kernel, initrd, append, hyp_append, iso or uefi, cdrom)
        for number, disk in enumerate(disks):
            self.command += ["-drive", f"file={disk},format=raw,if=none,id=disk{number},cache=unsafe,"
                                       "file.locking=off",
                             "-device", f"virtio-blk-pci,drive=disk{number}"]
        if net:
            self.command += ["-netdev", "user,id=net0", "-device", "virtio-net-pci,netdev=net0,romfile="]
        self.command += list(qemu)

    def base_command(self, cpu, smp, mem, machine, uefi, icount):
        if icount is not None:
            accel = ["-accel", "tcg,thread=single", "-icount", f"shift={icount},sleep=off"]
        else:
            accel = ["-accel", "tcg,thread=multi"]
        command = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-no-reboot", "-machine", machine,
                   *accel, "-cpu", cpu or "max,-smap", "-smp", str(smp), "-m", str(mem),
                   "-chardev", f"socket,id=serial0,path={self.tmp.name}/serial,server=on,wait=on",
                   "-serial", "chardev:serial0",
                   "-qmp", f"unix:{self.tmp.name}/qmp,server=on,wait=off"]
        if uefi:
            if not os.path.exists(OVMF):
                raise VMError(f"{OVMF}: missing, install the package ovmf")
            command += ["-bios", OVMF]
        return command

    def boot_command(self, hyp, kernel, initrd, append, hyp_append, iso, cdrom):
        if cdrom:
            return ["-cdrom", str(cdrom), "-boot", "d"]
        if not kernel:
            raise VMError("neither a kernel nor a disc to boot")
        for path in (kernel, initrd):
            if path and not os.path.exists(path):
                raise VMError(f"{path}: no such file")
        image = hypervisor_image(hyp)
        if image is None:
            return ["-kernel", str(kernel), "-append", append] + (["-initrd", str(initrd)] if initrd else [])
        hyp_args = f"{HYP_CONSOLE} {XEN_ARGS if hyp == 'xen' else ''} {hyp_append}".strip()
        modules = [(str(kernel), append)] + ([(str(initrd), "")] if initrd else [])
        if iso:
            disc = f"{self.tmp.name}/boot.iso"
            make_disc(disc, image, hyp_args, modules)
            return ["-cdrom", disc, "-boot", "d"]
        if hyp != "xen":
            # A PVH image gets one module: kernel, initrd and command line in an archive.
            packed = f"{self.tmp.name}/modules"
            subprocess.run([ROOT / "mk/pack-modules.py", packed, kernel, initrd or "-", append], check=True)
            return ["-kernel", str(image), "-append", hyp_args, "-initrd", packed]
        # QEMU separates modules by a comma; a doubled one is a comma of the text.
        text = ",".join(f"{path} {args}".strip().replace(",", ",,") for path, args in modules)
        return ["-kernel", str(image), "-append", hyp_args, "-initrd", text]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Starts QEMU; no byte of the serial port is lost, the machine waits for us."""
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, start_new_session=True,
                                        preexec_fn=die_with_parent)
        self.serial = self.connect("serial")

    def connect(self, name):
        deadline = time.monotonic() + 10
        while True:
            sock = socket.socket(socket.AF_UNIX)
            try:
                sock.connect(f"{self.tmp.name}/{name}")
                return sock
            except OSError:
                sock.close()
                if self.process.poll() is not None:
                    raise VMError("qemu: " + self.process.stdout.read().decode(errors="replace")) from None
                if time.monotonic() > deadline:
                    self.stop()
                    raise VMError("qemu did not open its sockets") from None
                time.sleep(0.02)

    def stop(self):
        """Ends QEMU, whatever it is doing."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
            self.process.stdout.close()
        for sock in (self.serial, self.qmp_socket):
            if sock:
                sock.close()
        self.serial = self.qmp_socket = None
        if self.log:
            self.log.close()
            self.log = None
        self.tmp.cleanup()

    def wait(self, timeout):
        """Waits for the machine to power itself off; its exit status, VMError when it does not."""
        deadline = time.monotonic() + timeout
        while self.read(max(0.0, deadline - time.monotonic())) is not None:
            if time.monotonic() > deadline:
                raise VMError(f"still running after {timeout} s; last lines:\n{self.tail()}")
        return self.process.wait(10)

    def read(self, timeout):
        """Text that arrived within timeout seconds ("" for none), None at the end of the machine."""
        ready, _, _ = select.select([self.serial], [], [], timeout)
        if not ready:
            return ""
        try:
            data = self.serial.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            return None
        if self.log:
            self.log.write(data)
            self.log.flush()
        if self.echo:
            self.echo.write(data)
            self.echo.flush()
        text = data.decode(errors="replace")
        # Shells ask the terminal where its cursor is; patterns should not have to know.
        self.buffer = ESCAPE.sub("", self.buffer + text)
        return text

    def tail(self, lines=25):
        return "\n".join(self.buffer.splitlines()[-lines:])

    def last_words(self):
        """After the end of QEMU: what it said itself, and the last lines of the serial port."""
        self.process.wait(10)
        said = self.process.stdout.read().decode(errors="replace").strip()
        return (f": qemu: {said}" if said else "") + f"; last lines:\n{self.tail()}"

    def expect(self, pattern, timeout=60):
        """Waits for a regular expression; the match object. What was before and in it is consumed."""
        regex = re.compile(pattern, re.M)
        deadline = time.monotonic() + timeout
        while True:
            match = regex.search(self.buffer)
            if match:
                self.buffer = self.buffer[match.end():]
                return match
            left = deadline - time.monotonic()
            if left <= 0:
                raise VMError(f"no {pattern!r} within {timeout} s; last lines:\n{self.tail()}")
            if self.read(left) is None:
                raise VMError(f"machine ended before {pattern!r}{self.last_words()}")

    def send(self, text):
        """Bytes to the serial port, in small pieces: guests' UARTs and consoles have small buffers."""
        data = text.encode()
        for start in range(0, len(data), 16):
            self.serial.sendall(data[start:start + 16])

    def type(self, line):
        """A line for a shell that echoes it, no faster than it does: the buffers on the way are small."""
        for start in range(0, len(line), 24):
            piece = line[start:start + 24]
            self.send(piece)
            deadline = time.monotonic() + 2
            # The shell wraps its line; a message of the kernel in between costs the two seconds.
            while not re.sub(r"[\r\n]", "", self.buffer).endswith(piece) and time.monotonic() < deadline:
                if self.read(0.1) is None:
                    return
        self.send("\n")

    def run(self, command, timeout=60):
        """One command line in the shell at the console: (exit status, output)."""
        self.marks += 1
        begin, end = (mark % self.marks for mark in self.MARKS)
        # The marks are split in what is typed, so that its echo, which the shell may wrap, does not match.
        self.type(f"echo \"{begin[:5]}\"\"{begin[5:]}\"; {command}; echo \"{end[:5]}\"\"{end[5:]}$?.\"")
        done = re.compile(re.escape(begin) + r"\r*\n(.*?)" + re.escape(end) + r"(\d+)\.\r*\n", re.S)
        deadline = time.monotonic() + timeout
        while True:
            match = done.search(self.buffer)
            if match:
                break
            left = deadline - time.monotonic()
            if left <= 0:
                raise VMError(f"{command!r} did not end within {timeout} s; last lines:\n{self.tail()}")
            if self.read(left) is None:
                raise VMError(f"machine ended in {command!r}{self.last_words()}")
        self.buffer = self.buffer[match.end():]
        return int(match.group(2)), match.group(1).replace("\r", "")

    def check(self, command, timeout=60):
        """Like run(), the output alone; VMError when the status is not 0."""
        status, text = self.run(command, timeout)
        if status:
            raise VMError(f"{command!r}: status {status}:\n{text}")
        return text

    def qmp(self, execute, **arguments):
        """One QMP command; its "return"."""
        if not self.qmp_socket:
            self.qmp_socket = self.connect("qmp")
            self.qmp_file = self.qmp_socket.makefile("r")
            self.qmp_file.readline()
            self.qmp("qmp_capabilities")
        request = {"execute": execute, "arguments": arguments}
        self.qmp_socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            line = self.qmp_file.readline()
            if not line:
                raise VMError(f"QMP {execute}: qemu is gone")
            answer = json.loads(line)
            if "error" in answer:
                raise VMError(f"QMP {execute}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def monitor(self, line):
        """One line for the human monitor ("info registers"); its answer."""
        return self.qmp("human-monitor-command", **{"command-line": line})

    def interact(self):
        """Terminal and serial port joined until the machine ends or ^] is typed."""
        saved = termios.tcgetattr(0) if os.isatty(0) else None
        if saved:
            tty.setraw(0)
        source = [0]
        try:
            while True:
                ready, _, _ = select.select([self.serial] + source, [], [])
                if 0 in ready:
                    data = os.read(0, 256)
                    if b"\x1d" in data:
                        return
                    if data:
                        self.serial.sendall(data)
                    else:
                        source = []
                if self.serial in ready and self.read(0) is None:
                    return
        finally:
            if saved:
                termios.tcsetattr(0, termios.TCSADRAIN, saved)


def arguments():
    parser = argparse.ArgumentParser(description="Boot a hypervisor and its first domain in QEMU.",
                                     epilog="See the top of the file for examples.")
    add = parser.add_argument
    add("--hyp", default="hospes", help="xen, hospes, none, or the path of an image")
    add("--kernel", help="first domain's kernel")
    add("--initrd", help="its initial RAM disk")
    add("--append", default="", help="the kernel's command line")
    add("--hyp-append", default="", help="more of the hypervisor's command line")
    add("--cdrom", help="boot this disc instead")
    add("--iso", action="store_true", help="through a GRUB disc instead of -kernel")
    add("--uefi", action="store_true", help="UEFI firmware (implies --iso)")
    add("--cpu", help="QEMU's CPU model (default max,-smap)")
    add("--smp", type=int, default=1)
    add("--mem", type=int, default=2048, help="MiB")
    add("--machine", default="pc", help="pc or q35")
    add("--icount", type=int, nargs="?", const=0, metavar="SHIFT",
        help="one CPU thread, time counts instructions (1 ns each with shift 0)")
    add("--disk", action="append", default=[], help="raw image as a virtio-blk disk")
    add("--net", action="store_true", help="a virtio-net card on QEMU's user network")
    add("--qemu", action="append", default=[], help="one more argument for QEMU")
    add("--log", help="also write the serial port to this file")
    add("--timeout", type=float, default=120, help="seconds")
    add("--send", nargs=2, action="append", default=[], metavar=("WHEN", "TEXT"),
        help="when WHEN (a regular expression) was seen, type TEXT and Enter; in order")
    add("--until", help="end with status 0 at this regular expression")
    add("--interactive", action="store_true", help="join terminal and serial port (after --send)")
    add("--print", action="store_true", help="only print QEMU's command line")
    return parser.parse_args()


def drive(machine, options):
    """What the options ask for; the exit status."""
    deadline = time.monotonic() + options.timeout
    for when, text in options.send:
        machine.expect(when, deadline - time.monotonic())
        machine.send(text + "\n")
    if options.interactive:
        machine.interact()
    elif options.until:
        machine.expect(options.until, deadline - time.monotonic())
    else:
        machine.wait(deadline - time.monotonic())
    return 0


def main():
    options = arguments()
    try:
        machine = VM(hyp=options.hyp, kernel=options.kernel, initrd=options.initrd, append=options.append,
                     hyp_append=options.hyp_append, cpu=options.cpu, smp=options.smp, mem=options.mem,
                     machine=options.machine, uefi=options.uefi, iso=options.iso, cdrom=options.cdrom,
                     icount=options.icount, disks=options.disk, net=options.net, qemu=options.qemu,
                     log=options.log, echo=sys.stdout.buffer)
        if options.print:
            print(" ".join(machine.command))
            machine.stop()
            return 0
        with machine:
            return drive(machine, options)
    except VMError as error:
        print(f"\nvm: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1


if __name__ == "__main__":
    sys.exit(main())
