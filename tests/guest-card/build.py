#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the card guest: FOLDER/vmlinux and FOLDER/initrd, Debian's card service and OpenSC.

Of the packages only what PROGRAMS names is taken, and the libraries which that needs. They are kept beside
FOLDER (guest-packages); nothing is installed, no maintainer script runs. card.c is compiled here. Exit
codes: 0 made or already there, 77 the packages or the compiler cannot be had, 1 they are not as expected.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest-linux"))

import debian  # noqa: E402
import programs  # noqa: E402

MODULES = ["xhci-pci", "uhci-hcd", "virtio_pci", "virtio_console"]
PACKAGES = ["busybox-static", "pcscd", "libccid", "libpcsclite1", "opensc", "opensc-pkcs11", "zlib1g"]
# libraries that something depends on and nothing here loads
NOT_LOADED = re.compile("lib(readline|perl|db5|pam-|semanage|cryptsetup|devmapper|apparmor|fdisk|icu)")
PROGRAMS = re.compile(
    "usr/bin/(busybox|opensc-tool|pkcs15-tool|pkcs11-tool)$|usr/sbin/pcscd$|etc/opensc/"
    "|usr/lib/pcsc/drivers/ifd-ccid\\.bundle/|etc/libccid_Info\\.plist$"
    "|usr/lib/x86_64-linux-gnu/opensc-pkcs11\\.so$")
SCRIPTS = {os.path.join(HERE, "init.sh"): "init",
           os.path.join(HERE, "..", "guest-linux", "serve.sh"): "usr/bin/serve"}
PROGRAM = os.path.join(HERE, "card.c")


def compile_program(folder):
    """The bytes of card.c's program."""
    path = os.path.join(folder, "card")
    try:
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libpcsclite"], check=True, text=True,
                               stdout=subprocess.PIPE).stdout.split()
        subprocess.run(["cc", "-std=gnu11", "-O2", "-Wall", "-Werror", "-o", path, PROGRAM, *flags],
                       check=True)
    except FileNotFoundError as error:
        raise debian.Missing(f"{error.filename}") from None
    except subprocess.CalledProcessError as error:
        if error.cmd[0] == "pkg-config":
            raise debian.Missing("libpcsclite-dev") from None
        raise ValueError(f"{PROGRAM} does not compile") from None
    with open(path, "rb") as file:
        return file.read()


def wanted(path):
    return bool(PROGRAMS.match(path))


def build(folder):
    """Says what was made; raises Missing or ValueError."""
    kernel, initrd = os.path.join(folder, "vmlinux"), os.path.join(folder, "initrd")
    if debian.up_to_date((kernel, initrd), [__file__, programs.__file__, PROGRAM, *SCRIPTS]):
        return f"{folder} is up to date"
    os.makedirs(folder, exist_ok=True)
    program = compile_program(folder)
    packages = os.path.join(folder, "..", "guest-packages")
    image, modules = debian.kernel_and_modules(packages, MODULES)
    chosen, count = programs.collect(packages, PACKAGES, wanted, NOT_LOADED, [program])
    debian.write(kernel, image)
    debian.write(initrd, programs.initrd(chosen, modules, [("usr/bin/card", 0o100755, program)], SCRIPTS))
    size = os.path.getsize(initrd) >> 20
    return f"made {folder}: {len(chosen)} files of {count} packages, {size} MiB"


if __name__ == "__main__":
    debian.main(__doc__, build)
