# SPDX-License-Identifier: MIT
"""What the builders of Linux guests share: Debian's packages without installing them, boot files.

Packages are downloaded by apt-get into a folder and kept there; their maintainer scripts never run.
"""
import argparse
import io
import lzma
import os
import re
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile

META_PACKAGE = "linux-image-amd64"
DOWNLOAD_SECONDS = 240


class Missing(Exception):
    """The packages cannot be had here."""


def output(*command):
    """What the command prints; Missing if it fails."""
    try:
        return subprocess.run(command, check=True, text=True, timeout=DOWNLOAD_SECONDS,
                              stdout=subprocess.PIPE).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise Missing(f"{' '.join(command)}: {error}") from None


# -- packages --

def kernel_package():
    """The package that META_PACKAGE stands for at the moment."""
    depends = output("apt-cache", "depends", META_PACKAGE)
    found = re.search(r"Depends: (linux-image-\d\S+-amd64)", depends)
    if not found:
        raise Missing(f"apt does not know {META_PACKAGE}")
    return found.group(1)


def with_dependencies(names):
    """The packages and all they depend on, as if nothing were installed here."""
    with tempfile.TemporaryDirectory() as empty:
        status = os.path.join(empty, "status")
        with open(status, "wb"):
            pass
        lines = output("apt-get", "-qq", "-y", "--no-install-recommends", "--print-uris",
                       "-o", f"Dir::State::status={status}", "-o", "Debug::NoLocking=1",
                       "-o", f"Dir::Cache::archives={empty}", "install", *names)
    return sorted(line.split()[1].split("_")[0] for line in lines.splitlines())


def download(folder, names):
    """The paths of the packages' files, in that order; downloaded unless they are there."""
    def present():
        files = sorted(name for name in os.listdir(folder) if name.endswith(".deb"))
        return {name.split("_")[0]: os.path.join(folder, name) for name in files}
    os.makedirs(folder, exist_ok=True)
    lacking = [name for name in names if name not in present()]
    if lacking:
        try:
            subprocess.run(["apt-get", "-o", "APT::Sandbox::User=root", "download", *lacking],
                           check=True, cwd=folder, timeout=DOWNLOAD_SECONDS,
                           stdout=subprocess.DEVNULL)
        except (OSError, subprocess.SubprocessError) as error:
            raise Missing(f"apt-get download {' '.join(lacking)}: {error}") from None
    found = present()
    for name in names:
        if name not in found:
            raise Missing(f"apt-get download {name} left no file")
    return [found[name] for name in names]


def read_files(deb, wanted):
    """{path: (mode, bytes)} of the package's files for which wanted(path) is true.

    The bytes of a symbolic link are where it points to.
    """
    found = {}
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                path = member.name.removeprefix("./")
                if member.issym() and wanted(path):
                    found[path] = (stat.S_IFLNK | 0o777, member.linkname.encode())
                elif member.isfile() and wanted(path):
                    found[path] = (stat.S_IFREG | member.mode & 0o755,
                                   archive.extractfile(member).read())
    return found


# -- the kernel --

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


def kernel_image(folder):
    """The bzImage, for machine types that cannot start the ELF kernel."""
    files = read_files(download(folder, [kernel_package()])[0],
                       lambda path: path.startswith("boot/vmlinuz-"))
    return next(data for _mode, data in files.values())


def kernel_and_modules(folder, names):
    """The ELF kernel and the entries of its modules: lib/modules/*.ko, lib/modules/order."""
    package = kernel_package()
    files = read_files(download(folder, [package])[0],
                       lambda path: path.startswith("boot/vmlinuz-") or path.endswith(".ko"))
    image = next((data for path, (_mode, data) in files.items() if path.startswith("boot/")), None)
    modules = {path: data for path, (_mode, data) in files.items() if path.endswith(".ko")}
    order = load_order(modules, names)
    if image is None or not any(path.endswith(f"/{names[0]}.ko") for path in order):
        raise ValueError(f"no kernel or no {names[0]}.ko in {package}")
    loaded = [os.path.basename(path) for path in order]
    entries = [(f"lib/modules/{name}", 0o100644, modules[path])
               for name, path in zip(loaded, order)]
    entries.append(("lib/modules/order", 0o100644, "".join(f"{name}\n" for name in loaded).encode()))
    return unpack_kernel(image), entries


# -- the initial RAM disk --

def cpio(entries):
    """A newc archive of (path, mode, bytes or (major, minor)); a folder before what it holds."""
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


def up_to_date(results, sources):
    """True if every result is there and newer than the sources."""
    newest = max(os.path.getmtime(path) for path in (*sources, __file__))
    return all(os.path.exists(path) and os.path.getmtime(path) > newest for path in results)


def write(path, data):
    """Whole or not at all."""
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.rename(path + ".new", path)


def main(description, build):
    """The command line of a builder; build(folder) says what was made, or raises Missing."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder")
    folder = os.path.abspath(parser.parse_args().folder)
    try:
        print(build(folder))
    except Missing as missing:
        print(f"cannot have what it takes: {missing}")
        sys.exit(77)
