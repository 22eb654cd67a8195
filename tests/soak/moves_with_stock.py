#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A VM moves to and fro between our server and the stock one, in every combination there is.

Device x seamless or semi-seamless x agent port (none, closed, or held open by the guest): in each
cell the VM makes HOPS hops, from ours to stock and from stock to ours in turn. After every hop the
client must show the screen exactly and its keys must arrive; in a seamless cell no channel may have
been made anew. `--quick`: two cells that touch most of it.
"""
import glob
import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

from harness import client, linux, tiny, vm  # noqa: E402
from harness.run import Failure, Skip, check, run  # noqa: E402
from move import FORBIDDEN, nothing_reopened  # noqa: E402
from stock_peer import STOCK, with_library  # noqa: E402

DEVICES, SEAMLESS, AGENTS = ("std", "virtio", "qxl"), (True, False), ("none", "closed", "open")
QUICK = [("virtio", False, "closed"), ("qxl", True, "none")]
HOPS, QUICK_HOPS = 4, 2
AGENT_PORT = ["-device", "virtio-serial-pci", "-chardev", "spicevmc,id=vdagent,name=vdagent",
              "-device", "virtserialport,chardev=vdagent,name=com.redhat.spice.0"]


class Tiny:
    """The tiny guest, which leaves an agent port closed."""

    def __init__(self, bench, vga, agent):
        self.bench = bench
        self.machine = tiny.machine(vga) + (AGENT_PORT if agent != "none" else [])

    def ready(self, machine):
        machine.wait_line("ready", tiny.BOOT_SECONDS)

    def freeze(self, machine, on):
        tiny.switch(machine, "freeze", on)

    def key_arrives(self, machine, viewer):
        since = len(machine.serial_lines())
        viewer.command("key 1e")
        tiny.wait_inputs(machine, ["key 1e", "key 9e"], since)


class Linux:
    """The Linux guest, which holds the agent port open."""

    def __init__(self, bench, vga, _agent):
        self.bench = bench
        self.machine = linux.machine(linux.prepare(bench), vga, "agent-port") + AGENT_PORT

    def ready(self, machine):
        machine.wait_line("ready", linux.BOOT_SECONDS)
        machine.wait_line("agent port open", 1)

    def freeze(self, machine, on):
        linux.freeze(machine, on)

    def key_arrives(self, machine, viewer):
        since = len(machine.serial_lines())
        viewer.command("type a")
        machine.wait_line("key a", linux.KEY_SECONDS, since)


def start(bench, guest, name, stock, spice, incoming):
    library = "" if stock else os.environ["CARAVAN_LIBDIR"]
    if not incoming:
        return with_library(library, lambda: vm.Vm(bench, name, spice, guest.machine)), None
    return with_library(library, lambda: vm.incoming(bench, name, spice, guest.machine))


def cell(bench, name, row, hops, stock_first):
    vga, seamless, agent = row
    guest = (Linux if agent == "open" else Tiny)(bench, vga, agent)
    here, _ = start(bench, guest, f"{name}-0", stock_first, vm.Spice.tcp(seamless=seamless), False)
    guest.ready(here)
    viewer = client.connect(bench, here, f"client{name}")
    viewer.command("wait-picture 5 15")
    for hop in range(1, hops + 1):
        there, port = start(bench, guest, f"{name}-{hop}", stock_first ^ hop % 2 == 1,
                            vm.Spice.tcp(seamless=seamless), True)
        check(here.library != there.library, f"both sides run {here.library}")
        here_to_there(viewer, here, there, port, seamless)
        guest.freeze(there, True)
        tiny.same_picture(bench, there, viewer)
        guest.key_arrives(there, viewer)
        guest.freeze(there, False)
        here = there
    viewer.quit()
    here.quit()


def here_to_there(viewer, here, there, port, seamless):
    mark = viewer.now()
    here.name_target(there)
    there.wait_linked(here)
    here.migrate(port)
    here.wait_migrated()
    here.qmp.wait_event("SPICE_MIGRATE_COMPLETED", 20)
    viewer.command(f"wait-moved {there.spice.port} 15")
    viewer.command("wait-picture 5 15")
    if seamless:
        agent_came_anew = [event for event in viewer.seen(["session"], mark) if not event["agent"]]
        if agent_came_anew:  # a session that began anew would have told its channels, too
            viewer.bench.say("the agent was connected anew")
            wrong = viewer.seen([name for name in FORBIDDEN if name != "session"], mark)
            check(not wrong, f"the move was not seamless: {wrong}")
        else:
            nothing_reopened(viewer.bench, viewer, mark)
    check(not viewer.seen(["disconnected", "channel-error"], mark), f"{viewer.name}: lost")
    here.quit()


def test(bench, options):
    if not os.environ.get("CARAVAN_LIBDIR") or not glob.glob(STOCK):
        raise Skip("needs both servers: CARAVAN_LIBDIR, and Debian's package libspice-server1")
    rows = QUICK if options.quick else list(itertools.product(DEVICES, SEAMLESS, AGENTS))
    failed = []
    for number, row in enumerate(rows):
        text = "{}, seamless {}, agent port {}".format(*row)
        bench.say(f"-- {text}")
        try:
            cell(bench, number, row, QUICK_HOPS if options.quick else HOPS, number % 2 == 1)
        except Failure as failure:
            bench.say(f"{text}: FAILED: {failure}")
            failed.append(text)
        bench.close()
    check(not failed, f"{len(failed)} of {len(rows)} cells failed: {failed}")
    bench.say(f"{len(rows)} cells")


run(test, 1500, lambda parser: parser.add_argument("--quick", action="store_true"))
