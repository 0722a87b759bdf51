#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes an initramfs out of programs, files and kernel modules, as any user.

Every program comes with the shared libraries that ldd names, every module with those that it
depends on, so that a list of what is wanted is all there is to maintain. The same input gives the
same bytes: owners are root, times are zero, names are sorted.

    mkinitramfs.py --output build/dom0/initramfs.gz --busybox /bin/busybox \\
        --file dom0/image/init:/init:755 --program build/dom0/hospes:/usr/sbin/hospes \\
        --modules-from build/kernel --modules dom0/image/modules
"""

import argparse
import gzip
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

LIBRARY_DIR = "/lib/x86_64-linux-gnu"


class Failure(Exception):
    """One line for the operator."""


class Archive:
    """The tree to be: path -> (mode, content, device). Parent directories appear by themselves."""

    def __init__(self):
        self.entries = {}

    def directory(self, path, mode=0o755):
        path = str(pathlib.PurePosixPath("/") / path)
        if path == "/":
            return
        self.directory(os.path.dirname(path))
        self.entries.setdefault(path, (stat.S_IFDIR | mode, b"", 0))

    def put(self, path, mode, content, device=0):
        self.directory(os.path.dirname(path))
        self.entries[path] = (mode, content, device)

    def file(self, path, content, mode=0o644):
        self.put(path, stat.S_IFREG | mode, content)

    def link(self, path, target):
        self.put(path, stat.S_IFLNK | 0o777, target.encode())

    def node(self, path, mode, major, minor):
        self.put(path, stat.S_IFCHR | mode, b"", (major, minor))

    def cpio(self):
        """The archive in the "newc" format, which is what the kernel reads."""
        out = bytearray()
        for number, path in enumerate(sorted(self.entries), 1):
            mode, content, device = self.entries[path]
            append_record(out, number, path[1:], mode, content, device or (0, 0))
        append_record(out, 0, "TRAILER!!!", 0, b"", (0, 0))
        out += b"\0" * (-len(out) % 512)
        return bytes(out)


def append_record(out, inode, name, mode, content, device):
    raw_name = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, device[0], device[1], len(raw_name), 0)
    out += b"070701" + b"".join(b"%08X" % field for field in fields) + raw_name
    out += b"\0" * (-len(out) % 4)
    out += content
    out += b"\0" * (-len(out) % 4)


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False, **options)
    if done.returncode:
        reason = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
        raise Failure(f"{command[0]}: {reason[-1] if reason else 'failed'}")
    return done.stdout


def stripped(path):
    """The bytes of a program or library without its debug information (the build keeps the original)."""
    with open(path, "rb") as source:
        if source.read(4) != b"\x7fELF":
            return pathlib.Path(path).read_bytes()
    with tempfile.NamedTemporaryFile(prefix="strip.") as out:
        run("strip", "--strip-debug", "-o", out.name, path)
        return pathlib.Path(out.name).read_bytes()


def libraries(path, library_path):
    """(name in the image, file on this machine) of each shared library a program needs."""
    env = dict(os.environ, LC_ALL="C")
    if library_path:
        env["LD_LIBRARY_PATH"] = library_path
    done = subprocess.run(["ldd", path], capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        return  # a static program or a script
    for line in done.stdout.splitlines():
        words = line.split()
        if "not found" in line:
            raise Failure(f"{path}: needs {words[0]}, which is not installed")
        if "=>" in words:
            yield f"{LIBRARY_DIR}/{words[0]}", words[2]
        elif words[0].startswith("/"):
            yield words[0], words[0]


def add_program(archive, source, target, library_path):
    if not os.path.exists(source):
        raise Failure(f"{source}: missing")
    archive.file(target, stripped(source), 0o755)
    for name, path in libraries(source, library_path):
        if name not in archive.entries:
            archive.file(name, stripped(path), 0o755)


def add_busybox(archive, path):
    archive.file("/bin/busybox", pathlib.Path(path).read_bytes(), 0o755)
    for name in run(path, "--list-full").decode().split():
        if name != "bin/busybox" and "/" + name not in archive.entries:
            archive.link("/" + name, "/bin/busybox")


def read_module_list(path):
    """Lines "load NAME" (at boot, in this order), "have NAME" (only when asked for), # comments."""
    wanted = {"load": [], "have": []}
    for number, line in enumerate(pathlib.Path(path).read_text(encoding="ascii").splitlines(), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if len(words) != 2 or words[0] not in wanted:
            raise Failure(f"{path}:{number}: expected 'load MODULE' or 'have MODULE'")
        wanted[words[0]].append(words[1])
    return wanted["load"], wanted["have"]


def add_modules(archive, kernel_dir, list_path):
    """Modules with what they depend on, and depmod's tables for just these."""
    trees = list(pathlib.Path(kernel_dir, "lib/modules").iterdir())
    if len(trees) != 1:
        raise Failure(f"{kernel_dir}/lib/modules: expected one kernel version, found {len(trees)}")
    version = trees[0].name
    load, have = read_module_list(list_path)
    with tempfile.TemporaryDirectory(prefix="modules.") as tmp:
        base = pathlib.Path(tmp, "lib/modules", version)
        base.mkdir(parents=True)
        for table in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
            shutil.copy(trees[0] / table, base / table)
        for module in load + have:
            shown = run("modprobe", "-C", "/dev/null", "-d", kernel_dir, "-S", version, "--show-depends",
                        module)
            for line in shown.decode().splitlines():
                words = line.split()
                if words[0] != "insmod":
                    continue
                inside = pathlib.Path(words[1]).relative_to(trees[0].resolve())
                (base / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(words[1], base / inside)
        run("depmod", "-b", tmp, version)
        for path in sorted(base.rglob("*")):
            # busybox's modprobe reads the text tables, not kmod's .bin.
            if path.is_file() and path.suffix != ".bin" and path.name not in (
                    "modules.order", "modules.builtin.modinfo"):
                archive.file("/" + str(path.relative_to(tmp)), path.read_bytes())
    archive.file("/etc/modules", "".join(f"{name}\n" for name in load).encode())


def add_users(archive, users):
    """root, those who own nothing but their processes (each with a group of its own), and nobody."""
    passwd, group = ["root:x:0:0:root:/root:/bin/sh"], ["root:x:0:"]
    for pair in [*users, "nobody:65534"]:
        name, _, number = pair.partition(":")
        passwd.append(f"{name}:x:{int(number)}:{int(number)}::/:/bin/false")
        group.append(f"{name}:x:{int(number)}:")
    archive.file("/etc/passwd", ("\n".join(passwd) + "\n").encode())
    archive.file("/etc/group", ("\n".join(group) + "\n").encode())


def split_pair(text, option):
    source, colon, target = text.partition(":")
    if not colon or not target.startswith("/"):
        raise Failure(f"{option} {text}: expected SOURCE:/TARGET")
    return source, target


def compress(data, how):
    if how == "none":
        return data
    if how == "gzip":
        return gzip.compress(data, 1, mtime=0)
    if how == "lz4":
        return run("lz4", "-l", "-1", "-c", input=data)
    return run("zstd", "-3", "-c", input=data)


def arguments():
    parser = argparse.ArgumentParser(description="Make an initramfs.")
    add = parser.add_argument
    add("--output", required=True)
    add("--busybox", metavar="FILE", help="a static busybox and links for all its commands")
    add("--program", action="append", default=[], metavar="SOURCE:/TARGET", help="with its libraries")
    add("--library", action="append", default=[], metavar="FILE", help="one that is opened by name at run time")
    add("--library-path", default="", help="where ldd looks first, like LD_LIBRARY_PATH")
    add("--file", action="append", default=[], metavar="SOURCE:/TARGET[:MODE]")
    add("--user", action="append", default=[], metavar="NAME:UID")
    add("--link", action="append", default=[], metavar="TARGET:/PATH")
    add("--dir", action="append", default=[], metavar="/PATH")
    add("--modules-from", metavar="DIR", help="a tree with lib/modules/VERSION and modules.dep")
    add("--modules", metavar="LIST")
    add("--compress", choices=("none", "gzip", "lz4", "zstd"), default="none")
    return parser.parse_args()


def build(options):
    archive = Archive()
    for path in ("/proc", "/sys", "/dev", "/run", "/tmp", "/root", "/mnt", "/etc", "/var/log", *options.dir):
        archive.directory(path)
    archive.node("/dev/console", 0o600, 5, 1)
    archive.node("/dev/null", 0o666, 1, 3)
    add_users(archive, options.user)
    for pair in options.program:
        source, target = split_pair(pair, "--program")
        add_program(archive, source, target, options.library_path)
    for path in options.library:
        add_program(archive, path, f"{LIBRARY_DIR}/{os.path.basename(path)}", options.library_path)
    for pair in options.file:
        source, target = split_pair(pair, "--file")
        target, _, mode = target.partition(":")
        archive.file(target, pathlib.Path(source).read_bytes(), int(mode or "644", 8))
    for pair in options.link:
        target, path = pair.split(":", 1)
        archive.link(path, target)
    if options.modules:
        add_modules(archive, options.modules_from, options.modules)
    if options.busybox:
        add_busybox(archive, options.busybox)
    partial = f"{options.output}.{os.getpid()}"
    pathlib.Path(partial).write_bytes(compress(archive.cpio(), options.compress))
    os.replace(partial, options.output)


def main():
    try:
        build(arguments())
    except (Failure, OSError) as error:
        print(f"mkinitramfs: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
