#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the Linux guest: FOLDER/vmlinux and FOLDER/initrd from Debian's kernel and busybox.

The packages are downloaded by apt-get into FOLDER and kept there; nothing is installed. Exit codes:
0 made or already there, 77 the packages cannot be had, 1 they are not as expected.
"""
import argparse
import io
import lzma
import os
import re
import struct
import subprocess
import sys
import tarfile

HERE = os.path.dirname(os.path.abspath(__file__))
META_PACKAGE = "linux-image-amd64"
MODULES = ["qxl", "virtio_pci", "virtio-gpu", "bochs", "virtio_console"]
DOWNLOAD_SECONDS = 180


class Missing(Exception):
    """The packages cannot be had here."""


def output(*command):
    """What the command prints; Missing if it fails."""
    try:
        return subprocess.run(command, check=True, text=True, timeout=DOWNLOAD_SECONDS,
                              stdout=subprocess.PIPE).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise Missing(f"{' '.join(command)}: {error}") from None


def kernel_package():
    """The package that META_PACKAGE stands for at the moment."""
    depends = output("apt-cache", "depends", META_PACKAGE)
    found = re.search(r"Depends: (linux-image-\d\S+-amd64)", depends)
    if not found:
        raise Missing(f"apt does not know {META_PACKAGE}")
    return found.group(1)


def download(folder, package):
    """The path of the package's file, downloaded unless it is there."""
    def present():
        return [name for name in sorted(os.listdir(folder))
                if name.startswith(package + "_") and name.endswith(".deb")]
    if not present():
        try:
            subprocess.run(["apt-get", "-o", "APT::Sandbox::User=root", "download", package],
                           check=True, cwd=folder, timeout=DOWNLOAD_SECONDS,
                           stdout=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError) as error:
            raise Missing(f"apt-get download {package}: {error}") from None
    if not present():
        raise Missing(f"apt-get download {package} left no file")
    return os.path.join(folder, present()[-1])


def read_files(deb, wanted):
    """{path: bytes} of the regular files in the package for which wanted(path) is true."""
    found = {}
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                path = member.name.removeprefix("./")
                if member.isfile() and wanted(path):
                    found[path] = archive.extractfile(member).read()
    return found


def unpack_kernel(image):
    """The ELF kernel inside a bzImage whose payload is xz: QEMU starts it faster than the image."""
    setup_sectors = image[0x1f1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    kernel = lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(image[start:start + length])
    if kernel[:4] != b"\x7fELF":
        raise ValueError("the kernel is no ELF file")
    return kernel


def load_order(modules, names):
    """Paths of the modules in the order to load them: what one depends on comes first."""
    by_name = {os.path.basename(path).removesuffix(".ko").replace("-", "_"): path
               for path in modules}
    order = []

    def add(name):
        name = name.replace("-", "_")
        path = by_name.get(name)
        if not path or path in order:
            return  # no such file: it is built into the kernel
        depends = re.search(rb"\0depends=([^\0]*)\0", modules[path])
        for other in filter(None, depends.group(1).decode().split(",")) if depends else ():
            add(other)
        order.append(path)

    for name in names:
        add(name)
    return order


def cpio(entries):
    """A newc archive of (path, mode, bytes or (major, minor))."""
    out = io.BytesIO()
    for number, (path, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        device = content if isinstance(content, tuple) else (0, 0)
        data = b"" if isinstance(content, tuple) else content
        name = path.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
        out.write(b"070701" + b"".join(b"%08x" % field for field in fields) + name)
        out.write(bytes(-out.tell() % 4) + data)
        out.write(bytes(-out.tell() % 4))
    return out.getvalue()


def make_initrd(busybox, modules, order):
    with open(os.path.join(HERE, "init.sh"), "rb") as file:
        init = file.read()
    folders = ["bin", "dev", "lib", "lib/modules", "proc", "sys", "run"]
    entries = [(path, 0o040755, b"") for path in folders]
    entries += [("dev/console", 0o020600, (5, 1)), ("init", 0o100755, init),
                ("bin/busybox", 0o100755, busybox), ("bin/sh", 0o120777, b"busybox")]
    names = []
    for path in order:
        names.append(os.path.basename(path))
        entries.append((f"lib/modules/{names[-1]}", 0o100644, modules[path]))
    entries.append(("lib/modules/order", 0o100644, "".join(f"{name}\n" for name in names).encode()))
    return cpio(entries)


def newest_source():
    return max(os.path.getmtime(os.path.join(HERE, name)) for name in ("build.py", "init.sh"))


def write(path, data):
    """Whole or not at all."""
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.rename(path + ".new", path)


def build(folder):
    """Says what was made; raises Missing or ValueError."""
    kernel, initrd = os.path.join(folder, "vmlinux"), os.path.join(folder, "initrd")
    if all(os.path.exists(path) and os.path.getmtime(path) > newest_source()
           for path in (kernel, initrd)):
        return f"{folder} is up to date"
    os.makedirs(folder, exist_ok=True)
    package = kernel_package()
    files = read_files(download(folder, package),
                       lambda path: path.startswith("boot/vmlinuz-") or path.endswith(".ko"))
    busybox = read_files(download(folder, "busybox-static"), lambda path: path == "bin/busybox")
    if not busybox:
        raise ValueError("no bin/busybox in busybox-static")
    image = next((data for path, data in files.items() if path.startswith("boot/")), None)
    modules = {path: data for path, data in files.items() if path.endswith(".ko")}
    order = load_order(modules, MODULES)
    if image is None or not any(path.endswith("/qxl.ko") for path in order):
        raise ValueError(f"no kernel or no qxl.ko in {package}")
    write(kernel, unpack_kernel(image))
    write(initrd, make_initrd(busybox["bin/busybox"], modules, order))
    names = " ".join(os.path.basename(path) for path in order)
    return f"made {folder} of {package}: {names}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    folder = parser.parse_args().folder
    try:
        print(build(folder))
    except Missing as missing:
        print(f"cannot have the packages: {missing}")
        sys.exit(77)


if __name__ == "__main__":
    main()
