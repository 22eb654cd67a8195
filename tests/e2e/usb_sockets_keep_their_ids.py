#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""USB sockets with numbers in their names keep their channels through moves, whatever their order.

The sockets of the target are in another order, and one is plugged in while it waits. With sockets
that have no number at the target nothing can be known for sure: they end, the operator is told, and
the rest of the session goes on.
"""
import os

from harness import client, tiny, vm
from harness.run import Skip, check, run, until
from keys_and_pointer import inputs_work
from move import nothing_reopened

USBREDIR = 9
LOGGED = {"G_MESSAGES_DEBUG": "Spice"}
CONTROLLER = ["-device", "qemu-xhci,id=usb"]


def socket(name, port):
    """The arguments of a USB socket at that port of the controller."""
    return ["-chardev", f"spicevmc,id=socket{port},name={name}",
            "-device", f"usb-redir,id=usb{port},chardev=socket{port},bus=usb.0,port={port}"]


def plug_in(machine, name, port):
    """The same while the machine is there."""
    machine.qmp.command("chardev-add", id=f"socket{port}",
                        backend={"type": "spicevmc", "data": {"type": name}})
    machine.qmp.command("device_add", driver="usb-redir", id=f"usb{port}", chardev=f"socket{port}",
                        bus="usb.0", port=str(port))


def sockets(machine):
    """The ids of the USB channels that clients have."""
    return sorted(each["channel-id"] for each in machine.query_spice()["channels"]
                  if each["channel-type"] == USBREDIR)


def said_by(bench, machine):
    with open(bench.path(f"{machine.name}.stderr"), errors="replace", encoding="utf-8") as file:
        return file.read()


def source(bench, name, first, second):
    machine = vm.Vm(bench, name, vm.Spice.tcp(), tiny.machine("std") + CONTROLLER + first + second,
                    environment=LOGGED)
    machine.wait_line("ready", tiny.BOOT_SECONDS)
    viewer = client.connect(bench, machine, f"client-of-{name}")
    until(lambda: len(sockets(machine)) == 2, 20, "two USB channels")
    return machine, viewer


def target(bench, name, devices):
    return vm.incoming(bench, name, vm.Spice.tcp(), tiny.machine("std") + CONTROLLER + devices, LOGGED)


def go(bench, here, there, port, viewer):
    here.name_target(there)
    until(lambda: len(sockets(there)) == 2, 20, "the links of the client")
    here.migrate(port)
    here.wait_migrated()
    here.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
    viewer.command(f"wait-moved {there.spice.port} 15")
    here.quit()


def same_ids_in_any_order(bench):
    """Two hops; the second to where one of them has been plugged in late and is the first."""
    here, viewer = source(bench, "host0", socket("usbredir.2", 1), socket("usbredir.0", 2))
    check(sockets(here) == [0, 2], f"USB channels {sockets(here)}")
    mark = viewer.now()
    for hop in (1, 2):
        late, early = (("usbredir.2", 1), ("usbredir.0", 2))[::1 if hop == 1 else -1]
        there, port = target(bench, f"host{hop}", socket(*early))
        plug_in(there, *late)
        go(bench, here, there, port, viewer)
        check(sockets(there) == [0, 2], f"USB channels {sockets(there)}")
        nothing_reopened(bench, viewer, mark)
        here = there
    tiny.switch(here, "freeze", True)
    inputs_work(bench, here, viewer)
    viewer.quit()
    here.quit()


def unlike_names(bench):
    """At the target the sockets have no numbers."""
    here, viewer = source(bench, "numbered", socket("usbredir.0", 1), socket("usbredir.1", 2))
    there, port = target(bench, "without", socket("usbredir", 1) + socket("usbredir", 2))
    mark = viewer.now()
    go(bench, here, there, port, viewer)
    until(lambda: not sockets(there), 10, "the end of the USB links")
    for number in (0, 1):
        check(f"its usbredir link {number} belonged to the device \"usbredir.{number}\" at the source"
              in said_by(bench, there), f"the operator is not told of socket {number}")
    closed = sorted(event["type"] for event in viewer.seen(
        ["channel-closed", "channel-error", "disconnected"], mark))
    check(closed == ["usbredir"] * 2, f"closed: {closed}")
    tiny.switch(there, "freeze", True)
    inputs_work(bench, there, viewer)
    viewer.quit()
    there.quit()


def test(bench, _options):
    if not os.environ.get("CARAVAN_LIBDIR"):
        raise Skip("the system's server knows no such names")
    for case in (same_ids_in_any_order, unlike_names):
        bench.say(f"-- {case.__doc__}")
        case(bench)


run(test, 180)
