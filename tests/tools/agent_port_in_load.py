# SPDX-License-Identifier: MIT
"""`caravan agent` is at the guest's port before QEMU has its state taken up, so that no guest finds its port
closed when it runs again. A script stands for QEMU, as the real one leaves it to luck who is first."""
import os
import select
import socket
import subprocess
import sys
import tempfile
import time

from common import CARAVAN, check, need

DEBIANS = "/usr/bin/python3"  # the one that its GObject introspection is for

try:
    import gi
    gi.require_version("Gio", "2.0")
    from gi.repository import Gio, GLib
except (ImportError, ValueError):
    if sys.executable != DEBIANS and os.path.exists(DEBIANS):
        os.execv(DEBIANS, [DEBIANS, *sys.argv])
    Gio = None

need(("GObject for Python (python3-gi)", Gio is not None))

SERVICE, PATH = "org.qemu.VMState1", "/org/qemu/VMState1"
SECONDS = 20


def until(condition, what):
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            check(False, what)
        time.sleep(0.01)


def connect(address):
    flags = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
             Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
    return Gio.DBusConnection.new_for_address_sync(f"unix:path={address}", flags, None, None)


def call(bus, interface, method, arguments=None):
    return bus.call_sync(SERVICE, PATH, interface, method, arguments, None,
                         Gio.DBusCallFlags.NONE, SECONDS * 1000, None)


def look_up(bus):
    """As QEMU does before each of its calls."""
    got = call(bus, "org.freedesktop.DBus.Properties", "Get", GLib.Variant("(ss)", (SERVICE, "Id")))
    check(got.unpack() == ("caravan-agent",), f"its identity is {got.unpack()}")


def saved(bus):
    look_up(bus)
    return bytes(call(bus, SERVICE, "Save").unpack()[0])


def load(bus, state):
    look_up(bus)
    call(bus, SERVICE, "Load", GLib.Variant("(ay)", (state,)))


def main(folder):
    port, address = os.path.join(folder, "port"), os.path.join(folder, "bus")
    agent = subprocess.Popen([CARAVAN, "agent", "--port", port, "--bus", address],
                             stdin=subprocess.DEVNULL)
    try:
        until(lambda: os.path.exists(address), "the agent makes its bus")
        bus = connect(address)
        state = saved(bus)
        check(len(state) > 0, f"a state of {len(state)} bytes without a port")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(port)
            listener.listen(1)
            load(bus, state)
            check(select.select([listener], [], [], 0)[0], "it has connected when Load returns")
            link = listener.accept()[0]
            check(saved(bus), "it goes on")
            link.close()
        bus.close_sync(None)
    finally:
        agent.terminate()
    check(agent.wait(SECONDS) == 0, f"it ends with {agent.returncode}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(scratch)
