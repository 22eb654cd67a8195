#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the Linux guest: FOLDER/vmlinux, vmlinuz and initrd from Debian's kernel and busybox.

The packages are downloaded by apt-get and kept beside FOLDER (guest-packages); nothing is installed.
Exit codes: 0 made or already there, 77 the packages cannot be had, 1 they are not as expected.
"""
import os

import debian

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = ["qxl", "virtio_pci", "virtio-gpu", "bochs", "virtio_console"]


def make_initrd(busybox, modules):
    with open(os.path.join(HERE, "init.sh"), "rb") as file:
        init = file.read()
    folders = ["bin", "dev", "lib", "lib/modules", "proc", "sys", "run"]
    return debian.cpio([
        *((path, 0o040755, b"") for path in folders),
        ("dev/console", 0o020600, (5, 1)), ("init", 0o100755, init),
        ("bin/busybox", 0o100755, busybox), ("bin/sh", 0o120777, b"busybox"), *modules])


def build(folder):
    """Says what was made; raises Missing or ValueError."""
    kernel, initrd = os.path.join(folder, "vmlinux"), os.path.join(folder, "initrd")
    packed = os.path.join(folder, "vmlinuz")
    if debian.up_to_date((kernel, packed, initrd),
                         [os.path.join(HERE, name) for name in ("build.py", "init.sh")]):
        return f"{folder} is up to date"
    packages = os.path.join(folder, "..", "guest-packages")
    image, modules = debian.kernel_and_modules(packages, MODULES)
    busybox = debian.read_files(debian.download(packages, ["busybox-static"])[0],
                                lambda path: path == "bin/busybox")
    if not busybox:
        raise ValueError("no bin/busybox in busybox-static")
    os.makedirs(folder, exist_ok=True)
    debian.write(kernel, image)
    debian.write(packed, debian.kernel_image(packages))
    debian.write(initrd, make_initrd(busybox["bin/busybox"][1], modules))
    return f"made {folder}: {modules[-1][2].decode().replace(chr(10), ' ')}"


if __name__ == "__main__":
    debian.main(__doc__, build)
