# SPDX-License-Identifier: MIT
"""What the builders of guests with Debian's programs share: the programs, the libraries they need, folders.

Of the packages only what is wanted is taken; no maintainer script runs. Paths have no / in front, and /bin,
/lib and so on are links into /usr.
"""
import os
import stat
import struct

import debian

LIBRARIES = "usr/lib/x86_64-linux-gnu/"
LOADER = "usr/lib64/ld-linux-x86-64.so.2"
LATE = LIBRARIES + "libgcc_s.so.1"  # loaded when a thread ends
MERGED = ("bin", "lib", "lib64", "sbin")


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


def libraries(data):
    """The paths of the libraries that it needs."""
    return [LIBRARIES + name for name in needed(data) if not name.startswith("ld-linux")]


def link_target(path, target):
    """Where a symbolic link leads, as a path without / in front."""
    joined = os.path.normpath(os.path.join("/", os.path.dirname(path), target.decode()))
    return merged(joined.lstrip("/"))


def merged(path):
    """The path in a system whose /bin, /lib and so on are links into /usr."""
    return "usr/" + path if path.split("/")[0] in MERGED else path


def read_packages(debs, wanted):
    """What the packages hold that may be wanted: {path: (mode, bytes)}."""
    def maybe(path):
        path = merged(path)
        return bool(path.startswith(LIBRARIES) or path == LOADER or wanted(path))
    return {merged(path): file for deb in debs for path, file in debian.read_files(deb, maybe).items()}


def choose(files, wanted, ours=()):
    """What is wanted, and what that and the ELF files of `ours` (their bytes) need; ValueError if a
    library is not there."""
    chosen = {}
    todo = [path for path in files if wanted(path)] + [LOADER, LATE]
    todo += [path for data in ours for path in libraries(data)]
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
            todo += libraries(data)
    return chosen


def collect(folder, packages, wanted, not_loaded, ours=()):
    """What is wanted of the packages and all that needs, and how many packages were read.
    `not_loaded` is a pattern of libraries that something depends on and nothing here loads."""
    names = [name for name in debian.with_dependencies(packages)
             if name in packages or name.startswith("lib") and not not_loaded.match(name)]
    return choose(read_packages(debian.download(folder, names), wanted), wanted, ours), len(names)


def with_folders(entries, folders):
    """The entries sorted, and before them the folders they lie in and those named."""
    folders = {"dev", "proc", "sys", "run", "tmp", *folders}
    folders |= {os.path.dirname(path) for path, _mode, _data in entries}
    for folder in list(folders):
        parts = folder.split("/")
        folders |= {"/".join(parts[:end]) for end in range(1, len(parts))}
    made = [(path, 0o040755, b"") for path in sorted(folders - {""})]
    return made + sorted(entries, key=lambda entry: entry[0])


def initrd(chosen, modules, more, scripts, folders=()):
    """The bytes of a disk with what was chosen, a shell, the modules, `more` entries and `scripts`
    ({file: path in the guest}; what ends in .sh can be run)."""
    entries = [(path, mode, data) for path, (mode, data) in chosen.items()]
    entries += [(merged(path), mode, data) for path, mode, data in modules]
    entries += [(name, 0o120777, b"usr/" + name.encode()) for name in MERGED]
    entries += [("usr/bin/sh", 0o120777, b"busybox"), ("dev/console", 0o020600, (5, 1)),
                ("etc/passwd", 0o100644, b"root:x:0:0:root:/:/bin/sh\n"), *more]
    for source, path in scripts.items():
        with open(source, "rb") as file:
            entries.append((path, 0o100755 if source.endswith(".sh") else 0o100644, file.read()))
    return debian.cpio(with_folders(entries, folders))
