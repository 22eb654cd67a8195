#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the desktop guest: FOLDER/vmlinux and FOLDER/initrd, Debian's X11 with the SPICE agent.

Of the packages only what PROGRAMS and DATA name is taken, and the libraries which that needs. They are
kept beside FOLDER (guest-packages); nothing is installed, no maintainer script runs. Exit codes: 0 made
or already there, 77 the packages cannot be had, 1 they are not as expected.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "guest-linux"))

import debian  # noqa: E402
import programs  # noqa: E402

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
OURS = {"init.sh": "init", "../guest-linux/serve.sh": "usr/bin/serve",
        "agent.sh": "usr/bin/agent", "xorg.conf": "etc/X11/xorg.conf", "fonts.conf": "etc/fonts/fonts.conf",
        "fit.sh": "usr/bin/fit", "fit.rules": "etc/udev/rules.d/90-fit.rules"}


def wanted(path):
    return bool(PROGRAMS.match(path) or DATA.match(path))


def make_initrd(chosen, modules):
    more = [("usr/share/fonts/X11/misc/fonts.dir", 0o100644, b"0\n"),
            ("etc/group", 0o100644, b"root:x:0:\ninput:x:1:\ntty:x:5:\nvideo:x:44:\n")]
    scripts = {os.path.join(HERE, name): path for name, path in OURS.items()}
    return programs.initrd(chosen, modules, more, scripts, ["usr/sbin", "var/lib/xkb", "var/log"])


def build(folder):
    """Says what was made; raises Missing or ValueError."""
    kernel, initrd = os.path.join(folder, "vmlinux"), os.path.join(folder, "initrd")
    sources = [programs.__file__] + [os.path.join(HERE, name) for name in ("build.py", *OURS)]
    if debian.up_to_date((kernel, initrd), sources):
        return f"{folder} is up to date"
    packages = os.path.join(folder, "..", "guest-packages")
    image, modules = debian.kernel_and_modules(packages, MODULES)
    chosen, count = programs.collect(packages, PACKAGES, wanted, NOT_LOADED)
    os.makedirs(folder, exist_ok=True)
    debian.write(kernel, image)
    debian.write(initrd, make_initrd(chosen, modules))
    size = os.path.getsize(initrd) >> 20
    return f"made {folder}: {len(chosen)} files of {count} packages, {size} MiB"


if __name__ == "__main__":
    debian.main(__doc__, build)
