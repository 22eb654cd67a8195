# SPDX-License-Identifier: MIT
"""The Linux guest of tests/guest-linux: its machine, its keys, its lines."""
import os
import subprocess
import sys

from .run import Failure, Skip, check
from .vm import Spice, Vm, incoming

BUILDER = os.path.join(os.path.dirname(__file__), "..", "..", "guest-linux", "build.py")
BUILD_SECONDS = 300
BOOT_SECONDS = 90
KEY_SECONDS = 10
COMMAND_LINE = "console=ttyS0 quiet loglevel=3 vt.global_cursor_default=0 panic=-1"


def prepare(bench):
    """Makes the guest's files unless they are there; Skip if that cannot be."""
    folder = os.environ.get("CARAVAN_LINUX_GUEST")
    if not folder:
        raise Skip("no folder for the Linux guest (CARAVAN_LINUX_GUEST)")
    done = subprocess.run([sys.executable, BUILDER, folder], text=True, timeout=BUILD_SECONDS,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    bench.say(done.stdout.strip())
    if done.returncode == 77:
        raise Skip("no packages for the Linux guest")
    check(done.returncode == 0, "the Linux guest cannot be built")
    return os.path.abspath(folder)


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
