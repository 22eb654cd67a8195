# SPDX-License-Identifier: MIT
"""The echoing guest of guest/echo.asm, its serial ports, and clients that talk to them."""
import os
import subprocess

from .client import Client
from .run import Skip, check, until
from .vm import Spice, Vm, incoming

BOOT_SECONDS = 30
CLIENT = os.path.join(os.path.dirname(__file__), "device_client.py")
PYTHON = "/usr/bin/python3"  # the one that Debian's GObject introspection is for


def port(name, com):
    """Arguments of a SPICE port of that name behind COM2, COM3 or COM4."""
    return ["-chardev", f"spiceport,id=com{com},name={name}",
            "-device", f"isa-serial,chardev=com{com},index={com - 1}"]


def vmc(name, com):
    """The same for `-chardev spicevmc,name=`."""
    return ["-chardev", f"spicevmc,id=com{com},name={name}",
            "-device", f"isa-serial,chardev=com{com},index={com - 1}"]


def machine(devices, vga="std"):
    image = os.environ.get("ECHO_IMG")
    if not image or not os.path.exists(image):
        raise Skip("no echoing guest (ECHO_IMG): it needs nasm")
    return ["-m", "32", "-vga", vga,
            "-drive", f"file={os.path.abspath(image)},format=raw,snapshot=on", *devices]


def boot(bench, devices, name="source", spice=None):
    """A VM whose guest echoes."""
    vm = Vm(bench, name, spice or Spice.tcp(), machine(devices))
    vm.wait_line("ready", BOOT_SECONDS)
    bench.say(f"{name}: guest is up, {vm.library}")
    return vm


def target(bench, devices, name="target", spice=None):
    return incoming(bench, name, spice or Spice.tcp(), machine(devices))


class PortClient(Client):
    """A GObject client that streams numbers to a port and checks what comes back."""

    def __init__(self, bench, name, uri, port_name):
        check_introspection()
        super().__init__(bench, name, uri, command=[PYTHON, CLIENT, uri, port_name])

    def wait_opened(self, opened=1, seconds=20, since=0):
        return self.wait_event("opened", seconds, since, opened=opened)

    def allow(self, count):
        """Lets it send that many more bytes."""
        self.command(f"flow {count}")

    def received(self):
        """How many bytes have come back; Failure if they were not those that were sent."""
        wrong = self.seen(["error"])
        check(not wrong, f"{self.name}: {wrong}")
        return self.command("stat")["received"]

    def wait_received(self, count, seconds):
        """Waits until that many bytes have come back."""
        until(lambda: self.received() >= count, seconds, f"{count} bytes at {self.name}", 0.1)


def check_introspection():
    done = subprocess.run([PYTHON, "-c", "import gi; gi.require_version('SpiceClientGLib', '2.0')"],
                          stderr=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise Skip("no GObject introspection of spice-gtk (gir1.2-spiceclientglib-2.0, python3-gi)")
