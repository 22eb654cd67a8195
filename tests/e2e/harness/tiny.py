# SPDX-License-Identifier: MIT
"""The tiny guest of guest/: its machine, its keys, its lines."""
import os
import time

from .run import Skip, check, until
from .vm import Spice, Vm, incoming

BOOT_SECONDS = 30
KEY_SECONDS = 10
# the key, the line of its release, and the size of the screen
MODES = {"text": ("f1", "key bb", (720, 400)), "640x480": ("f2", "key bc", (640, 480)),
         "1024x768": ("f3", "key bd", (1024, 768)), "800x600": ("f6", "key c0", (800, 600))}
SWITCHES = {"freeze": ("f4", "key be"), "busy": ("f5", "key bf")}


def image():
    """The path of the guest's disk."""
    path = os.environ.get("GUEST_IMG")
    if not path or not os.path.exists(path):
        raise Skip("no guest image (GUEST_IMG): it needs nasm")
    return os.path.abspath(path)


def machine(vga):
    """The arguments of a machine that boots the tiny guest."""
    return ["-m", "32", "-vga", vga, "-drive", f"file={image()},format=raw,snapshot=on"]


def boot(bench, vga, spice=None, name="source", environment=None):
    """A VM whose guest is up and moving."""
    vm = Vm(bench, name, spice or Spice.tcp(), machine(vga), environment=environment)
    vm.wait_line("ready", BOOT_SECONDS)
    bench.say(f"{name}: guest is up, -vga {vga}, {vm.library}")
    return vm


def target(bench, vga, spice=None, name="target", environment=None):
    """A VM that waits for such a guest, and its migration port."""
    return incoming(bench, name, spice or Spice.tcp(), machine(vga), environment)


def switch(vm, name, on):
    """Presses F4 or F5 until the guest's switch is as wanted. The guest must say so."""
    key, released = SWITCHES[name]
    for _ in range(2):
        since = len(vm.serial_lines())
        vm.press(key)
        at = vm.wait_line(lambda line: line.startswith(name + " "), KEY_SECONDS, since)
        vm.wait_line(released, KEY_SECONDS, since)
        if vm.serial_lines()[at] == f"{name} {int(on)}":
            return
    raise AssertionError("a switch of two positions has a third")


def set_mode(vm, name):
    """Has the guest set a mode by its key."""
    since = len(vm.serial_lines())
    key, released, _size = MODES[name]
    vm.press(key)
    vm.wait_line(f"mode {name}", KEY_SECONDS, since)
    vm.wait_line(released, KEY_SECONDS, since)


def wait_inputs(vm, lines, since):
    """The guest's next key and mouse lines are these, in this order; a line too many fails, too."""
    def inputs():
        return [line for line in vm.serial_lines()[since:] if line.startswith(("key ", "mouse "))]
    until(lambda: len(inputs()) >= len(lines), KEY_SECONDS, f"lines {lines} of the guest")
    check(inputs() == lines, f"the guest got {inputs()}, not {lines}")


def same_picture(bench, vm, client, seconds=15):
    """Waits until the client shows what the screen of the frozen guest shows."""
    began = time.monotonic()
    state = {"asked": 0}

    def equal():
        state["asked"] += 1
        state["screen"] = vm.picture()
        return client.hash() == state["screen"].sha256
    try:
        until(equal, seconds, "equal picture", 0.1)
    except Exception:
        report_difference(bench, vm, client)
        raise
    screen = state["screen"]
    check(screen.colours() > 1, "the picture is blank: nothing was compared")
    bench.say(f"{client.name} shows {vm.name}'s {screen.width}x{screen.height} exactly, after "
              f"{time.monotonic() - began:.2f} s and {state['asked']} looks")
    return screen


def report_difference(bench, vm, client):
    """Says how the client's picture differs, and keeps both if CARAVAN_KEEP is set."""
    screen, shown = vm.picture(), client.screenshot()
    bench.say(f"{client.name} against {vm.name}: {shown.difference(screen) or 'now the same'}")
    screen.write_png(bench.path("screen.png"))
    shown.write_png(bench.path(f"{client.name}.png"))
