# SPDX-License-Identifier: MIT
"""The Linux guest of tests/guest-linux: its machine, its keys, its lines."""
import os

from . import guest
from .run import Failure, check
from .vm import Spice, Vm, incoming

BUILD_SECONDS = 300
BOOT_SECONDS = 90
KEY_SECONDS = 10
COMMAND_LINE = "console=ttyS0 quiet loglevel=3 vt.global_cursor_default=0 panic=-1"


def prepare(bench):
    """The folder with the guest's files (guest.prepare)."""
    return guest.prepare(bench, "linux", BUILD_SECONDS)


def machine(folder, vga, words=""):
    """The arguments of a machine that boots it; `words` go to its command line."""
    return ["-m", "256", "-vga", vga, "-kernel", os.path.join(folder, "vmlinux"),
            "-initrd", os.path.join(folder, "initrd"), "-append", f"{COMMAND_LINE} {words}"]


def boot(bench, folder, vga, name="source"):
    """A VM whose guest is up and moving."""
    vm = Vm(bench, name, Spice.tcp(), machine(folder, vga))
    vm.wait_line("ready", BOOT_SECONDS)
    errors = [line for line in vm.serial_lines() if line.startswith("error")]
    check(not errors, f"{name}: {errors}")
    mode = next(line for line in vm.serial_lines() if line.startswith("mode "))
    bench.say(f"{name}: guest is up, -vga {vga}, {mode.strip()}, {vm.library}")
    return vm


def target(bench, folder, vga, name="target"):
    """A VM that waits for such a guest, and its migration port."""
    return incoming(bench, name, Spice.tcp(), machine(folder, vga))


def screen_size(vm):
    """Width and height of the guest's frame buffer."""
    mode = next(line for line in vm.serial_lines() if line.startswith("mode "))
    return tuple(int(number) for number in mode.split()[1].split("x"))


def press(vm, key, answer):
    """Presses a key and waits for the guest's answer, a line that starts so."""
    since = len(vm.serial_lines())
    vm.press(key)
    return vm.wait_line(lambda line: line.startswith(answer), KEY_SECONDS, since)


def freeze(vm, on):
    """Stops or starts the moving text."""
    for _ in range(2):
        at = press(vm, "f", "freeze ")
        if vm.serial_lines()[at].strip() == f"freeze {int(on)}":
            return
    raise Failure("the guest does not freeze")
