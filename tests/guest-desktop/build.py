#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the desktop guest: FOLDER/vmlinux and FOLDER/initrd, Debian's X11 with the SPICE agent.

Of the packages only what PROGRAMS and DATA name is taken, and the libraries which that needs. They are
kept beside FOLDER (guest-packages); nothing is installed, no maintainer script runs. Exit codes: 0 made
or already there, 77 the packages cannot be had, 1 they are not as expected.
"""
import argparse
import os
import re
import stat
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest-linux"))

import debian  # noqa: E402

MODULES = ["qxl", "bochs", "virtio_pci", "virtio_console", "uinput", "evdev", "psmouse"]
PACKAGES = ["busybox-static", "udev", "xserver-xorg-core", "xserver-xorg-video-qxl",
            "xserver-xorg-input-libinput", "x11-xkb-utils", "xkb-data", "x11-xserver-utils",
            "xdotool", "xterm", "xclip", "blackbox", "fonts-dejavu-core", "spice-vdagent", "libc-bin",
            "zlib1g"]
# libraries that something depends on and nothing here loads; most of the bytes
NOT_LOADED = re.compile(
    "lib(llvm|gl1-mesa|z3|icu|perl|isl|mp[cf]|systemd-shared|db5|pam-|semanage|cryptsetup|devmapper|"
    "sensors|apparmor|cups|asound2-data|gtk-3-common|drm-(amd|intel|nouveau|radeon)|fdisk|.*-perl)")
PROGRAMS = re.compile(
    "usr/bin/(busybox|udevadm|xkbcomp|xrandr|xset|xsetroot|xprop|xdotool|xterm|xclip|blackbox|spice-vdagent)$"
    "|usr/sbin/spice-vdagentd$|usr/lib/systemd/systemd-udevd$|usr/lib/xorg/Xorg$"
    "|usr/lib/xorg/modules/(lib(fb|int10|vgahw|shadow|fbdevhw|wfb)\\.so|drivers/(qxl|modesetting)_drv\\.so"
    "|input/libinput_drv\\.so)|usr/lib/udev/[^/]+$")
DATA = re.compile(
    "usr/lib/udev/(rules|hwdb)\\.d/|usr/share/X11/(xkb|xorg\\.conf\\.d|locale/(C|en_US\\.UTF-8|C\\.UTF-8)/|"
    "locale/[^/]+$|app-defaults)|usr/share/libinput/|usr/share/fonts/truetype/dejavu/DejaVuSans(Mono)?\\.ttf$"
    "|usr/lib/locale/C\\.utf8/|usr/share/blackbox/styles/Gray$|etc/X11/app-defaults")
LIBRARIES = "usr/lib/x86_64-linux-gnu/"
LOADER = "usr/lib64/ld-linux-x86-64.so.2"
MERGED = ("bin", "lib", "lib64", "sbin")
OURS = {"init.sh": "init", "serve.sh": "usr/bin/serve", "agent.sh": "usr/bin/agent",
        "xorg.conf": "etc/X11/xorg.conf", "fonts.conf": "etc/fonts/fonts.conf",
        "fit.sh": "usr/bin/fit", "fit.rules": "etc/udev/rules.d/90-fit.rules"}


def needed(data):
    """The names of the libraries that an ELF file names as needed."""
    if data[:5] != b"\x7fELF\x02":
        return []
    header_at, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    headers = [struct.unpack_from("<IIQQQQ", data, header_at + size * at) for at in range(count)]
    loads = [(vaddr, offset, length) for kind, _f, offset, vaddr, _p, length in headers if kind == 1]
    dynamic = next((header for header in headers if header[0] == 2), None)
    if not dynamic:
        return []
    pairs = list(struct.iter_unpack("<QQ", data[dynamic[2]:dynamic[2] + dynamic[5]]))
    table = next(value for tag, value in pairs if tag == 5)
    names = next(offset + table - vaddr for vaddr, offset, length in loads
                 if vaddr <= table < vaddr + length)
    starts = [names + value for tag, value in pairs if tag == 1]
    return [data[start:data.index(b"\0", start)].decode() for start in starts]


def link_target(path, target):
    """Where a symbolic link leads, as a path without / in front."""
    joined = os.path.normpath(os.path.join("/", os.path.dirname(path), target.decode()))
    return merged(joined.lstrip("/"))


def merged(path):
    """The path in a system whose /bin, /lib and so on are links into /usr."""
    return "usr/" + path if path.split("/")[0] in MERGED else path


def read_packages(debs):
    """What the packages hold that may be wanted: {path: (mode, bytes)}."""
    def maybe(path):
        path = merged(path)
        return bool(path.startswith(LIBRARIES) or path == LOADER or PROGRAMS.match(path) or DATA.match(path))
    return {merged(path): file for deb in debs for path, file in debian.read_files(deb, maybe).items()}


def choose(files):
    """Programs and data, and what they need; ValueError if a library is not there."""
    chosen = {}
    todo = [path for path in files if PROGRAMS.match(path) or DATA.match(path)] + [LOADER]
    todo.append(LIBRARIES + "libgcc_s.so.1")  # loaded when a thread ends
    while todo:
        path = todo.pop()
        if path in chosen:
            continue
        if path not in files:
            raise ValueError(f"{path} is in none of the packages")
        mode, data = chosen[path] = files[path]
        if stat.S_ISLNK(mode):
            target = link_target(path, data)
            todo += [target] if target in files else []
        else:
            todo += [LIBRARIES + name for name in needed(data) if not name.startswith("ld-linux")]
    return chosen


def with_folders(entries):
    """The entries sorted, and before them the folders they lie in."""
    folders = {"dev", "proc", "sys", "run", "tmp", "usr/sbin", "var/lib/xkb", "var/log"}
    for path, _mode, _data in entries:
        folders.add(os.path.dirname(path))
    for folder in list(folders):
        parts = folder.split("/")
        folders |= {"/".join(parts[:end]) for end in range(1, len(parts))}
    made = [(path, 0o040755, b"") for path in sorted(folders - {""})]
    return made + sorted(entries, key=lambda entry: entry[0])


def make_initrd(chosen, modules):
    entries = [(path, mode, data) for path, (mode, data) in chosen.items()]
    entries += [(merged(path), mode, data) for path, mode, data in modules]
    entries += [(name, 0o120777, b"usr/" + name.encode()) for name in MERGED]
    entries += [("usr/bin/sh", 0o120777, b"busybox"), ("dev/console", 0o020600, (5, 1)),
                ("usr/share/fonts/X11/misc/fonts.dir", 0o100644, b"0\n"),
                ("etc/passwd", 0o100644, b"root:x:0:0:root:/:/bin/sh\n"),
                ("etc/group", 0o100644, b"root:x:0:\ninput:x:1:\ntty:x:5:\nvideo:x:44:\n")]
    for source, path in OURS.items():
        with open(os.path.join(HERE, source), "rb") as file:
            entries.append((path, 0o100755 if source.endswith(".sh") else 0o100644, file.read()))
    return debian.cpio(with_folders(entries))


def build(folder):
    """Says what was made; raises Missing or ValueError."""
    kernel, initrd = os.path.join(folder, "vmlinux"), os.path.join(folder, "initrd")
    if debian.up_to_date((kernel, initrd), [os.path.join(HERE, name) for name in ("build.py", *OURS)]):
        return f"{folder} is up to date"
    packages = os.path.join(folder, "..", "guest-packages")
    image, modules = debian.kernel_and_modules(packages, MODULES)
    names = [name for name in debian.with_dependencies(PACKAGES)
             if name in PACKAGES or name.startswith("lib") and not NOT_LOADED.match(name)]
    chosen = choose(read_packages(debian.download(packages, names)))
    os.makedirs(folder, exist_ok=True)
    debian.write(kernel, image)
    debian.write(initrd, make_initrd(chosen, modules))
    size = os.path.getsize(initrd) >> 20
    return f"made {folder}: {len(chosen)} files of {len(names)} packages, {size} MiB"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    folder = os.path.abspath(parser.parse_args().folder)
    try:
        print(build(folder))
    except debian.Missing as missing:
        print(f"cannot have the packages: {missing}")
        sys.exit(77)


if __name__ == "__main__":
    main()
